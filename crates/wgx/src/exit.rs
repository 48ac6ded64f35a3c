//! Exit codes: one table for all verbs, documented in `docs/exit-codes.md`.

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
    /// 3: `wgx validate` could not write its receipt.
    Receipt,
    /// The code of a task, or one of wgx's own for `run` (120 to 127).
    Code(u8),
}

impl Exit {
    /// The number.
    pub(crate) fn as_u8(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Receipt => 3,
            Self::Code(code) => code,
        }
    }
}

impl From<u8> for Exit {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Good,
            1 => Self::Findings,
            2 => Self::Usage,
            3 => Self::Receipt,
            code => Self::Code(code),
        }
    }
}

/// Prints a fault of the call (or the help that was asked for) and says how to end.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    let wanted = !error.use_stderr();
    if error.print().is_err() {
        return Exit::Findings;
    }
    if wanted { Exit::Good } else { Exit::Usage }
}

/// Prints an error with its causes and its hint.
pub(crate) fn failed(error: &anyhow::Error) -> Exit {
    if is_broken_pipe(error) {
        return Exit::Code(141);
    }
    output::error(&with_causes(error.as_ref()));
    match error.downcast_ref::<Failure>() {
        Some(failure) => {
            if let Some(hint) = &failure.hint {
                output::hint(hint);
            }
            failure.exit
        }
        None => Exit::Findings,
    }
}

/// An error with its causes in one line; what the error itself says already is not said again.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
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
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A failure with advice and its own exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// What is wrong, as a lower-case fragment.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// How to end.
    pub(crate) exit: Exit,
}

impl Failure {
    /// A failure of the call itself.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: Some(hint.into()), exit: Exit::Usage }.into()
    }

    /// A verb's error with its causes, its own code and its hint.
    pub(crate) fn of(
        code: u8,
        error: &(dyn std::error::Error + 'static),
        hint: impl Into<String>,
    ) -> anyhow::Error {
        Self::code(code, with_causes(error), hint)
    }

    /// A failure with a code of its own.
    pub(crate) fn code(
        code: u8,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> anyhow::Error {
        Self { message: message.into(), hint: Some(hint.into()), exit: Exit::Code(code) }.into()
    }
}
