//! Sources as people see them: a line while they are read, a few lines afterwards.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use contracts::hauski::index::{Looked, SOURCES, Source, Sources};
use redact::escape::escape_ctl_line;

use crate::exit::Exit;
use crate::output;
use crate::settings::Settings;

/// One line on a terminal that says how far a look is.
pub(super) struct Line {
    is_terminal: bool,
    is_there: bool,
}

impl Line {
    /// Nothing is shown yet, and nothing at all where nobody looks.
    pub(super) fn new(settings: &Settings) -> Self {
        Self { is_terminal: std::io::stderr().is_terminal() && !settings.json, is_there: false }
    }

    /// Shows it in the place of what was shown before.
    pub(super) fn show(&mut self, source: &Source) {
        if !self.is_terminal {
            return;
        }
        let name = escape_ctl_line(&source.name);
        let text = match source.looking {
            Some(looking) if looking.total > 0 => {
                let (done, total) = (looking.done, looking.total);
                format!("{name}: {done} of {total} files, {:.1} MB", looking.bytes as f64 / 1e6)
            }
            Some(_) => format!("{name}: looking for files"),
            None => format!("{name}: waiting"),
        };
        // What cannot be shown is not missed.
        let _ = write!(std::io::stderr().lock(), "\r\x1b[2K{text}");
        self.is_there = true;
    }

    /// Takes it away.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_there) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[2K");
        }
    }
}

/// Prints sources.
pub(super) fn show(sources: Vec<Source>, settings: &Settings) -> anyhow::Result<Exit> {
    if settings.json {
        output::print_json(&Sources { schema: SOURCES.to_owned(), sources })?;
    } else {
        output::print(&sources.iter().map(described).collect::<String>())?;
    }
    Ok(Exit::Good)
}

/// What a source holds, what the last look found, what was left out and why.
fn described(source: &Source) -> String {
    let root = source.root.as_deref().unwrap_or_default();
    let mut text = format!("{}  {}\n", escape_ctl_line(&source.name), escape_ctl_line(root));
    for line in lines(source) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn lines(source: &Source) -> Vec<String> {
    let Some(looked) = &source.outcome else {
        return vec!["it is being read; `hauski index sources` tells how far it is".to_owned()];
    };
    if let Some(error) = &looked.error {
        let stays = format!("{} stay as they were", documents(source.documents));
        return vec![format!("failed: {}", escape_ctl_line(error)), stays];
    }
    let mut lines = vec![found(source, looked)];
    if !looked.skipped.is_empty() {
        let reasons = looked.skipped.iter().map(|(reason, count)| format!("{count} {reason}"));
        lines.push(format!("left out: {}", reasons.collect::<Vec<_>>().join(", ")));
    }
    for (count, what) in [
        (looked.masked, "secrets masked"),
        (looked.hidden, "passages hidden: they may try to give orders to a model"),
        (looked.refused, "documents were forgotten and stay so"),
    ] {
        if count > 0 {
            lines.push(format!("{count} {what}"));
        }
    }
    if looked.cut_files > 0 {
        let mb = looked.left_out_bytes as f64 / 1e6;
        let files = looked.cut_files;
        lines.push(format!("{files} files only with their beginning; {mb:.1} MB left out"));
    }
    let notes = looked.notes.iter().map(|note| format!("note: {}", escape_ctl_line(note)));
    lines.extend(notes);
    if looked.cancelled {
        lines.push("it was ended early; the next look goes on".to_owned());
    }
    lines
}

fn found(source: &Source, looked: &Looked) -> String {
    let mut parts = Vec::new();
    for (count, what) in [
        (looked.put, "new or changed"),
        (looked.moved, "of them moved"),
        (looked.removed, "gone"),
        (looked.unchanged + looked.touched, "unchanged"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let documents = documents(source.documents);
    let seconds = looked.duration_ms as f64 / 1000.0;
    match parts.as_slice() {
        [] => format!("{documents} ({seconds:.1} s)"),
        parts => format!("{documents}: {} ({seconds:.1} s)", parts.join(", ")),
    }
}

/// A count of documents.
pub(super) fn documents(count: u64) -> String {
    if count == 1 { "1 document".to_owned() } else { format!("{count} documents") }
}
