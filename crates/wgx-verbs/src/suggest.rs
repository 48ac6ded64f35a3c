//! `wgx suggest`: next sensible steps, each with its reason, from history and the working copy.
//!
//! Gathering looks at git and the memory; what follows from the facts is a pure function.

use std::collections::BTreeSet;

use contracts::wgx::suggest::{SCHEMA, SuggestReport, Suggestion};
use contracts::wgx::{Decision, FixKind, TaskSource};
use jiff::Timestamp;
use memory::{EnvironmentChange, Precedent, RuleCount, Run, RunFilter, Successor, TaskStats};
use wgx_tasks::fingerprint::LOCKFILES;
use wgx_tasks::git::{ChangeKind, Git, Repository, Status};
use wgx_tasks::process::launch::quote;
use wgx_tasks::process::{Limits, OwnExit};
use wgx_tasks::sources::Discovery;

use crate::by_meaning;
use crate::context::Context;
use crate::guard;
use crate::list::{self, ListRequest};
use crate::notebook::{Notebook, NotebookError};
use crate::observe;
use crate::run::refusal::{CANNOT_EXECUTE, PROGRAM_MISSING};

const GIT_TIMEOUT_MS: u64 = 5_000;
/// Runs that are looked at.
const RECENT_RUNS: u32 = 200;
/// A run that began longer ago than this and never ended was cut off.
const CUT_OFF_MS: i64 = 12 * 60 * 60 * 1000;
/// Rules are counted over this time.
const HABIT_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Most proposals.
const MOST: usize = 8;

/// Why there are no proposals.
#[derive(Debug, thiserror::Error)]
pub enum SuggestError {
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
}

impl SuggestError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Root(_) => "name a readable folder with -C",
            Self::Memory(error) => error.hint(),
        }
    }
}

/// Everything that proposals rest on.
#[derive(Default)]
struct Facts {
    now_ms: i64,
    /// Newest first.
    runs: Vec<Run>,
    stats: Vec<TaskStats>,
    successors: Vec<Successor>,
    /// For the red tasks: the run and the earlier one that failed the same way.
    precedents: Vec<(String, Precedent)>,
    rules: Vec<RuleCount>,
    changed: Vec<(String, ChangeKind)>,
    commit: Option<String>,
    /// Commit that the newest green run of each checking task saw, by task.
    checks: Vec<String>,
    tasks: BTreeSet<String>,
    has_up: bool,
}

/// Proposes next steps.
///
/// # Errors
/// When the repository or the memory cannot be read.
pub fn suggest(context: &Context) -> Result<SuggestReport, SuggestError> {
    let found = list::discover(context, &ListRequest::default())?;
    let facts = gather(context, &found)?;
    Ok(SuggestReport { schema: SCHEMA.to_owned(), suggestions: propose(&facts) })
}

fn gather(context: &Context, found: &Discovery) -> Result<Facts, SuggestError> {
    let mut facts = Facts {
        now_ms: Timestamp::now().as_millisecond(),
        checks: checks(found),
        tasks: found.tasks.iter().map(|found| found.task.id.clone()).collect(),
        has_up: found
            .tasks
            .iter()
            .any(|found| found.task.source == TaskSource::Profile && found.task.name == "up"),
        ..Facts::default()
    };
    if let Some(status) = status(context) {
        facts.commit = status.head.commit;
        let changes = status.changes.into_iter();
        facts.changed = changes
            .map(|change| (change.path.to_string_lossy().into_owned(), change.kind))
            .collect();
    }
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(facts) };
    let key = observe::repository_key(context, &notebook);
    let filter =
        RunFilter { repo_key: Some(key.clone()), limit: Some(RECENT_RUNS), ..RunFilter::default() };
    let since_ms = facts.now_ms - HABIT_MS;
    notebook
        .with(async |store| {
            facts.runs = store.runs(&filter).await?;
            facts.stats = store.task_stats(&key).await?;
            facts.successors = store.successors(&key).await?;
            facts.rules = store.rule_counts(&key, since_ms).await?;
            for run in red_runs(&facts.runs) {
                if let Some(precedent) = store.precedent(&run.id).await? {
                    facts.precedents.push((run.id.clone(), precedent));
                }
            }
            Ok(())
        })
        .map_err(NotebookError::Store)?;
    Ok(facts)
}

