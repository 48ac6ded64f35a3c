//! What a person asks for: free text as clauses of units, each a demand on a task.

use std::collections::{BTreeMap, HashSet};

use super::knowledge::{Concept, Tags};
use super::scope::{asks_for_state, asks_how, scope};
use super::segment::{Origin, Segment, segments};
use super::vocabulary::{Vocabulary, WordId};
use super::words::sentence;

/// A demand: a word or phrase that a task must answer.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// As understood, for the explanation.
    pub(crate) label: String,
    /// Its words, to be found literally.
    pub(crate) words: Vec<WordId>,
    /// Other words that the profile says mean the same.
    pub(crate) synonyms: Vec<WordId>,
    /// Alternative meanings; empty for a word that only a task's own words can answer.
    pub(crate) readings: Vec<Tags>,
    /// Below 1 for a corrected or guessed word.
    pub(crate) quality: f32,
    /// It tells only why or when: a task that answers it is nearer, one that does not lacks nothing.
    pub(crate) is_aside: bool,
}

/// The quality of a short word that differs in one letter from a known one, when nothing else is known.
const UNSURE: f32 = 0.42;

/// How much an activity that something is only for still counts.
const PURPOSE: f32 = 0.4;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// Independent wishes (`lint and test`).
    pub(crate) clauses: Vec<Vec<Unit>>,
    /// Concepts that must not be part of it (`without docker`).
    pub(crate) excluded: Vec<Concept>,
    /// The words that say so.
    pub(crate) excluded_words: Vec<WordId>,
    /// It asks how something is done: then nothing starts, and what would is shown.
    pub(crate) asks_how: bool,
    /// All words, filler included.
    pub(crate) words: Vec<WordId>,
}

impl Request {
    /// All units of all clauses.
    pub(crate) fn units(&self) -> Vec<Unit> {
        self.clauses.iter().flatten().cloned().collect()
    }
}

/// Words that the profile declares to mean the same.
pub(crate) type Synonyms = BTreeMap<String, Vec<String>>;

/// Reads free text. `own` are the words of the repository's tasks: they are never taken for mistakes.
pub(crate) fn request(
    vocabulary: &mut Vocabulary<'_>,
    text: &str,
    synonyms: &Synonyms,
    own: &HashSet<WordId>,
) -> Request {
    let scope = scope(vocabulary, text);
    let asks = asks_for_state(vocabulary, &scope.all);
    let asks_how = asks_how(vocabulary, &scope.all);
    let mut request = Request { words: scope.all, asks_how, ..Request::default() };
    for segment in segments(vocabulary, &scope.unwanted, Origin::Sentence) {
        request.excluded.extend(segment.readings.first().into_iter().flatten());
        if !segment.is_filler {
            request.excluded_words.extend(segment.words);
        }
    }
    let only_looks = forbids_changes(vocabulary, &mut request.excluded);
    let asides: HashSet<WordId> = scope.asides.into_iter().collect();
    let words = join_separable(vocabulary, scope.wanted);
    for clause in clauses(vocabulary, &words) {
        let mut units = units(vocabulary, &clause, synonyms, own);
        let is_understood = |unit: &Unit| unit.quality > UNSURE && !unit.readings.is_empty();
        if units.iter().any(is_understood) {
            // Beside an understood word a short typing mistake is one.
            for unit in units.iter_mut().filter(|unit| unit.quality == UNSURE) {
                unit.quality = 0.95;
            }
        }
        mark_purposes(vocabulary, &clause, &mut units);
        if !units.is_empty() {
            request.clauses.push(units);
        }
    }
    mark_asides(&mut request.clauses, &asides);
    mark_general(vocabulary, &mut request.clauses);
    if let (true, Some(first)) = (asks || only_looks, request.clauses.first_mut()) {
        first.extend(state_unit(vocabulary, first));
    }
    request
}

/// Marks what tells only why or when, where something else is asked for.
fn mark_asides(clauses: &mut [Vec<Unit>], asides: &HashSet<WordId>) {
    let is_aside = |unit: &Unit| unit.words.iter().any(|id| asides.contains(id));
    let is_said = |unit: &Unit| !unit.readings.is_empty() && !is_aside(unit);
    if !asides.is_empty() && clauses.iter().flatten().any(is_said) {
        for unit in clauses.iter_mut().flatten() {
            unit.is_aside |= is_aside(unit);
        }
    }
}

