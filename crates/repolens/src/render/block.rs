//! A file block: the markers, the facts by density, the fenced content, the way back.

use std::fmt::Write as _;
use std::ops::Range;

use contracts::repolens::report::MetaDensity;
use serde::Serialize;
use serde_json::{Map, Value};

use super::anchors::{Names, hex};
use super::lang;
use super::names::{attribute, code, json};
use super::view::{Emitted, Entry, Hashes, Pieces, Settings, category_word, included, size, tags};
use crate::model::{Encoding, Inclusion, Kind};

/// The content of a file as it goes into a merge.
pub struct Content<'a> {
    /// Masked and in UTF-8.
    pub text: &'a [u8],
    /// SHA-256 of it; nothing when it is that of the file.
    pub sha256: Option<Box<[u8; 32]>>,
    /// Tokens of it, when they are counted.
    pub tokens: Option<u64>,
    /// Masked secrets, rule and count, by rule.
    pub redacted: Box<[(&'static str, u64)]>,
}

/// Writes a block without its way back and says where things lie in it.
pub fn write(
    entry: Entry<'_>,
    names: &Names,
    settings: &Settings,
    content: Content<'_>,
    out: &mut Vec<u8>,
) -> Emitted {
    let start = out.len();
    let lines = count_lines(content.text);
    let mut emitted = Emitted {
        sha256: content.sha256,
        bytes: content.text.len() as u64,
        lines,
        tokens: content.tokens,
        redacted: content.redacted,
        block: 0,
        pieces: Pieces::One(0),
    };
    let head = head(entry, names, settings, &emitted);
    out.extend_from_slice(head.as_bytes());
    emitted.pieces = zones(entry, names, settings, content.text, start, out);
    emitted.block = (out.len() - start) as u64;
    emitted
}

/// The way back to the manifest, from the part of this file: empty for the first one.
pub fn way_back(first_part: &str) -> String {
    format!("[↑ Zurück zum Manifest]({first_part}#manifest)\n\n")
}

fn head(entry: Entry<'_>, names: &Names, settings: &Settings, emitted: &Emitted) -> String {
    let Entry { repo, file, index, .. } = entry;
    let anchor = names.anchor(repo, file, index);
    let id = names.id(index);
    let mut out = String::with_capacity(512);
    let _ =
        writeln!(out, "---\n\n§§ {anchor}\n<a id=\"{anchor}\"></a>\n<a id=\"file-f_{id}\"></a>");
    let _ = write!(
        out,
        "<!-- file:id=\"FILE:f_{id}\" repo=\"{}\" path=\"{}\"",
        attribute(&repo.name),
        attribute(&file.path)
    );
    out.push_str(if file.escaped { " name=\"percent\" -->\n" } else { " -->\n" });
    if settings.nav_headings {
        let _ = writeln!(out, "### {anchor}");
    }
    let _ = writeln!(out, "### {} {{#{anchor}}}\n", code(&file.path));
    let before = out.len();
    let truncated = matches!(file.inclusion, Inclusion::Truncated { .. });
    if settings.density != MetaDensity::Min {
        let _ = writeln!(out, "- Category: {}", category_word(file.category));
        let _ = writeln!(out, "- Tags: {}", tags(file));
        let _ = writeln!(out, "- Size: {}", size(file.size));
        let included = match emitted.redacted.is_empty() {
            true => included(entry),
            false => with_redacted(entry, emitted),
        };
        let _ = writeln!(out, "- Included: {included}");
    }
    if settings.density == MetaDensity::Full
        && let Some(hashes) = entry.facts.hashes
    {
        let _ = writeln!(out, "- MD5: {}", hex(&hashes.md5));
    }
    if settings.density == MetaDensity::Full || truncated {
        let _ = writeln!(out, "<!-- file_meta: {} -->", file_meta(entry, emitted));
    }
    if out.len() > before {
        out.push('\n');
    }
    out
}

/// The status of a file whose facts are still being made.
fn with_redacted(entry: Entry<'_>, emitted: &Emitted) -> String {
    let facts = super::view::Facts { hashes: None, emitted: Some(emitted.clone()) };
    included(Entry { facts: &facts, ..entry })
}

fn file_meta(entry: Entry<'_>, emitted: &Emitted) -> String {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    match entry.file.inclusion {
        Inclusion::Truncated { kept } => {
            put("included", "truncated".into());
            put("size", entry.file.size.into());
            put("kept", kept.into());
        }
        _ => {
            put("included", "full".into());
            put("size", entry.file.size.into());
        }
    }
    if let Some(Hashes { md5, sha256 }) = entry.facts.hashes {
        put("md5", hex(&md5).into());
        put("sha256", hex(&sha256).into());
    }
    let on_disk = entry.facts.hashes.as_ref().map(|hashes| &hashes.sha256);
    if let Some(sha256) = emitted.sha256.as_deref().or(on_disk) {
        put("sha256_emitted", hex(sha256).into());
    }
    put("emitted_bytes", emitted.bytes.into());
    put("lines", emitted.lines.into());
    put("tokens", emitted.tokens.into());
    if !emitted.redacted.is_empty() {
        let by_rule: Map<String, Value> = emitted
            .redacted
            .iter()
            .map(|(rule, count)| ((*rule).to_owned(), (*count).into()))
            .collect();
        put("redacted", by_rule.into());
    }
    if let Some(encoding) = encoding_word(&entry.file.kind) {
        put("encoding", encoding.into());
    }
    json(&Meta(map))
}

