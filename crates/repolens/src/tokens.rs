//! Exact token counts. The vocabularies are part of the program; one is unpacked when its first text
//! is counted, so a run that needs no count pays nothing.

use std::str::FromStr;

use thiserror::Error;

/// A vocabulary by which models count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Vocabulary {
    /// `o200k_base`, that of the budgets.
    #[default]
    O200kBase,
    /// `o200k_harmony`.
    O200kHarmony,
    /// `cl100k_base`.
    Cl100kBase,
    /// `p50k_base`.
    P50kBase,
    /// `r50k_base`.
    R50kBase,
}

/// A name that is no vocabulary of this program.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{name}` is no vocabulary here; it is one of o200k_base, o200k_harmony, cl100k_base, p50k_base, r50k_base"
)]
pub struct VocabularyError {
    /// As given.
    pub name: String,
}

impl Vocabulary {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::O200kBase, Self::O200kHarmony, Self::Cl100kBase, Self::P50kBase, Self::R50kBase];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::O200kHarmony => "o200k_harmony",
            Self::Cl100kBase => "cl100k_base",
            Self::P50kBase => "p50k_base",
            Self::R50kBase => "r50k_base",
        }
    }

    /// How many tokens a text has. What looks like a special token (`<|endoftext|>`) is text.
    pub fn count(self, text: &str) -> u64 {
        let encoding = tiktoken::get_encoding(self.name());
        encoding.expect("every vocabulary is built in").count(text) as u64
    }

    /// The tokens of a text themselves.
    pub fn encode(self, text: &str) -> Vec<u32> {
        tiktoken::get_encoding(self.name()).expect("every vocabulary is built in").encode(text)
    }
}

impl FromStr for Vocabulary {
    type Err = VocabularyError;

    fn from_str(name: &str) -> Result<Self, VocabularyError> {
        let found = Self::ALL.into_iter().find(|vocabulary| vocabulary.name() == name);
        found.ok_or_else(|| VocabularyError { name: name.to_owned() })
    }
}
