//! From scores to a decision: one clear winner, several to choose from, or nothing.

use std::collections::HashSet;

use contracts::wgx::{Decision, TaskSource};
use wgx_tasks::task::{FoundTask, Program};

use super::destructive::{danger_reached, is_listed};
use super::fuzzy;
use super::meaning::TaskMeaning;
use super::request::{Request, Unit};
use super::score::{Demands, Scored};
use super::vocabulary::Vocabulary;
use super::weights::{FITS, RANKS};
use super::{Meaning, PhraseCandidate, PhraseContext, PhraseOutcome, TaskHistory};

/// From which chance of fitting on tasks are offered.
pub(crate) const OFFER: f32 = 0.32;
/// From which chance of fitting on the best task may start.
pub(crate) const START: f32 = 0.65;
/// By how much the best task must lead the second one to start, as a difference of log-odds.
pub(crate) const LEAD: f32 = 0.7;
/// The lead beyond which more says nothing.
const LEAD_CAP: f32 = 4.0;
/// What place and kind of a task weigh beside its words.
const PRIOR: f32 = 3.0;
/// What familiarity weighs: it breaks ties and no more.
const HABIT: f32 = 0.5;
/// How many candidates are handed on.
const CANDIDATES: usize = 5;

/// A request beside the tasks.
pub(crate) struct Wanted<'a> {
    pub(crate) text: &'a str,
    /// Which tasks can be run here; the others are looked at only after them.
    pub(crate) runnable: &'a [bool],
    pub(crate) request: &'a Request,
    pub(crate) meanings: &'a [TaskMeaning],
}

/// A task with everything that the decision weighs.
struct Ranked {
    task: usize,
    /// Log-odds up to a constant.
    score: f32,
    /// It can be started here, or nothing can.
    is_runnable: bool,
    /// How familiar it is here, 0 to 1.
    familiar: f32,
    scored: Scored,
}

/// Decides.
pub(crate) fn decide(
    vocabulary: &Vocabulary<'_>,
    wanted: &Wanted<'_>,
    context: &PhraseContext<'_>,
) -> PhraseOutcome {
    let units = wanted.request.units();
    let mut ranked = rank(vocabulary, wanted, context, &units);
    let is_clauses = wanted.request.clauses.len() > 1;
    let parts = wanted.request.clauses.iter().filter(|_| is_clauses);
    let parts = parts.map(|clause| fit(&rank(vocabulary, wanted, context, clause)));
    let fit = parts.fold(fit(&ranked), f32::max);
    ranked.retain(|ranked| ranked.scored.is_near);
    ranked.truncate(CANDIDATES + 3);
    let Some(top) = ranked.first() else {
        return letters_in_order(wanted.text, context);
    };
    if fit < OFFER {
        let near = PhraseOutcome::nothing();
        return PhraseOutcome { candidates: candidates(&ranked, fit), ..near };
    }
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
    let starts = (fit >= START || is_habit)
        && !is_clauses
        && !wanted.request.asks_how
        && top.scored.is_whole
        && (is_clear || is_habit)
        && is_asked_for
        && is_runnable(&context.tasks[top.task]);
    let decision = if starts { Decision::Run } else { Decision::Choose };
    let destructive = danger.filter(|_| starts).map(|danger| danger.reason);
    PhraseOutcome {
        decision,
        candidates: candidates(&ranked, fit),
        meaning: Some(meaning),
        set: Vec::new(),
        destructive,
    }
}

/// The best candidates; their scores are the chance that the best one fits, shared by their odds.
fn candidates(ranked: &[Ranked], fit: f32) -> Vec<PhraseCandidate> {
    let top = ranked.first().map_or(0.0, |top| top.score);
    let candidate = |ranked: &Ranked| {
        let score = fit * ((ranked.score - top).min(0.0) / 2.0).exp();
        let mut why = ranked.scored.why.clone();
        if ranked.familiar >= 0.3 {
            why.push("run here before".to_owned());
        }
        PhraseCandidate {
            task: ranked.task,
            score: (f64::from(score.clamp(0.0, 1.0)) * 1000.0).round() / 1000.0,
            why: why.join(", "),
        }
    };
    ranked.iter().take(CANDIDATES).map(candidate).collect()
}

