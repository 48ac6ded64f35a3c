//! How well a task answers a request.

use std::collections::HashSet;

use super::knowledge::{Concept, ConceptInfo, Knowledge, Tags};
use super::meaning::TaskMeaning;
use super::request::Unit;
use super::vocabulary::{Vocabulary, WordId};

/// What remains for a word that nothing in the task answers, when what the task does answer are everyday
/// words: `start the car`.
const UNKNOWN_REST: f32 = 0.42;
/// The same beside several answered words.
const UNKNOWN_REST_BESIDE_SEVERAL: f32 = 0.6;
/// The same beside a word that belongs to software: `draw up a changelog`.
const UNKNOWN_REST_BESIDE_TECHNICAL: f32 = 0.76;

/// The same beside a word that only few tasks answer.
const UNKNOWN_REST_BESIDE_SPECIFIC: f32 = 0.82;

/// What remains, beside a word that only few tasks answer, for a word that no task answers.
const DEAD_REST: f32 = 0.62;

/// What remains when only words of a description, none of them understood, speak for a task.
const HINT_REST: f32 = 0.6;

/// What a task gets at least that a request calls by a rare word of its name.
const CALLED: f32 = 0.38;

/// From which agreement on a task answers a word specifically.
const SPECIFIC: f32 = 0.55;

/// What remains when a task does not do what is only the object of another activity (`clean the build`).
const OBJECT_REST: f32 = 0.66;

/// The most that words of a task's name without meaning can cost.
const UNKNOWN_NAME_FLOOR: f32 = 0.8;

/// The most that unrequested concepts can cost.
const PRECISION_FLOOR: f32 = 0.3;

/// A demand prepared for comparison with many tasks.
pub(crate) struct Demand<'a> {
    unit: &'a Unit,
    /// Whether a reading is an activity.
    is_deed: bool,
    /// For each of the unit's words, how well it agrees with each word of the vocabulary.
    agreement: Vec<Vec<f32>>,
    /// For each of them, whether it is more than filler.
    is_content: Vec<bool>,
    synonym_agreement: Vec<Vec<f32>>,
    /// For each reading, what remains when a concept of it is missing.
    missing: Vec<Vec<f32>>,
}

/// The demands of one request, with what they imply.
pub(crate) struct Demands<'a> {
    demands: Vec<Demand<'a>>,
    requested: HashSet<Concept>,
    has_activity: bool,
    excluded: &'a [Concept],
}

/// How many tasks answer a demand.
struct Spread {
    /// No task does.
    is_dead: bool,
    /// Few do.
    is_rare: bool,
}

impl Spread {
    fn new(anchors: impl Iterator<Item = f32>, few: usize) -> Self {
        let (mut answering, mut best) = (0, 0.0_f32);
        for anchor in anchors {
            answering += usize::from(anchor >= SPECIFIC);
            best = best.max(anchor);
        }
        Self { is_dead: best < 0.3, is_rare: (1..=few).contains(&answering) }
    }
}

/// A score with its reasons.
#[derive(Default)]
pub(crate) struct Scored {
    /// 0 to 1.
    pub(crate) score: f32,
    /// Which words were answered by what.
    pub(crate) why: Vec<String>,
    /// It answers a word of software that few tasks answer.
    pub(crate) is_specific: bool,
    /// No activity of the request is left that no task does.
    pub(crate) is_whole: bool,
}

impl<'a> Demands<'a> {
    /// Prepares units for comparison.
    pub(crate) fn new(
        vocabulary: &Vocabulary<'_>,
        units: &'a [Unit],
        excluded: &'a [Concept],
    ) -> Self {
        let knowledge = vocabulary.knowledge;
        let all: Tags =
            units.iter().flat_map(|unit| unit.readings.iter().flatten()).copied().collect();
        let is_activity = |tag: &Concept| knowledge.is_activity(*tag);
        let implies = |tag: &Concept| {
            let gives = &knowledge.concepts[usize::from(*tag)].gives;
            let is_object = !is_activity(tag);
            let strong = gives.iter().filter(|(_, strength)| is_object && *strength >= 0.95);
            strong.map(|(given, _)| *given).collect::<Tags>()
        };
        let named = all.iter().copied().chain(all.iter().flat_map(implies));
        let activities: Tags = named.filter(is_activity).collect();
        let main = main_activity(knowledge, units);
        let demand = |(at, unit)| {
            let is_object = main.is_some_and(|main| main != at);
            Demand::new(vocabulary, unit, &activities, is_object)
        };
        let demands = units.iter().enumerate().map(demand).collect();
        let implied = all.iter().flat_map(|tag| &knowledge.concepts[usize::from(*tag)].gives);
        let implied = implied.filter(|(_, strength)| *strength >= 0.5).map(|(tag, _)| *tag);
        let gives_activity = |tag: &Concept| {
            let mut gives = knowledge.concepts[usize::from(*tag)].gives.iter();
            gives.any(|(given, strength)| *strength >= 0.95 && is_activity(given))
        };
        let has_activity = !activities.is_empty() || all.iter().any(gives_activity);
        let requested = all.iter().copied().chain(implied).collect();
        Self { demands, requested, has_activity, excluded }
    }

