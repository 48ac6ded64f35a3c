//! Results on standard output, everything else on standard error; colour is never the only signal.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use redact::escape::escape_ctl;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;
use wgx_verbs::context::Terminal;

use crate::cli::ColorChoice;

/// Names of tasks and headings.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// What the eye should find first.
pub(crate) const STRONG: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Bad news.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Advice and warnings.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();

/// Standard output.
pub(crate) struct Output {
    width: Option<usize>,
}

impl Output {
    /// For the caller's streams.
    pub(crate) fn new(terminal: &Terminal) -> Self {
        let width = terminal.stdout.then(|| {
            let size = rustix::termios::tcgetwinsize(std::io::stdout());
            size.ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(80)
        });
        Self { width }
    }

    /// Columns of the terminal; `None` when output goes elsewhere and nothing needs to fit.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Writes text, with colours where they are wanted.
    pub(crate) fn print(&self, text: &str) -> anyhow::Result<()> {
        write(anstream::AutoStream::auto(std::io::stdout().lock()), text.as_bytes())
    }

    /// Writes a report as one JSON document.
    pub(crate) fn json(&self, report: &impl Serialize) -> anyhow::Result<()> {
        print_json(report)
    }
}

/// Writes a report to standard output as one JSON document.
pub(crate) fn print_json(report: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    raw(text.as_bytes())
}

/// Writes bytes to standard output as they are.
pub(crate) fn raw(bytes: &[u8]) -> anyhow::Result<()> {
    write(std::io::stdout().lock(), bytes)
}

fn write(mut out: impl Write, bytes: &[u8]) -> anyhow::Result<()> {
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.context("cannot write to standard output")
}

/// Sets the choice of `--color` for both streams.
pub(crate) fn choose_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
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

/// A plain line on standard error.
pub(crate) fn say(text: &str) {
    let mut out = anstream::AutoStream::auto(std::io::stderr().lock());
    // Nothing is left to do when even standard error is gone.
    let _ = writeln!(out, "{text}");
}

/// Messages carry names and words of others, so nothing in them may steer the terminal.
fn to_stderr(label: &str, style: Style, text: &str) {
    let text = escape_ctl(text);
    say(&format!("{style}{label}:{style:#} {text}"));
}

/// Columns that a text takes in a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Text padded to a number of columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// Text cut to a number of columns, with `…` where something is missing.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        if kept.width() + character.to_string().width() + 1 > columns {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}
