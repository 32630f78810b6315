//! The exit codes, in the one place that documents them. They are part of the machine interface.

/// How a command ended, as a number that a shell or a CI job can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything came out as expected.
    AsExpected,
    /// 1: something ran and did not come out as expected.
    NotAsExpected,
    /// 2: the command line or a lab file was wrong; nothing was started.
    Usage,
    /// 3: a run was inconclusive, or could not be started (not-run).
    Inconclusive,
    /// 70: the harness itself, or a broker it started, failed.
    Failed,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Exit::AsExpected => 0,
            Exit::NotAsExpected => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
            Exit::Failed => 70,
        }
    }

    /// The one to return for two runs: the worst of 70, 2, 1, 3, 0, in this order.
    pub fn worst(self, other: Exit) -> Exit {
        let rank = |exit| match exit {
            Exit::AsExpected => 0,
            Exit::Inconclusive => 1,
            Exit::NotAsExpected => 2,
            Exit::Usage => 3,
            Exit::Failed => 4,
        };
        if rank(self) >= rank(other) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::*;

    #[test]
    fn a_failed_harness_outweighs_a_failed_expectation_outweighs_an_inconclusive_run() {
        assert_eq!(AsExpected.worst(Inconclusive), Inconclusive);
        assert_eq!(NotAsExpected.worst(Inconclusive), NotAsExpected);
        assert_eq!(Inconclusive.worst(Failed), Failed);
        assert_eq!(Failed.worst(NotAsExpected), Failed);
        assert_eq!(AsExpected.worst(AsExpected), AsExpected);
    }
}
