//! Which language a passage is in: function words first, trigrams when they do not decide, the collection's default last.

use serde::{Deserialize, Serialize};

use super::stop_words::{ENGLISH, FOREIGN, GERMAN};

/// How the words of a passage are reduced to terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English stems and stop words.
    English,
    /// German stems, stop words, umlaut variants and compounds.
    German,
    /// Another language: words as they are, without case and diacritics.
    Other,
}

/// What was seen of a passage while its words were read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    english: u32,
    german: u32,
    foreign: u32,
    umlauts: u32,
}

impl Evidence {
    pub(super) fn add(&mut self, stop_bits: u8, umlaut: bool) {
        self.english += u32::from(stop_bits & ENGLISH != 0);
        self.german += u32::from(stop_bits & GERMAN != 0);
        self.foreign += u32::from(stop_bits & FOREIGN != 0);
        self.umlauts += u32::from(umlaut);
    }

    /// The language whose function words are at least three and twice as many as those of any other.
    pub(super) fn clear(&self) -> Option<Language> {
        let (language, first, second) = self.ranked();
        (first >= 3 && first >= 2 * second).then_some(language)
    }

    /// The language that leads at all, by function words, then by umlauts.
    pub(super) fn leaning(&self) -> Option<Language> {
        let (language, first, second) = self.ranked();
        if first > second {
            return (language != Language::Other).then_some(language);
        }
        (self.umlauts > 0).then_some(Language::German)
    }

    fn ranked(&self) -> (Language, u32, u32) {
        let mut all = [
            (self.english, Language::English),
            (self.german, Language::German),
            (self.foreign, Language::Other),
        ];
        all.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        (all[0].1, all[0].0, all[1].0)
    }
}

/// Bytes of a passage that trigrams are counted in, and letters below which they say too little.
const SAMPLE_BYTES: usize = 800;
const SAMPLE_LETTERS: usize = 40;

/// The language of prose, or nothing when there is too little of it. Same text, same answer.
pub(super) fn of_prose(text: &str, evidence: Evidence) -> Option<Language> {
    if let Some(language) = evidence.clear() {
        return Some(language);
    }
    let sample = &text[..text.floor_char_boundary(SAMPLE_BYTES)];
    if sample.chars().filter(|c| c.is_alphabetic()).take(SAMPLE_LETTERS).count() == SAMPLE_LETTERS
        && let Some(info) = whatlang::detect(sample)
        && info.confidence() >= 0.5
    {
        return Some(match info.lang() {
            whatlang::Lang::Eng => Language::English,
            whatlang::Lang::Deu => Language::German,
            _ => Language::Other,
        });
    }
    evidence.leaning()
}