/// Marks what says nothing beside a named activity: where (`typing errors in the repository`), and that
/// several are meant (`lint and tests in one go`).
fn mark_general(vocabulary: &Vocabulary<'_>, clauses: &mut [Vec<Unit>]) {
    let knowledge = vocabulary.knowledge;
    let tags = |names: &[&str]| -> Tags {
        names.iter().filter_map(|name| knowledge.concept(name)).collect()
    };
    let (place, everything) = (tags(&["repository"]), tags(&["check", "all"]));
    let is_general = |unit: &Unit| {
        let same = |tags: &Tags, other: &Tags| {
            tags.len() == other.len() && tags.iter().all(|tag| other.contains(tag))
        };
        let mut readings = unit.readings.iter();
        readings.next().is_some_and(|tags| same(tags, &place) || same(tags, &everything))
    };
    let is_deed = |unit: &Unit| {
        let mut tags = unit.readings.iter().flatten();
        !is_general(unit) && tags.any(|tag| knowledge.concepts[usize::from(*tag)].is_deed())
            || unit.readings.iter().any(|tags| tags.len() > 1 && !is_general(unit))
    };
    if clauses.iter().flatten().any(is_deed) {
        for unit in clauses.iter_mut().flatten().filter(|unit| is_general(unit)) {
            unit.is_aside = true;
        }
    }
}

/// Marks the activity that something is only for, where another one is asked for: `start a database for
/// the tests`, but not `check for typing errors`.
fn mark_purposes(vocabulary: &Vocabulary<'_>, words: &[WordId], units: &mut [Unit]) {
    let knowledge = vocabulary.knowledge;
    let opens = |id: &WordId| {
        let surface = &vocabulary.word(*id).surface;
        knowledge.languages.iter().any(|language| language.purpose.contains(surface))
    };
    let looks: Tags = ["run", "check", "show", "list", "search", "analyze"]
        .iter()
        .filter_map(|name| knowledge.concept(name))
        .collect();
    let acts = |unit: &Unit| {
        let mut tags = unit.readings.first().into_iter().flatten();
        tags.any(|tag| knowledge.is_activity(*tag) && !looks.contains(tag))
    };
    let mut content = words.iter().skip_while(|id| !opens(id)).skip(1);
    let Some(first) = content.find(|id| !vocabulary.word(**id).is_filler) else {
        return;
    };
    let Some(purpose) = units.iter().position(|unit| unit.words.contains(first)) else {
        return;
    };
    let is_other = |(at, unit): (usize, &Unit)| at != purpose && acts(unit);
    if acts(&units[purpose]) && units.iter().enumerate().any(is_other) {
        units[purpose].is_aside = true;
        units[purpose].quality *= PURPOSE;
    }
}

/// Whether the request rules out that anything is changed; then all that changes is ruled out.
fn forbids_changes(vocabulary: &Vocabulary<'_>, excluded: &mut Tags) -> bool {
    let concepts = |names: &[&str]| -> Tags {
        names.iter().filter_map(|name| vocabulary.knowledge.concept(name)).collect()
    };
    let forbids =
        concepts(&["edit", "fix", "changed", "update"]).iter().any(|tag| excluded.contains(tag));
    if forbids {
        excluded.extend(concepts(&["fix", "edit", "apply"]));
    }
    forbids
}

/// The demand to look instead of to change, unless what is asked for only looks anyway.
fn state_unit(vocabulary: &Vocabulary<'_>, units: &[Unit]) -> Option<Unit> {
    let knowledge = vocabulary.knowledge;
    let looks: Vec<Tags> = ["check", "status"]
        .iter()
        .filter_map(|name| Some(vec![knowledge.concept(name)?]))
        .collect();
    let changes = ["format", "fix", "update", "generate", "migrate"];
    let changes: Tags = changes.iter().filter_map(|name| knowledge.concept(name)).collect();
    let tags = || units.iter().flat_map(|unit| unit.readings.iter().flatten());
    let is_said = tags().any(|tag| looks.iter().any(|look| look.contains(tag)));
    let has_deed = tags().any(|tag| knowledge.concepts[usize::from(*tag)].is_deed());
    let only_looks = has_deed && !tags().any(|tag| changes.contains(tag));
    (!is_said && !only_looks && vocabulary.has_meaning()).then(|| Unit {
        label: "?".to_owned(),
        words: Vec::new(),
        synonyms: Vec::new(),
        readings: looks,
        quality: 1.0,
        is_aside: false,
    })
}