fn status(context: &Context) -> Option<Status> {
    let repository = Repository::find(&context.root.path)?;
    let limits = Limits { timeout_ms: GIT_TIMEOUT_MS, ..Limits::default() };
    Git { environment: &context.environment.kept, limits }.status(&repository).ok()
}

/// Tasks that check the code, by their meaning.
fn checks(found: &Discovery) -> Vec<String> {
    let best = |words: &&str| {
        let outcome = by_meaning::resolve(words, &found.tasks);
        let best = outcome.candidates.first().filter(|_| outcome.decision != Decision::None)?;
        let task = &found.tasks[best.task].task;
        (task.runnable && !task.destructive).then(|| task.id.clone())
    };
    let mut checks: Vec<String> = ["test", "lint"].iter().filter_map(best).collect();
    checks.dedup();
    checks
}

/// The newest run of each task, where it is red.
fn red_runs(runs: &[Run]) -> Vec<&Run> {
    let mut seen = BTreeSet::new();
    let newest = runs.iter().filter(|run| run.finished && seen.insert(run.task.as_str()));
    newest.filter(|run| run.exit_code != Some(0)).collect()
}

/// What follows from the facts, most sensible first.
fn propose(facts: &Facts) -> Vec<Suggestion> {
    let mut all = Vec::new();
    all.extend(conflicts(facts));
    all.extend(red(facts));
    all.extend(blocked(facts));
    all.extend(interrupted(facts));
    all.extend(environment(facts));
    all.extend(changed(facts));
    all.extend(rules(facts));
    all.extend(habit(facts));
    if all.is_empty() {
        all.extend(start(facts));
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.command.cmp(&b.command)));
    let mut seen = BTreeSet::new();
    all.retain(|suggestion| seen.insert(suggestion.command.clone()));
    all.truncate(MOST);
    all
}

fn conflicts(facts: &Facts) -> Option<Suggestion> {
    let unmerged = facts.changed.iter().filter(|(_, kind)| *kind == ChangeKind::Unmerged);
    let files: Vec<&str> = unmerged.map(|(path, _)| path.as_str()).collect();
    let first = files.first()?;
    Some(Suggestion {
        kind: "conflict".to_owned(),
        command: "wgx guard --changed".to_owned(),
        task: None,
        reason: format!(
            "{} file(s) have unresolved merge conflicts, {first} first. Nothing else means much \
             before they are resolved.",
            files.len()
        ),
        score: 1.0,
        runs: Vec::new(),
    })
}

fn red(facts: &Facts) -> Vec<Suggestion> {
    let known = red_runs(&facts.runs).into_iter().filter(|run| facts.tasks.contains(&run.task));
    known
        .map(|run| {
            let precedent = facts.precedents.iter().find(|(id, _)| *id == run.id);
            let mut runs = vec![run.id.clone()];
            let mut reason = format!(
                "{} ended with {} {} and has not been green since.",
                run.task,
                run.exit_code.unwrap_or(-1),
                ago(facts.now_ms - run.started_at_ms)
            );
            if let Some((_, precedent)) = precedent {
                runs.push(precedent.failed.id.clone());
                reason.push_str(&how_it_was_mended(facts, precedent, &mut runs));
            }
            let recent = facts.now_ms - run.started_at_ms < 24 * 60 * 60 * 1000;
            Suggestion {
                kind: "red".to_owned(),
                command: run_command(&run.task),
                task: Some(run.task.clone()),
                reason,
                score: if recent { 0.9 } else { 0.6 },
                runs,
            }
        })
        .collect()
}

