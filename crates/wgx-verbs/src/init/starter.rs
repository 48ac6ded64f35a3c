//! The content of the starter files.

use std::fmt::Write as _;

use contracts::wgx::TaskSource;
use serde_json::json;
use wgx_tasks::profile::normalise_task_name;
use wgx_tasks::task::{FoundTask, Program};

use super::WgxRelease;

/// Everyday words for tasks, in the order in which a starter profile lists them.
const EVERYDAY: [&str; 12] = [
    "setup", "build", "dev", "start", "serve", "check", "lint", "format", "fmt", "test", "docs",
    "smoke",
];
/// Most tasks of a starter profile; the others stay listed from their own files.
const MOST: usize = 8;
/// Of these the first that is there judges quickly.
const QUICK: [&str; 3] = ["lint", "check", "test"];

/// The tasks that a starter profile names: those with everyday names, else the first of the list.
pub(super) fn chosen(tasks: &[FoundTask]) -> Vec<&FoundTask> {
    let usable: Vec<&FoundTask> = tasks.iter().filter(|task| is_usable(task)).collect();
    let named = |word: &&str| usable.iter().find(|task| task.task.name == *word).copied();
    let everyday: Vec<&FoundTask> = EVERYDAY.iter().filter_map(named).collect();
    let mut chosen = if everyday.is_empty() { usable } else { everyday };
    chosen.retain(|task| normalise_task_name(&task.task.name) != "doctor");
    let mut names = std::collections::HashSet::new();
    chosen.retain(|task| names.insert(normalise_task_name(&task.task.name)));
    chosen.truncate(MOST);
    chosen
}

/// Tasks of the root that a name alone starts.
fn is_usable(found: &FoundTask) -> bool {
    let task = &found.task;
    task.runnable
        && task.source != TaskSource::Profile
        && task.shadowed_by.is_none()
        && task.member.is_none()
        && found.invocation.dir.is_empty()
        && found.invocation.env.is_empty()
        && task.args.iter().all(|arg| !arg.required)
        && !normalise_task_name(&task.name).is_empty()
}

/// A profile that keeps its contract, with comments that explain it.
pub(super) fn profile(tasks: &[&FoundTask]) -> String {
    let mut text = String::from(
        "# The wgx profile: the words that start this repository's tasks on every machine.\n\
         # Tasks of other files (justfile, package.json, …) are listed without it; what stands\n\
         # here comes first. wgx validate checks this file, wgx list shows the result.\n\
         wgx:\n  apiVersion: v1.1\n\n  tasks:\n",
    );
    for found in tasks {
        task(&mut text, found);
    }
    text.push_str(
        "    doctor:\n      desc: \"What wgx thinks of this machine and this repository\"\n      \
         cmd: [\"wgx\", \"doctor\"]\n\n\
         \x20 # More for a task: needs: [TASK]      tasks that run before it\n\
         \x20 #                  aliases: [WORDS]   other words for it\n\
         \x20 #                  safe: false        ask before free text starts it\n\
         \x20 #                  requires: {tools: {NAME: \">=1.2\"}, apt: [PACKAGE]}\n",
    );
    validate(&mut text, tasks);
    text
}

fn task(text: &mut String, found: &FoundTask) {
    let task = &found.task;
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line(format!("    {}: # {}", key(&normalise_task_name(&task.name)), from(found)));
    if let Some(description) = &task.description {
        line(format!("      desc: {}", quoted(description)));
    }
    match &found.invocation.program {
        Program::Argv { argv, .. } | Program::Bracketed(argv) => {
            let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
            line(format!("      cmd: [{}]", words.join(", ")));
        }
        Program::Shell(command) => line(format!("      cmd: {}", quoted(command))),
        Program::ShellLines(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| quoted(line)).collect();
            line(format!("      sh: [{}]", lines.join(", ")));
        }
        Program::Shown(_) => {}
    }
    if task.destructive {
        line("      safe: false".to_owned());
    }
}

/// Where a task comes from; a comment cannot hold a line break.
fn from(found: &FoundTask) -> String {
    found.task.file.chars().filter(|letter| !letter.is_control()).collect()
}

fn validate(text: &mut String, tasks: &[&FoundTask]) {
    let named = |word: &&&str| tasks.iter().any(|task| task.task.name == ***word);
    let full: Vec<&str> = QUICK.iter().filter(|word| named(word)).copied().collect();
    let Some(quick) = full.first() else { return };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n  # wgx validate --profile quick|full runs these and writes a receipt.\n  validate:\n    \
         quick: [{quick}]\n    full: [{}]\n",
        full.join(", ")
    );
}

/// A name that cannot be taken for anything else stands without quotes.
fn key(name: &str) -> String {
    let plain = name.len() > 3
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
        && !matches!(name, "true" | "false" | "null")
        && !name.starts_with('-');
    if plain { name.to_owned() } else { quoted(name) }
}

/// A JSON string is a YAML string, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Tasks for VS Code that start wgx with the same words.
pub(super) fn vscode(tasks: &[&FoundTask]) -> String {
    let names = tasks.iter().map(|task| normalise_task_name(&task.task.name));
    let entry = |name: String| {
        json!({
            "label": format!("wgx: {name}"),
            "type": "process",
            "command": "wgx",
            "args": ["run", name],
            "problemMatcher": [],
        })
    };
    let entries: Vec<serde_json::Value> = names.chain(["doctor".to_owned()]).map(entry).collect();
    let file = json!({ "version": "2.0.0", "tasks": entries });
    format!("{file:#}\n")
}

/// A workflow that calls the one of a pinned release.
pub(super) fn workflow(release: &WgxRelease) -> String {
    let WgxRelease { repository, tag } = release;
    format!(
        "# Runs the doctor task and a short smoke test; pinned to a release of wgx.\n\
         name: wgx-smoke\non:\n  push:\n  pull_request:\npermissions:\n  contents: read\njobs:\n  \
         smoke:\n    uses: {repository}/.github/workflows/wgx-smoke.yml@{tag}\n    with:\n      \
         wgx-repository: {repository}\n      wgx-tag: {tag}\n"
    )
}
