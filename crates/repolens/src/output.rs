//! Results on standard output, everything else on standard error; colour is never the only signal.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use redact::escape::escape_ctl;
use serde::Serialize;

const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();
const STRONG: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();

/// Writes text to standard output; nothing in it may steer a terminal.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    raw(escape_ctl(text).as_bytes())
}

/// Writes a report as one JSON document.
pub(crate) fn json(report: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    raw(text.as_bytes())
}

/// Writes a report as one line of JSON, where several follow each other.
pub(crate) fn json_line(report: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(report)?;
    text.push('\n');
    raw(text.as_bytes())
}

/// Writes bytes to standard output as they are.
pub(crate) fn raw(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.context("cannot write to standard output")
}

/// `error: …` on standard error.
pub(crate) fn error(text: &str) {
    to_stderr("error", BAD, text);
}

/// `warning: …` on standard error.
pub(crate) fn warning(text: &str) {
    to_stderr("warning", WARN, text);
}

/// `note: …` on standard error.
pub(crate) fn note(text: &str) {
    to_stderr("note", STRONG, text);
}

/// `hint: …` on standard error.
pub(crate) fn hint(text: &str) {
    to_stderr("hint", GOOD, text);
}

/// Messages carry names and words of others, so nothing in them may steer the terminal.
fn to_stderr(label: &str, style: Style, text: &str) {
    let mut out = anstream::AutoStream::auto(std::io::stderr().lock());
    // Nothing is left to do when even standard error is gone.
    let _ = writeln!(out, "{style}{label}:{style:#} {}", escape_ctl(text));
}
