//! A whole text becomes passages, at its paragraphs; the splitter by syntax belongs to the ingest.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::truth::{Document, Passage, PassageKind};

/// Bytes of a passage.
const SIZE: usize = 1200;

/// The passages of a text, with spans, lines and hashes.
pub(super) fn passages(document: &Document, text: &str) -> Vec<Passage> {
    let kind = kind_of_path(document.path.as_deref().unwrap_or_default());
    let header = document.path.clone().unwrap_or_default();
    let passages = spans(text).into_iter().map(|span| {
        let piece = &text[span.clone()];
        let first = text[..span.start].matches('\n').count() as u64 + 1;
        Passage {
            kind,
            header: header.clone(),
            text: piece.to_owned(),
            span: Some(span.start as u64..span.end as u64),
            lines: Some((first, first + piece.trim_end().matches('\n').count() as u64)),
            hash: Sha256::digest(piece).into(),
            ..Passage::default()
        }
    });
    passages.collect()
}

/// Paragraphs, as many together as fit; a long one is cut at a line or a blank.
fn spans(text: &str) -> Vec<Range<usize>> {
    let (mut spans, mut start) = (Vec::new(), 0);
    while start < text.len() {
        let most = text.floor_char_boundary((start + SIZE).min(text.len()));
        let window = &text[start..most];
        let cut = if most == text.len() {
            window.len()
        } else {
            let at = |mark: &str| window.rfind(mark).map(|at| at + mark.len());
            at("\n\n").or_else(|| at("\n")).or_else(|| at(" ")).unwrap_or(window.len())
        };
        let end = start + cut.max(1);
        if !text[start..end].trim().is_empty() {
            spans.push(start..end);
        }
        start = end;
    }
    spans
}

/// What the words of a passage are read as, where only a path tells.
pub(super) fn kind_of_path(path: &str) -> PassageKind {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("log") => PassageKind::Log,
        None | Some("md" | "txt" | "rst" | "adoc" | "html") => PassageKind::Prose,
        Some(_) => PassageKind::Code,
    }
}
