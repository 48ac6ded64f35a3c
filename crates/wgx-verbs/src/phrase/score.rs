//! How well each task answers a request: a handful of signals per task, weighed by `weights`.

use std::collections::HashSet;

use super::knowledge::{Concept, ConceptInfo, Knowledge, Tags};
use super::meaning::{Evidence, TaskMeaning};
use super::request::{Request, Unit};
use super::vocabulary::{Vocabulary, WordId};
use super::weights::{FITS, RANKS};

/// From which agreement on a task answers a demand.
const ANSWERS: f32 = 0.55;

/// What remains of a word that only a task's own words could answer.
const UNKNOWN_REST: f32 = 0.42;

/// What remains when a task does not do what is only the object of another activity (`clean the build`).
const OBJECT_REST: f32 = 0.66;

/// What remains at least of a demand: nothing said once can rule a task out.
const LEAST: f32 = 0.03;

/// In a repository with fewer tasks, how rare an answer is counts as if it had this many.
const USUAL_TASKS: f32 = 12.0;

/// The most that unrequested concepts can cost.
const PRECISION_FLOOR: f32 = 0.3;

/// What a demand asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An activity of its own.
    Deed,
    /// To run, to check, to show: says little beside another activity.
    Light,
    Scope,
    Modifier,
    /// A word without a known meaning.
    Word,
}

/// A demand prepared for comparison with many tasks.
pub(crate) struct Demand<'a> {
    unit: &'a Unit,
    kind: Kind,
    /// It speaks of software, by a concept that everyday talk does not have.
    is_technical: bool,
    /// Its word belongs to another part of life.
    is_elsewhere: bool,
    /// For each of the unit's words, how well it agrees with each word of the vocabulary.
    agreement: Vec<Vec<f32>>,
    /// For each of them, whether it is more than filler.
    is_content: Vec<bool>,
    synonym_agreement: Vec<Vec<f32>>,
    /// For each word, how much of it is in each word of the vocabulary.
    kinship: Vec<Vec<f32>>,
    /// For each reading, what remains when a concept of it is missing.
    missing: Vec<Vec<f32>>,
}

/// The demands of one request, with what they imply.
pub(crate) struct Demands<'a> {
    demands: Vec<Demand<'a>>,
    requested: HashSet<Concept>,
    has_activity: bool,
    excluded: &'a [Concept],
    /// How well the words of what is excluded agree with each word of the vocabulary.
    excluded_words: Vec<Vec<f32>>,
}

/// How many tasks answer a demand.
struct Spread {
    /// No task does.
    is_dead: bool,
    /// How much it tells tasks apart: 1 where one task answers it by its meaning, 0 where all do.
    meant: f32,
    /// The same for its words.
    literal: f32,
    /// The same for each of its content words alone.
    words: Vec<f32>,
}

/// What a task lacks of the asked concepts, by degree.
#[derive(Default)]
struct Lacks {
    /// Activities that no task does.
    dead_deeds: f32,
    /// Objects of software that no task works on.
    dead_objects: f32,
    /// Objects of everyday talk that no task works on.
    dead_everyday: f32,
    /// Activities that other tasks do.
    deeds: f32,
    /// Objects that other tasks work on.
    objects: f32,
}

/// What speaks for a task.
pub(crate) struct Scored {
    /// In the order of [`RANKS`].
    pub(crate) ranks: [f32; RANKS.len()],
    /// In the order of [`FITS`]; those that need the other tasks are still 0.
    pub(crate) fits: [f32; FITS.len()],
    /// Which words were answered by what.
    pub(crate) why: Vec<String>,
    /// No activity of the request is left that no task does, and a look is not answered by a change.
    pub(crate) is_whole: bool,
    /// Something in the task answers something in the request.
    pub(crate) is_near: bool,
}

struct Answer {
    /// For each content word of the demand, how far it is a word of the task.
    words: Vec<f32>,
    /// How well the task does what is meant, 0 to 1.
    meant: f32,
    /// The same, with the task's own words.
    factor: f32,
    /// How far the task's own words are the asked ones.
    literal: f32,
    /// How far a word of its name is related to the asked one.
    kin: f32,
    /// The strongest single agreement.
    anchor: f32,
    source: Option<Evidence>,
    /// Which of the unit's readings the task answers best.
    reading: usize,
}

