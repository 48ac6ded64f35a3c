//! `wgx smoke`: the shortest meaningful path for this repository, inside a budget, stopping on red.
//!
//! What counts, best first: the profile's own `smoke`, its `validate.quick`, then one task for each
//! stage (format, lint, types, build, test) that free text finds by its meaning, then the compiler's own
//! check. Durations measured here decide what fits; without them, what is usual for the stage.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use contracts::wgx::smoke::{SCHEMA, SmokeReport, SmokeResult, SmokeStep};
use contracts::wgx::{Decision, RunStep, TaskSource};
use memory::TaskStats;
use wgx_tasks::files::RepoFiles;
use wgx_tasks::profile::{self, Os};
use wgx_tasks::sources::Discovery;
use wgx_tasks::task::{Invocation, Program};

use crate::by_meaning;
use crate::context::Context;
use crate::list::{self, ListRequest};
use crate::notebook::Notebook;
use crate::observe;
use crate::run::{self, Dialogue, Reason, RunError, RunRequest, Step, TIME_OVER};

/// Least and most time for a smoke test, in milliseconds.
pub const BUDGET_RANGE_MS: std::ops::RangeInclusive<u64> = 1_000..=600_000;

/// Stages in order of meaning per second: name, the words that find their task, usual duration in ms.
const STAGES: [(&str, &str, u64); 5] = [
    ("format", "check formatting", 4_000),
    ("lint", "lint", 20_000),
    ("types", "type check", 15_000),
    ("build", "build", 30_000),
    ("test", "run the tests", 30_000),
];

/// A file of an ecosystem and its own quick check, where no task says more.
const OWN_CHECKS: [(&str, &str); 3] = [
    ("Cargo.toml", "cargo check --workspace --all-targets"),
    ("go.mod", "go build ./..."),
    ("pyproject.toml", "python3 -m compileall -q ."),
];
const OWN_CHECK_MS: u64 = 30_000;
/// What a need is expected to take that was never measured here.
const USUAL_NEED_MS: u64 = 10_000;

/// Least score of a task that stands for a stage although others fit its words too.
const CLEAR_SCORE: f64 = 0.6;

/// Words of tasks that never end by themselves.
const ENDLESS: [&str; 6] = ["watch", "serve", "dev", "start", "server", "preview"];

/// Folders of members that say little about the whole.
const BESIDE: [&str; 10] = [
    "demo",
    "demos",
    "example",
    "examples",
    "fixture",
    "fixtures",
    "playground",
    "playgrounds",
    "template",
    "templates",
];

/// How to test.
#[derive(Clone, Debug)]
pub struct SmokeRequest {
    /// Time for everything, in milliseconds.
    pub budget_ms: u64,
    /// Only show what would run.
    pub dry_run: bool,
    /// Answers questions with yes.
    pub yes: bool,
}

/// A check that could be part of the path.
#[derive(Clone, Debug, PartialEq)]
struct Check {
    stage: &'static str,
    task: Option<usize>,
    command: Option<&'static str>,
    estimate_ms: u64,
    measured: bool,
    /// What must run before it.
    needs: Vec<Need>,
}

/// A task that a check needs, unless nothing changed for it.
#[derive(Clone, Debug, PartialEq)]
struct Need {
    index: usize,
    estimate_ms: u64,
}

impl Check {
    /// What it takes beside the needs that run anyway.
    fn cost_ms(&self, done: &BTreeSet<usize>) -> u64 {
        let own = self.needs.iter().filter(|need| !done.contains(&need.index));
        own.map(|need| need.estimate_ms).sum::<u64>().saturating_add(self.estimate_ms)
    }
}

