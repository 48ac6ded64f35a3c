//! Phrases with a meaning of their own: `semantics` of the profile, learned ones, and aliases.

use std::collections::BTreeMap;

use contracts::wgx::Decision;
use wgx_tasks::task::FoundTask;

use super::destructive::{danger_reached, destructive_command};
use super::request::{concept_key, phrase_key};
use super::vocabulary::Vocabulary;
use super::words::{fold, sentence};
use super::{Meaning, PhraseCandidate, PhraseContext, PhraseOutcome, PhraseStep};

/// The outcome of a phrase that the profile, the history or an alias defines, or nothing.
pub(crate) fn resolve(
    vocabulary: &mut Vocabulary<'_>,
    text: &str,
    context: &PhraseContext<'_>,
) -> Option<PhraseOutcome> {
    let key = phrase_key(vocabulary, text);
    if context.signals.semantics {
        if let Some(steps) = defined(vocabulary, &key, text, context.semantics) {
            let steps = steps.iter().map(|step| step_of(step, context.tasks)).collect();
            return Some(set(steps, context.tasks));
        }
        let learned = defined(vocabulary, &key, text, context.learned);
        if let Some(steps) = learned.and_then(|ids| learned_steps(ids, context.tasks)) {
            return Some(set(steps, context.tasks));
        }
    }
    if !context.signals.aliases {
        return None;
    }
    let words = sentence(text);
    let called = |vocabulary: &mut Vocabulary<'_>, task: &FoundTask| {
        task.task.aliases.iter().any(|alias| {
            let own = sentence(alias);
            // An alias that is a name with its namespace (`d:lint`) is not called by the name alone.
            own == words || key.len() == own.len() && phrase_key(vocabulary, alias) == key
        })
    };
    let task = context.tasks.iter().position(|task| called(vocabulary, task))?;
    let destructive = danger_reached(task, context.tasks).map(|danger| danger.reason);
    let candidate = PhraseCandidate { task, score: 1.0, why: "alias".to_owned() };
    let is_runnable = context.tasks[task].task.runnable;
    Some(PhraseOutcome {
        decision: if is_runnable { Decision::Run } else { Decision::Choose },
        candidates: vec![candidate],
        meaning: Some(Meaning::Alias),
        set: Vec::new(),
        destructive,
    })
}

/// The steps of the phrase that the text is: letter by letter first, then by its content words, then by
/// what they mean (in another language, say).
fn defined<'a>(
    vocabulary: &mut Vocabulary<'_>,
    key: &[String],
    text: &str,
    phrases: &'a BTreeMap<String, Vec<String>>,
) -> Option<&'a Vec<String>> {
    let words = sentence(text);
    let exact = phrases.iter().find(|(phrase, _)| sentence(phrase) == words);
    let inflected = exact.or_else(|| {
        let mut all = phrases.iter();
        all.find(|(phrase, _)| phrase_key(vocabulary, phrase) == key)
    });
    let same_words = inflected.or_else(|| {
        let meant = concept_key(vocabulary, text)?;
        let mut all = phrases.iter();
        all.find(|(phrase, _)| concept_key(vocabulary, phrase).as_ref() == Some(&meant))
    });
    same_words.map(|(_, steps)| steps)
}

/// The tasks that a learned phrase means; nothing when one of them is gone. Never a command: what was
/// learned are ids of tasks.
fn learned_steps(ids: &[String], tasks: &[FoundTask]) -> Option<Vec<PhraseStep>> {
    let task = |id: &String| tasks.iter().position(|task| task.task.id == *id);
    ids.iter().map(|id| task(id).map(PhraseStep::Task)).collect()
}

fn set(set: Vec<PhraseStep>, tasks: &[FoundTask]) -> PhraseOutcome {
    let destructive = set.iter().find_map(|step| match step {
        PhraseStep::Task(task) => danger_reached(*task, tasks)
            .map(|danger| format!("{}: {}", tasks[*task].task.id, danger.reason)),
        PhraseStep::Command(command) => destructive_command(command),
    });
    let candidates = set.iter().filter_map(|step| match step {
        PhraseStep::Task(task) => Some(PhraseCandidate {
            task: *task,
            score: 1.0,
            why: "the phrase is defined here".to_owned(),
        }),
        PhraseStep::Command(_) => None,
    });
    PhraseOutcome {
        decision: if set.is_empty() { Decision::None } else { Decision::Run },
        candidates: candidates.collect(),
        meaning: Some(Meaning::Semantics),
        destructive,
        set,
    }
}

/// A task by id, name or alias; anything else is a command.
fn step_of(step: &str, tasks: &[FoundTask]) -> PhraseStep {
    let wanted = step.trim();
    let by = |fits: &dyn Fn(&FoundTask) -> bool| tasks.iter().position(fits);
    let found = by(&|task| task.task.id == wanted)
        .or_else(|| by(&|task| task.task.name == wanted && task.task.shadowed_by.is_none()))
        .or_else(|| by(&|task| task.task.aliases.iter().any(|alias| fold(alias) == fold(wanted))));
    found.map_or_else(|| PhraseStep::Command(step.to_owned()), PhraseStep::Task)
}
