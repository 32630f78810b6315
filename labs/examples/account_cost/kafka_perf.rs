//! The rate of Kafka's own producer beside ours: the class behind kafka-producer-perf-test, where it was installed.

use std::{ffi::OsString, path::Path, process::Command};

use labs::Error;

use super::{
    PAIRS, PAYLOAD_BYTES, median,
    servers::kafka_server::{find, java},
};

const CLASS: &str = "org.apache.kafka.tools.ProducerPerformance";

/// As ours: acks=all, messages wait 2 ms for others, the client does not number them.
const SETTINGS: [&str; 3] = ["acks=all", "linger.ms=2", "enable.idempotence=false"];

/// The median of as many runs as ours have, of as many messages each, after as many more for the JVM to get warm. `None`
/// where `tools/kafka-perf/install` was not run.
pub fn rate(brokers: &str, topic: &str, messages: u32) -> Result<Option<f64>, Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/kafka-perf");
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut class_path = OsString::from(find());
    class_path.push("/*:");
    class_path.push(folder);
    class_path.push("/*");
    let mut rates = Vec::new();
    for _ in 0..PAIRS {
        let output = Command::new(java())
            .args(["-Xmx512m", "-cp"])
            .args([&class_path, &CLASS.into()])
            .args(["--bootstrap-server", brokers, "--topic", topic, "--throughput", "-1"])
            .args(["--num-records", &(2 * messages).to_string()])
            .args(["--warmup-records", &messages.to_string()])
            .args(["--record-size", &PAYLOAD_BYTES.to_string(), "--command-property"])
            .args(SETTINGS)
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let rate = steady(&said).ok_or_else(|| format!("{CLASS} says no rate: {said}{complaint}"))?;
        rates.push(rate);
    }
    Ok(Some(median(rates)))
}

/// The rate of the last line that has one. Where there was a time to get warm, that line is of what came after it.
fn steady(said: &str) -> Option<f64> {
    let line = said.lines().rfind(|line| line.contains(" records/sec"))?;
    line.split(" records/sec").next()?.rsplit(' ').next()?.parse().ok()
}
