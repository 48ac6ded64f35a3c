//! Tables and JSON lines: whole rows, the names of the columns repeated in every header.

use std::ops::Range;

use super::header::one_line;
use super::lines::lines;
use super::pack::{Packer, Part, no_scope};

/// Longest list of columns, in characters.
const COLUMNS_CHARS: usize = 160;
/// How far a quoted field may reach over line ends, in lines; a lost quote must not swallow a file.
const QUOTED_LINES: usize = 200;

/// Cuts a whole text.
pub(super) fn split(path: &str, packer: &mut Packer<'_>) {
    let text = packer.text();
    let name = path.to_ascii_lowercase();
    let is_json = !(name.ends_with(".csv") || name.ends_with(".tsv") || name.ends_with(".psv"));
    let rows = if is_json { lines(text, 0..text.len()).collect() } else { records(text) };
    let first = rows.iter().find(|row| !text[(*row).clone()].trim().is_empty());
    let columns = first.and_then(|row| {
        let first = text[row.clone()].trim().trim_start_matches('\u{feff}');
        if is_json { keys(first) } else { Some(one_line(first, COLUMNS_CHARS)) }
    });
    for row in rows {
        let signature = columns.clone();
        packer.add(Part { range: row, scope: no_scope(), owner: 0, signature, name: None });
    }
}

/// The lines of a table; a quoted field may hold line ends.
fn records(text: &str) -> Vec<Range<usize>> {
    let mut records = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for line in lines(text, 0..text.len()) {
        let odd = memchr::memchr_iter(b'"', &text.as_bytes()[line.clone()]).count() % 2 == 1;
        match open {
            None if odd => open = Some((line.start, 1)),
            None => records.push(line),
            Some((start, count)) if odd || count >= QUOTED_LINES => {
                records.push(start..line.end);
                open = None;
            }
            Some((start, count)) => open = Some((start, count + 1)),
        }
    }
    if let Some((start, _)) = open {
        records.push(start..text.len());
    }
    records
}

/// The keys of an object on one line, as a list.
fn keys(line: &str) -> Option<String> {
    let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    let names: Vec<&str> = value.keys().map(String::as_str).collect();
    (!names.is_empty()).then(|| one_line(&names.join(", "), COLUMNS_CHARS))
}
