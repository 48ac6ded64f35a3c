//! Free text, German or English, to a task: what the words mean, what each task is for, and whether one
//! task is meant clearly enough to start it.
//!
//! [`resolve`] is a pure function. Meaning comes from names, descriptions, commands, aliases, synonyms,
//! history, one language file per language and a file about public tools; no file knows a repository.

use std::collections::{BTreeMap, HashMap, HashSet};

use wgx_tasks::task::FoundTask;

pub mod destructive;

mod command;
mod decide;
mod destructive_list;
mod fuzzy;
mod knowledge;
#[cfg(test)]
mod learn;
mod meaning;
mod request;
mod scope;
mod score;
mod segment;
mod semantics;
mod vocabulary;
mod weights;
mod words;

pub use contracts::wgx::Decision;
pub use destructive::{Danger, danger, danger_reached, destructive_command, destructive_reason};

use knowledge::knowledge;
use meaning::TaskMeaning;
use request::request;
use vocabulary::{Vocabulary, WordId};

/// What is known beside the text.
#[derive(Clone, Copy, Debug)]
pub struct PhraseContext<'a> {
    /// The tasks of the repository, in order of precedence.
    pub tasks: &'a [FoundTask],
    /// `synonyms:` of the profile: words that mean the same, in both directions.
    pub synonyms: &'a BTreeMap<String, Vec<String>>,
    /// `semantics:` of the profile: a phrase and its ordered tasks or plain commands.
    pub semantics: &'a BTreeMap<String, Vec<String>>,
    /// The same, learned from history; the profile wins.
    pub learned: &'a BTreeMap<String, Vec<String>>,
    /// What was run here before, by task id.
    pub history: &'a HashMap<String, TaskHistory>,
    /// Which signals count; all by default.
    pub signals: Signals,
}

/// How a task was used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskHistory {
    /// Runs so far.
    pub count: u64,
    /// Age of the last run in seconds.
    pub last_run_age_s: u64,
    /// Its exit code, where it ended with one.
    pub last_exit_code: Option<i32>,
}

/// Which signals count. Switching one off shows what it adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the ablation table")]
pub struct Signals {
    /// Task names.
    pub names: bool,
    /// Descriptions.
    pub descriptions: bool,
    /// Commands: which tools a task calls.
    pub commands: bool,
    /// Language files: words mean concepts. Without them only equal words count.
    pub language: bool,
    /// Aliases of tasks.
    pub aliases: bool,
    /// Synonyms of the profile.
    pub synonyms: bool,
    /// Phrases of the profile and learned ones.
    pub semantics: bool,
    /// What was run before.
    pub history: bool,
    /// Letters in order, when nothing else fits.
    pub fuzzy: bool,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            names: true,
            descriptions: true,
            commands: true,
            language: true,
            aliases: true,
            synonyms: true,
            semantics: true,
            history: true,
            fuzzy: true,
        }
    }
}

/// How the text came to its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A phrase of the profile or a learned one.
    Semantics,
    /// An alias of a task.
    Alias,
    /// Several fit; what was run here before decided.
    History,
    /// Words and concepts.
    Match,
}

impl Meaning {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Semantics => "semantics",
            Self::Alias => "alias",
            Self::History => "history",
            Self::Match => "match",
        }
    }
}

/// A task that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct PhraseCandidate {
    /// Index into [`PhraseContext::tasks`].
    pub task: usize,
    /// 0 to 1.
    pub score: f64,
    /// What speaks for it.
    pub why: String,
}

/// A step of a phrase with its own meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhraseStep {
    /// Index into [`PhraseContext::tasks`].
    Task(usize),
    /// A plain command for the shell.
    Command(String),
}

/// What free text means here.
#[derive(Clone, Debug, PartialEq)]
pub struct PhraseOutcome {
    /// Run the first candidate (or the steps of `set`), choose among the candidates, or nothing fits.
    pub decision: Decision,
    /// The closest tasks, best first, at most five. With [`Decision::None`] they are only near.
    pub candidates: Vec<PhraseCandidate>,
    /// How the meaning was found; `None` when nothing fits.
    pub meaning: Option<Meaning>,
    /// The ordered steps of a phrase of `semantics`; empty for a single task.
    pub set: Vec<PhraseStep>,
    /// With [`Decision::Run`]: why a yes is needed before it starts.
    pub destructive: Option<String>,
}

impl PhraseOutcome {
    fn nothing() -> Self {
        Self {
            decision: Decision::None,
            candidates: Vec::new(),
            meaning: None,
            set: Vec::new(),
            destructive: None,
        }
    }
}

/// What a free text means among the tasks of a repository.
pub fn resolve(text: &str, context: &PhraseContext<'_>) -> PhraseOutcome {
    let mut vocabulary = Vocabulary::new(knowledge(), context.signals.language);
    if let Some(outcome) = semantics::resolve(&mut vocabulary, text, context) {
        return outcome;
    }
    let meanings: Vec<TaskMeaning> = context
        .tasks
        .iter()
        .map(|task| meaning::meaning(&mut vocabulary, task, context.signals))
        .collect();
    let own: HashSet<WordId> =
        meanings.iter().flat_map(|meaning| meaning.literals.keys()).copied().collect();
    let none = BTreeMap::new();
    let synonyms = if context.signals.synonyms { context.synonyms } else { &none };
    let request = request(&mut vocabulary, text, synonyms, &own);
    let runnable = decide::runnable(context.tasks);
    let wanted =
        decide::Wanted { text, runnable: &runnable, request: &request, meanings: &meanings };
    decide::decide(&vocabulary, &wanted, context)
}
