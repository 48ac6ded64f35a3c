//! What poe, taskipy, pdm and hatch list.

use contracts::wgx::TaskSource;
use serde_json::Value;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

type Parse = fn(&str) -> Result<Vec<NativeTask>, String>;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let project = files.read("pyproject.toml").ok().flatten().unwrap_or_default();
    let has = |table: &str| project.contains(&format!("tool.{table}"));
    let own_poe = ["poe_tasks.toml", "poe_tasks.yaml", "poe_tasks.yml", "poe_tasks.json"];
    let mut questions = Vec::new();
    let mut ask = |words: &[&str], parse: Parse| {
        questions.push(Question {
            source: TaskSource::Pyproject,
            argv: words.iter().map(|word| (*word).to_owned()).collect(),
            dir: String::new(),
            parse,
        });
    };
    if has("poe.") || has("poe]") || own_poe.iter().any(|file| files.is_file(file)) {
        ask(&["poe", "_list_tasks"], poe);
    }
    if has("taskipy.tasks") {
        // The program `task` may be another runner's; the module is unmistakable.
        ask(&["python3", "-m", "taskipy.cli", "--list"], taskipy);
    }
    if has("pdm.scripts") {
        ask(&["pdm", "run", "--json"], pdm);
    }
    if has("hatch.envs") || files.is_file("hatch.toml") {
        ask(&["env", "COLUMNS=1000", "hatch", "env", "show", "--ascii"], hatch);
    }
    questions
}

fn poe(answer: &str) -> Result<Vec<NativeTask>, String> {
    Ok(answer.split_whitespace().map(NativeTask::named).collect())
}

/// One task a line; continued descriptions are indented. Colours are on whatever the terminal.
fn taskipy(answer: &str) -> Result<Vec<NativeTask>, String> {
    let task = |line: &str| {
        let line = line.strip_prefix("\u{1b}[36m").unwrap_or(line);
        let name = line.split(['\u{1b}', ' ']).next()?;
        (!name.is_empty()).then(|| NativeTask::named(name))
    };
    Ok(answer.lines().filter_map(task).collect())
}

fn pdm(answer: &str) -> Result<Vec<NativeTask>, String> {
    let scripts: Value = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let scripts = scripts.as_object().ok_or("the answer is no map")?;
    let public = scripts.iter().filter(|(name, _)| !name.starts_with('_'));
    let task = |(name, script): (&String, &Value)| NativeTask {
        description: script["help"].as_str().filter(|help| !help.is_empty()).map(str::to_owned),
        ..NativeTask::named(name)
    };
    Ok(public.map(task).collect())
}

/// Tables of environments; a cell may span several lines.
fn hatch(answer: &str) -> Result<Vec<NativeTask>, String> {
    let mut tasks = Vec::new();
    let (mut columns, mut env) = (None, String::new());
    for line in answer.lines() {
        let Some(row) = line.strip_prefix('|') else {
            if !line.starts_with('+') {
                columns = None;
            }
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        let Some((name, scripts)) = columns else {
            let at = |title: &str| cells.iter().position(|cell| *cell == title);
            columns = Some((at("Name").ok_or("a table without names")?, at("Scripts")));
            continue;
        };
        if let Some(name) = cells.get(name).filter(|name| !name.is_empty()) {
            env = (*name).to_owned();
        }
        let script = scripts.and_then(|at| cells.get(at)).filter(|script| !script.is_empty());
        match (script, env.as_str()) {
            (Some(script), "default") => tasks.push(NativeTask::named(*script)),
            (Some(script), env) => tasks.push(NativeTask::named(format!("{env}:{script}"))),
            (None, _) => {}
        }
    }
    if env.is_empty() {
        return Err("the answer has no table of environments".into());
    }
    Ok(tasks)
}