impl<'a> Demands<'a> {
    /// Prepares units for comparison.
    pub(crate) fn new(
        vocabulary: &Vocabulary<'_>,
        units: &'a [Unit],
        request: &'a Request,
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
        let row = |id: &WordId| row(vocabulary, *id);
        Self {
            demands,
            requested,
            has_activity,
            excluded: &request.excluded,
            excluded_words: request.excluded_words.iter().map(row).collect(),
        }
    }

    /// What speaks for each task.
    ///
    /// How rare an answer is, and whether there is one at all, is counted over the tasks that
    /// `counted` names.
    pub(crate) fn score(
        &self,
        knowledge: &Knowledge,
        meanings: &[TaskMeaning],
        counted: &[bool],
    ) -> Vec<Scored> {
        let answers: Vec<Vec<Answer>> = meanings
            .iter()
            .map(|meaning| self.demands.iter().map(|demand| demand.answer(meaning)).collect())
            .collect();
        let of_counted: Vec<&Vec<Answer>> =
            answers.iter().zip(counted).filter(|(_, counted)| **counted).map(|(a, _)| a).collect();
        let spread: Vec<Spread> =
            (0..self.demands.len()).map(|at| Spread::new(&of_counted, at)).collect();
        let mut best = vec![0.0_f32; knowledge.concepts.len()];
        for (meaning, _) in meanings.iter().zip(counted).filter(|(_, counted)| **counted) {
            for (best, own) in best.iter_mut().zip(&meaning.strength) {
                *best = best.max(*own);
            }
        }
        let scored = answers.iter().zip(meanings);
        scored
            .map(|(answers, meaning)| {
                let lacks = self.lacks(knowledge, meaning, answers, &best);
                self.score_one(knowledge, meaning, answers, &spread, &lacks)
            })
            .collect()
    }

