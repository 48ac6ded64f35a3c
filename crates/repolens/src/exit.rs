//! Exit codes of `repolens`, documented in `docs/exit-codes.md`.

use crate::output;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: good.
    Good,
    /// 1: findings, or the work could not be done.
    Findings,
    /// 2: the call is wrong.
    Usage,
    /// 141: the reader of standard output went away.
    BrokenPipe,
}

impl Exit {
    /// The number.
    pub(crate) fn as_u8(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::BrokenPipe => 141,
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

/// Prints an error with its causes and says how to end.
pub(crate) fn failed(error: &anyhow::Error) -> Exit {
    let io = error.downcast_ref::<std::io::Error>();
    if io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe) {
        return Exit::BrokenPipe;
    }
    output::error(&with_causes(error.as_ref()));
    match error.downcast_ref::<UsageError>() {
        Some(usage) => {
            if let Some(hint) = &usage.hint {
                output::hint(hint);
            }
            Exit::Usage
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

/// A fault of the call itself.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageError {
    /// What is wrong, as a lower-case fragment.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl UsageError {
    /// Without advice: the message says it all.
    pub(crate) fn plain(message: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: None }.into()
    }

    /// With advice.
    pub(crate) fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: Some(hint.into()) }.into()
    }
}