/// The concepts of a text whose every word is understood, in their order of index; for phrases that say
/// the same in other words.
pub(crate) fn concept_key(vocabulary: &mut Vocabulary<'_>, text: &str) -> Option<Tags> {
    let units = request(vocabulary, text, &Synonyms::new(), &HashSet::new()).units();
    let mut tags = Tags::new();
    for unit in &units {
        tags.extend(unit.readings.first().filter(|_| unit.quality > 0.9)?);
    }
    tags.sort_unstable();
    tags.dedup();
    (!tags.is_empty()).then_some(tags)
}

/// The key by which phrases of `semantics` are found: content words in any order and inflection.
pub(crate) fn phrase_key(vocabulary: &mut Vocabulary<'_>, text: &str) -> Vec<String> {
    let words: Vec<WordId> = sentence(text).iter().map(|word| vocabulary.intern(word)).collect();
    let words = join_separable(vocabulary, words);
    let mut key: Vec<String> = words
        .iter()
        .map(|id| vocabulary.word(*id))
        .filter(|word| !word.is_filler)
        .map(|word| word.stems.last().unwrap_or(&word.surface).clone())
        .collect();
    if key.is_empty() {
        key = words.iter().map(|id| vocabulary.word(*id).surface.clone()).collect();
    }
    key.sort_unstable();
    key
}

/// Joins a verb with its particle further right: `räum … auf`, `spin … up`.
fn join_separable(vocabulary: &mut Vocabulary<'_>, mut words: Vec<WordId>) -> Vec<WordId> {
    let knowledge = vocabulary.knowledge;
    let mut at = words.len();
    while at > 1 {
        at -= 1;
        let particle = vocabulary.word(words[at]).surface.clone();
        if !knowledge.languages.iter().any(|language| language.particles.contains(&particle)) {
            continue;
        }
        // The verb stands before its object: `führ die Tests aus`.
        let joined =
            (0..at).find_map(|verb| Some((verb, joined_verb(vocabulary, words[verb], words[at])?)));
        if let Some((verb, replacement)) = joined {
            words.remove(at);
            words.splice(verb..=verb, replacement);
        }
    }
    words
}

/// `räum` and `auf` are `aufräumen`; `spin` and `up` are the phrase `spin up`.
fn joined_verb(
    vocabulary: &mut Vocabulary<'_>,
    verb: WordId,
    particle: WordId,
) -> Option<Vec<WordId>> {
    let languages = &vocabulary.knowledge.languages;
    for (at, language) in languages.iter().enumerate() {
        let stem = &vocabulary.word(verb).stems[at];
        let rest = std::slice::from_ref(&vocabulary.word(particle).stems[at]);
        let longer = language.phrases.get(stem);
        if longer.is_some_and(|longer| longer.iter().any(|(other, _)| other == rest)) {
            return Some(vec![verb, particle]);
        }
    }
    let joined = format!("{}{}", vocabulary.word(particle).surface, vocabulary.word(verb).surface);
    let id = vocabulary.intern(&joined);
    let word = vocabulary.word(id);
    (word.is_filler || !word.readings.is_empty()).then(|| vec![id])
}

/// Cuts at conjunctions where both sides hold an activity of their own.
fn clauses(vocabulary: &mut Vocabulary<'_>, words: &[WordId]) -> Vec<Vec<WordId>> {
    let mut parts: Vec<Vec<WordId>> = vec![Vec::new()];
    for word in words {
        let surface = &vocabulary.word(*word).surface;
        let cuts = vocabulary
            .knowledge
            .languages
            .iter()
            .any(|language| language.conjunction.contains(surface));
        match parts.last_mut() {
            Some(part) if !cuts => part.push(*word),
            _ => parts.push(Vec::new()),
        }
    }
    parts.retain(|part| !part.is_empty());
    let stands_alone =
        |vocabulary: &mut Vocabulary<'_>, part: &Vec<WordId>| has_real_activity(vocabulary, part);
    if parts.len() > 1 && parts.iter().all(|part| stands_alone(vocabulary, part)) {
        return parts;
    }
    vec![parts.concat()]
}

