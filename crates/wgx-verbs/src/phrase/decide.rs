//! From scores to a decision: one clear winner, several to choose from, or nothing.

use std::collections::HashSet;

use contracts::wgx::{Decision, TaskSource};
use wgx_tasks::task::{FoundTask, Program};

use super::destructive::{Danger, danger_reached, is_listed};
use super::fuzzy;
use super::meaning::TaskMeaning;
use super::request::{Request, Unit};
use super::score::{Demands, Scored};
use super::vocabulary::Vocabulary;
use super::{Meaning, PhraseCandidate, PhraseContext, PhraseOutcome, TaskHistory};

/// The least score of a task that starts.
const RUN: f32 = 0.55;
/// The least score of a task that is offered.
const CHOOSE: f32 = 0.36;
/// The same for a task that answers a word which few others answer.
const CHOOSE_SPECIFIC: f32 = 0.25;
/// The least score of a task that is shown as near when nothing fits.
const NEAR: f32 = 0.2;
/// A second task above this share of the first leaves the choice to the person.
const MARGIN: f32 = 0.94;
/// How many candidates are handed on.
const CANDIDATES: usize = 5;
/// What a part of a request is worth beside the whole.
const CLAUSE: f32 = 0.85;

/// A request beside the tasks.
pub(crate) struct Wanted<'a> {
    pub(crate) text: &'a str,
    pub(crate) request: &'a Request,
    pub(crate) meanings: &'a [TaskMeaning],
}

/// A task with everything that the decision weighs.
struct Ranked {
    task: usize,
    score: f32,
    /// How familiar it is here, 0 to 1.
    familiar: f32,
    /// It answers every clause of the request.
    is_whole: bool,
    /// It answers a word that few tasks answer.
    is_specific: bool,
    why: Vec<String>,
}

/// Decides.
pub(crate) fn decide(
    vocabulary: &Vocabulary<'_>,
    wanted: &Wanted<'_>,
    context: &PhraseContext<'_>,
) -> PhraseOutcome {
    let mut ranked = rank(vocabulary, wanted, context);
    ranked.sort_by(|left, right| {
        let names = |ranked: &Ranked| context.tasks[ranked.task].task.name.len();
        right
            .score
            .total_cmp(&left.score)
            .then(names(left).cmp(&names(right)))
            .then(left.task.cmp(&right.task))
    });
    ranked.truncate(CANDIDATES + 3);
    let is_offered =
        |top: &&Ranked| top.score >= if top.is_specific { CHOOSE_SPECIFIC } else { CHOOSE };
    let Some(top) = ranked.first().filter(is_offered) else {
        return fuzzy_or_nothing(ranked, wanted.text, context);
    };
    let mut meaning = Meaning::Match;
    let rivals: Vec<&Ranked> =
        ranked[1..].iter().filter(|rival| is_rival(top, rival, context.tasks)).collect();
    let is_clear = rivals.is_empty();
    let is_habit = !is_clear
        && top.familiar >= 0.3
        && rivals.iter().all(|rival| rival.familiar * 3.0 < top.familiar);
    if is_habit {
        meaning = Meaning::History;
    }
    let danger = danger_reached(top.task, context.tasks);
    let is_asked_for = !danger.as_ref().is_some_and(|danger| danger.is_purpose)
        || asks_for_danger(vocabulary, wanted.request, &wanted.meanings[top.task]);
    let starts = top.score >= RUN
        && top.is_whole
        && (is_clear || is_habit)
        && is_asked_for
        && is_runnable(&context.tasks[top.task]);
    outcome(if starts { Decision::Run } else { Decision::Choose }, ranked, meaning, danger)
}

fn outcome(
    decision: Decision,
    ranked: Vec<Ranked>,
    meaning: Meaning,
    danger: Option<Danger>,
) -> PhraseOutcome {
    let destructive = danger.filter(|_| decision == Decision::Run).map(|danger| danger.reason);
    PhraseOutcome {
        decision,
        candidates: candidates(ranked),
        meaning: Some(meaning),
        set: Vec::new(),
        destructive,
    }
}

fn candidates(ranked: Vec<Ranked>) -> Vec<PhraseCandidate> {
    let shown = ranked.into_iter().filter(|ranked| ranked.score >= NEAR).take(CANDIDATES);
    shown
        .map(|ranked| PhraseCandidate {
            task: ranked.task,
            score: (f64::from(ranked.score) * 1000.0).round() / 1000.0,
            why: ranked.why.join(", "),
        })
        .collect()
}

fn rank(
    vocabulary: &Vocabulary<'_>,
    wanted: &Wanted<'_>,
    context: &PhraseContext<'_>,
) -> Vec<Ranked> {
    let whole = wanted.request.units();
    if whole.is_empty() {
        return Vec::new();
    }
    let mut best: Vec<Ranked> = score_all(vocabulary, wanted, context, &whole);
    if wanted.request.clauses.len() > 1 {
        for clause in &wanted.request.clauses {
            for mut part in score_all(vocabulary, wanted, context, clause) {
                part.score *= CLAUSE;
                part.is_whole = false;
                if part.score > best[part.task].score {
                    let at = part.task;
                    best[at] = part;
                }
            }
        }
    }
    best.retain(|ranked| ranked.score >= NEAR);
    best
}

