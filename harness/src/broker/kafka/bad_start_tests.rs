//! What may stand in the way of a start: a real broker each time.

use std::{
    env,
    io::{self, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

use super::*;
use crate::broker::kafka::install::{self, KafkaServer};

const DISK: &str = "KAFKA_TEST_DISK";
const CHILD: &str = "broker::kafka::server::bad_start_tests::child_with_a_small_disk";
/// The child's exit code where mounting is forbidden.
const NO_MOUNT: i32 = 77;

async fn kafka() -> KafkaServer {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    install::find_or_install(project).await.unwrap()
}

#[tokio::test]
async fn a_wrong_setting_is_told_in_kafkas_own_words() {
    let local = Local::for_tests();
    let folder = tempfile::tempdir().unwrap();
    let error =
        Server::start(&local, &kafka().await, folder.path(), "num.io.threads=many\n").await.unwrap_err();
    assert!(matches!(error, Error::Node { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("Kafka ended at its start (exit code 1)\n"), "{text}");
    assert!(text.contains("Invalid value many for configuration num.io.threads"), "{text}");
    assert!(!folder.path().join("data").exists(), "its data is gone, its log is not");
    assert!(folder.path().join("kafka.log").is_file());
}

#[tokio::test]
async fn a_port_that_was_taken_and_data_that_was_left_are_no_obstacle() {
    let local = Local::for_tests();
    let kafka = kafka().await;
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("data/lab.old-0");
    fs::create_dir_all(&left).unwrap();
    fs::write(folder.path().join("data/meta.properties"), "version=1\ncluster.id=old\nnode.id=9\n").unwrap();

    let template = template::find_or_make(&local, &kafka).await.unwrap();
    let mut server = Server::new(&local, &kafka, folder.path(), &template.log4j()).unwrap();
    server.archive = template.archive();
    server.take_data(&template.data()).unwrap();
    assert!(!left.exists());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    server.ports.client = taken.local_addr().unwrap().port();
    server.launch(&local).await.unwrap();
    assert_ne!(server.port(), taken.local_addr().unwrap().port());
    let log = fs::read_to_string(server.log()).unwrap();
    assert!(log.contains("Address already in use"), "the first try had to fail");

    // Another cluster on the same port is not taken for ours.
    let own = std::mem::replace(&mut server.cluster, "another".to_owned());
    let error = ready::wait(&mut server).await.unwrap_err().to_string();
    assert!(
        error.contains(&format!("another Kafka answers on {}: its cluster is {own}", server.own())),
        "{error}"
    );
    server.cluster = own;

    // Ports must stay the same over a restart: it waits until they are given back.
    server.kill().await.unwrap();
    let taken = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    let (restarted, ()) = tokio::join!(server.restart(&local), async {
        tokio::time::sleep(Duration::from_millis(300)).await; // somebody else's use of the port
        drop(taken);
    });
    restarted.unwrap();
    server.stop().await.unwrap();
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs Linux: tmpfs and mount namespaces")]
fn a_full_disk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for namespace in [&["unshare", "--mount"][..], &["unshare", "--map-root-user", "--mount"]] {
        let Output { status, stdout, stderr } = Command::new(namespace[0])
            .args(&namespace[1..])
            .arg(env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .env(DISK, folder.path())
            .output()
            .unwrap();
        let [out, err] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        if status.success() && out.contains("the full disk was tried") {
            return;
        }
        assert!(matches!(status.code(), Some(1 | NO_MOUNT)), "the child ended with {status}\n{out}\n{err}");
        told += &format!("{namespace:?}: {}; ", err.trim());
    }
    let why = format!("NOT TESTED: a full disk of Kafka: nobody here may mount a small one: {told}");
    assert!(
        env::var_os("JOURNAL_TEST_NO_MOUNT").is_some(),
        "{why}\nAllow it, or set JOURNAL_TEST_NO_MOUNT=1 to go without"
    );
    // Past what captures the output of tests: it is to be seen, and `.ci/run` says it again at its end.
    let _ = writeln!(io::stderr(), "{why}");
}

#[tokio::test]
#[ignore = "the child of the test here, not a test"]
async fn child_with_a_small_disk() {
    let Some(disk) = env::var_os(DISK).map(PathBuf::from) else { return };
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&disk).output();
    if !mount.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("mount: {mount:?}");
        std::process::exit(NO_MOUNT);
    }
    let (local, kafka) = (Local::for_tests(), kafka().await);
    // No room for the data; room for the data, and for little more.
    let template = template::find_or_make(&local, &kafka).await.unwrap();
    for room in [0, blocks(&template.data()) + 4] {
        fs::write(disk.join("filler"), vec![1; (256 - room) * BLOCK]).unwrap();
        let broker = disk.join("broker");
        let error = Server::start(&local, &kafka, &broker, "").await.unwrap_err().to_string();
        println!("{error}");
        assert!(error.contains("No space left on device") || error.contains("is full, make room"), "{error}");
        assert!(!broker.join("data").exists(), "nothing is left of it");
    }
    println!("the full disk was tried");
}

/// The unit in which a tmpfs counts.
const BLOCK: usize = 4096;

fn blocks(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let count = |entry: fs::DirEntry| match entry.path().is_dir() {
        true => blocks(&entry.path()),
        false => entry.metadata().unwrap().len().div_ceil(BLOCK as u64) as usize,
    };
    entries.map(count).sum()
}