fn has_real_activity(vocabulary: &mut Vocabulary<'_>, words: &[WordId]) -> bool {
    let knowledge = vocabulary.knowledge;
    let light = [knowledge.concept("run"), knowledge.concept("fix")];
    segments(vocabulary, words, Origin::Sentence).iter().any(|segment| {
        let mut tags = segment.readings.iter().flatten();
        tags.any(|tag| !light.contains(&Some(*tag)) && speaks_of_activity(vocabulary, *tag))
    })
}

/// An activity, or an object that implies one (`unit tests`).
fn speaks_of_activity(vocabulary: &Vocabulary<'_>, tag: Concept) -> bool {
    let knowledge = vocabulary.knowledge;
    let gives = &knowledge.concepts[usize::from(tag)].gives;
    knowledge.is_activity(tag)
        || gives.iter().any(|(given, strength)| *strength >= 0.9 && knowledge.is_activity(*given))
}

fn units(
    vocabulary: &mut Vocabulary<'_>,
    words: &[WordId],
    synonyms: &Synonyms,
    own: &HashSet<WordId>,
) -> Vec<Unit> {
    let (left, mut found) = distant_phrases(vocabulary, words);
    for segment in segments(vocabulary, &left, Origin::Sentence) {
        let is_synonym =
            segment.words.iter().any(|id| !synonym_words(vocabulary, *id, synonyms).is_empty());
        if segment.is_filler && !is_synonym {
            found.extend(bonus(vocabulary, segment, own));
            continue;
        }
        if let Some(unit) = unit(vocabulary, segment, own) {
            found.push(with_synonyms(vocabulary, unit, synonyms));
        }
    }
    found.sort_by_key(|unit| words.iter().position(|word| unit.words.contains(word)));
    said_once(found)
}

/// A word such as "all" that a task may name; one that does not lacks nothing.
fn bonus(vocabulary: &Vocabulary<'_>, segment: Segment, own: &HashSet<WordId>) -> Option<Unit> {
    let id = *segment.words.first()?;
    let surface = &vocabulary.word(id).surface;
    let is_bonus = vocabulary.knowledge.languages.iter().any(|it| it.bonus.contains(surface));
    let is_named = || own.iter().any(|known| vocabulary.agreement(id, *known) == 1.0);
    (is_bonus && vocabulary.has_meaning() && is_named()).then(|| Unit {
        label: surface.clone(),
        words: segment.words,
        synonyms: Vec::new(),
        readings: Vec::new(),
        quality: 1.0,
        is_aside: true,
    })
}

/// What is said twice (`the tables of the database`) is one demand.
fn said_once(units: Vec<Unit>) -> Vec<Unit> {
    let mut once: Vec<Unit> = Vec::with_capacity(units.len());
    for unit in units {
        let said = once
            .iter_mut()
            .find(|other| !unit.readings.is_empty() && other.readings == unit.readings);
        match said {
            // The words of a phrase say it only together.
            Some(other) if unit.words.len() == 1 => other.synonyms.extend(unit.words),
            Some(_) => {}
            None => once.push(unit),
        }
    }
    once
}

