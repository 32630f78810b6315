//! Grafana, with the boards of this project in it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::{Running, folder, start};
use crate::{context::Context, error::Error, store::write_whole, tools::on_path};

/// Where Grafana is looked for by those who use it; another one is taken if somebody has it.
const PORT: u16 = 3000;

/// Names a Grafana that lies elsewhere: the folder with `bin` and `conf` in it.
const NAMED_IN: &str = "HARNESS_GRAFANA";

/// What to do where there is none. No package registry that a workshop can count on has it.
pub const MEND: &str = if cfg!(target_os = "macos") {
    "brew install grafana"
} else {
    "install Grafana as https://grafana.com/docs/grafana/latest/setup-grafana/installation says, or name its folder in HARNESS_GRAFANA"
};

/// The program, and the folder with what it shows.
#[derive(Clone, Debug)]
pub struct Grafana {
    program: PathBuf,
    home: PathBuf,
}

impl Grafana {
    /// The one named in `HARNESS_GRAFANA`, else the first on `PATH`.
    pub fn find() -> Option<Self> {
        let named = std::env::var_os(NAMED_IN).filter(|named| !named.is_empty());
        Self::find_in(named.as_deref(), &std::env::var_os("PATH").unwrap_or_default())
    }

    fn find_in(named: Option<&OsStr>, search_path: &OsStr) -> Option<Self> {
        // `grafana-server` is the older name of `grafana server`.
        let names = ["grafana", "grafana-server"];
        let programs: Vec<PathBuf> = match named {
            Some(folder) => names.iter().map(|name| Path::new(folder).join("bin").join(name)).collect(),
            None => names.iter().flat_map(|name| on_path(search_path, name)).collect(),
        };
        let mut found = programs.into_iter().filter(|program| program.is_file());
        found.find_map(|program| Some(Self { home: home_of(&program)?, program }))
    }

    /// Starts it on this Prometheus. Nobody has to log in, and nobody can change anything.
    pub async fn start(&self, context: &Context, prometheus: &str) -> Result<Running, Error> {
        let folder = folder(context)?;
        let boards = context.project.join("dashboards");
        let command = |port: u16| -> Result<Command, Error> {
            let config = folder.join("grafana.ini");
            write_whole(&config, settings(&folder, &boards, port).as_bytes())?;
            let mut command = Command::new(&self.program);
            if self.program.file_name() == Some(OsStr::new("grafana")) {
                command.arg("server");
            }
            command
                .arg("--homepath")
                .arg(&self.home)
                .arg("--config")
                .arg(&config)
                .env("LAB_PROMETHEUS_URL", prometheus)
                .env("LAB_BOARDS", boards.join("boards"))
                .current_dir(&folder);
            Ok(command)
        };
        start(context, "grafana", PORT, "/api/health", command).await
    }
}

/// The folder with `conf/defaults.ini`: beside `bin`, or where packages put it.
fn home_of(program: &Path) -> Option<PathBuf> {
    let real = program.canonicalize().ok()?;
    let above = real.parent()?.parent()?;
    let homes = [above.to_owned(), above.join("share/grafana"), PathBuf::from("/usr/share/grafana")];
    homes.into_iter().find(|home| home.join("conf/defaults.ini").is_file())
}

fn settings(folder: &Path, boards: &Path, port: u16) -> String {
    let data = folder.join("grafana");
    format!(
        "[paths]\ndata = {data}\nlogs = {data}/log\nplugins = {data}/plugins\nprovisioning = {provisioning}\n\
         [server]\nhttp_addr = 127.0.0.1\nhttp_port = {port}\n\
         [auth.anonymous]\nenabled = true\norg_role = Viewer\n\
         [auth]\ndisable_login_form = true\n\
         [analytics]\nreporting_enabled = false\ncheck_for_updates = false\ncheck_for_plugin_updates = false\n\
         [news]\nnews_feed_enabled = false\n\
         [plugins]\npreinstall_disabled = true\n\
         [dashboards]\nmin_refresh_interval = 1s\ndefault_home_dashboard_path = {home}\n",
        data = data.display(),
        provisioning = boards.join("provisioning").display(),
        home = boards.join("boards/room.json").display(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn install(folder: &Path, name: &str, conf: &str) {
        for file in [format!("bin/{name}"), conf.to_owned()] {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn it_is_found_with_what_lies_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, brewed) = (folder.path().join("archive"), folder.path().join("brewed"));
        install(&archive, "grafana", "conf/defaults.ini");
        install(&brewed, "grafana-server", "share/grafana/conf/defaults.ini");
        let found = Grafana::find_in(Some(archive.as_os_str()), OsStr::new("")).unwrap();
        assert_eq!(found.program, archive.join("bin/grafana"));
        assert_eq!(found.home, archive.canonicalize().unwrap());
        let found = Grafana::find_in(None, brewed.join("bin").as_os_str()).unwrap();
        assert_eq!(found.home, brewed.canonicalize().unwrap().join("share/grafana"));
        assert!(Grafana::find_in(Some(folder.path().as_os_str()), OsStr::new("")).is_none());
    }
}
