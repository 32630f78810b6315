//! Templates that are damaged, disks that are full, settings that are none.

use std::{
    env, fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Bench, ask, child, worker};
use crate::broker::postgres::{place, user};

#[tokio::test]
async fn a_setting_that_is_none_is_named_and_nothing_is_left() {
    let bench = Bench::new().await;
    let error = bench.try_start("one", "no_such_setting = 5").await.unwrap_err().to_string();
    assert!(error.starts_with("PostgreSQL ended at its start (exit code 1)"), "{error}");
    assert!(error.contains("unrecognized configuration parameter \"no_such_setting\""), "{error}");
    assert!(bench.outside("one").iter().all(|folder| !folder.exists()));
    assert!(!bench.folder("one").join("data").exists());
}

#[test]
fn a_damaged_template_is_made_anew_and_two_at_once_make_one() {
    let temporary = tempfile::tempdir().unwrap();
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = child::command(&[], "trouble::child_with_templates", temporary.path());
    child::expect(command.env("TMPDIR", temporary.path()).output().unwrap(), "the templates were tried");
}

#[tokio::test]
#[ignore = "the child of a test here, not a test"]
async fn child_with_templates() {
    if child::folder().is_none() {
        return;
    }
    let bench = Bench::new().await;
    let user = user::needed().await.unwrap();
    let ours = place::ours(user.as_ref()).unwrap();
    assert!(ours.starts_with(child::folder().unwrap()), "{ours:?}");
    // A run was killed while it made one.
    fs::create_dir_all(ours.join("building/data/base")).unwrap();
    fs::write(ours.join("building/secret"), "half").unwrap();
    let (mut one, mut two) = tokio::join!(bench.start("1", ""), bench.start("2", ""));
    one.stop().await.unwrap();
    two.stop().await.unwrap();
    let template = the_template(&ours);
    let damages: [&dyn Fn(); 3] = [
        &|| fs::remove_file(template.join("data/global/pg_control")).unwrap(),
        &|| fs::write(template.join("data/base/1/PG_VERSION"), "").unwrap(),
        &|| fs::remove_file(template.join("secret")).unwrap(),
    ];
    for (number, damage) in damages.iter().enumerate() {
        damage();
        let mut server = bench.start(&format!("damage-{number}"), "").await;
        assert_eq!(ask(&mut worker(&server).await, "SELECT 1::bigint").await, 1);
        server.stop().await.unwrap();
        assert_eq!(the_template(&ours), template);
    }
    println!("the templates were tried");
}

/// The only template that there is; nothing else is left but the lock.
fn the_template(ours: &Path) -> PathBuf {
    let entries = fs::read_dir(ours).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<_> = entries.filter(|path| !path.ends_with("lock")).collect();
    assert!(left.len() == 1 && left[0].join("secret").exists(), "{left:?}");
    left[0].clone()
}

/// Where nothing may be mounted the test fails, unless `JOURNAL_TEST_NO_MOUNT=1` says to go without.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs Linux: tmpfs and mount namespaces")]
fn a_disk_that_is_too_full_is_named_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    // Root must stay root of the whole machine: in a namespace of its own it has nobody to drop to.
    let root = rustix::process::geteuid().is_root();
    let wrapper: &[&str] = if root {
        &["unshare", "--mount"]
    } else {
        &["unshare", "--map-current-user", "--keep-caps", "--mount"]
    };
    // No room for initdb, for the copy, for the server.
    for room in ["8m", "48m", "60m"] {
        let mut command = child::command(wrapper, "trouble::child_with_a_small_disk", folder.path());
        let output = command.env("ROOM", room).env("TMPDIR", folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // `unshare` itself exits by 1 where it may not; a failed test exits by 101.
        if said.contains("NO MOUNT") || output.status.code() == Some(1) {
            let said = said.trim();
            let why = format!("NOT TESTED: a full disk of PostgreSQL: nobody here may mount one: {said}");
            assert!(
                env::var_os("JOURNAL_TEST_NO_MOUNT").is_some(),
                "{why}\nAllow it, or set JOURNAL_TEST_NO_MOUNT=1 to go without"
            );
            // Past what captures the output of tests: it is to be seen, and `.ci/run` says it again at its end.
            let _ = writeln!(io::stderr(), "{why}");
            return;
        }
        child::expect(output, "the full disk was tried");
    }
}

#[tokio::test]
#[ignore = "the child of a test here, not a test"]
async fn child_with_a_small_disk() {
    let Some(disk) = child::folder() else { return };
    let room = env::var("ROOM").unwrap();
    let size = format!("size={room},mode=755");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&disk).status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("NO MOUNT");
        std::process::exit(77);
    }
    let bench = Bench::new().await;
    let user = user::needed().await.unwrap();
    let mut servers = Vec::new();
    let error = loop {
        match bench.try_start(&servers.len().to_string(), "").await {
            Ok(server) => servers.push(server),
            Err(error) => break error.to_string(),
        }
        assert!(servers.len() < 3, "{room} has room for so many");
    };
    println!("{room}, {} servers: {error}", servers.len());
    // PostgreSQL leaves the reason out where the file is one that it can do without.
    let said = ["No space left on device", "could not write"].iter().any(|said| error.contains(said));
    assert!(said, "{error}");
    assert!(error.contains(&disk.display().to_string()), "which disk: {error}");
    for mut server in servers {
        server.stop().await.unwrap();
    }
    let ours = place::ours(user.as_ref()).unwrap();
    let left: Vec<_> = fs::read_dir(&ours).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let expected = |name: &str| name == "lock" || name.starts_with("template-");
    assert!(left.iter().all(|name| expected(&name.to_string_lossy())), "{left:?}");
    println!("the full disk was tried");
}
