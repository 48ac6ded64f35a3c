//! The tools that this repository needs, against those that are here.

use std::collections::{BTreeMap, BTreeSet};

use contracts::wgx::doctor::DoctorFinding;
use contracts::wgx::up::{UpAction, UpStep};
use wgx_tasks::task::{FoundTask, Program};
use wgx_tasks::tools::{Requirement, Version};

use super::{DoctorFacts, fail, good, warn};
use crate::up::{self, Needs};

/// Names of all tools whose facts doctor looks at: git, the shells, what the repository asks for,
/// and the programs that its tasks start.
pub fn tools_to_ask(needs: &Needs, tasks: &[FoundTask]) -> BTreeSet<String> {
    let mut names = up::tools_to_ask(needs);
    names.extend(["git", "bash", "sh"].map(str::to_owned));
    names.extend(runners(tasks).into_keys().map(str::to_owned));
    names
}

pub(super) fn judge(facts: &DoctorFacts<'_>) -> Vec<DoctorFinding> {
    let mut findings = vec![git(facts)];
    let steps = up::plan(facts.machine, facts.needs, &[]);
    let asked = steps.iter().filter(|step| {
        step.key.starts_with("packages") || step.key.starts_with("tool:") && step.key != "tool:git"
    });
    findings.extend(asked.map(|step| from_step(step, facts)));
    findings.extend(missing_runners(facts));
    findings
}

fn git(facts: &DoctorFacts<'_>) -> DoctorFinding {
    let about = ("tools", "git");
    match facts.machine.tools.get("git").filter(|fact| fact.path.is_some()) {
        Some(fact) => good(about, fact.version.clone().unwrap_or_else(|| "is here".to_owned())),
        None => fail(about, "is not on PATH", "install git"),
    }
}

fn from_step(step: &UpStep, facts: &DoctorFacts<'_>) -> DoctorFinding {
    let subject = step.key.strip_prefix("tool:").unwrap_or("packages");
    let about = ("tools", subject);
    let note = step.note.as_deref();
    if step.action == UpAction::Done {
        return good(about, format!("{} for {}", note.unwrap_or("here"), step.reason));
    }
    let commands: Vec<String> = step.commands.iter().map(|words| words.join(" ")).collect();
    let advice = match (commands.is_empty(), step.action) {
        (false, UpAction::Run) => format!("wgx up runs: {}", commands.join("; ")),
        (false, _) => format!("run: {}", commands.join("; ")),
        (true, _) => by_hand(subject, facts),
    };
    let what = note.map_or_else(|| step.title.clone(), str::to_owned);
    let message = format!("{what}; asked for by {}", step.reason);
    if step.required { fail(about, message, &advice) } else { warn(about, message, &advice) }
}

/// What a person does about a tool that nothing here can get: one that is missing is installed, one that
/// is too old updated.
fn by_hand(subject: &str, facts: &DoctorFacts<'_>) -> String {
    let fact = facts.machine.tools.get(subject).filter(|fact| fact.path.is_some());
    let Some(fact) = fact else { return format!("install {subject} and put it on PATH") };
    let version = fact.version.as_deref().and_then(Version::parse);
    let asked = facts.needs.tools.iter().filter(|need| need.name == subject);
    let mut asked = asked.filter_map(|need| Requirement::parse(need.requirement.as_deref()?).ok());
    match version {
        Some(version) if asked.any(|asked| asked.asks_for_newer(&version)) => {
            format!("update {subject}")
        }
        _ => format!("put another version of {subject} on PATH"),
    }
}

/// Programs that tasks start, with the number of tasks; wrappers inside the repository are not
/// tools.
fn runners(tasks: &[FoundTask]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for task in tasks {
        let (Program::Argv { argv, .. } | Program::Bracketed(argv)) = &task.invocation.program
        else {
            continue;
        };
        if let Some(program) = argv.first().filter(|program| !program.contains('/')) {
            *counts.entry(program.as_str()).or_insert(0) += 1;
        }
    }
    counts
}

fn missing_runners(facts: &DoctorFacts<'_>) -> Vec<DoctorFinding> {
    let asked = |name: &str| facts.needs.tools.iter().any(|need| need.name == name);
    let here = |name: &str| facts.machine.tools.get(name).is_some_and(|fact| fact.path.is_some());
    let missing = runners(facts.tasks).into_iter().filter(|(name, _)| !asked(name) && !here(name));
    let told = |(name, count): (&str, usize)| {
        let message = format!("is not on PATH; tasks that start it: {count}");
        warn(("tools", name), message, &format!("install {name} to run them"))
    };
    missing.map(told).collect()
}
