//! Results for CI systems: a JUnit file, one suite a lab, one test case a run.

use std::time::Duration;

use ledger::Verdict;
use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{page::Page, run_report::RunReport, terminal};

/// The JUnit file of these runs.
///
/// Not as expected is a failure, inconclusive an error, not-run is skipped. Fails only if the library does.
pub fn junit(reports: &[RunReport]) -> Result<Vec<u8>, SerializeError> {
    let mut whole = Report::new("harness");
    let mut suites: Vec<(String, TestSuite)> = Vec::new();
    for report in reports {
        let lab = &report.result.lab;
        let place = suites.iter().position(|(name, _)| name == lab).unwrap_or_else(|| {
            suites.push((lab.clone(), TestSuite::new(lab.as_str())));
            suites.len() - 1
        });
        suites[place].1.add_test_case(case(report));
    }
    for (lab, mut suite) in suites {
        let ours = reports.iter().filter(|report| report.result.lab == lab);
        suite.set_time(time(ours.map(|report| report.result.seconds).sum()));
        whole.add_test_suite(suite);
    }
    whole.set_time(time(reports.iter().map(|report| report.result.seconds).sum()));
    let mut out = Vec::new();
    whole.serialize(&mut out)?;
    Ok(out)
}

fn case(report: &RunReport) -> TestCase {
    let result = &report.result;
    let name = match result.repeat {
        0 => result.variant.clone(),
        repeat => format!("{} (repeat {repeat})", result.variant),
    };
    let mut case = TestCase::new(name, status(report));
    case.set_classname(result.lab.as_str());
    case.set_time(time(result.seconds));
    case.add_property(Property::new("contract", result.contract.word()));
    case.add_property(Property::new("verdict", result.verdict.word()));
    case.add_property(Property::new("seed", result.seed.to_string()));
    if let Some(run) = &result.run {
        case.add_property(Property::new("run", run.as_str()));
    }
    case.set_system_out(terminal::variant(report, &Page::new(None, false)));
    case
}

fn status(report: &RunReport) -> TestCaseStatus {
    let result = &report.result;
    let (mut status, kind, details) = match (result.verdict, result.as_expected) {
        (Verdict::NotRun, _) => (TestCaseStatus::skipped(), "not-run", report.reasons.clone()),
        (Verdict::Inconclusive, _) => {
            (TestCaseStatus::non_success(NonSuccessKind::Error), "inconclusive", report.reasons.clone())
        }
        (_, Some(false)) => {
            let mismatches = report.mismatches.iter().map(|mismatch| mismatch.to_string()).collect();
            (TestCaseStatus::non_success(NonSuccessKind::Failure), "not-as-expected", mismatches)
        }
        (_, Some(true) | None) => return TestCaseStatus::success(),
    };
    status.set_type(kind).set_message(result.sentence.as_str()).set_description(details.join("\n"));
    status
}

/// A time that is no number, or negative, is none.
fn time(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn four_outcomes() -> [RunReport; 4] {
        let mut inconclusive = samples::report();
        inconclusive.result.verdict = Verdict::Inconclusive;
        inconclusive.result.as_expected = None;
        inconclusive.result.repeat = 3;
        inconclusive.reasons = vec!["a <bad> & \"odd\" \u{1b}[31mreason\u{0}".into(), "a second".into()];
        let mut not_run = samples::report();
        not_run.result = samples::not_run();
        not_run.reasons = vec!["there is no nats-server".into()];
        [samples::report(), samples::surprising(), inconclusive, not_run]
    }

    #[test]
    fn it_is_read_back_with_one_case_a_run() {
        let bytes = junit(&four_outcomes()).unwrap();
        let report = Report::deserialize(bytes.as_slice()).unwrap();
        assert_eq!((report.tests, report.failures, report.errors), (4, 1, 1));
        let suites: Vec<_> =
            report.test_suites.iter().map(|suite| (suite.name.as_str(), suite.tests)).collect();
        assert_eq!(suites, [("04-duplicates", 2), ("02-fire-and-forget", 2)]);
        let cases: Vec<_> = report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
        let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "crash-before-ack",
                "crash-before-ack (repeat 3)",
                "jetstream-subscriber-killed",
                "subscriber-killed"
            ]
        );
        assert!(matches!(cases[0].status, TestCaseStatus::Success { .. }));
        assert_eq!(cases[0].time, Some(Duration::from_millis(2310)));
        assert_eq!(
            non_success(cases[1]),
            (NonSuccessKind::Error, "inconclusive", "a <bad> & \"odd\" reason\na second")
        );
        assert_eq!(
            non_success(cases[2]),
            (
                NonSuccessKind::Failure,
                "not-as-expected",
                "lost: expected 0, seen 995\npoints.flush-ok: expected 1, seen 0"
            )
        );
        assert!(matches!(&cases[3].status, TestCaseStatus::Skipped { description: Some(text), .. }
            if text.as_str() == "there is no nats-server"));
    }

    fn non_success(case: &TestCase) -> (NonSuccessKind, &str, &str) {
        match &case.status {
            TestCaseStatus::NonSuccess { kind, ty: Some(ty), description: Some(text), .. } => {
                (*kind, ty.as_str(), text.as_str())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn with_settings_of_ones_own_nothing_can_fail() {
        let mut report = samples::surprising();
        report.result.as_expected = None;
        assert!(matches!(case(&report).status, TestCaseStatus::Success { .. }));
    }
}
