//! Exit codes: one table for all verbs, documented in `docs/exit-codes.md`.

use contracts::wgx::error::{ErrorReport, SCHEMA};

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
pub(crate) fn usage(error: &clap::Error, json: bool) -> Exit {
    let wanted = !error.use_stderr();
    if error.print().is_err() {
        return Exit::Findings;
    }
    if wanted {
        return Exit::Good;
    }
    if json {
        let (message, hint) = told(error);
        report(Exit::Usage, &message, None, Some(&hint));
    }
    Exit::Usage
}

/// What clap says, without its heading and the usage that follows.
fn told(error: &clap::Error) -> (String, String) {
    let hint = "`wgx help VERB` tells how it is called".to_owned();
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    (message.split_whitespace().collect::<Vec<_>>().join(" "), hint)
}

/// Prints an error with its causes and its hint; with `--json` a report of it too.
pub(crate) fn failed(error: &anyhow::Error, json: bool) -> Exit {
    if is_broken_pipe(error) {
        return Exit::Code(141);
    }
    let message = with_causes(error.as_ref());
    output::error(&message);
    let failure = error.downcast_ref::<Failure>();
    let hint = failure.and_then(|failure| failure.hint.as_deref());
    if let Some(hint) = hint {
        output::hint(hint);
    }
    let exit = failure.map_or(Exit::Findings, |failure| failure.exit);
    if json {
        let place = failure.and_then(|failure| failure.place.as_ref());
        report(exit, &message, place, hint);
    }
    exit
}

/// The report of an error on standard output.
fn report(exit: Exit, message: &str, place: Option<&Place>, hint: Option<&str>) {
    let report = ErrorReport {
        schema: SCHEMA.to_owned(),
        code: exit.as_u8(),
        message: message.to_owned(),
        file: place.map(|place| place.file.clone()),
        line: place.and_then(|place| place.line),
        hint: hint.map(str::to_owned),
    };
    // The error has been said on standard error; nothing more can be done without standard output.
    let _ = output::print_json(&report);
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

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file.
    pub(crate) file: String,
    /// Line from 1.
    pub(crate) line: Option<u32>,
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
    /// The file that is at fault.
    pub(crate) place: Option<Place>,
}

impl Failure {
    fn new(exit: Exit, message: String, hint: String) -> Self {
        Self { message, hint: Some(hint), exit, place: None }
    }

    /// A verb's error that knows where something is wrong: the file and, where known, the line.
    pub(crate) fn at(
        code: u8,
        error: &(dyn std::error::Error + 'static),
        (hint, place): (String, Option<(String, Option<u32>)>),
    ) -> anyhow::Error {
        let failure = Self::new(Exit::Code(code), with_causes(error), hint);
        let place = place.map(|(file, line)| Place { file, line });
        Self { place, ..failure }.into()
    }

    /// A failure of the call itself.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self::new(Exit::Usage, message.into(), hint.into()).into()
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
        Self::new(Exit::Code(code), message.into(), hint.into()).into()
    }
}