    /// Scores all tasks. What only few of them answer says more than what many answer, and what none
    /// answers cannot tell them apart.
    pub(crate) fn score(&self, knowledge: &Knowledge, meanings: &[TaskMeaning]) -> Vec<Scored> {
        let answers: Vec<Vec<Answer>> = meanings
            .iter()
            .map(|meaning| self.demands.iter().map(|demand| demand.answer(meaning)).collect())
            .collect();
        let few = (meanings.len() / 10).clamp(2, 4);
        let spread: Vec<Spread> = (0..self.demands.len())
            .map(|at| Spread::new(answers.iter().map(|row| row[at].anchor), few))
            .collect();
        let scored = answers.iter().zip(meanings);
        scored
            .map(|(answers, meaning)| self.score_one(knowledge, meaning, answers, &spread))
            .collect()
    }

    fn score_one(
        &self,
        knowledge: &Knowledge,
        meaning: &TaskMeaning,
        answers: &[Answer],
        spread: &[Spread],
    ) -> Scored {
        let anchor = answers.iter().map(|answer| answer.anchor).fold(0.0, f32::max);
        if anchor < 0.3 {
            return Scored::default();
        }
        let parts = || self.demands.iter().zip(answers).zip(spread);
        let answered = || parts().filter(|((_, answer), _)| answer.anchor >= SPECIFIC);
        let is_called = answered().any(|((demand, answer), spread)| {
            spread.is_rare && answer.literal >= 0.99 && !demand.is_everyday_deed(knowledge)
        });
        let is_hinted =
            answered().all(|((demand, answer), _)| demand.is_unknown() && answer.literal < 0.99);
        let is_specific = !is_hinted
            && answered().any(|((demand, _), spread)| {
                (spread.is_rare || answered().count() > 1) && demand.is_technical(knowledge)
            });
        let mut cover = 1.0;
        // Words of a description alone are a hint, never a call.
        let mut is_whole = !is_hinted;
        if is_hinted {
            cover *= HINT_REST;
        }
        let (mut unanswered, mut known, mut is_technical) = (0, 0, false);
        for ((demand, answer), spread) in parts() {
            if demand.is_unknown() && answer.anchor < 0.3 {
                unanswered += 1;
                continue;
            }
            let is_dead = spread.is_dead && !demand.unit.words.is_empty();
            is_whole &= !(is_dead && demand.is_real_deed(knowledge));
            cover *=
                if is_dead && is_specific { answer.factor.max(DEAD_REST) } else { answer.factor };
            known += usize::from(answer.anchor >= 0.6);
            is_technical |= answer.anchor >= 0.6 && demand.is_technical(knowledge);
        }
        let rest = if is_specific {
            UNKNOWN_REST_BESIDE_SPECIFIC
        } else {
            unknown_rest(is_technical, known)
        };
        cover *= rest.powi(unanswered);
        let literal: f32 = answers.iter().map(|answer| answer.literal).sum();
        let closeness = 0.95 + 0.05 * literal / self.demands.len().max(1) as f32;
        let score = cover * self.precision(knowledge, meaning) * closeness;
        let said = parts().filter(|((_, answer), _)| answer.anchor >= 0.5);
        let said =
            said.map(|((demand, answer), _)| format!("{} ({})", demand.unit.label, answer.source));
        let score = if self.is_name(meaning) {
            score.max(0.97)
        } else if is_called && score < CALLED {
            is_whole = false;
            CALLED + 0.1 * score
        } else {
            score
        };
        Scored { score, why: said.collect(), is_specific: is_specific || is_called, is_whole }
    }

