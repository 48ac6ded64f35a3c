//! Documents from texts that are no files: what a client of the API brings, memories, runs, logs.

use super::document::{Document, SourceRef};
use super::stored::passage;
use super::text::Text;
use crate::chunk::{self, ChunkOptions, Kind, Source, split};
use crate::truth::Passage;

/// A text to become a document.
#[derive(Clone, Debug)]
pub struct NewText<'a> {
    /// Its collection.
    pub collection: &'a str,
    /// Its id in the collection.
    pub doc_id: &'a str,
    /// Where it comes from.
    pub source: SourceRef,
    /// For people; may be empty.
    pub title: &'a str,
    /// What stands first in every header, and tells the language.
    pub path: &'a str,
    /// How it is to be read; told from path and text where nothing is said.
    pub kind: Option<Kind>,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Names and values, in any order.
    pub tags: Vec<(String, String)>,
    /// The text, secrets included.
    pub text: String,
}

/// Masks and cuts a text.
#[must_use]
pub fn document(new: NewText<'_>, options: &ChunkOptions) -> Document {
    let text = Text::masked(new.text, None);
    let kind = new.kind.unwrap_or_else(|| Kind::of(new.path, text.shown()));
    let path = Text::masked(new.path.to_owned(), None);
    let title = Text::masked(new.title.to_owned(), None);
    let source = Source { path: path.shown(), language: None, text: text.shown(), kind };
    let mut chunks = split(&source, options);
    text.restore(&mut chunks);
    let mut tags = new.tags;
    tags.push(("kind".to_owned(), kind.name().to_owned()));
    tags.sort();
    tags.dedup();
    Document {
        collection: new.collection.to_owned(),
        doc_id: new.doc_id.to_owned(),
        source: new.source,
        title: title.shown().to_owned(),
        path: path.shown().to_owned(),
        at_ms: new.at_ms,
        tags,
        hash: text.hash(),
        chunks,
        file: None,
        masked: text.secrets(),
        left_out_bytes: 0,
        moved_from: None,
    }
}

/// The passages of a text that a client of the API brings, and the hash of the text; secrets are masked before it is cut,
/// so that no cut goes through one.
pub(crate) fn passages(
    path: &str,
    language: Option<&str>,
    kind: Option<Kind>,
    text: String,
) -> (Vec<Passage>, [u8; 32]) {
    let text = Text::masked(text, None);
    let path = Text::masked(path.to_owned(), None);
    let kind = kind.unwrap_or_else(|| Kind::of(path.shown(), text.shown()));
    // The path tells it better: `en` is no language of programs.
    let language = language.filter(|_| chunk::language(path.shown()).is_none());
    let source = Source { path: path.shown(), language, text: text.shown(), kind };
    let mut chunks = split(&source, &ChunkOptions::default());
    text.restore(&mut chunks);
    (chunks.into_iter().map(passage).collect(), text.hash())
}
