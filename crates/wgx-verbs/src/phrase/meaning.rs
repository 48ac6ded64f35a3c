//! What a task is for, read from its name, description, commands and place.

use std::collections::HashMap;

use wgx_tasks::task::FoundTask;

use super::Signals;
use super::command::{self, Reading};
use super::knowledge::{Concept, Kind, Tags};
use super::segment::{Origin, Segment, segments};
use super::vocabulary::{Vocabulary, WordId};
use super::words::{identifier, sentence};

/// How many words of a description are read: its first sentences say what a task is for.
const DESCRIPTION_WORDS: usize = 40;

/// Strength of evidence from an argument.
const ARGUMENT: f32 = 0.65;

/// How many arguments of a command are read as words.
const COMMAND_WORDS: usize = 12;

/// Strength of evidence from a description: its first clause, and the rest.
const DESCRIPTION: (f32, f32) = (0.85, 0.5);

/// Strength of evidence from commands by how many different ones there are.
const COMMANDS: [f32; 3] = [0.9, 0.7, 0.5];

/// What told that a task answers a concept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Evidence {
    #[default]
    Name,
    Description,
    Command,
    Place,
    Custom,
}

impl Evidence {
    /// As a person reads it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Command => "command",
            Self::Place => "place",
            Self::Custom => "what such tasks usually do",
        }
    }
}

/// What one task is for.
pub(crate) struct TaskMeaning {
    /// The words of its name, and of each alias.
    pub(crate) names: Vec<Vec<WordId>>,
    /// How strongly it answers each concept, 0 to 1.
    pub(crate) strength: Vec<f32>,
    /// What told so, for each concept.
    pub(crate) evidence: Vec<Evidence>,
    /// The concepts that it is about, which a request should name.
    pub(crate) focus: Vec<Concept>,
    /// Words by which a request may call it, with their strength.
    pub(crate) literals: HashMap<WordId, f32>,
    /// The parts of its own name: their words and what they mean.
    pub(crate) parts: Vec<(Vec<WordId>, Tags)>,
    /// What its name says that it leaves out (`build-no-std`): the words and what they mean.
    pub(crate) denied: Vec<(WordId, Tags)>,
    /// Words of its workspace member.
    pub(crate) member: Vec<WordId>,
}

/// Reads the meaning of a task.
pub(crate) fn meaning(
    vocabulary: &mut Vocabulary<'_>,
    task: &FoundTask,
    signals: Signals,
) -> TaskMeaning {
    let mut reader = Reader {
        meaning: TaskMeaning {
            names: Vec::new(),
            strength: vec![0.0; vocabulary.knowledge.concepts.len()],
            evidence: vec![Evidence::Name; vocabulary.knowledge.concepts.len()],
            focus: Vec::new(),
            literals: HashMap::new(),
            parts: Vec::new(),
            denied: Vec::new(),
            member: Vec::new(),
        },
        vocabulary,
        source: Evidence::Name,
    };
    reader.read(task, signals);
    reader.meaning
}

struct Reader<'v, 'k> {
    vocabulary: &'v mut Vocabulary<'k>,
    meaning: TaskMeaning,
    /// What is being read.
    source: Evidence,
}

impl Reader<'_, '_> {
    fn read(&mut self, task: &FoundTask, signals: Signals) {
        let named = if signals.names { self.read_names(task, signals) } else { Vec::new() };
        let has_activity = named.iter().any(|tag| self.vocabulary.knowledge.is_activity(*tag));
        self.source = Evidence::Description;
        let described = if signals.descriptions {
            self.read_description(task, has_activity)
        } else {
            Vec::new()
        };
        self.source = Evidence::Command;
        let done =
            if signals.commands { self.read_commands(task, has_activity) } else { Vec::new() };
        self.source = Evidence::Place;
        if let Some(member) = &task.task.member {
            self.read_place(member);
        }
        let manner = self.manner(&done);
        let fallback = if described.is_empty() { done } else { described };
        self.meaning.focus = if named.is_empty() { fallback } else { named };
        self.meaning.focus.extend(manner);
        self.source = Evidence::Custom;
        self.assume_usual_activity();
        self.close();
    }

    /// A formatter that only checks is about checking, whatever its name says.
    fn manner(&self, done: &[Concept]) -> Option<Concept> {
        let knowledge = self.vocabulary.knowledge;
        let check = knowledge.concept("check")?;
        let only_checks = done.contains(&knowledge.concept("format")?) && done.contains(&check);
        only_checks.then_some(check)
    }

    /// The concepts of the name; aliases are other names and cost nothing.
    fn read_names(&mut self, task: &FoundTask, signals: Signals) -> Tags {
        let mut focus = self.read_name(&task.task.name, true);
        let tools = &self.vocabulary.knowledge.tools;
        if let Some(Reading::Tool { tags, .. }) =
            command::native(task.task.source.as_str(), &task.task.name, tools)
        {
            self.strengthen(&tags, 1.0);
            focus = tags;
        }
        for alias in task.task.aliases.iter().filter(|_| signals.aliases) {
            self.read_name(alias, false);
        }
        focus
    }