/// Plans and runs the smoke test.
///
/// # Errors
/// As [`run::run`].
pub fn smoke(
    context: &Context,
    request: &SmokeRequest,
    dialogue: &dyn Dialogue,
) -> Result<SmokeReport, RunError> {
    let found = list::discover(context, &ListRequest::default())?;
    let durations = durations(context)?;
    let began = Instant::now();
    let mut checks = checks(&found, &durations);
    look_up_needs(context, &found, &durations, &mut checks)?;
    let (chosen, left_out) = fit(checks, request.budget_ms);
    let mut report = SmokeReport {
        schema: SCHEMA.to_owned(),
        budget_ms: request.budget_ms,
        result: if chosen.is_empty() { SmokeResult::Nothing } else { SmokeResult::Planned },
        steps: chosen.iter().map(|check| planned(check, &found)).collect(),
        left_out: left_out.iter().map(|check| name(check, &found)).collect(),
    };
    if !request.dry_run && !chosen.is_empty() {
        let until = began + Duration::from_millis(request.budget_ms);
        execute(context, (request, until), &found, (&chosen, &mut report), dialogue)?;
    }
    Ok(report)
}

fn durations(context: &Context) -> Result<HashMap<String, TaskStats>, RunError> {
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(HashMap::new()) };
    let key = observe::repository_key(context, &notebook);
    let stats = notebook.with(async |store| store.task_stats(&key).await)?;
    Ok(stats.into_iter().map(|stats| (stats.task.clone(), stats)).collect())
}