/// A red task that was not even started: this machine lacks something.
fn blocked(facts: &Facts) -> Option<Suggestion> {
    let codes =
        [(PROGRAM_MISSING, OwnExit::ProgramMissing), (CANNOT_EXECUTE, OwnExit::CannotExecute)];
    let red = red_runs(&facts.runs);
    codes.into_iter().find_map(|(rule, exit)| {
        let event = facts.rules.iter().find(|event| event.rule == rule)?;
        let run = red.iter().find(|run| {
            run.exit_code == Some(i32::from(exit.code())) && run.started_at_ms <= event.last_at_ms
        })?;
        let what = match exit {
            OwnExit::ProgramMissing => "a program that it starts is missing here",
            _ => "a program that it starts cannot be executed here",
        };
        Some(Suggestion {
            kind: "machine".to_owned(),
            command: "wgx doctor".to_owned(),
            task: None,
            reason: format!(
                "{} could not be started {}: {what}.",
                run.task,
                ago(facts.now_ms - run.started_at_ms)
            ),
            score: 0.92,
            runs: vec![run.id.clone()],
        })
    })
}

/// The command that starts a task, to be copied into a shell: a repository chooses the names of tasks.
fn run_command(task: &str) -> String {
    format!("wgx run {}", quoted(task))
}

fn quoted(word: &str) -> String {
    quote(word.as_ref()).to_string_lossy().into_owned()
}

fn how_it_was_mended(facts: &Facts, precedent: &Precedent, runs: &mut Vec<String>) -> String {
    let when = ago(facts.now_ms - precedent.failed.started_at_ms);
    let Some(fix) = &precedent.fixed_by else {
        return format!(" It failed the same way {when} and was not mended then either.");
    };
    runs.push(fix.id.clone());
    let between = facts.runs.iter().filter(|run| {
        run.started_at_ms > precedent.failed.started_at_ms
            && run.started_at_ms < fix.started_at_ms
            && run.task != fix.task
            && run.exit_code == Some(0)
    });
    let mut done: Vec<&str> = between.map(|run| run.task.as_str()).collect();
    done.sort_unstable();
    done.dedup();
    let changes: Vec<String> = precedent.changes.iter().take(4).map(change).collect();
    let mut text = format!(" It failed the same way {when} and became green");
    match (done.is_empty(), changes.is_empty()) {
        (false, true) => text.push_str(&format!(" after {}.", done.join(", "))),
        (true, false) => text.push_str(&format!(" with {}.", changes.join(", "))),
        (false, false) => {
            let (done, changes) = (done.join(", "), changes.join(", "));
            text.push_str(&format!(" after {done}, with {changes}."));
        }
        (true, true) => text.push_str(" when it was run again."),
    }
    text
}

fn change(change: &EnvironmentChange) -> String {
    let short = |value: &Option<String>| match value {
        Some(value) => value.chars().take(12).collect::<String>(),
        None => "none".to_owned(),
    };
    match change.field.as_str() {
        "commit" => format!("commit {}", short(&change.after)),
        "dirty" => "other uncommitted changes".to_owned(),
        field => format!("{field} {} → {}", short(&change.before), short(&change.after)),
    }
}

fn interrupted(facts: &Facts) -> Option<Suggestion> {
    let newest = facts.runs.first()?;
    let age_ms = facts.now_ms - newest.started_at_ms;
    if newest.finished || age_ms < CUT_OFF_MS || !facts.tasks.contains(&newest.task) {
        return None;
    }
    Some(Suggestion {
        kind: "interrupted".to_owned(),
        command: run_command(&newest.task),
        task: Some(newest.task.clone()),
        reason: format!(
            "{} was started {} and its end was never recorded.",
            newest.task,
            ago(age_ms)
        ),
        score: 0.5,
        runs: vec![newest.id.clone()],
    })
}

fn environment(facts: &Facts) -> Option<Suggestion> {
    let is_lockfile = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        LOCKFILES.contains(&name)
    };
    let (path, _) = facts.changed.iter().find(|(path, _)| is_lockfile(path))?;
    let command = if facts.has_up { "wgx run up" } else { "wgx up" };
    Some(Suggestion {
        kind: "environment".to_owned(),
        command: command.to_owned(),
        task: facts.has_up.then(|| "profile:up".to_owned()),
        reason: format!("{path} changed since the last commit; what it pins may not be installed."),
        score: 0.7,
        runs: Vec::new(),
    })
}

