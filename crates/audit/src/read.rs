//! Reading lines without verifying them: excerpts, and the last lines.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use contracts::hauski::audit::Line;
use serde_json::json;

use crate::line::{self, MAX_LINE_BYTES};
use crate::segment::{self, SegmentPath};

/// Identifier of the first and last line of an excerpt.
const EXPORT: &str = "hauski.audit.export/1";

/// The lines of segments in order, without line feeds. A torn last line ends them.
pub(crate) struct Lines<'s> {
    segments: std::slice::Iter<'s, SegmentPath>,
    input: Option<BufReader<File>>,
}

impl<'s> Lines<'s> {
    pub(crate) fn new(segments: &'s [SegmentPath]) -> Self {
        Self { segments: segments.iter(), input: None }
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(input) = &mut self.input {
                let mut bytes = Vec::new();
                input.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut bytes)?;
                if bytes.pop() == Some(b'\n') {
                    return Ok(Some(bytes));
                }
                if bytes.len() >= MAX_LINE_BYTES {
                    return Err(io::Error::other("a line is too long"));
                }
            }
            let Some(next) = self.segments.next() else { return Ok(None) };
            self.input = Some(BufReader::new(segment::open_plain(&next.lines)?));
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Which lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before this time, as lines write it or any beginning of it: `2026-11-21`.
    pub since: Option<String>,
    /// Before this time.
    pub until: Option<String>,
    /// The actor, or with a `*` at the end its beginning.
    pub actor: Option<String>,
    /// The action, or with a `*` at the end its beginning.
    pub action: Option<String>,
}

impl Filter {
    /// Whether a line is wanted.
    pub fn matches(&self, line: &Line) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(beginning) => text.starts_with(beginning),
                None => text == wanted,
            })
        };
        is(&self.actor, &line.actor)
            && is(&self.action, &line.action)
            && self.since.as_deref().is_none_or(|since| line.ts.as_str() >= since)
            && self.until.as_deref().is_none_or(|until| line.ts.as_str() < until)
    }
}

/// How much an excerpt holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Lines in the excerpt.
    pub lines: u64,
    /// Lines of the log.
    pub of: u64,
}

/// Writes the wanted lines as they stand, between a first and a last line that say that this is an excerpt,
/// of what, and how much of it.
pub fn export(folder: &Path, filter: &Filter, out: &mut dyn Write) -> io::Result<Exported> {
    let segments = segment::list(folder)?;
    if segments.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no audit log is there"));
    }
    let wanted = json!({
        "since": filter.since, "until": filter.until, "actor": filter.actor, "action": filter.action,
    });
    writeln!(out, "{}", json!({"schema": EXPORT, "excerpt": true, "wanted": wanted}))?;
    let mut exported = Exported::default();
    for bytes in Lines::new(&segments) {
        let bytes = bytes?;
        exported.of += 1;
        let line = line::parse(&bytes).map_err(|(kind, detail)| {
            io::Error::other(format!("line {} is {kind}: {detail}", exported.of - 1))
        })?;
        if filter.matches(&line) {
            exported.lines += 1;
            out.write_all(&bytes)?;
            out.write_all(b"\n")?;
        }
    }
    let Exported { lines, of } = exported;
    writeln!(out, "{}", json!({"schema": EXPORT, "excerpt": true, "lines": lines, "of": of}))?;
    Ok(exported)
}

/// The last wanted lines, oldest first, `count` at most. Reads backwards by segments.
pub fn tail(folder: &Path, count: usize, filter: &Filter) -> io::Result<Vec<Line>> {
    let mut last: Vec<Line> = Vec::new();
    for segment in segment::list(folder)?.iter().rev() {
        let mut found = Vec::new();
        for bytes in Lines::new(std::slice::from_ref(segment)) {
            // What is not a line is for `verify` to name.
            if let Ok(line) = line::parse(&bytes?)
                && filter.matches(&line)
            {
                found.push(line);
            }
        }
        found.append(&mut last);
        last = found.split_off(found.len().saturating_sub(count));
        if last.len() >= count {
            break;
        }
    }
    Ok(last)
}
