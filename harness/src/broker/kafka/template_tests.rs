//! The training run, once: beside what killed ones left, and twice at the same time.

use super::*;
use crate::broker::kafka::install;

#[tokio::test]
async fn what_a_killed_training_left_is_never_used_and_two_at_once_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut kafka = install::find_or_install(project).await.unwrap();
    kafka.templates = folder.path().join("templates");
    let half = kafka.templates.join("making-1234/made/data");
    let broken = kafka.templates.join(jvm::fingerprint(&kafka)).join("data");
    for data in [&half, &broken] {
        fs::create_dir_all(data).unwrap();
        fs::write(data.join("meta.properties"), "version=1\n").unwrap();
    }
    let local = Local::for_tests();
    let (first, second) = tokio::join!(find_or_make(&local, &kafka), find_or_make(&local, &kafka));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.folder, second.folder);
    assert!(first.is_whole() && first.archive().is_some());
    assert!(broken.join("__consumer_offsets-0").is_dir() && broken.join("__transaction_state-0").is_dir());
    let left: Vec<_> = crate::broker::kafka::jars::names(&kafka.templates);
    assert_eq!(left, [jvm::fingerprint(&kafka), "lock".to_owned()], "and nothing else is left");
}