    fn score_one(
        &self,
        knowledge: &Knowledge,
        meaning: &TaskMeaning,
        answers: &[Answer],
        spread: &[Spread],
        lacks: &Lacks,
    ) -> Scored {
        let parts = || self.demands.iter().zip(answers).zip(spread);
        let sum = |value: &dyn Fn(&Demand<'_>, &Answer, &Spread) -> f32| -> f32 {
            parts().map(|((demand, answer), spread)| value(demand, answer, spread)).sum()
        };
        let of = |kinds: &'static [Kind], value: fn(&Answer, &Spread) -> f32| {
            sum(&|demand, answer, spread| {
                if kinds.contains(&demand.kind) { value(answer, spread) } else { 0.0 }
            })
        };
        let (asked, named) = self.asked_of_name(meaning);
        let (deeds, others) = self.unasked(knowledge, meaning);
        let precision = self.precision(knowledge, meaning).ln();
        let is_name = f32::from(u8::from(self.is_name(meaning)));
        let cover = sum(&|demand, answer, spread| {
            if spread.is_dead || demand.kind == Kind::Word || demand.unit.is_aside {
                0.0
            } else {
                answer.factor.max(LEAST).ln()
            }
        });
        const SMALL: &[Kind] = &[Kind::Light, Kind::Modifier];
        let named_literally =
            |answer: &Answer| f32::from(u8::from(answer.literal >= 0.97)) * answer.literal;
        let told = |demand: &Demand<'_>, answer: &Answer| {
            let is_act = matches!(demand.kind, Kind::Deed | Kind::Light);
            if is_act || answer.literal >= 0.97 { 0.0 } else { answer.literal }
        };
        let by_name = |answer: &Answer| {
            f32::from(u8::from(answer.source == Some(Evidence::Name))) * answer.meant
        };
        let degree = |answer: &Answer| answer.meant.max(answer.literal).max(answer.kin * 0.6);
        let missed = |kind: Kind| {
            sum(&|demand, answer, _| {
                let counts = demand.kind == kind && !demand.unit.is_aside;
                if counts { 1.0 - degree(answer) } else { 0.0 }
            })
        };
        let deeds_asked = parts().filter(|((demand, _), _)| demand.kind == Kind::Deed);
        let done = deeds_asked.clone().filter(|((_, answer), _)| degree(answer) >= 0.4).count();
        let does_several = f32::from(u8::from(done > 1 && done == deeds_asked.count()));
        let mut asked_for = parts().filter(|((demand, _), _)| !demand.unit.is_aside);
        let answers_all = asked_for.all(|((_, answer), _)| degree(answer) >= 0.5);
        let objects = || {
            let scopes = parts().filter(|((demand, _), _)| demand.kind == Kind::Scope);
            scopes.filter(|((demand, _), _)| !demand.unit.is_aside)
        };
        let no_object =
            objects().count() > 0 && objects().all(|((_, answer), _)| degree(answer) < 0.4);
        let rare_words = |counts: &dyn Fn(f32) -> bool| {
            sum(&|demand, answer, spread| {
                let is_act = matches!(demand.kind, Kind::Deed | Kind::Light);
                let words = answer.words.iter().zip(&spread.words);
                let counted = words.filter(|(literal, _)| {
                    counts(**literal) && (**literal >= 0.97 || !is_act || answer.words.len() > 1)
                });
                counted.map(|(literal, rarity)| literal * rarity).sum()
            })
        };
        let ranks = [
            cover,
            precision,
            of(&[Kind::Deed], |answer, _| answer.meant),
            of(&[Kind::Deed], |answer, spread| answer.meant * spread.meant),
            of(&[Kind::Scope], |answer, _| answer.meant),
            of(&[Kind::Scope], |answer, spread| answer.meant * spread.meant),
            of(SMALL, |answer, _| answer.meant),
            of(SMALL, |answer, spread| answer.meant * spread.meant),
            sum(&|_, answer, _| by_name(answer)),
            sum(&|_, answer, _| named_literally(answer)),
            sum(&|_, answer, spread| named_literally(answer) * spread.literal),
            sum(&|demand, answer, _| told(demand, answer)),
            sum(&|demand, answer, spread| told(demand, answer) * spread.literal),
            sum(&|_, answer, _| answer.kin),
            is_name,
            asked / named.max(1.0),
            named - asked,
            deeds,
            others,
            missed(Kind::Deed).min(3.0),
            missed(Kind::Scope).min(3.0),
            self.left_out(meaning),
            self.against(meaning),
            rare_words(&|literal| literal >= 0.97),
            rare_words(&|literal| literal < 0.97),
            does_several,
            f32::from(u8::from(answers_all)),
        ];
        let weight = |demand: &Demand<'_>| match demand.kind {
            Kind::Deed => 1.0,
            Kind::Scope => 0.8,
            Kind::Word => 0.6,
            Kind::Light | Kind::Modifier => 0.3,
        };
        let whole = sum(&|demand, answer, _| {
            let share = if demand.unit.is_aside { degree(answer) } else { 1.0 };
            weight(demand) * share
        });
        let answered = sum(&|demand, answer, _| weight(demand) * degree(answer));
        let unknown = sum(&|demand, answer, _| {
            let is_open = demand.kind == Kind::Word && !demand.unit.is_aside;
            f32::from(u8::from(is_open && degree(answer) < 0.4))
        });
        let technical = sum(&|demand, answer, _| {
            if demand.is_technical { degree(answer) } else { 0.0 }
        });
        let elsewhere =
            sum(&|demand, _, spread| f32::from(u8::from(demand.is_elsewhere && spread.is_dead)));
        let rare = parts()
            .map(|((_, answer), spread)| answer.literal * spread.literal)
            .fold(0.0, f32::max);
        let rare_meant = parts()
            .map(|((demand, answer), spread)| match demand.kind {
                Kind::Deed | Kind::Scope => answer.meant * spread.meant,
                _ => 0.0,
            })
            .fold(0.0, f32::max);
        let fits = [
            1.0,
            answered / whole.max(0.3),
            answered.min(3.0),
            cover,
            precision,
            lacks.dead_deeds.min(2.0),
            lacks.dead_objects.min(2.0),
            lacks.dead_everyday.min(2.0),
            lacks.deeds.min(2.0),
            lacks.objects.min(2.0),
            unknown.min(4.0),
            elsewhere.min(2.0),
            technical.min(2.0),
            rare,
            rare_meant,
            is_name,
            asked / named.max(1.0),
            sum(&|_, answer, _| by_name(answer)).min(3.0),
            (self.demands.iter().filter(|demand| !demand.unit.is_aside).count().max(1) as f32).ln(),
            f32::from(u8::from(no_object)),
            0.0,
            0.0,
        ];
        // Who asks for a look must not get a change.
        let check = knowledge.concept("check");
        let only_changes =
            |tag: &Concept| Some(*tag) == check && meaning.strength[usize::from(*tag)] < 0.4;
        let is_whole = !parts().any(|((demand, answer), spread)| {
            let mut asked = demand.unit.readings.get(answer.reading).into_iter().flatten();
            let is_left = spread.is_dead || answer.factor <= LEAST;
            !demand.unit.is_aside
                && (demand.kind == Kind::Deed && is_left || asked.any(only_changes))
        });
        let said = parts().filter_map(|((demand, answer), _)| {
            let source = match answer.source {
                Some(source) if answer.anchor >= 0.5 => source.as_str(),
                _ if answer.literal >= 0.5 => "word",
                _ => return None,
            };
            Some(format!("{} ({source})", demand.unit.label))
        });
        let is_near = answers.iter().any(|answer| degree(answer) >= 0.3);
        Scored { ranks, fits, why: said.collect(), is_whole, is_near }
    }

    /// What the task lacks, given how well the best task answers each concept.
    fn lacks(
        &self,
        knowledge: &Knowledge,
        meaning: &TaskMeaning,
        answers: &[Answer],
        best: &[f32],
    ) -> Lacks {
        let mut lacks = Lacks::default();
        let asked = self.demands.iter().zip(answers).filter(|(demand, _)| !demand.unit.is_aside);
        for (demand, answer) in asked {
            // A word that the task itself uses lacks nothing.
            let told = answer.literal;
            for tag in demand.unit.readings.get(answer.reading).into_iter().flatten() {
                let info = &knowledge.concepts[usize::from(*tag)];
                let lack = 1.0 - meaning.strength[usize::from(*tag)].max(told);
                let is_dead = best[usize::from(*tag)] < 0.35 && told < ANSWERS;
                let is_object = info.kind == super::knowledge::Kind::Scope;
                let slot = match (is_object, is_dead, info.is_everyday) {
                    (true, true, false) => &mut lacks.dead_objects,
                    (true, true, true) => &mut lacks.dead_everyday,
                    (true, false, _) => &mut lacks.objects,
                    (false, true, _) if info.is_deed() => &mut lacks.dead_deeds,
                    (false, false, _) if info.is_deed() => &mut lacks.deeds,
                    _ => continue,
                };
                *slot += lack;
            }
        }
        lacks
    }

    /// How much of what the request rules out the task's name leaves out.
    fn left_out(&self, meaning: &TaskMeaning) -> f32 {
        let is_ruled_out = |(id, tags): &&(WordId, Tags)| {
            tags.iter().any(|tag| self.excluded.contains(tag)) || self.excludes(*id)
        };
        let (fits, others): (Vec<_>, Vec<_>) = meaning.denied.iter().partition(is_ruled_out);
        fits.len() as f32 - 0.5 * others.len() as f32
    }

    /// How much of what the request rules out the task's name holds.
    fn against(&self, meaning: &TaskMeaning) -> f32 {
        let is_ruled_out = |(words, tags): &&(Vec<WordId>, Tags)| {
            tags.iter().any(|tag| self.excluded.contains(tag) && !self.requested.contains(tag))
                || words.iter().any(|id| {
                    self.excludes(*id) && self.demands.iter().all(|demand| demand.agrees(*id) < 0.8)
                })
        };
        meaning.parts.iter().filter(is_ruled_out).count() as f32
    }

    fn excludes(&self, id: WordId) -> bool {
        self.excluded_words.iter().any(|row| row.get(id).is_some_and(|agreement| *agreement >= 0.8))
    }

    /// How many parts of the task's name were asked for, and how many there are.
    fn asked_of_name(&self, meaning: &TaskMeaning) -> (f32, f32) {
        let is_asked = |(words, tags): &&(Vec<WordId>, Tags)| {
            tags.iter().any(|tag| self.requested.contains(tag))
                || words
                    .iter()
                    .any(|id| self.demands.iter().any(|demand| demand.agrees(*id) >= 0.8))
        };
        let asked = meaning.parts.iter().filter(is_asked).count();
        (asked as f32, meaning.parts.len() as f32)
    }

    /// How many activities and how many other concepts the task is about that nobody asked for.
    fn unasked(&self, knowledge: &Knowledge, meaning: &TaskMeaning) -> (f32, f32) {
        let mut seen = HashSet::new();
        let unasked = meaning.focus.iter().filter(|tag| {
            seen.insert(**tag) && !self.requested.contains(tag) && !self.is_usual(knowledge, **tag)
        });
        let (deeds, others): (Vec<Concept>, Vec<Concept>) =
            unasked.copied().partition(|tag| knowledge.is_activity(*tag));
        (deeds.len().min(3) as f32, others.len().min(3) as f32)
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
            let mut asked = self.demands.iter().filter(|demand| !demand.unit.is_aside);
            let is_covered = asked.all(|demand| demand.is_within(name));
            !name.is_empty() && covers_name && is_covered
        })
    }
}

