//! The names of the workshop's pages, in this machine's hosts file.

use std::{fs, io, net::IpAddr, path::Path};

use super::{Cluster, HOSTS, Provider, hosts};
use crate::error::Error;

impl Cluster {
    /// Writes the block with our names, and keeps a copy of the file as it was before the first.
    pub fn add_names(&self, hosts_file: &Path) -> Result<(), Error> {
        let address = self.address()?;
        let (text, marks) = (read(hosts_file)?, refused(hosts_file));
        let wanted = hosts::with_block(&text, &address, &HOSTS).map_err(marks)?;
        self.write(
            hosts_file,
            &text,
            &wanted,
            &format!("add {} names of the workshop's pages", HOSTS.len()),
        )?;
        eprintln!("{} lead to {address} now ({})", HOSTS.join(", "), hosts_file.display());
        Ok(())
    }

    /// Takes the block away, and nothing else.
    pub fn remove_names(&self, hosts_file: &Path) -> Result<(), Error> {
        let text = read(hosts_file)?;
        let wanted = hosts::without_block(&text).map_err(refused(hosts_file))?;
        self.write(hosts_file, &text, &wanted, "take the names of the workshop's pages away")?;
        eprintln!("{} has no names of the workshop", hosts_file.display());
        Ok(())
    }

    /// Where the cluster's ingress listens.
    fn address(&self) -> Result<String, Error> {
        if self.provider != Provider::Minikube {
            return Ok("127.0.0.1".to_owned());
        }
        let said = self.programs.ask("minikube", &["ip", "--profile", &self.profile])?;
        match said.parse::<IpAddr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Err(Error::Other(format!(
                "`minikube ip --profile {}` says \"{said}\" instead of an address: is the cluster started? \
                 ./task cluster.start",
                self.profile
            ))),
        }
    }

    /// Writes the file, as root where this user may not; `what_for` is what root is needed for.
    fn write(&self, path: &Path, before: &str, after: &str, what_for: &str) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let backup = path.with_file_name(format!(
            "{}.before-workshop-mb",
            path.file_name().unwrap_or_default().to_string_lossy()
        ));
        let keep = !backup.exists();
        match write_over(path, after, keep.then_some(backup.as_path())) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            written => return written.map_err(Error::file("write", path)),
        }
        let new = tempfile::NamedTempFile::new().map_err(Error::file("create", &std::env::temp_dir()))?;
        fs::write(new.path(), after).map_err(Error::file("write", new.path()))?;
        eprintln!(
            "{} belongs to root. sudo is asked for, to {what_for}, and for nothing else.",
            path.display()
        );
        let [path, backup, new] = [path, &backup, new.path()].map(|path| path.to_string_lossy().into_owned());
        if keep {
            self.programs.run("sudo", &["cp", "-p", &path, &backup])?;
        }
        self.programs.run("sudo", &["cp", &new, &path])
    }
}

/// Over what is there, not renamed into its place: the file keeps its owner and mode, and may be mounted by itself.
fn write_over(path: &Path, text: &str, backup: Option<&Path>) -> io::Result<()> {
    if let Some(backup) = backup {
        fs::copy(path, backup)?;
    }
    fs::write(path, text)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

fn refused(path: &Path) -> impl FnOnce(String) -> Error {
    let path = path.display().to_string();
    move |why| Error::Other(format!("{path} was left as it is: {why}; mend it by hand, then try again"))
}
