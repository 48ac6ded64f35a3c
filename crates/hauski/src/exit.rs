//! Exit codes: one table for all verbs, documented in `docs/daemon.md`.

use std::process::ExitCode;

use crate::output;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: good.
    Good,
    /// 1: findings, or a verb that could not do its work.
    Findings,
    /// 2: the call is wrong.
    Usage,
    /// 78: the configuration does not allow it (`EX_CONFIG` of sysexits).
    Config,
    /// A code that a verb defines for itself.
    Code(u8),
}

impl Exit {
    /// The number.
    pub(crate) fn as_u8(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Config => 78,
            Self::Code(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.as_u8())
    }
}

/// An error with advice and its own exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// What went wrong, as a fragment in lower case.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// How the program ends.
    pub(crate) exit: Exit,
}

impl Failure {
    /// A verb that could not do its work.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), exit: Exit::Findings }
    }

    /// The same with another exit code.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl From<policy::PolicyError> for Failure {
    fn from(error: policy::PolicyError) -> Self {
        let hint = error.hint.clone();
        Self { message: error.to_string(), hint, exit: Exit::Config }
    }
}

/// Prints a fault of the call (or the help that was asked for) and says how to end.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    let wanted = !error.use_stderr();
    match error.print() {
        Ok(()) if wanted => Exit::Good,
        Ok(()) => Exit::Usage,
        Err(_) => Exit::Findings,
    }
}

/// Prints an error with its causes and its hint and says how to end.
pub(crate) fn failed(error: &anyhow::Error) -> Exit {
    if is_broken_pipe(error) {
        return Exit::Code(141);
    }
    output::error(&with_causes(error.as_ref()));
    let failure = error.downcast_ref::<Failure>();
    if let Some(hint) = failure.and_then(|failure| failure.hint.as_deref()) {
        output::hint(hint);
    }
    failure.map_or(Exit::Findings, |failure| failure.exit)
}

/// An error with its causes in one line; what the error itself says already is not said again.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