    /// What concepts that nobody asked for cost.
    fn precision(&self, knowledge: &Knowledge, meaning: &TaskMeaning) -> f32 {
        let mut precision: f32 = 1.0;
        let mut seen = HashSet::new();
        for tag in meaning.focus.iter().filter(|tag| seen.insert(**tag)) {
            let info = &knowledge.concepts[usize::from(*tag)];
            if self.excluded.contains(tag) {
                precision *= 0.4;
            } else if !self.requested.contains(tag) && !self.is_usual(knowledge, *tag) {
                precision *=
                    if self.is_a_way(info, meaning) { info.extra.sqrt() } else { info.extra };
            }
        }
        let is_asked = |id: &&WordId| self.demands.iter().any(|demand| demand.agrees(**id) >= 0.8);
        let strange = meaning.unknown.iter().filter(|id| !is_asked(id)).count();
        precision *= 0.9_f32.powi(strange.min(4) as i32).max(UNKNOWN_NAME_FLOOR);
        precision.max(PRECISION_FLOOR)
    }

    /// Whether a concept is how the task does something requested that it does not name.
    fn is_a_way(&self, info: &ConceptInfo, meaning: &TaskMeaning) -> bool {
        let unnamed = |tag: &Concept| self.requested.contains(tag) && !meaning.focus.contains(tag);
        info.gives.iter().any(|(tag, strength)| *strength >= 0.5 && unnamed(tag))
    }

    /// A request for an object alone means what is usually done with it.
    fn is_usual(&self, knowledge: &Knowledge, tag: Concept) -> bool {
        let first_use =
            |scope: &Concept| knowledge.concepts[usize::from(*scope)].usual.first() == Some(&tag);
        !self.has_activity && self.requested.iter().any(first_use)
    }

    /// Whether the request consists of exactly the words of one of the task's names.
    fn is_name(&self, meaning: &TaskMeaning) -> bool {
        meaning.names.iter().any(|name| {
            let covers_name =
                name.iter().all(|id| self.demands.iter().any(|demand| demand.agrees(*id) >= 1.0));
            let is_covered = self.demands.iter().all(|demand| demand.is_within(name));
            !name.is_empty() && covers_name && is_covered
        })
    }
}

/// Of several activities the one that is asked for: a German infinitive at the end, else the first.
/// `None` when there are not several.
fn main_activity(knowledge: &Knowledge, units: &[Unit]) -> Option<usize> {
    let is_deed = |unit: &Unit| {
        let mut tags = unit.readings.iter().flatten();
        tags.any(|tag| knowledge.concepts[usize::from(*tag)].is_deed())
    };
    let deeds: Vec<usize> = (0..units.len()).filter(|at| is_deed(&units[*at])).collect();
    let [first, .., last] = deeds.as_slice() else {
        return None;
    };
    let ends_as_infinitive = *last + 1 == units.len() && units[*last].label.ends_with("en");
    Some(if ends_as_infinitive { *last } else { *first })
}

fn unknown_rest(is_technical: bool, known: usize) -> f32 {
    match (is_technical, known) {
        (true, _) => UNKNOWN_REST_BESIDE_TECHNICAL,
        (false, 2..) => UNKNOWN_REST_BESIDE_SEVERAL,
        _ => UNKNOWN_REST,
    }
}

struct Answer {
    factor: f32,
    /// How far the task's own words are the asked ones.
    literal: f32,
    /// The strongest single agreement.
    anchor: f32,
    source: &'static str,
}

impl<'a> Demand<'a> {
    fn new(
        vocabulary: &Vocabulary<'_>,
        unit: &'a Unit,
        activities: &[Concept],
        is_object: bool,
    ) -> Self {
        let row = |id: &WordId| {
            (0..vocabulary.len()).map(|other| vocabulary.agreement(*id, other)).collect()
        };
        let concepts = &vocabulary.knowledge.concepts;
        let rest = |tag: &Concept| {
            let info = &concepts[usize::from(*tag)];
            let rest = info.missing_beside(*tag, activities);
            if is_object && info.is_deed() { rest.max(OBJECT_REST) } else { rest }
        };
        Self {
            is_deed: unit
                .readings
                .iter()
                .flatten()
                .any(|tag| vocabulary.knowledge.is_activity(*tag)),
            agreement: unit.words.iter().map(row).collect(),
            is_content: unit
                .words
                .iter()
                .map(|id| unit.words.len() == 1 || !vocabulary.word(*id).is_filler)
                .collect(),
            synonym_agreement: unit.synonyms.iter().map(row).collect(),
            missing: unit.readings.iter().map(|tags| tags.iter().map(rest).collect()).collect(),
            unit,
        }
    }

