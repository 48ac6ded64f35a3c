//! Cuts documents into passages that can be found, embedded and cited.
//!
//! Every passage is a range of bytes of its document. Together the ranges hold every byte that is not blank exactly
//! once, in order, whatever the text is; only the parts of one long conversation turn share the line they come from.
//! Nothing here reads a clock or a file. The rules are told in `docs/index-chunks.md`.

mod blocks;
mod header;
mod kind;
mod lines;
mod log;
mod markdown;
mod pack;
mod prose;
mod rows;
mod settings;
mod tokens;
mod turns;

use std::ops::Range;

use sha2::{Digest as _, Sha256};

pub(crate) use header::BETWEEN;
pub use kind::{Kind, language};
pub use tokens::estimate;

use self::pack::{Packer, Piece};

/// Grows whenever the same text may be cut in another way, so that files are cut again.
pub const CHUNKER_VERSION: u32 = 1;

/// A document to cut.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Relative to its root, with `/`; it stands in every header and tells the language.
    pub path: &'a str,
    /// The language (see [`language`]), where the path does not tell it.
    pub language: Option<&'a str>,
    /// The text; secrets are masked already.
    pub text: &'a str,
    /// How it is to be read; [`Kind::of`] tells it from path and text.
    pub kind: Kind,
}

/// How large passages become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkOptions {
    /// Most tokens of a passage without its header, as [`estimate`] counts them. At least 16.
    pub text_tokens: usize,
    /// Most tokens of a header. With the default and `text_tokens` it fits the 256 that MiniLM reads.
    pub header_tokens: usize,
    /// Most bytes of a passage; blanks and numbers in long rows cost few tokens. At least 256.
    pub text_bytes: usize,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self { text_tokens: 216, header_tokens: 38, text_bytes: 8 << 10 }
    }
}

/// A passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// `path :: scope :: signature`: stands above the text in both indexes and is no part of the span.
    pub header: String,
    /// What is shown, indexed and embedded: the bytes of the span, but for logs (repeated lines folded) and
    /// conversations (author and time instead of the JSON around them).
    pub text: String,
    /// Where it lies in the text of its source, in bytes.
    pub span: Range<usize>,
    /// First and last line, from 1.
    pub lines: (u32, u32),
    /// SHA-256 of the bytes of the span.
    pub hash: [u8; 32],
    /// What encloses it, outermost first: headings, modules, classes, keys.
    pub scope: Vec<String>,
    /// What it defines, or what its columns are called.
    pub signature: Option<String>,
    /// How it was cut.
    pub kind: Kind,
    /// Lines of the span that the text shows as a number only, because they repeat the one before.
    pub folded_lines: u32,
}

impl Chunk {
    /// What is indexed: the header, a line feed, the text. What is embedded lacks the path.
    #[must_use]
    pub fn embedded_text(&self) -> String {
        format!("{}\n{}", self.header, self.text)
    }
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Cuts a document. An empty or blank one has no passages.
#[must_use]
pub fn split(source: &Source<'_>, options: &ChunkOptions) -> Vec<Chunk> {
    let options = ChunkOptions {
        text_tokens: options.text_tokens.max(16),
        header_tokens: options.header_tokens.max(8),
        text_bytes: options.text_bytes.max(256),
    };
    let mut packer = Packer::new(source.text, &options);
    match source.kind {
        Kind::Code | Kind::Config => blocks::split(source, &mut packer),
        Kind::Settings => settings::split(&mut packer),
        Kind::Markdown => markdown::split(source.path, &mut packer),
        Kind::Prose => prose::split(&mut packer),
        Kind::Log => return finish(source, &options, log::split(source.text, &options)),
        Kind::Turns => return finish(source, &options, turns::split(source.text, &options)),
        Kind::Rows => rows::split(source.path, &mut packer),
    }
    finish(source, &options, packer.finish())
}

/// Turns pieces into passages: blank ends cut off, lines counted, bytes hashed, headers written.
fn finish(source: &Source<'_>, options: &ChunkOptions, pieces: Vec<Piece>) -> Vec<Chunk> {
    let text = source.text;
    let starts = LineStarts::of(text);
    let mut chunks: Vec<Chunk> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let span = lines::trimmed(text, piece.range);
        if span.is_empty() {
            continue;
        }
        let bytes = &text[span.clone()];
        // The parts of a long turn all cite one line; it is hashed once.
        let shared = chunks.last().filter(|last| last.span == span).map(|last| last.hash);
        let hash = shared.unwrap_or_else(|| sha256(&[bytes.as_bytes()]));
        let header = header::line(
            source.path,
            &piece.scope,
            piece.signature.as_deref(),
            options.header_tokens,
        );
        chunks.push(Chunk {
            header,
            lines: (starts.line(span.start), starts.line(span.end - 1)),
            hash,
            text: piece.shown.unwrap_or_else(|| bytes.to_owned()),
            span,
            scope: piece.scope.to_vec(),
            signature: piece.signature,
            kind: source.kind,
            folded_lines: piece.folded_lines,
        });
    }
    chunks
}

/// Where lines begin.
pub(crate) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub(crate) fn of(text: &str) -> Self {
        let feeds = memchr::memchr_iter(b'\n', text.as_bytes());
        Self(std::iter::once(0).chain(feeds.map(|at| at + 1)).collect())
    }

    /// The line that holds a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }
}