    fn read_name(&mut self, name: &str, is_own: bool) -> Tags {
        let mut words = self.intern(identifier(name));
        self.meaning.names.push(words.clone());
        self.cut_denied(&mut words);
        let mut tags = Tags::new();
        for segment in segments(self.vocabulary, &words, Origin::Identifier) {
            if is_own {
                let is_tool = segment.words.iter().all(|id| {
                    let word = self.vocabulary.word(*id);
                    word.readings.is_empty() && word.short_form.is_none()
                });
                // A name of a tool says how, not what; a request may well not say it.
                let tags = segment.readings.first().filter(|_| !is_tool);
                self.meaning.parts.push((segment.words.clone(), tags.cloned().unwrap_or_default()));
            }
            self.add(&segment, 1.0);
            tags.extend(segment.readings.first().into_iter().flatten());
        }
        for word in &words {
            self.meaning.literals.insert(*word, 1.0);
            if let Some((left, right)) =
                self.vocabulary.halves(&self.vocabulary.word(*word).surface)
            {
                let halves = self.intern([left, right]);
                self.add_literals(&halves, 0.97);
            }
        }
        tags
    }

    /// Takes out what a name denies: the word after `no` or `without`, and a known word with `no` before it.
    fn cut_denied(&mut self, words: &mut Vec<WordId>) {
        let languages = &self.vocabulary.knowledge.languages;
        let excludes = |surface: &String| {
            surface != "minus"
                && languages.iter().any(|language| language.without.contains(surface))
        };
        let mut kept = Vec::with_capacity(words.len());
        let mut is_denied = false;
        for id in std::mem::take(words) {
            let surface = self.vocabulary.word(id).surface.clone();
            let known = surface.strip_prefix("no").filter(|rest| {
                rest.len() >= 3
                    && self.vocabulary.word(id).readings.is_empty()
                    && self.vocabulary.knowledge.names.contains_key(*rest)
            });
            if let Some(id) =
                known.map(|rest| self.vocabulary.intern(rest)).or(is_denied.then_some(id))
            {
                let word = self.vocabulary.word(id);
                let tags = word.short_form.clone().or_else(|| word.readings.first().cloned());
                self.meaning.denied.push((id, tags.unwrap_or_default()));
                is_denied = false;
            } else if !kept.is_empty() && excludes(&surface) {
                is_denied = true;
            } else {
                kept.push(id);
            }
        }
        *words = kept;
    }

    /// The concepts of the first clause. Beside a telling name a description says less.
    fn read_description(&mut self, task: &FoundTask, has_activity: bool) -> Tags {
        let Some(description) = &task.task.description else {
            return Tags::new();
        };
        let share = if has_activity { 0.9 } else { 1.0 };
        let first_clause = description.find(['.', ',', ';', '(', ':']).unwrap_or(description.len());
        let mut focus = Tags::new();
        let mut budget = DESCRIPTION_WORDS;
        for (text, strength) in [
            (&description[..first_clause], DESCRIPTION.0),
            (&description[first_clause..], DESCRIPTION.1),
        ] {
            let mut words = self.intern(sentence(text).into_iter().take(budget));
            budget -= words.len();
            self.cut_exclusions(&mut words);
            for segment in segments(self.vocabulary, &words, Origin::Sentence) {
                self.add(&segment, strength * share);
                self.add_literals(&segment.words, 0.8);
                if strength == DESCRIPTION.0 {
                    focus.extend(segment.readings.first().into_iter().flatten());
                }
            }
        }
        focus
    }

    /// What follows `without` is not done.
    fn cut_exclusions(&self, words: &mut Vec<WordId>) {
        let languages = &self.vocabulary.knowledge.languages;
        let excludes = |id: &WordId| {
            let surface = &self.vocabulary.word(*id).surface;
            surface != "no" && languages.iter().any(|language| language.without.contains(surface))
        };
        if let Some(at) = words.iter().position(excludes) {
            words.truncate(at);
        }
    }

