//! Exit codes of `wgx run`: the task's own, 128+N for a signal, and wgx's own from 120 to 127.

/// Everything went well.
pub const SUCCESS: u8 = 0;

/// What a shell adds to the number of the signal that ended a program.
const SIGNAL_BASE: i32 = 128;

/// Ends of `wgx run` that are not the task's own, and so have a code of wgx's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnExit {
    /// No task fits the words.
    NothingFits,
    /// Several tasks fit the words.
    SeveralFit,
    /// A destructive task without a yes, or an automatic action in an untrusted repository.
    NeedsConfirmationOrTrust,
    /// A task file that cannot be read or contradicts itself.
    BadTaskFile,
    /// The time limit was over.
    TimeLimit,
    /// The run could not be recorded.
    NotRecorded,
    /// The program is there but cannot be executed.
    CannotExecute,
    /// The program is missing.
    ProgramMissing,
}

impl OwnExit {
    /// All of them, in the order of their codes; the documented table is made from it.
    pub const ALL: [Self; 8] = [
        Self::NothingFits,
        Self::SeveralFit,
        Self::NeedsConfirmationOrTrust,
        Self::BadTaskFile,
        Self::TimeLimit,
        Self::NotRecorded,
        Self::CannotExecute,
        Self::ProgramMissing,
    ];

    /// The exit code, 120 to 127. 124, 126 and 127 mean the same in `timeout(1)` and in shells.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::NothingFits => 120,
            Self::SeveralFit => 121,
            Self::NeedsConfirmationOrTrust => 122,
            Self::BadTaskFile => 123,
            Self::TimeLimit => 124,
            Self::NotRecorded => 125,
            Self::CannotExecute => 126,
            Self::ProgramMissing => 127,
        }
    }

    /// One line for the documented table.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NothingFits => "nothing fits",
            Self::SeveralFit => "several tasks fit",
            Self::NeedsConfirmationOrTrust => "needs confirmation or trust",
            Self::BadTaskFile => "bad task file",
            Self::TimeLimit => "time limit",
            Self::NotRecorded => "the run could not be recorded",
            Self::CannotExecute => "cannot execute",
            Self::ProgramMissing => "program missing",
        }
    }
}

/// The exit code that stands for the end by `signal` (143 for SIGTERM), as shells count it.
#[must_use]
pub const fn signal_exit_code(signal: i32) -> i32 {
    SIGNAL_BASE + signal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_codes_fill_120_to_127_in_order() {
        let codes: Vec<u8> = OwnExit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, (120..=127).collect::<Vec<u8>>());
    }

    #[test]
    fn signals_count_from_128() {
        assert_eq!(signal_exit_code(2), 130);
        assert_eq!(signal_exit_code(15), 143);
    }
}