/// All tasks, best first.
fn rank(
    vocabulary: &Vocabulary<'_>,
    wanted: &Wanted<'_>,
    context: &PhraseContext<'_>,
    units: &[Unit],
) -> Vec<Ranked> {
    let asked: HashSet<_> = units.iter().flat_map(|unit| &unit.words).copied().collect();
    let ranked = |(at, scored): (usize, Scored)| {
        let task = &context.tasks[at];
        let names_member = wanted.meanings[at].member.iter().any(|id| asked.contains(id));
        let history = context.history.get(&task.task.id).filter(|_| context.signals.history);
        let familiar = history.map_or(0.0, familiarity);
        let words: f32 = RANKS.iter().zip(&scored.ranks).map(|((_, weight), x)| weight * x).sum();
        let score = words + PRIOR * prior(task, names_member).ln() + HABIT * familiar;
        Ranked { task: at, score, is_runnable: wanted.runnable[at], familiar, scored }
    };
    let mut all: Vec<Ranked> =
        signals(vocabulary, wanted, units).into_iter().enumerate().map(ranked).collect();
    all.sort_by(|left, right| {
        let name = |ranked: &Ranked| context.tasks[ranked.task].task.name.len();
        let by_place = right.is_runnable.cmp(&left.is_runnable);
        let by_score = by_place.then(right.score.total_cmp(&left.score));
        by_score.then(name(left).cmp(&name(right))).then(left.task.cmp(&right.task))
    });
    all
}

/// What speaks for each task, before it is weighed.
pub(crate) fn signals(
    vocabulary: &Vocabulary<'_>,
    wanted: &Wanted<'_>,
    units: &[Unit],
) -> Vec<Scored> {
    if units.is_empty() {
        return Vec::new();
    }
    let demands = Demands::new(vocabulary, units, wanted.request);
    demands.score(vocabulary.knowledge, wanted.meanings, wanted.runnable)
}

/// The chance that the best of the ranked tasks is what was asked for, instead of nothing here.
fn fit(ranked: &[Ranked]) -> f32 {
    let Some(top) = ranked.first().filter(|top| top.scored.is_near) else {
        return 0.0;
    };
    let second = ranked.get(1).filter(|second| second.is_runnable);
    let lead = second.map_or(LEAD_CAP, |second| top.score - second.score);
    let signals = fit_signals(&top.scored, lead, top.score);
    let odds: f32 = FITS.iter().zip(&signals).map(|((_, weight), x)| weight * x).sum();
    1.0 / (1.0 + (-odds).exp())
}

/// The signals of the best task together with those that need the others.
pub(crate) fn fit_signals(top: &Scored, lead: f32, score: f32) -> [f32; FITS.len()] {
    let mut signals = top.fits;
    signals[FITS.len() - 2] = lead.min(LEAD_CAP);
    signals[FITS.len() - 1] = score.clamp(-8.0, 8.0);
    signals
}

/// What place and kind of a task say before any word is read.
fn prior(task: &FoundTask, names_member: bool) -> f32 {
    let mut prior = if task.task.source == TaskSource::Profile { 1.0 } else { 0.985 };
    if task.task.member.is_some() && !names_member {
        prior *= 0.92;
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

/// Whether a task can be started here. Where none can, all count.
pub(crate) fn runnable(tasks: &[FoundTask]) -> Vec<bool> {
    let none = !tasks.iter().any(is_runnable);
    tasks.iter().map(|task| none || is_runnable(task)).collect()
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
    !is_same && is_runnable(&tasks[rival.task]) && top.score - rival.score < LEAD
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

/// The last resort where no word says anything; such tasks are only offered.
fn letters_in_order(text: &str, context: &PhraseContext<'_>) -> PhraseOutcome {
    if !context.signals.fuzzy {
        return PhraseOutcome::nothing();
    }
    let near = fuzzy::near(text, context.tasks);
    let mut near: Vec<PhraseCandidate> = near
        .into_iter()
        .filter(|(at, _)| is_runnable(&context.tasks[*at]))
        .map(|(task, share)| PhraseCandidate {
            task,
            score: f64::from(share) * 0.55,
            why: "letters in order".to_owned(),
        })
        .collect();
    near.sort_by(|left, right| right.score.total_cmp(&left.score));
    near.truncate(CANDIDATES);
    if near.is_empty() {
        return PhraseOutcome::nothing();
    }
    PhraseOutcome {
        decision: Decision::Choose,
        candidates: near,
        meaning: Some(Meaning::Match),
        ..PhraseOutcome::nothing()
    }
}
