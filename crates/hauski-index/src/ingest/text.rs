//! The text of a file: decoded, its secrets masked, and the way back from a place in the masked text to the bytes.

use std::borrow::Cow;
use std::ops::Range;

use redact::{Depth, Redactor, Span};
use repolens::model::{Encoding, Kind as FileKind};

use super::Skip;
use crate::chunk::{Chunk, LineStarts, sha256};

/// A text that may be stored.
pub(super) struct Text {
    /// As it lies in the file, decoded to UTF-8.
    pub(super) plain: String,
    /// Without secrets; nothing where there are none.
    masked: Option<String>,
    spans: Vec<Span>,
    /// How the file was encoded, where it is not UTF-8.
    pub(super) encoding: Option<&'static str>,
}

impl Text {
    /// Decodes and masks. `is_whole` is false for the beginning of a larger file, which is cut at its last line.
    pub(super) fn of(mut bytes: Vec<u8>, is_whole: bool) -> Result<Self, Skip> {
        if !is_whole {
            let feed = memchr::memrchr(b'\n', &bytes).map(|at| at + 1);
            let end = feed.unwrap_or_else(|| {
                let tail = bytes.len() - bytes.len().min(4);
                let first = bytes[tail..].iter().rposition(|byte| byte & 0xC0 != 0x80);
                first.map_or(bytes.len(), |at| tail + at)
            });
            bytes.truncate(end);
            if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
                bytes.truncate(bytes.len() & !1);
            }
        }
        let kind = repolens::merge::sniff(&bytes);
        let encoding = match kind {
            FileKind::Text => None,
            FileKind::Encoded(Encoding::Latin1) => Some("latin-1"),
            FileKind::Encoded(Encoding::Utf16Le) => Some("utf-16le"),
            FileKind::Encoded(Encoding::Utf16Be) => Some("utf-16be"),
            FileKind::LfsPointer => return Err(Skip::LfsPointer),
            _ => return Err(Skip::Binary),
        };
        let plain = repolens::merge::decode(&kind, bytes).ok_or(Skip::Binary)?;
        Ok(Self::masked(plain, encoding))
    }

    /// Masks a text.
    pub(super) fn masked(plain: String, encoding: Option<&'static str>) -> Self {
        // The key is public: the same text has the same masks, passages and hashes everywhere.
        let redacted = Redactor::for_merges().redact(&plain, Depth::Fast);
        let spans = redacted.spans;
        let masked = match redacted.text {
            Cow::Owned(text) if !spans.is_empty() => Some(text),
            _ => None,
        };
        Self { masked, plain, spans, encoding }
    }

    /// The text without secrets.
    pub(super) fn shown(&self) -> &str {
        self.masked.as_deref().unwrap_or(&self.plain)
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(&[self.shown().as_bytes()])
    }

    pub(super) fn secrets(&self) -> u64 {
        self.spans.len() as u64
    }

    /// Turns spans and lines of the masked text into those of the file. A border inside a mask goes behind the secret.
    pub(super) fn restore(&self, chunks: &mut [Chunk]) {
        if self.spans.is_empty() {
            return;
        }
        let starts = LineStarts::of(&self.plain);
        for chunk in chunks {
            chunk.span = self.source(chunk.span.start)..self.source(chunk.span.end);
            let last = chunk.span.end.max(chunk.span.start + 1) - 1;
            chunk.lines = (starts.line(chunk.span.start), starts.line(last));
        }
    }

    fn source(&self, at: usize) -> usize {
        let next = self.spans.partition_point(|span| span.output.end <= at);
        if let Some(inside) = self.spans.get(next).filter(|span| span.output.start < at) {
            return inside.source.end;
        }
        match next.checked_sub(1).and_then(|last| self.spans.get(last)) {
            Some(before) => before.source.end + (at - before.output.end),
            None => at,
        }
    }

    /// The bytes of a span as they were cut, secrets masked.
    pub(super) fn shown_in(&self, span: &Range<usize>) -> Option<&str> {
        let end = self.output(span.end);
        self.shown().get(self.output(span.start)..end)
    }

    fn output(&self, at: usize) -> usize {
        let next = self.spans.partition_point(|span| span.source.end <= at);
        if let Some(inside) = self.spans.get(next).filter(|span| span.source.start < at) {
            return inside.output.end;
        }
        match next.checked_sub(1).and_then(|last| self.spans.get(last)) {
            Some(before) => before.output.end + (at - before.source.end),
            None => at,
        }
    }
}

/// What a citation is worth after its file was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Citation {
    /// The very bytes that were cited stand there.
    Holds,
    /// Other bytes stand there, or none.
    Changed,
}

/// Checks a citation: whether the bytes of a file still have, in this span, the hash of the passage. A passage with a
/// masked secret is compared as masked.
#[must_use]
pub fn check(file: Vec<u8>, span: &Range<usize>, hash: &[u8; 32]) -> Citation {
    let Ok(text) = Text::of(file, true) else { return Citation::Changed };
    let bytes = text.shown_in(span);
    if bytes.is_some_and(|bytes| sha256(&[bytes.as_bytes()]) == *hash) {
        Citation::Holds
    } else {
        Citation::Changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::{ChunkOptions, Kind, Source, split};

    #[test]
    fn places_come_back_through_masks() {
        let token = format!("ghp_{}", "016C7gHVNMKbOj9ZRPTpsJHD4QvLrW2l0gqM");
        let plain = format!("one\nkey = \"{token}\"\n\nthree {token} four\n\nfive\n");
        let text = Text::masked(plain.clone(), None);
        assert_eq!(text.secrets(), 2);
        assert!(!text.shown().contains("ghp_"));
        let source =
            Source { path: "a.txt", language: None, text: text.shown(), kind: Kind::Prose };
        let mut chunks =
            split(&source, &ChunkOptions { text_tokens: 16, ..ChunkOptions::default() });
        text.restore(&mut chunks);
        assert_eq!(chunks.first().map(|chunk| chunk.span.start), Some(0));
        let last = chunks.last().unwrap();
        assert_eq!((last.span.end, last.lines.1), (plain.len() - 1, 6));
        for chunk in &chunks {
            assert!(!chunk.text.contains("ghp_") && !chunk.header.contains("ghp_"));
            let found = check(plain.clone().into_bytes(), &chunk.span, &chunk.hash);
            assert_eq!(found, Citation::Holds, "{chunk:?}");
        }
        let other = plain.replace("five", "six.").into_bytes();
        assert_eq!(check(other, &last.span, &last.hash), Citation::Changed);
    }
}