impl Spread {
    fn new(answers: &[&Vec<Answer>], at: usize) -> Self {
        let column = || answers.iter().map(|row| &row[at]);
        let best = column().map(|answer| answer.anchor.max(answer.literal)).fold(0.0, f32::max);
        // Two of two tasks are still few.
        let all = (answers.len() as f32).max(USUAL_TASKS);
        let rarity = |count: f32| 1.0 - count.max(1.0).ln() / all.ln();
        Self {
            is_dead: best < 0.3,
            meant: rarity(column().map(|answer| answer.meant).sum()),
            literal: rarity(column().filter(|answer| answer.literal >= ANSWERS).count() as f32),
            words: (0..answers.first().map_or(0, |row| row[at].words.len()))
                .map(|word| {
                    rarity(column().filter(|answer| answer.words[word] >= ANSWERS).count() as f32)
                })
                .collect(),
        }
    }
}

/// Of several activities the one that is asked for: a German infinitive at the end, else the first.
/// `None` when there are not several.
fn main_activity(knowledge: &Knowledge, units: &[Unit]) -> Option<usize> {
    let is_deed = |unit: &Unit| {
        let mut tags = unit.readings.iter().flatten();
        tags.any(|tag| knowledge.concepts[usize::from(*tag)].is_deed())
    };
    let deeds: Vec<usize> =
        (0..units.len()).filter(|at| is_deed(&units[*at]) && !units[*at].is_aside).collect();
    let [first, .., last] = deeds.as_slice() else {
        return None;
    };
    let ends_as_infinitive = *last + 1 == units.len() && units[*last].label.ends_with("en");
    Some(if ends_as_infinitive { *last } else { *first })
}