fn score_all(
    vocabulary: &Vocabulary<'_>,
    wanted: &Wanted<'_>,
    context: &PhraseContext<'_>,
    units: &[Unit],
) -> Vec<Ranked> {
    let demands = Demands::new(vocabulary, units, &wanted.request.excluded);
    let asked: HashSet<_> = units.iter().flat_map(|unit| &unit.words).copied().collect();
    let scores = demands.score(vocabulary.knowledge, wanted.meanings);
    let rank = |((at, meaning), scored): ((usize, &TaskMeaning), Scored)| {
        let task = &context.tasks[at];
        let names_member = meaning.member.iter().any(|id| asked.contains(id));
        let history = context.history.get(&task.task.id).filter(|_| context.signals.history);
        let familiar = history.map_or(0.0, familiarity);
        let score = scored.score * prior(task, names_member) * (1.0 + 0.06 * familiar);
        let mut why = scored.why;
        if familiar >= 0.3 {
            why.push("run here before".to_owned());
        }
        Ranked {
            task: at,
            score: score.min(1.0),
            familiar,
            is_whole: scored.is_whole,
            is_specific: scored.is_specific,
            why,
        }
    };
    wanted.meanings.iter().enumerate().zip(scores).map(rank).collect()
}

/// What place and kind of a task say before any word is read.
fn prior(task: &FoundTask, names_member: bool) -> f32 {
    let mut prior = if task.task.source == TaskSource::Profile { 1.0 } else { 0.985 };
    if task.task.member.is_some() && !names_member {
        prior *= 0.92;
    }
    if !is_runnable(task) {
        prior *= 0.62;
    }
    if task.task.shadowed_by.is_some() || task.task.alias_of.is_some() {
        prior *= 0.9;
    }
    if task.task.group.as_deref() == Some("file") {
        prior *= 0.75;
    }
    if task.task.args.iter().any(|arg| arg.required) {
        prior *= 0.97;
    }
    prior
}

fn is_runnable(task: &FoundTask) -> bool {
    task.task.runnable && !matches!(task.invocation.program, Program::Shown(_))
}

/// How familiar a task is: the number of its runs, fading within weeks.
fn familiarity(history: &TaskHistory) -> f32 {
    let often = (history.count as f32).ln_1p() / 20.0_f32.ln_1p();
    let fortnights = history.last_run_age_s as f32 / (14.0 * 86_400.0);
    (often.min(1.0) * 0.5_f32.powf(fortnights)).clamp(0.0, 1.0)
}

/// Whether a second task is close enough to leave the choice to the person.
fn is_rival(top: &Ranked, rival: &Ranked, tasks: &[FoundTask]) -> bool {
    let (first, second) = (&tasks[top.task].task, &tasks[rival.task].task);
    let is_same = first.name == second.name && first.member == second.member
        || second.shadowed_by.as_deref() == Some(first.id.as_str())
        || second.alias_of.as_deref() == Some(first.id.as_str());
    !is_same && is_runnable(&tasks[rival.task]) && rival.score > top.score * MARGIN
}

/// Whether the request itself asks for a destructive act: by a listed word, by a concept that means
/// one, or by a word of the task's own name.
fn asks_for_danger(vocabulary: &Vocabulary<'_>, request: &Request, meaning: &TaskMeaning) -> bool {
    const ACTS: [&str; 12] = [
        "uninstall",
        "deploy",
        "release",
        "publish",
        "push",
        "clean",
        "remove",
        "reset",
        "rollback",
        "stop",
        "restore",
        "apply",
    ];
    let knowledge = vocabulary.knowledge;
    let acts: Vec<_> = ACTS.iter().filter_map(|name| knowledge.concept(name)).collect();
    let units = request.clauses.iter().flatten();
    let by_concept =
        units.flat_map(|unit| unit.readings.iter().flatten()).any(|tag| acts.contains(tag));
    let is_named = |id: &usize| {
        let word = vocabulary.word(*id);
        is_listed(&word.surface)
            || !word.is_filler
                && !word.readings.iter().flatten().any(|_| true)
                && meaning.names.iter().flatten().any(|name| name == id)
    };
    by_concept || request.words.iter().any(is_named)
}

fn fuzzy_or_nothing(ranked: Vec<Ranked>, text: &str, context: &PhraseContext<'_>) -> PhraseOutcome {
    if ranked.is_empty() && context.signals.fuzzy {
        let near = fuzzy::near(text, context.tasks)
            .into_iter()
            .filter(|(at, _)| is_runnable(&context.tasks[*at]));
        let mut near: Vec<Ranked> = near
            .map(|(task, share)| Ranked {
                task,
                score: share * 0.55,
                familiar: 0.0,
                is_whole: false,
                is_specific: true,
                why: vec!["letters in order".to_owned()],
            })
            .collect();
        near.sort_by(|left, right| right.score.total_cmp(&left.score));
        if !near.is_empty() {
            return outcome(Decision::Choose, near, Meaning::Match, None);
        }
    }
    PhraseOutcome { candidates: candidates(ranked), ..PhraseOutcome::nothing() }
}