fn changed(facts: &Facts) -> Vec<Suggestion> {
    if facts.changed.is_empty() {
        return Vec::new();
    }
    let count = facts.changed.len();
    let mut all = vec![Suggestion {
        kind: "changed".to_owned(),
        command: "wgx guard --changed".to_owned(),
        task: None,
        reason: format!("{count} file(s) differ from the last commit."),
        score: 0.4,
        runs: Vec::new(),
    }];
    for task in &facts.checks {
        let last = facts.runs.iter().find(|run| run.task == *task && run.exit_code == Some(0));
        let reason = match last {
            Some(run) => format!(
                "{count} file(s) differ from the last commit; {task} was last green {}.",
                ago(facts.now_ms - run.started_at_ms)
            ),
            None => {
                format!("{count} file(s) differ from the last commit and {task} never ran here.")
            }
        };
        all.push(Suggestion {
            kind: "changed".to_owned(),
            command: run_command(task),
            task: Some(task.clone()),
            reason,
            score: 0.55,
            runs: last.map(|run| run.id.clone()).into_iter().collect(),
        });
    }
    all
}

fn rules(facts: &Facts) -> Option<Suggestion> {
    let broken = facts.rules.iter().filter(|rule| rule.outcome == "broken" && rule.events >= 3);
    let worst = broken.max_by_key(|rule| rule.events)?;
    let mends =
        guard::rules().iter().any(|rule| rule.id == worst.rule && rule.kind == FixKind::Safe);
    let fix = if mends { " --fix" } else { "" };
    let command = match worst.rule.starts_with("validate:") {
        true => "wgx validate".to_owned(),
        false => format!("wgx guard --only {}{fix}", quoted(&worst.rule)),
    };
    Some(Suggestion {
        kind: "rule".to_owned(),
        command,
        task: None,
        reason: format!(
            "The rule {} was broken in {} of the last guards here.",
            worst.rule, worst.events
        ),
        score: 0.35,
        runs: Vec::new(),
    })
}

/// What usually comes after the last run.
fn habit(facts: &Facts) -> Vec<Suggestion> {
    let Some(last) = facts.runs.iter().find(|run| run.finished) else { return Vec::new() };
    let passed = last.exit_code == Some(0);
    let after = facts.successors.iter().filter(|next| {
        next.task == last.task
            && next.passed == passed
            && next.next != last.task
            && facts.tasks.contains(&next.next)
    });
    let all: u64 = after.clone().map(|next| next.times).sum();
    after
        .filter(|next| next.times >= 2)
        .map(|next| {
            #[expect(clippy::cast_precision_loss, reason = "counts of runs are small")]
            let share = next.times as f64 / all.max(1) as f64;
            Suggestion {
                kind: "habit".to_owned(),
                command: run_command(&next.next),
                task: Some(next.next.clone()),
                reason: format!(
                    "After {} {} you ran {} {} of {all} times.",
                    if passed { "a green" } else { "a red" },
                    last.task,
                    next.next,
                    next.times
                ),
                score: 0.3 + 0.3 * share,
                runs: vec![last.id.clone()],
            }
        })
        .collect()
}

/// Nothing is known and nothing changed: what a newcomer would do.
fn start(facts: &Facts) -> Vec<Suggestion> {
    let mut all = Vec::new();
    let mut push = |command: String, task: Option<String>, reason: &str, score: f64| {
        all.push(Suggestion {
            kind: "start".to_owned(),
            command,
            task,
            reason: reason.to_owned(),
            score,
            runs: Vec::new(),
        });
    };
    if facts.runs.is_empty() {
        push("wgx up --dry-run".to_owned(), None, "No run is recorded here yet.", 0.3);
        push("wgx list".to_owned(), None, "It shows what this repository offers.", 0.2);
    }
    for task in &facts.checks {
        let never = facts.stats.iter().all(|stats| stats.task != *task);
        if never {
            let command = format!("wgx run {task}");
            push(command, Some(task.clone()), "It never ran on this machine.", 0.25);
        }
    }
    all
}