/// How far a word is one of the task's, given how it agrees with each word of the vocabulary.
fn best_literal(row: &[f32], meaning: &TaskMeaning) -> f32 {
    let words = meaning.literals.iter();
    words.map(|(id, strength)| row.get(*id).copied().unwrap_or(0.0) * strength).fold(0.0, f32::max)
}

/// How well a word agrees with each word of the vocabulary.
fn row(vocabulary: &Vocabulary<'_>, id: WordId) -> Vec<f32> {
    (0..vocabulary.len()).map(|other| vocabulary.agreement(id, other)).collect()
}

fn kind_of(knowledge: &Knowledge, unit: &Unit) -> Kind {
    let tags = || unit.readings.iter().flatten();
    let info = |tag: &Concept| &knowledge.concepts[usize::from(*tag)];
    if unit.readings.is_empty() {
        Kind::Word
    } else if tags().any(|tag| info(tag).is_deed()) {
        Kind::Deed
    } else if tags().any(|tag| info(tag).kind == super::knowledge::Kind::Scope) {
        Kind::Scope
    } else if tags().any(|tag| knowledge.is_activity(*tag)) {
        Kind::Light
    } else {
        Kind::Modifier
    }
}

impl<'a> Demand<'a> {
    fn new(
        vocabulary: &Vocabulary<'_>,
        unit: &'a Unit,
        activities: &[Concept],
        is_object: bool,
    ) -> Self {
        let knowledge = vocabulary.knowledge;
        let row = |id: &WordId| row(vocabulary, *id);
        let kinship = |id: &WordId| {
            (0..vocabulary.len()).map(|other| vocabulary.kinship(*id, other)).collect()
        };
        let rest = |tag: &Concept| {
            let info = &knowledge.concepts[usize::from(*tag)];
            let rest = info.missing_beside(*tag, activities);
            if is_object && info.is_deed() { rest.max(OBJECT_REST) } else { rest }
        };
        let mut tags = unit.readings.iter().flatten();
        let kind = kind_of(knowledge, unit);
        Self {
            kind,
            is_technical: tags.any(|tag| !knowledge.concepts[usize::from(*tag)].is_everyday),
            is_elsewhere: kind == Kind::Word
                && unit.words.iter().any(|id| vocabulary.word(*id).is_elsewhere),
            agreement: unit.words.iter().map(row).collect(),
            is_content: unit
                .words
                .iter()
                .map(|id| unit.words.len() == 1 || !vocabulary.word(*id).is_filler)
                .collect(),
            synonym_agreement: unit.synonyms.iter().map(row).collect(),
            kinship: unit.words.iter().chain(&unit.synonyms).map(kinship).collect(),
            missing: unit.readings.iter().map(|tags| tags.iter().map(rest).collect()).collect(),
            unit,
        }
    }