    /// How well one of the unit's words agrees with a word.
    fn agrees(&self, id: WordId) -> f32 {
        let rows = self.agreement.iter().chain(&self.synonym_agreement);
        rows.filter_map(|row| row.get(id)).copied().fold(0.0, f32::max)
    }

    fn is_unknown(&self) -> bool {
        self.unit.readings.is_empty()
    }

    /// Whether the unit speaks of software: by a concept that everyday talk does not have, or by a word
    /// of the repository.
    fn is_technical(&self, knowledge: &Knowledge) -> bool {
        let mut tags = self.unit.readings.iter().flatten();
        self.is_unknown() || tags.any(|tag| !knowledge.concepts[usize::from(*tag)].is_everyday)
    }

    /// Whether the unit is an activity of its own, not a manner such as to run or to show.
    fn is_real_deed(&self, knowledge: &Knowledge) -> bool {
        let mut tags = self.unit.readings.iter().flatten();
        tags.any(|tag| knowledge.concepts[usize::from(*tag)].is_deed())
    }

    /// Whether the unit is only an activity of everyday talk.
    fn is_everyday_deed(&self, knowledge: &Knowledge) -> bool {
        self.is_deed && !self.is_technical(knowledge)
    }

    /// Whether all words of the unit are among these.
    fn is_within(&self, words: &[WordId]) -> bool {
        let found = |row: &Vec<f32>| {
            words.iter().any(|id| row.get(*id).is_some_and(|agreement| *agreement >= 1.0))
        };
        let mut rows = self.agreement.iter();
        let own = if self.unit.quality < 1.0 {
            rows.any(found)
        } else {
            rows.len() > 0 && rows.all(found)
        };
        own || self.synonym_agreement.iter().any(found)
    }

    fn answer(&self, meaning: &TaskMeaning) -> Answer {
        let literal = self.literal(meaning);
        let is_meant = !self.unit.readings.is_empty();
        // A word with a meaning counts literally only where the task calls itself so, or names the object.
        let enough = if self.is_deed { 0.9 } else { 0.65 };
        let by_word = if is_meant && literal < enough { 0.0 } else { literal };
        let mut best = Answer {
            factor: UNKNOWN_REST + (1.0 - UNKNOWN_REST) * by_word,
            literal: if literal >= 0.95 { literal } else { 0.0 },
            anchor: by_word,
            source: "word",
        };
        if is_meant && by_word == 0.0 {
            best.factor = 0.0;
        }
        for (rank, tags) in self.unit.readings.iter().enumerate() {
            let strengths = tags.iter().map(|tag| meaning.strength[usize::from(*tag)]);
            let factor: f32 = strengths
                .clone()
                .zip(&self.missing[rank])
                .map(|(s, rest)| rest + (1.0 - rest) * s)
                .product();
            let factor = factor * self.unit.quality;
            if factor > best.factor || best.source == "word" && factor >= best.factor {
                let main = tags.iter().max_by(|a, b| {
                    meaning.strength[usize::from(**a)]
                        .total_cmp(&meaning.strength[usize::from(**b)])
                });
                best.source =
                    main.map_or("word", |tag| meaning.evidence[usize::from(*tag)].as_str());
                best.factor = best.factor.max(factor);
                best.anchor = best.anchor.max(strengths.fold(0.0, f32::max));
            }
        }
        best
    }

    /// How far the unit's words occur in the task: all of its words, or one of its synonyms.
    fn literal(&self, meaning: &TaskMeaning) -> f32 {
        if self.unit.words.is_empty() {
            return 0.0;
        }
        let best = |row: &Vec<f32>| {
            let words = meaning.literals.iter();
            words
                .map(|(id, strength)| row.get(*id).copied().unwrap_or(0.0) * strength)
                .fold(0.0, f32::max)
        };
        // A corrected word stands beside the mistyped one: either may be found.
        let rows = self.agreement.iter().zip(&self.is_content);
        let content = rows.filter(|(_, is_content)| **is_content);
        let all = content.map(|(row, _)| best(row));
        let own = if self.unit.quality < 1.0 {
            all.fold(0.0, f32::max)
        } else {
            all.reduce(f32::min).unwrap_or(0.0)
        };
        self.synonym_agreement.iter().map(best).fold(own, f32::max)
    }
}
