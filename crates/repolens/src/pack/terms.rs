//! Words of code and prose as numbers: identifiers split at case and underscores, English stems.
//!
//! A term is a 32-bit hash, so that a repository of a hundred thousand files fits in memory. Two
//! words of one text fall together about once in ten thousand questions, which costs a little order.

use std::collections::HashMap;

use rust_stemmers::{Algorithm, Stemmer};

/// A word, folded and hashed.
pub type Term = u32;

/// Longest identifier that is looked at; longer runs are data.
const MAX_WORD_BYTES: usize = 64;
/// Identifiers remembered at most; the memo starts again beyond it.
const MAX_MEMO: usize = 200_000;

/// Turns text into terms. Keeps a memo of identifiers, so one splitter a thread is worth it.
pub struct Splitter {
    stemmer: Stemmer,
    memo: HashMap<Box<str>, Box<[Term]>>,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::English), memo: HashMap::new() }
    }
}

impl Splitter {
    /// Calls `each` with the terms of every word, in the order of the text: first its parts, then,
    /// where it has more than one part, the whole identifier.
    pub fn words(&mut self, text: &str, mut each: impl FnMut(&str, &[Term])) {
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            if word.len() < 2 || word.len() > MAX_WORD_BYTES {
                continue;
            }
            if !self.memo.contains_key(word) {
                if self.memo.len() >= MAX_MEMO {
                    self.memo.clear();
                }
                let terms = self.terms_of(word);
                self.memo.insert(word.into(), terms);
            }
            each(word, &self.memo[word]);
        }
    }

    fn terms_of(&self, word: &str) -> Box<[Term]> {
        let parts = parts(word);
        let mut terms: Vec<Term> = parts
            .iter()
            .filter(|part| part.chars().nth(1).is_some())
            .filter(|part| !part.bytes().all(|byte| byte.is_ascii_digit()) || part.len() <= 4)
            .map(|part| hash(&self.stemmer.stem(part)))
            .collect();
        if parts.len() > 1 {
            terms.push(identifier(word));
        }
        terms.into()
    }
}

/// The term of a whole identifier, whatever its case style.
#[must_use]
pub fn identifier(word: &str) -> Term {
    let mut folded = String::with_capacity(word.len() + 1);
    folded.push('=');
    folded.extend(word.chars().filter(|c| *c != '_').flat_map(char::to_lowercase));
    hash(&folded)
}

/// The parts of an identifier in lower case: `HTTPServer2_name` is `http`, `server2`, `name`.
#[must_use]
pub fn parts(word: &str) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    let mut parts = Vec::new();
    let mut part = String::new();
    for (index, &c) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(index + 1);
        let starts = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || after.is_some_and(|after| after.is_lowercase())
            });
        if (c == '_' || starts) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if c != '_' {
            part.extend(c.to_lowercase());
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// FNV-1a: the same number on every machine, so that it can stand in a cache.
fn hash(text: &str) -> Term {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// How often each term occurs in one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bag {
    /// Sorted by term.
    counts: Vec<(Term, u16)>,
    /// Number of words.
    length: u32,
}

impl Bag {
    /// Counts the terms of a text.
    pub fn of(text: &str, splitter: &mut Splitter) -> Self {
        let mut all: Vec<Term> = Vec::with_capacity(text.len() / 6);
        let mut length = 0_u32;
        splitter.words(text, |_, terms| {
            length = length.saturating_add(1);
            all.extend_from_slice(terms);
        });
        all.sort_unstable();
        let mut counts: Vec<(Term, u16)> = Vec::new();
        for term in all {
            match counts.last_mut() {
                Some((last, count)) if *last == term => *count = count.saturating_add(1),
                _ => counts.push((term, 1)),
            }
        }
        counts.shrink_to_fit();
        Self { counts, length }
    }

    /// How often a term occurs.
    #[must_use]
    pub fn count(&self, term: Term) -> u16 {
        let found = self.counts.binary_search_by_key(&term, |(term, _)| *term);
        found.map_or(0, |index| self.counts[index].1)
    }

    /// Every term with its count, sorted by term.
    #[must_use]
    pub fn counts(&self) -> &[(Term, u16)] {
        &self.counts
    }

    /// Number of words.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.length
    }

    /// From what a cache kept; nothing when it is not what [`Bag::counts`] gave.
    #[must_use]
    pub fn from_parts(counts: Vec<(Term, u16)>, length: u32) -> Option<Self> {
        counts.is_sorted_by(|a, b| a.0 < b.0).then_some(Self { counts, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_split_at_case_and_underscores() {
        assert_eq!(parts("HTTPServer2_name"), ["http", "server2", "name"]);
        assert_eq!(parts("parse_args"), ["parse", "args"]);
        assert_eq!(parts("__init__"), ["init"]);
        assert_eq!(parts("größeÄndern"), ["größe", "ändern"]);
    }

    #[test]
    fn inflections_meet_and_whole_identifiers_stay() {
        let mut splitter = Splitter::default();
        let bag = Bag::of("parseArguments parse_arguments parsing argument", &mut splitter);
        let words = Bag::of("parsing", &mut splitter);
        assert_eq!(bag.count(words.counts()[0].0), 3);
        assert_eq!(bag.count(identifier("ParseArguments")), 2);
        assert_eq!(bag.length(), 4);
    }
}