fn checks(found: &Discovery, durations: &HashMap<String, TaskStats>) -> Vec<Check> {
    let declared = declared(found);
    let tasks: Vec<(&'static str, usize, u64)> =
        if declared.is_empty() { stages(found) } else { declared };
    let check = |(stage, index, usual_ms): (&'static str, usize, u64)| {
        let measured_ms = measured_ms(found, durations, index);
        Check {
            stage,
            task: Some(index),
            command: None,
            estimate_ms: measured_ms.unwrap_or(usual_ms),
            measured: measured_ms.is_some(),
            needs: Vec::new(),
        }
    };
    let mut checks: Vec<Check> = tasks.into_iter().map(check).collect();
    if checks.is_empty() {
        checks.extend(own_check(found));
    }
    checks
}

fn measured_ms(
    found: &Discovery,
    durations: &HashMap<String, TaskStats>,
    index: usize,
) -> Option<u64> {
    let stats = durations.get(&found.tasks[index].task.id)?;
    stats.p90_ms.or(stats.median_ms)
}

/// What each check needs and would not be skipped. A check whose needs cannot be put in order says so when
/// it is to start.
fn look_up_needs(
    context: &Context,
    found: &Discovery,
    durations: &HashMap<String, TaskStats>,
    checks: &mut [Check],
) -> Result<(), RunError> {
    for check in checks {
        let Some(Ok(steps)) =
            check.task.map(|index| run::steps(context, &[index], found, Reason::Smoke))
        else {
            continue;
        };
        let unchanged = run::unchanged(context, found, &steps)?;
        let needed = steps.iter().zip(unchanged).filter(|(step, same)| run::is_need(step) && !same);
        let need = |index: usize| Need {
            index,
            estimate_ms: measured_ms(found, durations, index).unwrap_or(USUAL_NEED_MS),
        };
        check.needs = needed.filter_map(|(step, _)| step.task.map(need)).collect();
    }
    Ok(())
}

/// What the profile itself calls its quick checks.
fn declared(found: &Discovery) -> Vec<(&'static str, usize, u64)> {
    let in_profile = |name: &str| {
        found.tasks.iter().position(|task| {
            task.task.source == TaskSource::Profile
                && task.task.member.is_none()
                && task.task.name == profile::normalise_task_name(name)
        })
    };
    let usual_ms = 30_000;
    if let Some(smoke) = in_profile("smoke") {
        return vec![("smoke", smoke, usual_ms)];
    }
    let files = RepoFiles::new(&found.root).ok();
    let loaded = files.and_then(|files| profile::load(&files, "", Os::current()));
    let quick = loaded.and_then(|loaded| loaded.profile.validate.quick).unwrap_or_default();
    quick
        .iter()
        .filter_map(|task| in_profile(&task.name))
        .map(|at| ("smoke", at, usual_ms))
        .collect()
}

fn stages(found: &Discovery) -> Vec<(&'static str, usize, u64)> {
    let mut chosen: Vec<(&'static str, usize, u64)> = Vec::new();
    for (stage, words, usual_ms) in STAGES {
        let outcome = by_meaning::resolve(words, &found.tasks);
        let is_winner = outcome.decision == Decision::Run;
        let clear = outcome.candidates.iter().enumerate().filter(|(place, candidate)| {
            candidate.score >= CLEAR_SCORE || (is_winner && *place == 0)
        });
        let fits = |at: &usize| {
            let is_new = chosen.iter().all(|(_, other, _)| other != at);
            is_new && is_harmless(found, *at) && !(stage == "types" && is_whole_check(found, *at))
        };
        let fitting: Vec<usize> = clear.map(|(_, candidate)| candidate.task).filter(fits).collect();
        let member = |at: usize| found.tasks[at].task.member.as_deref();
        let in_root = fitting.iter().find(|at| member(**at).is_none());
        let elsewhere = || fitting.iter().find(|at| !member(**at).is_some_and(is_beside));
        if let Some(at) = in_root.or_else(elsewhere) {
            chosen.push((stage, *at, usual_ms));
        }
    }
    chosen
}

/// `check` of make and Gradle runs all tests by convention; elsewhere the word stands for a look at types.
fn is_whole_check(found: &Discovery, at: usize) -> bool {
    let task = &found.tasks[at].task;
    matches!(task.source, TaskSource::Make | TaskSource::Gradle) && task.name == "check"
}

/// Whether a member of a workspace stands beside what the repository is for.
fn is_beside(member: &str) -> bool {
    member.split(['/', ':']).any(|folder| BESIDE.contains(&folder))
}

/// Can be started without a question, comes to an end, and needs nobody's words.
fn is_harmless(found: &Discovery, at: usize) -> bool {
    let task = &found.tasks[at];
    let words = task.task.name.split(|c: char| !c.is_ascii_alphanumeric());
    let endless = words.into_iter().any(|word| ENDLESS.contains(&word));
    let asks = task.task.args.iter().any(|arg| arg.required);
    task.task.runnable && !task.task.destructive && !endless && !asks
}

fn own_check(found: &Discovery) -> Option<Check> {
    let (_, command) = OWN_CHECKS.iter().find(|(file, _)| found.root.join(file).is_file())?;
    Some(Check {
        stage: "build",
        task: None,
        command: Some(command),
        estimate_ms: OWN_CHECK_MS,
        measured: false,
        needs: Vec::new(),
    })
}

/// The checks that fit into the budget with what they need, shortest first so that red shows early; the
/// first one always fits, since a smoke test that checks nothing says nothing. A need of several checks
/// counts once, with the first.
fn fit(mut checks: Vec<Check>, budget_ms: u64) -> (Vec<Check>, Vec<Check>) {
    checks.sort_by_key(|check| check.cost_ms(&BTreeSet::new()));
    let mut spent_ms = 0u64;
    let mut done = BTreeSet::new();
    let mut left_out = Vec::new();
    let mut chosen: Vec<Check> = Vec::new();
    for mut check in checks {
        let with_it_ms = spent_ms.saturating_add(check.cost_ms(&done));
        if with_it_ms <= budget_ms || chosen.is_empty() {
            spent_ms = with_it_ms;
            check.needs.retain(|need| done.insert(need.index));
            chosen.push(check);
        } else {
            left_out.push(check);
        }
    }
    (chosen, left_out)
}

fn name(check: &Check, found: &Discovery) -> String {
    match (check.task, check.command) {
        (Some(index), _) => found.tasks[index].task.id.clone(),
        (None, command) => command.unwrap_or_default().to_owned(),
    }
}

fn planned(check: &Check, found: &Discovery) -> SmokeStep {
    SmokeStep {
        stage: check.stage.to_owned(),
        task: check.task.map(|index| found.tasks[index].task.id.clone()),
        command: check.command.map(str::to_owned),
        estimate_ms: check.estimate_ms,
        measured: check.measured,
        needs: check.needs.iter().map(|need| found.tasks[need.index].task.id.clone()).collect(),
        needs_estimate_ms: check.needs.iter().map(|need| need.estimate_ms).sum(),
        status: "planned".to_owned(),
        exit_code: None,
        duration_ms: None,
        needs_ms: None,
        run_id: None,
    }
}

fn execute(
    context: &Context,
    (request, until): (&SmokeRequest, Instant),
    found: &Discovery,
    (chosen, report): (&[Check], &mut SmokeReport),
    dialogue: &dyn Dialogue,
) -> Result<(), RunError> {
    report.result = SmokeResult::Passed;
    for (check, planned) in chosen.iter().zip(&mut report.steps) {
        if report.result != SmokeResult::Passed || Instant::now() >= until {
            planned.status = "skipped".to_owned();
            if report.result == SmokeResult::Passed {
                report.result = SmokeResult::Incomplete;
            }
            continue;
        }
        let run = RunRequest {
            yes: request.yes,
            deadline: Some(until),
            to_stderr: true,
            words: vec![name(check, found)],
            ..RunRequest::default()
        };
        let ended = steps(context, check, found)
            .and_then(|steps| run::run_steps(context, &run, found, steps, dialogue));
        report.result = match ended {
            Ok(ended) => settle(planned, &ended),
            Err(error) => could_not_start(planned, error, dialogue)?,
        };
    }
    Ok(())
}

/// A check with everything that it needs.
fn steps(context: &Context, check: &Check, found: &Discovery) -> Result<Vec<Step>, RunError> {
    if let Some(index) = check.task {
        return Ok(run::steps(context, &[index], found, Reason::Smoke)?);
    }
    let command = check.command.unwrap_or_default().to_owned();
    let invocation = Invocation::of(Program::Shell(command));
    Ok(vec![Step { task: None, invocation, reason: Reason::Smoke }])
}

/// A check that cannot start is red; a run that cannot be recorded ends everything.
fn could_not_start(
    planned: &mut SmokeStep,
    error: RunError,
    dialogue: &dyn Dialogue,
) -> Result<SmokeResult, RunError> {
    if !matches!(error, RunError::Launch { .. } | RunError::Process { .. } | RunError::Needs(_)) {
        return Err(error);
    }
    dialogue.note(&format!("{error} ({})", error.hint()));
    planned.status = "failed".to_owned();
    planned.exit_code = Some(i32::from(error.exit_code()));
    Ok(SmokeResult::Failed)
}

fn settle(planned: &mut SmokeStep, ended: &contracts::wgx::RunReport) -> SmokeResult {
    let step = ended.steps.iter().find(|step| step.reason == Reason::Smoke.as_str());
    planned.exit_code = ended.exit_code;
    planned.duration_ms = step.and_then(|step| step.duration_ms);
    planned.run_id = step.and_then(|step| step.run_id.clone());
    let needs = ended.steps.iter().filter(|step| step.reason != Reason::Smoke.as_str());
    planned.needs_ms = needs.filter_map(|step| step.duration_ms).reduce(u64::saturating_add);
    let is_over = |step: &RunStep| step.timed_out || step.skipped.as_deref() == Some(TIME_OVER);
    let timed_out = ended.steps.iter().any(is_over);
    let (status, result) = match ended.exit_code {
        Some(0) => ("passed", SmokeResult::Passed),
        _ if timed_out => ("timeout", SmokeResult::Incomplete),
        _ => ("failed", SmokeResult::Failed),
    };
    planned.status = status.to_owned();
    result
}

#[cfg(test)]
mod tests {
    use wgx_tasks::sources::{DiscoverOptions, discover_in};

    use super::*;

    fn found(files: &[(&str, &str)]) -> Discovery {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        discover_in(&RepoFiles::in_memory(files), &DiscoverOptions::default())
    }

    fn names(checks: &[Check], found: &Discovery) -> Vec<String> {
        checks.iter().map(|check| format!("{} {}", check.stage, name(check, found))).collect()
    }

    const JUSTFILE: &str = "test:\n    cargo test\nlint:\n    cargo clippy\nwatch:\n    cargo watch\n\
                            fmt-check:\n    cargo fmt --check\ndeploy:\n    ./deploy.sh\n";

    #[test]
    fn stages_are_found_by_meaning_and_endless_tasks_left_out() {
        let found = found(&[("justfile", JUSTFILE)]);
        let (chosen, left_out) = fit(checks(&found, &HashMap::new()), 90_000);
        assert_eq!(
            names(&chosen, &found),
            ["format just:fmt-check", "lint just:lint", "test just:test"]
        );
        assert!(left_out.is_empty());
    }

    #[test]
    fn a_task_that_does_everything_is_no_stage() {
        let found = found(&[("Makefile", "all:\n\techo all\n")]);
        let chosen = names(&checks(&found, &HashMap::new()), &found);
        assert!(!chosen.iter().any(|chosen| chosen.starts_with("lint")), "{chosen:?}");
    }

    #[test]
    fn tasks_of_the_root_come_before_those_of_members_and_no_example_stands_for_the_whole() {
        let root = r#"{"workspaces": ["examples/*", "packages/*"], "scripts": {"test": "x"}}"#;
        let member = r#"{"scripts": {"lint": "x", "test": "x"}}"#;
        let example = ("examples/a/package.json", member);
        let smoke = |files: &[(&str, &str)]| {
            let found = found(files);
            names(&checks(&found, &HashMap::new()), &found)
        };
        assert_eq!(smoke(&[("package.json", root), example]), ["test npm:test"]);
        let package = ("packages/b/package.json", member);
        let both = smoke(&[("package.json", root), example, package]);
        assert_eq!(both, ["lint npm:packages/b:lint", "test npm:test"]);
    }

    #[test]
    fn a_check_of_everything_is_no_look_at_types() {
        let found = found(&[("build.gradle", "plugins { id 'java' }\n")]);
        let chosen = names(&checks(&found, &HashMap::new()), &found);
        assert!(!chosen.contains(&"types gradle:check".to_owned()), "{chosen:?}");
    }

    #[test]
    fn measured_durations_decide_what_fits() {
        let found = found(&[("justfile", JUSTFILE)]);
        let slow = TaskStats {
            task: "just:lint".into(),
            source: "just".into(),
            runs: 3,
            failures: 0,
            last_started_at_ms: 0,
            last_exit_code: Some(0),
            median_ms: Some(80_000),
            p90_ms: Some(85_000),
        };
        let durations = HashMap::from([("just:lint".to_owned(), slow)]);
        let (chosen, left_out) = fit(checks(&found, &durations), 60_000);
        assert_eq!(names(&chosen, &found), ["format just:fmt-check", "test just:test"]);
        assert_eq!(names(&left_out, &found), ["lint just:lint"]);
    }

    #[test]
    fn needs_count_into_the_budget_once() {
        let check = |stage, estimate_ms| Check {
            stage,
            task: Some(0),
            command: None,
            estimate_ms,
            measured: true,
            needs: vec![Need { index: 7, estimate_ms: 20_000 }],
        };
        let checks = vec![check("lint", 10_000), check("types", 15_000), check("test", 16_000)];
        let (chosen, left_out) = fit(checks, 45_000);
        let needs: Vec<(&str, usize)> =
            chosen.iter().map(|check| (check.stage, check.needs.len())).collect();
        assert_eq!(needs, [("lint", 1), ("types", 0)]);
        assert_eq!(left_out[0].stage, "test");
    }

    #[test]
    fn the_profiles_own_smoke_comes_first() {
        let profile = "tasks:\n  smoke: ./smoke.sh\n  lint: ./lint.sh\n";
        let found = found(&[(".wgx/profile.yml", profile), ("justfile", JUSTFILE)]);
        let chosen = checks(&found, &HashMap::new());
        assert_eq!(names(&chosen, &found), ["smoke profile:smoke"]);
    }
}
