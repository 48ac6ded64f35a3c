//! Cuts a sequence of words into the longest phrases that mean something.

use super::knowledge::Tags;
use super::vocabulary::{Vocabulary, WordId};

/// A piece of a sentence or of an identifier.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Its words.
    pub(crate) words: Vec<WordId>,
    /// Alternative meanings; empty for a word that is not known.
    pub(crate) readings: Vec<Tags>,
    /// What it is when it has no meaning.
    pub(crate) is_filler: bool,
}

/// Where the words come from: an identifier prefers short forms and has no filler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The name of a task, group or member.
    Identifier,
    /// A description or a request.
    Sentence,
}

/// Cuts `words` into segments.
pub(crate) fn segments(
    vocabulary: &mut Vocabulary<'_>,
    words: &[WordId],
    origin: Origin,
) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let segment = phrase(vocabulary, &words[at..])
            .or_else(|| written_apart(vocabulary, &words[at..]))
            .unwrap_or_else(|| single(vocabulary, words[at], origin));
        at += segment.words.len();
        found.push(segment);
    }
    found
}

/// The longest phrase of the language files that the words begin with.
fn phrase(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> Option<Segment> {
    if words.len() < 2 {
        return None;
    }
    let mut best: Option<((usize, usize), Vec<Tags>)> = None;
    for (at, language) in vocabulary.knowledge.languages.iter().enumerate() {
        let stem = |id: &WordId| vocabulary.word(*id).stems[at].as_str();
        let Some(longer) = language.phrases.get(stem(&words[0])) else {
            continue;
        };
        let skips = |id: &WordId| language.between.contains(&vocabulary.word(*id).surface);
        for (rest, tags) in longer {
            let Some(length) = matched(&words[1..], rest, &stem, &skips) else {
                continue;
            };
            let length = (rest.len(), length + 1);
            match &mut best {
                Some((longest, readings)) if *longest == length => {
                    if !readings.contains(tags) {
                        readings.push(tags.clone());
                    }
                }
                Some((longest, _)) if *longest > length => {}
                _ => best = Some((length, vec![tags.clone()])),
            }
        }
    }
    let ((_, length), readings) = best.filter(|_| vocabulary.has_meaning())?;
    Some(Segment { words: words[..length].to_vec(), readings, is_filler: false })
}

/// How many words the rest of a phrase takes, with at most two words of filler inside (`make it pretty`).
fn matched<'w>(
    words: &'w [WordId],
    rest: &[String],
    stem: &impl Fn(&'w WordId) -> &'w str,
    skips: &impl Fn(&WordId) -> bool,
) -> Option<usize> {
    let (mut at, mut skipped) = (0, 0);
    for wanted in rest {
        while stem(words.get(at)?) != wanted {
            skipped += 1;
            if skipped > 2 || !skips(&words[at]) {
                return None;
            }
            at += 1;
        }
        at += 1;
    }
    Some(at)
}

/// Two words that are one (`front end`, `neu starten`), where one of them alone says nothing.
fn written_apart(vocabulary: &mut Vocabulary<'_>, words: &[WordId]) -> Option<Segment> {
    let [first, second, ..] = words else {
        return None;
    };
    if vocabulary.is_known(*first) && vocabulary.is_known(*second) {
        return None;
    }
    let joined = format!("{}{}", vocabulary.word(*first).surface, vocabulary.word(*second).surface);
    let id = vocabulary.intern(&joined);
    let readings = vocabulary.word(id).readings.clone();
    (!readings.is_empty()).then(|| Segment {
        words: vec![*first, *second],
        readings,
        is_filler: false,
    })
}

fn single(vocabulary: &Vocabulary<'_>, id: WordId, origin: Origin) -> Segment {
    let word = vocabulary.word(id);
    let segment = |readings: Vec<Tags>, is_filler| Segment { words: vec![id], readings, is_filler };
    if origin == Origin::Sentence && word.is_filler {
        return segment(Vec::new(), true);
    }
    let mut readings = word.readings.clone();
    if let Some(short) = &word.short_form
        && (origin == Origin::Identifier || readings.is_empty())
    {
        readings.insert(0, short.clone());
    }
    let is_tool = vocabulary.knowledge.tools.commands.contains_key(&word.surface);
    if readings.is_empty() && !word.is_generic && !word.is_filler && !is_tool {
        readings.extend(vocabulary.compound(&word.surface));
    }
    if let (true, Some(variants), Origin::Identifier) =
        (readings.is_empty(), vocabulary.knowledge.tools.commands.get(&word.surface), origin)
    {
        readings
            .extend(variants.last().map(|(_, tags)| tags.clone()).filter(|tags| !tags.is_empty()));
    }
    let is_filler = readings.is_empty() && (word.is_generic || word.is_filler);
    segment(readings, is_filler)
}