fn ago(age_ms: i64) -> String {
    let minutes = age_ms.max(0) / 60_000;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, task: &str, minutes_ago: i64, exit_code: Option<i32>) -> Run {
        Run {
            id: id.to_owned(),
            device_id: "d".to_owned(),
            started_at_ms: 1_000_000_000 - minutes_ago * 60_000,
            repo_key: "k".to_owned(),
            repo: "r".to_owned(),
            task: task.to_owned(),
            source: "just".to_owned(),
            args: Vec::new(),
            env_id: "e".to_owned(),
            cwd: String::new(),
            reason: "named".to_owned(),
            parent_run: None,
            finished: exit_code.is_some(),
            exit_code,
            signal: None,
            duration_ms: Some(5),
            log_sha256: None,
            log_bytes: None,
            signature: None,
            artefacts: Vec::new(),
        }
    }

    fn facts(runs: Vec<Run>) -> Facts {
        Facts {
            now_ms: 1_000_000_000,
            runs,
            tasks: ["just:test", "just:lint", "just:gen"].map(str::to_owned).into(),
            ..Facts::default()
        }
    }

    #[test]
    fn a_red_task_names_what_made_it_green_before() {
        let mut facts = facts(vec![
            run("r4", "just:test", 5, Some(1)),
            run("r3", "just:test", 100, Some(0)),
            run("r2", "just:gen", 110, Some(0)),
            run("r1", "just:test", 120, Some(1)),
        ]);
        facts.precedents.push((
            "r4".to_owned(),
            Precedent {
                failed: run("r1", "just:test", 120, Some(1)),
                fixed_by: Some(run("r3", "just:test", 100, Some(0))),
                changes: Vec::new(),
            },
        ));
        let best = propose(&facts).remove(0);
        assert_eq!(best.command, "wgx run just:test");
        assert_eq!(
            best.reason,
            "just:test ended with 1 5 min ago and has not been green since. It failed the same way \
             2 h ago and became green after just:gen."
        );
        assert_eq!(best.runs, ["r4", "r1", "r3"]);
    }

    #[test]
    fn a_task_that_is_green_again_or_gone_is_no_proposal() {
        let green =
            facts(vec![run("r2", "just:test", 5, Some(0)), run("r1", "just:test", 10, Some(1))]);
        assert!(propose(&green).iter().all(|suggestion| suggestion.kind != "red"));
        let gone = facts(vec![run("r1", "just:old", 5, Some(1))]);
        assert!(propose(&gone).iter().all(|suggestion| suggestion.kind != "red"));
    }

    #[test]
    fn a_rule_is_mended_only_where_guard_can_mend_it() {
        let broken = |rule: &str| {
            let mut facts = facts(Vec::new());
            let (rule, outcome) = (rule.to_owned(), "broken".to_owned());
            facts.rules.push(RuleCount { rule, outcome, events: 3, last_at_ms: 0 });
            propose(&facts).remove(0).command
        };
        assert_eq!(broken("final-newline"), "wgx guard --only final-newline --fix");
        assert_eq!(broken("secrets"), "wgx guard --only secrets");
    }

    #[test]
    fn conflicts_come_before_everything() {
        let mut facts = facts(vec![run("r1", "just:test", 5, Some(1))]);
        facts.changed.push(("src/a.rs".to_owned(), ChangeKind::Unmerged));
        assert_eq!(propose(&facts)[0].kind, "conflict");
    }

    #[test]
    fn a_changed_lockfile_asks_for_up_and_habits_are_counted() {
        let mut facts = facts(vec![run("r1", "just:lint", 5, Some(0))]);
        facts.changed.push(("web/package-lock.json".to_owned(), ChangeKind::Unstaged));
        facts.successors.push(Successor {
            task: "just:lint".to_owned(),
            passed: true,
            next: "just:test".to_owned(),
            times: 3,
        });
        let kinds: Vec<String> = propose(&facts).into_iter().map(|found| found.kind).collect();
        assert_eq!(kinds, ["environment", "habit", "changed"]);
    }
}