#[derive(Serialize)]
struct Meta(Map<String, Value>);

/// The word for an encoding other than UTF-8.
pub fn encoding_word(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Encoded(Encoding::Latin1) => Some("latin-1"),
        Kind::Encoded(Encoding::Utf16Le) => Some("utf-16le"),
        Kind::Encoded(Encoding::Utf16Be) => Some("utf-16be"),
        _ => None,
    }
}

fn zones(
    entry: Entry<'_>,
    names: &Names,
    settings: &Settings,
    text: &[u8],
    start: usize,
    out: &mut Vec<u8>,
) -> Pieces {
    let id = names.id(entry.index);
    let lang = lang::of(&entry.file.path);
    let encoding = encoding_word(&entry.file.kind);
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let pieces = match settings.max_file_bytes {
        Some(max) if settings.split_files => {
            pieces(text, usize::try_from(max).unwrap_or(usize::MAX))
        }
        _ => std::iter::once(0..text.len()).collect(),
    };
    let count = pieces.len();
    let mut places = Vec::with_capacity(count);
    for (at, piece) in pieces.into_iter().enumerate() {
        let piece = &text[piece];
        let mut begin = format!("<!-- zone:begin type=code lang=\"{lang}\" id=\"FILE:f_{id}\"");
        if count > 1 {
            let _ = write!(begin, " piece=\"{}/{count}\"", at + 1);
        }
        let is_open = piece.last().is_some_and(|byte| *byte != b'\n');
        if is_open {
            begin.push_str(" eof=\"none\"");
        }
        if let Some(encoding) = encoding {
            let _ = write!(begin, " encoding=\"{encoding}\"");
        }
        let _ = writeln!(begin, " -->\n{fence}{lang}");
        out.extend_from_slice(begin.as_bytes());
        places.push(((out.len() - start) as u64, piece.len() as u64));
        out.extend_from_slice(piece);
        let open_end = if is_open { "\n" } else { "" };
        let end = format!("{open_end}{fence}\n<!-- zone:end type=code id=\"FILE:f_{id}\" -->\n\n");
        out.extend_from_slice(end.as_bytes());
    }
    match places.as_slice() {
        [(offset, _)] => Pieces::One(*offset),
        _ => Pieces::Many(places.into_boxed_slice()),
    }
}

/// Ranges of at most `max` bytes that end after a line where they can, else at a character's border.
fn pieces(text: &[u8], max: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while text.len() - from > max.max(4) {
        let window = &text[from..from + max.max(4)];
        let end = match memchr::memrchr(b'\n', window) {
            Some(at) => at + 1,
            None => border(text, from + window.len()) - from,
        };
        pieces.push(from..from + end);
        from += end;
    }
    pieces.push(from..text.len());
    pieces
}

/// The last border of a character at or before `at`.
pub fn border(text: &[u8], at: usize) -> usize {
    let mut at = at.min(text.len());
    while at > 0 && at < text.len() && text[at] & 0xC0 == 0x80 {
        at -= 1;
    }
    at
}

/// Length of the longest run of backticks.
fn longest_run(text: &[u8]) -> usize {
    let mut longest = 0;
    let mut at = 0;
    // A run is only looked for where one longer than the longest could begin.
    while let Some(found) = memchr::memchr(b'`', &text[at..]) {
        let begin = at + found;
        let run = text[begin..].iter().take_while(|byte| **byte == b'`').count();
        longest = longest.max(run);
        at = begin + run;
    }
    longest
}

fn count_lines(text: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', text).count() as u64;
    ends + u64::from(text.last().is_some_and(|byte| *byte != b'\n'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_end_after_lines_or_characters() {
        assert_eq!(pieces(b"one\ntwo\nthree", 8), [0..8, 8..13]);
        assert_eq!(pieces("ääääää".as_bytes(), 5), [0..4, 4..8, 8..12]);
        assert_eq!(pieces(b"", 8).len(), 1);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text(text in "[a\nä`€😀]{0,60}", max in 1_usize..20) {
            let pieces = pieces(text.as_bytes(), max);
            let joined: String = pieces.iter().map(|piece| &text[piece.clone()]).collect();
            prop_assert_eq!(joined, text);
            prop_assert!(pieces.iter().all(|piece| piece.len() <= max.max(4)));
        }

        #[test]
        fn no_run_is_longer_than_the_longest(text in "[a`\n]{0,40}") {
            let longest = longest_run(text.as_bytes());
            prop_assert!(!text.contains(&"`".repeat(longest + 1)));
            prop_assert!(longest == 0 || text.contains(&"`".repeat(longest)));
        }
    }
}
