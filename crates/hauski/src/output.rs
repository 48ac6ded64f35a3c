//! Results on standard output, everything else on standard error; foreign text is escaped.

use std::io::Write;

use anyhow::Context;
use redact::escape::{escape_ctl, escape_ctl_line};
use serde::Serialize;

/// Writes text for people to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write(&escape_ctl(text))
}

/// Writes a report to standard output as one JSON document.
pub(crate) fn print_json(report: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    write(&text)
}

/// Says what went wrong.
pub(crate) fn error(message: &str) {
    say("error", message);
}

/// Says what to do about it.
pub(crate) fn hint(message: &str) {
    say("hint", message);
}

/// Says something about the work that is no result.
pub(crate) fn note(message: &str) {
    say("hauski", message);
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.context("cannot write to standard output")
}

fn say(who: &str, message: &str) {
    // Without standard error there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{who}: {}", escape_ctl_line(message));
}
