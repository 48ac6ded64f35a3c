//! What a search over text can be told beside its words.

use std::collections::BTreeMap;

use crate::Filter;

/// The two constants of BM25.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bm25 {
    /// How fast repetition of a word stops to matter; 0 and above.
    pub k1: f32,
    /// How much a passage longer than usual pays for it; 0 to 1.
    pub b: f32,
}

impl Bm25 {
    /// For documentation, code and anything of some length.
    pub const PROSE: Self = Self { k1: 1.2, b: 0.75 };
    /// For turns of conversations and memory items.
    pub const SHORT: Self = Self { k1: 0.9, b: 0.4 };

    /// The same within its ranges; what is no number becomes [`Bm25::PROSE`]'s.
    pub(super) fn sane(self) -> Self {
        let within = |value: f32, most: f32, usual: f32| {
            if value.is_nan() { usual } else { value.clamp(0.0, most) }
        };
        Self { k1: within(self.k1, 100.0, Self::PROSE.k1), b: within(self.b, 1.0, Self::PROSE.b) }
    }
}

/// How often a word counts by where it stands; 1 is once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// A word of prose.
    pub prose: f32,
    /// A word of code.
    pub code: f32,
    /// A word of the title, beside its count as a word of the passage.
    pub title: f32,
    /// A part of a compound or of a name, or a second reading.
    pub parts: f32,
    /// A name that is exactly the one asked for, beside the words in it.
    pub names: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { prose: 1.0, code: 1.0, title: 0.5, parts: 0.5, names: 1.0 }
    }
}

/// How passages are scored.
#[derive(Clone, Debug, PartialEq)]
pub struct TextParams {
    /// By field.
    pub weights: Weights,
    /// For every collection that has none of its own.
    pub bm25: Bm25,
    /// By collection.
    pub by_collection: BTreeMap<u32, Bm25>,
    /// What parts of a compound or of a `camelCase` name in the question count, against 1 for a word that was typed.
    pub query_parts: f32,
    /// Whether hits say what each word gave them; costs some time.
    pub explain: bool,
}

impl Default for TextParams {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            bm25: Bm25::PROSE,
            by_collection: BTreeMap::new(),
            query_parts: 0.4,
            explain: false,
        }
    }
}

/// A question to the text index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextQuery {
    /// As typed: words, `"phrases"`, `-without`. Nothing in it is an error.
    pub words: String,
    /// Which passages may be returned.
    pub filter: Filter,
    /// At most so many hits.
    pub k: usize,
    /// How they are scored.
    pub params: TextParams,
}

/// What one word of the question gave a hit.
#[derive(Clone, Debug, PartialEq)]
pub struct TermScore {
    /// The word or name as typed, or the part of it that was looked for.
    pub word: String,
    /// Its part of the hit's score.
    pub score: f32,
}

/// A passage found.
#[derive(Clone, Debug, PartialEq)]
pub struct TextHit {
    /// Which passage.
    pub id: crate::ChunkId,
    /// BM25 over its fields; above 0.
    pub score: f32,
    /// What it is made of, greatest first; empty unless [`TextParams::explain`].
    pub terms: Vec<TermScore>,
}

/// What a search over text brings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextFound {
    /// Best first; equal scores by id.
    pub hits: Vec<TextHit>,
    /// Words and names that were looked for.
    pub searched: usize,
    /// Different words beyond the limit of one question, which were not looked for.
    pub left_out: usize,
}