    /// The concepts of the commands. The more different things a task does, the less each counts.
    fn read_commands(&mut self, task: &FoundTask, has_activity: bool) -> Tags {
        let tools = &self.vocabulary.knowledge.tools;
        let lines = task.commands.iter().flat_map(|text| text.lines());
        let simple: Vec<Vec<String>> = lines.flat_map(command::simple_commands).collect();
        let readings: Vec<Reading> =
            simple.iter().filter_map(|words| command::read(words, tools)).collect();
        let called = task.needs.iter().map(|need| Reading::Names(identifier(need)));
        let readings: Vec<Reading> = readings.into_iter().chain(called).collect();
        for words in &simple {
            self.strengthen(&command::about(words, tools), 0.8);
            let arguments =
                words.iter().skip(1).take(COMMAND_WORDS).flat_map(|word| identifier(word));
            let arguments = self.intern(arguments);
            self.add_objects(&arguments);
            self.add_literals(&arguments, 0.7);
        }
        let strength =
            COMMANDS[readings.len().clamp(1, 3) - 1] * if has_activity { 0.8 } else { 1.0 };
        let mut focus = Tags::new();
        let is_single = readings.len() == 1;
        for reading in readings {
            let tags = self.add_command(reading, strength);
            if is_single {
                focus.extend(tags);
            }
        }
        focus
    }

    /// An argument may name what a command works on: `pytest tests/unit`.
    fn add_objects(&mut self, arguments: &[WordId]) {
        let knowledge = self.vocabulary.knowledge;
        for id in arguments {
            let word = self.vocabulary.word(*id);
            let tags = word.short_form.clone().or_else(|| word.readings.first().cloned());
            let is_object =
                |tag: &Concept| knowledge.concepts[usize::from(*tag)].kind == Kind::Scope;
            let objects: Tags = tags.into_iter().flatten().filter(is_object).collect();
            self.strengthen(&objects, ARGUMENT);
        }
    }

    fn add_command(&mut self, reading: Reading, strength: f32) -> Tags {
        match reading {
            Reading::Tool { tags, program } => {
                self.strengthen(&tags, strength);
                let words = self.intern(identifier(&program));
                self.add_literals(&words, 0.9);
                let kinds = &self.vocabulary.knowledge.concepts;
                tags.into_iter()
                    .filter(|tag| kinds[usize::from(*tag)].kind != Kind::Scope)
                    .collect()
            }
            Reading::Names(names) => {
                let words = self.intern(names);
                let found = segments(self.vocabulary, &words, Origin::Identifier);
                for segment in &found {
                    self.add(segment, strength * 0.9);
                }
                self.add_literals(&words, 0.6);
                found
                    .iter()
                    .filter_map(|segment| segment.readings.first())
                    .flatten()
                    .copied()
                    .collect()
            }
        }
    }

    fn read_place(&mut self, member: &str) {
        let words = self.intern(identifier(member));
        for segment in segments(self.vocabulary, &words, Origin::Identifier) {
            self.add(&segment, 0.9);
        }
        self.add_literals(&words, 0.95);
        self.meaning.member = words;
    }

    /// A task named only after an object does what is usually done with it, unless something says more.
    fn assume_usual_activity(&mut self) {
        let knowledge = self.vocabulary.knowledge;
        let tells = |at: usize| {
            knowledge.concepts[at].kind == Kind::Activity && self.meaning.strength[at] >= 0.6
        };
        if (0..knowledge.concepts.len()).any(tells) {
            return;
        }
        for scope in self.meaning.focus.clone() {
            for (rank, usual) in knowledge.concepts[usize::from(scope)].usual.iter().enumerate() {
                self.strengthen(&[*usual], if rank == 0 { 0.8 } else { 0.65 });
            }
        }
    }

    /// Adds what the concepts imply.
    fn close(&mut self) {
        let knowledge = self.vocabulary.knowledge;
        let is_look =
            |tag: &Option<Concept>| tag.is_some_and(|tag| self.meaning.focus.contains(&tag));
        let only_looks = is_look(&knowledge.concept("check"));
        let fix = knowledge.concept("fix").filter(|_| only_looks);
        let direct = self.meaning.strength.clone();
        for (at, own) in direct.into_iter().enumerate().filter(|(_, own)| *own > 0.0) {
            self.source = self.meaning.evidence[at];
            let gives = &knowledge.concepts[at].gives;
            for (implied, strength) in gives.iter().filter(|(implied, _)| Some(*implied) != fix) {
                self.strengthen(&[*implied], own * strength);
            }
        }
    }

    fn intern(&mut self, words: impl IntoIterator<Item = String>) -> Vec<WordId> {
        words.into_iter().map(|word| self.vocabulary.intern(&word)).collect()
    }

    fn add(&mut self, segment: &Segment, strength: f32) {
        for (rank, tags) in segment.readings.iter().enumerate() {
            self.strengthen(tags, if rank == 0 { strength } else { strength * 0.9 });
        }
    }

    fn strengthen(&mut self, tags: &[Concept], strength: f32) {
        for at in tags.iter().map(|tag| usize::from(*tag)) {
            if self.meaning.strength[at] < strength {
                self.meaning.strength[at] = strength;
                self.meaning.evidence[at] = self.source;
            }
        }
    }

    fn add_literals(&mut self, words: &[WordId], strength: f32) {
        for word in words {
            let slot = self.meaning.literals.entry(*word).or_insert(0.0);
            *slot = slot.max(strength);
        }
    }
}
