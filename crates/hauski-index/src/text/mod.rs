//! Finds passages by their words.
//!
//! `words.rs` cuts text into words and names, `language.rs` tells the language, `lexicon.rs` and `german.rs` make terms of
//! them, `analysis.rs` the fields of a passage; `query.rs` does the same to a question. `store.rs` keeps them in tantivy and in
//! an overlay of what is not committed, `search.rs` scores both. Texts are not stored here.

mod analysis;
mod german;
mod language;
mod lexicon;
mod loaded;
mod overlay;
mod params;
mod query;
mod schema;
mod search;
mod snippet;
mod stop_words;
mod store;
mod words;

pub use analysis::Kind;
pub use language::Language;
pub use params::{Bm25, TermScore, TextFound, TextHit, TextParams, TextQuery, Weights};
pub use snippet::{Snippet, snippet};
pub use store::{SetAside, TextChange, TextError, TextIndex, TextOptions, TextStats};
