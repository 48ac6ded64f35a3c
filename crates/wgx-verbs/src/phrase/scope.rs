//! What a request wants and what it rules out: how far "not", "without" and "keine" reach.

use super::knowledge::Language;
use super::vocabulary::{Vocabulary, WordId};
use super::words::sentence;

/// The words of a request by what they are for.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// All of them, filler included.
    pub(crate) all: Vec<WordId>,
    /// What is asked for.
    pub(crate) wanted: Vec<WordId>,
    /// What must not be part of it.
    pub(crate) unwanted: Vec<WordId>,
    /// What tells only why or when; part of what is asked for.
    pub(crate) asides: Vec<WordId>,
}

/// Reads a text piece by piece; a negation reaches no further than its piece.
pub(crate) fn scope(vocabulary: &mut Vocabulary<'_>, text: &str) -> Scope {
    let mut scope = Scope::default();
    for (at, piece) in pieces(text).into_iter().enumerate() {
        let words: Vec<WordId> =
            sentence(piece).iter().map(|word| vocabulary.intern(word)).collect();
        scope.all.extend(&words);
        let words = drop_phrases(vocabulary, &words, |language| &language.not_negation);
        scope.asides.extend(aside(vocabulary, &words));
        for part in contrasts(vocabulary, &words) {
            let (wanted, unwanted) = split(vocabulary, part, at > 0);
            scope.wanted.extend(wanted);
            scope.unwanted.extend(unwanted);
        }
    }
    scope
}

/// What follows a word that begins a reason, up to the end of the piece.
fn aside<'w>(vocabulary: &Vocabulary<'_>, words: &'w [WordId]) -> &'w [WordId] {
    let openings = vocabulary.knowledge.languages.iter().flat_map(|it| &it.aside);
    let begins =
        |at: &usize| openings.clone().any(|opening| begins(vocabulary, &words[*at..], opening));
    let start = (0..words.len()).find(begins).unwrap_or(words.len());
    &words[start..]
}

/// Cuts at marks that a blank follows: `test:unit` and `v1.2` stay whole.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let is_mark = matches!(letter, ',' | ';' | ':' | '.' | '!' | '?' | '(' | ')' | '–' | '—');
        let ends = letters.peek().is_none_or(|(_, next)| next.is_whitespace());
        if is_mark && (ends || matches!(letter, '(' | ')')) {
            pieces.push(&text[begin..at]);
            begin = at + letter.len_utf8();
        }
    }
    pieces.push(&text[begin..]);
    pieces
}

/// Cuts at words of contrast (`but`, `sondern`).
fn contrasts<'w>(vocabulary: &Vocabulary<'_>, words: &'w [WordId]) -> Vec<&'w [WordId]> {
    let languages = &vocabulary.knowledge.languages;
    let contrasts = |id: &WordId| {
        let surface = &vocabulary.word(*id).surface;
        languages.iter().any(|language| language.contrast.contains(surface))
    };
    words.split(contrasts).filter(|part| !part.is_empty()).collect()
}

/// What a piece wants and what it rules out.
fn split(
    vocabulary: &Vocabulary<'_>,
    words: &[WordId],
    is_later: bool,
) -> (Vec<WordId>, Vec<WordId>) {
    let languages = &vocabulary.knowledge.languages;
    let has_content = |words: &[WordId]| words.iter().any(|id| !vocabulary.word(*id).is_filler);
    let everything = || (words.to_vec(), Vec::new());
    let Some((at, length)) = negation(vocabulary, words) else {
        let excludes = |id: &WordId| {
            let surface = &vocabulary.word(*id).surface;
            languages.iter().any(|language| language.without.contains(surface))
        };
        // A phrase such as "without changing" has a meaning of its own.
        let fits = |at: &usize| !starts_phrase(vocabulary, &words[*at..]);
        return match words.iter().position(excludes).filter(fits) {
            Some(at) if at > 0 || is_later => (words[..at].to_vec(), words[at + 1..].to_vec()),
            _ => everything(),
        };
    };
    let (before, after) = (&words[..at], &words[at + length..]);
    // "which lines are not covered" describes, it does not forbid.
    let describes = before.iter().any(|id| {
        let surface = &vocabulary.word(*id).surface;
        languages.iter().any(|language| language.relative.contains(surface))
    });
    if describes || is_later && opens(vocabulary, words) || asks_for_state(vocabulary, words) {
        return everything();
    }
    let refuses = languages.iter().any(|language| {
        length == 1 && language.refusal.contains(&vocabulary.word(words[at]).surface)
    });
    if !has_content(after) || refuses && has_content(before) {
        return (Vec::new(), words.to_vec());
    }
    (before.to_vec(), after.to_vec())
}

/// The first negation and how many words it has; `don't use` may be a phrase with a meaning of its own.
fn negation(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> Option<(usize, usize)> {
    let phrases: Vec<&Vec<String>> =
        vocabulary.knowledge.languages.iter().flat_map(|language| &language.negation).collect();
    (0..words.len()).find_map(|at| {
        let rest = &words[at..];
        let held = phrases.iter().filter(|phrase| begins(vocabulary, rest, phrase));
        let length = held.map(|phrase| phrase.len()).max()?;
        (!starts_phrase(vocabulary, rest)).then_some((at, length))
    })
}

/// Whether a later piece begins as a German relative clause does.
fn opens(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> bool {
    let first = words.first().map(|id| vocabulary.word(*id).surface.as_str());
    matches!(first, Some("die" | "der" | "das" | "den" | "dem"))
}

/// Whether the text asks how something is instead of for a change.
pub(crate) fn asks_for_state(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> bool {
    let mut openings = vocabulary.knowledge.languages.iter().flat_map(|language| &language.asking);
    openings.any(|opening| begins(vocabulary, words, opening))
}

/// Whether the text asks how something is done instead of for doing it.
pub(crate) fn asks_how(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> bool {
    let asked = |phrase: &Vec<String>| {
        let fits = |(wanted, id): (&String, &WordId)| {
            *wanted == "*" || *wanted == vocabulary.word(*id).surface
        };
        words.windows(phrase.len()).any(|here| phrase.iter().zip(here).all(fits))
    };
    vocabulary.knowledge.languages.iter().flat_map(|language| &language.how).any(asked)
}

/// Removes every occurrence of the given phrases.
fn drop_phrases(
    vocabulary: &Vocabulary<'_>,
    words: &[WordId],
    phrases: impl Fn(&Language) -> &[Vec<String>],
) -> Vec<WordId> {
    let mut kept = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let languages = vocabulary.knowledge.languages.iter();
        let length = languages
            .flat_map(&phrases)
            .find(|phrase| begins(vocabulary, &words[at..], phrase))
            .map(Vec::len);
        if length.is_none() {
            kept.push(words[at]);
        }
        at += length.unwrap_or(1);
    }
    kept
}

fn begins(vocabulary: &Vocabulary<'_>, words: &[WordId], phrase: &[String]) -> bool {
    words.len() >= phrase.len()
        && phrase.iter().zip(words).all(|(wanted, id)| *wanted == vocabulary.word(*id).surface)
}

fn starts_phrase(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> bool {
    vocabulary.knowledge.languages.iter().enumerate().any(|(at, language)| {
        let stem = |id: &WordId| vocabulary.word(*id).stems[at].as_str();
        let longer = language.phrases.get(stem(&words[0])).into_iter().flatten();
        longer.into_iter().any(|(rest, _)| {
            rest.len() < words.len()
                && rest.iter().zip(&words[1..]).all(|(wanted, id)| wanted == stem(id))
        })
    })
}
