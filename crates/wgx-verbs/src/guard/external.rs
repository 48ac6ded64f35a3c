//! The repository's own checks: tasks that lint or check formatting, and hooks of pre-commit, prek
//! and lefthook. They are shown; a runner, which exists for trusted repositories only, starts them.

use contracts::wgx::{GuardCheck, GuardStatus};
use wgx_tasks::document::{Node, parse_json, parse_toml, parse_yaml};
use wgx_tasks::files::RepoFiles;
use wgx_tasks::task::{FoundTask, Program};

use super::tree::GuardError;
use super::{GuardFacts, GuardRequest, is_wanted};

/// A check that the repository brings along.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalCheck {
    /// `task:ID` or `hook:TOOL:NAME`.
    pub rule: String,
    /// What the repository calls it.
    pub title: String,
    /// The command as a person would type it.
    pub command: String,
    /// What is to be started.
    pub source: ExternalSource,
}

/// Where a check of the repository comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ExternalSource {
    /// A task of the list, by its id.
    Task(String),
    /// A hook; the vector starts its tool in the root.
    Hook(Vec<String>),
}

/// How a check of the repository ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalOutcome {
    /// Exit code 0.
    Passed,
    /// Any other end; the text says which, as a lower-case fragment.
    Failed(String),
    /// It was not started; the text says why.
    NotRun(String),
}

/// The checks of a repository.
pub(super) fn find(
    request: &GuardRequest,
    facts: &GuardFacts<'_>,
) -> Result<Vec<ExternalCheck>, GuardError> {
    let files = RepoFiles::new(&request.root)
        .map_err(|source| GuardError::Root { path: request.root.clone(), source })?;
    let tasks = facts.tasks.iter().filter(|task| is_check(task)).map(task_check);
    Ok(tasks.chain(hooks(&files)).collect())
}

/// Appends them to the checks of the report, run where there is a runner.
pub(super) fn report(
    external: &[ExternalCheck],
    request: &GuardRequest,
    facts: &GuardFacts<'_>,
    checks: &mut Vec<GuardCheck>,
) {
    for check in external {
        let (status, reason) = outcome(check, request, facts);
        checks.push(GuardCheck {
            rule: check.rule.clone(),
            title: check.title.clone(),
            status,
            reason,
            command: Some(check.command.clone()),
        });
    }
}

fn outcome(
    check: &ExternalCheck,
    request: &GuardRequest,
    facts: &GuardFacts<'_>,
) -> (GuardStatus, String) {
    if !is_wanted(&check.rule, request) {
        return (GuardStatus::Skipped, "left out on request".to_owned());
    }
    let Some(runner) = facts.runner else {
        return (GuardStatus::NotRun, "started only in a trusted repository".to_owned());
    };
    match runner(check) {
        ExternalOutcome::Passed => (GuardStatus::Passed, "ended well".to_owned()),
        ExternalOutcome::Failed(reason) => (GuardStatus::Failed, reason),
        ExternalOutcome::NotRun(reason) => (GuardStatus::NotRun, reason),
    }
}

/// Words of names that say that a task lints.
const LINT: [&str; 12] = [
    "lint",
    "lints",
    "linter",
    "linters",
    "linting",
    "clippy",
    "eslint",
    "stylelint",
    "vet",
    "shellcheck",
    "typecheck",
    "vale",
];

/// Words of names that say that a task formats.
const FORMAT: [&str; 7] =
    ["fmt", "format", "formatting", "formatter", "prettier", "rustfmt", "style"];

/// Words that say that nothing is changed, and words that say that something is.
const READS: [&str; 6] = ["check", "verify", "ci", "test", "diff", "dry"];
const WRITES: [&str; 5] = ["fix", "write", "apply", "autofix", "update"];

/// Flags of formatters that only look.
const READ_FLAGS: [&str; 7] =
    ["--check", "--diff", "--dry-run", "--list-different", "--verify", "-l", "--fail"];

/// Whether a task lints or checks formatting without changing files.
fn is_check(found: &FoundTask) -> bool {
    let task = &found.task;
    if !task.runnable || task.destructive || task.alias_of.is_some() || task.shadowed_by.is_some() {
        return false;
    }
    if task.args.iter().any(|arg| arg.required) {
        return false;
    }
    let words = words(&task.name);
    let named = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let flags: Vec<&str> = found.commands.iter().flat_map(|line| line.split_whitespace()).collect();
    let writes = named(&WRITES) || flags.iter().any(|flag| matches!(*flag, "--fix" | "--write"));
    let looks = named(&READS) || flags.iter().any(|flag| READ_FLAGS.contains(flag));
    !writes && (named(&LINT) || named(&FORMAT) && looks)
}

