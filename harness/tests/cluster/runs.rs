//! Verdicts on the cluster are those that the labs promise, and the run folders are as good as those of this machine.

use super::*;

/// At least one variant of each lab, one of each broker, one of each kind of fault.
const CHOSEN: [&str; 10] = [
    "1/effect-inside",
    "1/notify-only",
    "2/broker-killed",
    "2/subscriber-killed",
    "3/kafka-broker-killed",
    "3/commit-async",
    "4/ack-lost",
    "4/kafka-produce-reply-lost",
    "5/outside-effect-keyed",
    "6/kafka-hanging-transaction",
];

#[tokio::test]
#[ignore = "needs a cluster: see .ci/cluster"]
async fn what_the_labs_promise_holds_on_the_cluster() {
    let home = home();
    let arguments = [&["run", "--runtime", "k8s", "--json"], CHOSEN.as_slice()].concat();
    let output = harness(home.path(), &arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let document = json(&output);
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), CHOSEN.len(), "{said}");
    for result in results {
        assert_eq!(result["as_expected"], true, "{result:#}\n{said}");
    }
    assert_eq!(output.status.code(), Some(0), "{said}");

    // The folders are here, and judged again here they say the same.
    for result in results {
        let run = result["run"].as_str().unwrap();
        let again = harness(home.path(), &["check", run, "--json"]).output().unwrap();
        let again = json(&again);
        assert_eq!(again["results"][0]["verdict"], result["verdict"], "{run}");
        assert_eq!(again["results"][0]["account"], result["account"], "{run}");
        assert!(home.path().join(run).join("report.html").is_file(), "{run}");
    }
    assert_eq!(standing().await, Vec::<String>::new());
}