/// Phrases with several concepts whose content words stand apart or in another order (`Abhängigkeiten …
/// aktualisieren`); the longest win.
fn distant_phrases(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> (Vec<WordId>, Vec<Unit>) {
    let mut left = words.to_vec();
    let mut found = Vec::new();
    if !vocabulary.has_meaning() {
        return (left, found);
    }
    while let Some((taken, tags)) = longest_distant(vocabulary, &left) {
        left.retain(|id| !taken.contains(id));
        let surfaces: Vec<&str> =
            taken.iter().map(|id| vocabulary.word(*id).surface.as_str()).collect();
        found.push(Unit {
            label: surfaces.join(" "),
            words: taken,
            synonyms: Vec::new(),
            readings: vec![tags],
            quality: 1.0,
            is_aside: false,
        });
    }
    (left, found)
}

fn longest_distant(vocabulary: &Vocabulary<'_>, words: &[WordId]) -> Option<(Vec<WordId>, Tags)> {
    let mut best: Option<(Vec<WordId>, Tags)> = None;
    for (at, language) in vocabulary.knowledge.languages.iter().enumerate() {
        let stem = |id: &WordId| vocabulary.word(*id).stems[at].as_str();
        let content = || words.iter().filter(|id| !vocabulary.word(**id).is_filler);
        for first in content() {
            for (rest, tags) in language.loose.get(stem(first)).into_iter().flatten() {
                let find = |wanted: &String| {
                    content().find(|id| *id != first && stem(id) == wanted).copied()
                };
                let Some(mut taken) = rest.iter().map(find).collect::<Option<Vec<_>>>() else {
                    continue;
                };
                taken.insert(0, *first);
                if best.as_ref().is_none_or(|(longest, _)| longest.len() < taken.len()) {
                    best = Some((taken, tags.clone()));
                }
            }
        }
    }
    best
}

fn unit(vocabulary: &mut Vocabulary<'_>, segment: Segment, own: &HashSet<WordId>) -> Option<Unit> {
    let surfaces: Vec<&str> =
        segment.words.iter().map(|id| vocabulary.word(*id).surface.as_str()).collect();
    let plain = Unit {
        label: surfaces.join(" "),
        words: segment.words,
        synonyms: Vec::new(),
        readings: segment.readings,
        quality: 1.0,
        is_aside: false,
    };
    if !plain.readings.is_empty() {
        return Some(plain);
    }
    guess(vocabulary, plain, own)
}

/// An unknown word: a word of the repository, a tool, a typing mistake, or a compound with a known end.
fn guess(vocabulary: &mut Vocabulary<'_>, mut unit: Unit, own: &HashSet<WordId>) -> Option<Unit> {
    let id = *unit.words.first()?;
    if !vocabulary.has_meaning() {
        return Some(unit);
    }
    let is_own = own.iter().any(|known| vocabulary.agreement(id, *known) > 0.9);
    let surface = vocabulary.word(id).surface.clone();
    if let Some(variants) = vocabulary.knowledge.tools.commands.get(&surface) {
        unit.readings = variants
            .last()
            .map(|(_, tags)| tags.clone())
            .filter(|tags| !tags.is_empty())
            .into_iter()
            .collect();
        unit.quality = if is_own { 0.9 } else { 0.6 };
        return Some(unit);
    }
    if is_own {
        return Some(unit);
    }
    if let Some(meant) = vocabulary.knowledge.correct(&surface) {
        let meant = vocabulary.intern(meant);
        let word = vocabulary.word(meant);
        if word.is_filler {
            return None;
        }
        unit.readings = word.readings.clone();
        unit.words.push(meant);
        unit.quality = if is_sure_typo(&surface, &word.surface) { 0.95 } else { UNSURE };
        return Some(unit);
    }
    if let Some((rest, tags)) = vocabulary.compound_head(&surface) {
        let rest = vocabulary.intern(&rest);
        unit.readings = vec![tags];
        unit.words.push(rest);
        unit.quality = 0.6;
    }
    Some(unit)
}

/// Swapped letters, and mistakes in long words, are hardly ever another word; `lunch` is not `launch`.
fn is_sure_typo(typed: &str, meant: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    typed.len() >= 7 || sorted(typed) == sorted(meant)
}

fn with_synonyms(vocabulary: &mut Vocabulary<'_>, mut unit: Unit, synonyms: &Synonyms) -> Unit {
    for id in unit.words.clone() {
        for other in synonym_words(vocabulary, id, synonyms) {
            let words: Vec<WordId> =
                sentence(&other).iter().map(|word| vocabulary.intern(word)).collect();
            for segment in segments(vocabulary, &words, Origin::Sentence) {
                unit.readings.extend(segment.readings);
            }
            unit.synonyms.extend(words);
        }
    }
    unit
}

/// The other words of every group of synonyms that holds the word.
fn synonym_words(vocabulary: &mut Vocabulary<'_>, id: WordId, synonyms: &Synonyms) -> Vec<String> {
    let mut found = Vec::new();
    for (key, others) in synonyms {
        let group: Vec<&String> = std::iter::once(key).chain(others).collect();
        let holds = group.iter().any(|word| {
            let words = sentence(word);
            let [one] = words.as_slice() else {
                return false;
            };
            let known = vocabulary.intern(one);
            vocabulary.agreement(known, id) == 1.0
        });
        if holds {
            found.extend(group.into_iter().cloned());
        }
    }
    found
}