/// The words of a task's name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len() + 4);
    let mut lower_before = false;
    for c in name.chars() {
        if c.is_uppercase() && lower_before {
            spaced.push(' ');
        }
        lower_before = c.is_lowercase();
        spaced.extend(c.to_lowercase());
    }
    let parts = spaced.split(|c: char| !c.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn task_check(found: &FoundTask) -> ExternalCheck {
    let task = &found.task;
    let command = match &found.invocation.program {
        Program::Argv { argv, .. } | Program::Bracketed(argv) => argv.join(" "),
        Program::Shell(text) => text.clone(),
        Program::ShellLines(lines) => lines.join("; "),
        Program::Shown(reason) => (*reason).to_owned(),
    };
    ExternalCheck {
        rule: format!("task:{}", task.id),
        title: task.description.clone().unwrap_or_else(|| task.name.clone()),
        command,
        source: ExternalSource::Task(task.id.clone()),
    }
}

/// Hooks, of the first configuration of each tool.
/// Configuration of prek alone.
const PREK_FILES: [&str; 1] = ["prek.toml"];
/// Configuration of pre-commit, which prek reads too.
const PRE_COMMIT_FILES: [&str; 2] = [".pre-commit-config.yaml", ".pre-commit-config.yml"];
/// Configuration of lefthook, the one that it takes first.
const LEFTHOOK_FILES: [&str; 8] = [
    "lefthook.yml",
    "lefthook.yaml",
    "lefthook.toml",
    "lefthook.json",
    ".lefthook.yml",
    ".lefthook.yaml",
    ".lefthook.toml",
    ".lefthook.json",
];
/// What lefthook lays over it.
const LEFTHOOK_LOCAL_FILES: [&str; 8] = [
    "lefthook-local.yml",
    "lefthook-local.yaml",
    "lefthook-local.toml",
    "lefthook-local.json",
    ".lefthook-local.yml",
    ".lefthook-local.yaml",
    ".lefthook-local.toml",
    ".lefthook-local.json",
];

/// All files of the root that say what hooks start.
pub(crate) fn hook_files() -> impl Iterator<Item = &'static str> {
    let checks = PREK_FILES.into_iter().chain(PRE_COMMIT_FILES);
    checks.chain(LEFTHOOK_FILES).chain(LEFTHOOK_LOCAL_FILES)
}

fn hooks(files: &RepoFiles) -> Vec<ExternalCheck> {
    let mut found = Vec::new();
    let prek = document(files, &PREK_FILES);
    let tool = if prek.is_some() { "prek" } else { "pre-commit" };
    let config = prek.or_else(|| document(files, &PRE_COMMIT_FILES));
    if let Some(config) = config {
        found.extend(pre_commit_hooks(&config, tool));
    }
    if let Some(config) = document(files, &LEFTHOOK_FILES) {
        found.extend(lefthook_hooks(&config));
    }
    found
}

/// The first of the files that exists and parses; a broken one is the syntax checks' finding.
fn document(files: &RepoFiles, names: &[&str]) -> Option<Node> {
    names.iter().filter(|name| files.has(name)).find_map(|name| {
        let text = files.read(name).ok()??;
        match name.rsplit('.').next() {
            Some("toml") => parse_toml(&text).ok(),
            Some("json") => parse_json(&text).ok(),
            _ => parse_yaml(&text).ok(),
        }
    })
}

fn pre_commit_hooks(config: &Node, tool: &str) -> Vec<ExternalCheck> {
    let repos = config.get("repos").map(Node::items).unwrap_or_default();
    let hooks =
        repos.iter().flat_map(|repo| repo.get("hooks").map(Node::items).unwrap_or_default());
    let mut found: Vec<ExternalCheck> = hooks
        .filter_map(|hook| {
            let id = hook.get("id")?.scalar()?;
            let name = hook.get("alias").and_then(Node::scalar).unwrap_or(id);
            let title = hook.get("name").and_then(Node::scalar).unwrap_or(id);
            let argv = [tool, "run", "--all-files", name].map(str::to_owned).to_vec();
            Some(hook_check(tool, name, title, argv))
        })
        .collect();
    // A hook that is configured twice runs under one name.
    let mut seen = std::collections::HashSet::new();
    found.retain(|check| seen.insert(check.rule.clone()));
    found
}

fn lefthook_hooks(config: &Node) -> Vec<ExternalCheck> {
    let is_hook = |name: &str| {
        name.starts_with("pre-") || name.starts_with("post-") || name.ends_with("-msg")
    };
    let hooks = config.entries().iter().filter(|entry| is_hook(&entry.key));
    hooks
        .map(|entry| {
            let commands = entry.value.get("commands").map(Node::entries).unwrap_or_default();
            let commands = commands.iter().filter_map(|command| command.value.get("run"));
            let jobs = entry.value.get("jobs").map(Node::items).unwrap_or_default();
            let jobs = jobs.iter().filter_map(|job| job.get("run"));
            let runs: Vec<&str> = commands.chain(jobs).filter_map(Node::as_str).collect();
            let title = match runs.as_slice() {
                [] => entry.key.clone(),
                runs => runs.join("; "),
            };
            let argv = ["lefthook", "run", &entry.key, "--all-files"].map(str::to_owned).to_vec();
            hook_check("lefthook", &entry.key, &title, argv)
        })
        .collect()
}

fn hook_check(tool: &str, name: &str, title: &str, argv: Vec<String>) -> ExternalCheck {
    ExternalCheck {
        rule: format!("hook:{tool}:{name}"),
        title: title.to_owned(),
        command: argv.join(" "),
        source: ExternalSource::Hook(argv),
    }
}
