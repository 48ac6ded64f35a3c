//! What a word becomes in each language, remembered: words repeat, stemming them is dear.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::language::Language;
use super::{german, stop_words, words};

/// The first character of a term says how it was made, so that stems of two languages never meet.
pub(super) const ENGLISH: char = 'e';
/// See [`ENGLISH`].
pub(super) const GERMAN: char = 'd';
/// See [`ENGLISH`].
pub(super) const OTHER: char = 'x';
/// A name, exact but for case.
pub(super) const NAME: char = 'i';

/// Words are longer only by accident (encoded data); what follows is not looked at.
const MAX_WORD: usize = 64;
/// So many words are remembered; then it begins anew.
const MAX_ENTRIES: usize = 200_000;

/// A word seen, by number.
pub(super) type WordId = u32;

pub(super) struct Word {
    /// Composed, lower case, with its diacritics.
    pub(super) lower: Box<str>,
    pub(super) stop: u8,
    pub(super) umlaut: bool,
    pub(super) humps: Box<[WordId]>,
    english: Option<Box<str>>,
    german: Option<Box<str>>,
    other: Option<Box<str>>,
    german_parts: Option<Box<[Box<str>]>>,
}

pub(super) struct Lexicon {
    ids: HashMap<Box<str>, WordId, BuildHasherDefault<WordHasher>>,
    words: Vec<Word>,
    english: Stemmer,
    german: Stemmer,
}

impl Default for Lexicon {
    fn default() -> Self {
        Self {
            ids: HashMap::default(),
            words: Vec::new(),
            english: Stemmer::create(Algorithm::English),
            german: Stemmer::create(Algorithm::German),
        }
    }
}

impl Lexicon {
    /// Forgets all when there is much; to be called between passages only, numbers do not outlive it.
    pub(super) fn trim(&mut self) {
        if self.words.len() > MAX_ENTRIES {
            self.ids.clear();
            self.words.clear();
        }
    }

    pub(super) fn get(&self, id: WordId) -> &Word {
        &self.words[id as usize]
    }

    /// The number of a word as it stands in a text.
    pub(super) fn id(&mut self, raw: &str) -> WordId {
        if let Some(id) = self.ids.get(raw) {
            return *id;
        }
        let mut humps = Vec::new();
        words::humps(raw, |hump| humps.push(hump.to_owned()));
        let humps: Box<[WordId]> = humps.iter().map(|hump| self.id(hump)).collect();
        let lower = lower(&raw[..raw.floor_char_boundary(MAX_WORD)]);
        let word = Word {
            stop: stop_words::bits(&lower),
            umlaut: lower.contains(['ä', 'ö', 'ü', 'ß']),
            lower: lower.into(),
            humps,
            english: None,
            german: None,
            other: None,
            german_parts: None,
        };
        let id = self.words.len() as WordId;
        self.words.push(word);
        self.ids.insert(raw.into(), id);
        id
    }

    /// The term of a word in a language.
    pub(super) fn term(&mut self, id: WordId, language: Language) -> &str {
        let word = &mut self.words[id as usize];
        match language {
            Language::English => word.english.get_or_insert_with(|| {
                prefixed(ENGLISH, &stem(&self.english, &folded(&word.lower)))
            }),
            Language::German => {
                word.german.get_or_insert_with(|| german_term(&self.german, &word.lower))
            }
            Language::Other => {
                word.other.get_or_insert_with(|| prefixed(OTHER, &folded(&word.lower)))
            }
        }
    }

    /// The terms of the parts of a German compound; none for other words.
    pub(super) fn german_parts(&mut self, id: WordId) -> &[Box<str>] {
        let word = &mut self.words[id as usize];
        word.german_parts.get_or_insert_with(|| {
            let parts = german::parts(&german::umlauts(&word.lower));
            parts.iter().map(|part| german_term(&self.german, part)).collect()
        })
    }
}

/// The term of a name.
pub(super) fn name(raw: &str) -> String {
    let mut term = String::with_capacity(raw.len() + 1);
    term.push(NAME);
    if raw.is_ascii() {
        term.extend(raw.chars().map(|c| c.to_ascii_lowercase()));
    } else {
        term.push_str(&lower(raw));
    }
    term
}

fn prefixed(prefix: char, stem: &str) -> Box<str> {
    let mut term = String::with_capacity(stem.len() + 1);
    term.push(prefix);
    term.push_str(stem);
    term.into_boxed_str()
}

fn stem(stemmer: &Stemmer, word: &str) -> String {
    if word.chars().all(|c| c.is_alphabetic() || c == '\'') {
        stemmer.stem(word).into_owned()
    } else {
        word.to_owned()
    }
}

fn german_term(stemmer: &Stemmer, lower: &str) -> Box<str> {
    prefixed(GERMAN, &folded(&stem(stemmer, &german::umlauts(lower))))
}

/// Compatibility composition, lower case, one kind of apostrophe, nothing invisible, no control characters.
fn lower(raw: &str) -> String {
    if raw.is_ascii() {
        return raw.to_ascii_lowercase();
    }
    let composed: String = raw.nfkc().flat_map(char::to_lowercase).nfc().collect();
    composed
        .chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
        })
        .map(|c| if c == '\u{2019}' { '\'' } else { c })
        .collect()
}

/// Without diacritics, and letters that are two written as two.
fn folded(lower: &str) -> String {
    if lower.is_ascii() {
        return lower.to_owned();
    }
    let mut out = String::with_capacity(lower.len());
    for c in lower.nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' => out.push('d'),
            'ı' => out.push('i'),
            c => out.push(c),
        }
    }
    out
}

/// A quick hash for short words that come from the texts themselves; the map is bounded and begins anew, so a crafted text can
/// slow down only its own ingestion.
#[derive(Default)]
pub(super) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let value = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
            self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(FACTOR);
        }
        let mut last = [0; 8];
        last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(word: &str, language: Language) -> String {
        let mut lexicon = Lexicon::default();
        let id = lexicon.id(word);
        lexicon.term(id, language).to_owned()
    }

    #[test]
    fn forms_of_a_word_meet() {
        assert_eq!(term("Parsers", Language::English), term("parser", Language::English));
        for word in ["Änderung", "Aenderung", "ÄNDERUNGEN", "A\u{308}nderungen"] {
            assert_eq!(term(word, Language::German), "dander", "{word}");
        }
        assert_eq!(term("Straße", Language::German), term("STRASSE", Language::German));
        assert_eq!(term("Café", Language::Other), "xcafe");
        assert_eq!(term("ﬁle", Language::English), "efile");
    }

    #[test]
    fn names_keep_all_but_case() {
        assert_eq!(name("Parse_Config"), "iparse_config");
        assert_eq!(name("ÜBER_Größe"), "iüber_größe");
    }
}
