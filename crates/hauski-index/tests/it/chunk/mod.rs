//! Cutting documents: what stands in a passage, what is above it, and that nothing is lost on the way.

mod cutting;
mod laws;

use hauski_index::chunk::{Chunk, ChunkOptions, Kind, Source, split};

/// The passages of a file with default sizes.
fn cut(path: &str, text: &str) -> Vec<Chunk> {
    split(
        &Source { path, language: None, text, kind: Kind::of(path, text) },
        &ChunkOptions::default(),
    )
}

/// The passages of a file when few tokens fit.
fn cut_small(path: &str, text: &str, text_tokens: usize) -> Vec<Chunk> {
    let options = ChunkOptions { text_tokens, ..ChunkOptions::default() };
    split(&Source { path, language: None, text, kind: Kind::of(path, text) }, &options)
}

/// Headers, lines and first words, for people to read.
fn shown(chunks: &[Chunk]) -> String {
    let mut shown = String::new();
    for chunk in chunks {
        let (from, to) = chunk.lines;
        shown.push_str(&format!("{from}-{to} {}\n", chunk.header));
    }
    shown
}