    /// How well one of the unit's words agrees with a word.
    fn agrees(&self, id: WordId) -> f32 {
        let rows = self.agreement.iter().chain(&self.synonym_agreement);
        rows.filter_map(|row| row.get(id)).copied().fold(0.0, f32::max)
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
        let mut best = Answer {
            words: self.words(meaning),
            meant: 0.0,
            factor: UNKNOWN_REST + (1.0 - UNKNOWN_REST) * literal,
            literal,
            kin: if literal >= ANSWERS { 0.0 } else { self.kin(meaning) },
            anchor: 0.0,
            source: None,
            reading: 0,
        };
        if self.unit.readings.is_empty() {
            best.anchor = literal;
            return best;
        }
        best.factor = 0.0;
        for (reading, (tags, missing)) in self.unit.readings.iter().zip(&self.missing).enumerate() {
            let strengths = tags.iter().map(|tag| meaning.strength[usize::from(*tag)]);
            let factor: f32 =
                strengths.clone().zip(missing).map(|(s, rest)| rest + (1.0 - rest) * s).product();
            let factor = factor * self.unit.quality;
            let meant = strengths.clone().sum::<f32>() / tags.len().max(1) as f32;
            let meant = meant * self.unit.quality;
            if factor > best.factor {
                let strength = |tag: &&Concept| meaning.strength[usize::from(**tag)];
                let main = tags.iter().max_by(|a, b| strength(a).total_cmp(&strength(b)));
                best.source = main.map(|tag| meaning.evidence[usize::from(*tag)]);
                best.factor = factor;
                best.reading = reading;
                best.meant = meant;
                best.anchor = strengths.fold(0.0, f32::max);
            }
        }
        // Who does what is meant needs no related word.
        if best.meant >= ANSWERS {
            best.kin = 0.0;
        }
        // A word with a meaning counts literally only where the task calls itself so, or names the object.
        let enough = if matches!(self.kind, Kind::Deed | Kind::Light) { 0.9 } else { 0.65 };
        if literal >= enough {
            best.factor = best.factor.max(UNKNOWN_REST + (1.0 - UNKNOWN_REST) * literal);
        }
        best
    }

    /// How far the unit's words occur in the task: all of its words, or one of its synonyms.
    fn literal(&self, meaning: &TaskMeaning) -> f32 {
        let best = |row: &Vec<f32>| best_literal(row, meaning);
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

    /// How far each content word is a word of the task.
    fn words(&self, meaning: &TaskMeaning) -> Vec<f32> {
        let rows = self.agreement.iter().zip(&self.is_content);
        let content = rows.filter(|(_, is_content)| **is_content);
        content.map(|(row, _)| best_literal(row, meaning)).collect()
    }

    /// How far a word of the task is related to one of the unit's words.
    fn kin(&self, meaning: &TaskMeaning) -> f32 {
        let best = |row: &Vec<f32>| best_literal(row, meaning);
        self.kinship.iter().map(best).fold(0.0, f32::max)
    }
}
