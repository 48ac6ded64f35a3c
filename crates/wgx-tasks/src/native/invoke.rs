//! What `invoke --list` lists. It imports the task modules, which are code of the repository.

use contracts::wgx::TaskSource;
use serde_json::Value;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let config = files.is_file("invoke.yaml") || files.is_file("invoke.yml");
    if !files.is_file("tasks.py") && !files.is_file("tasks/__init__.py") && !config {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Invoke,
        argv: ["invoke", "--list", "--list-format", "json"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let start = answer.find('{').ok_or("the answer is no JSON")?;
    let root: Value = serde_json::from_str(&answer[start..]).map_err(|error| error.to_string())?;
    let mut tasks = Vec::new();
    collect(&root, "", &mut tasks);
    Ok(tasks)
}

fn collect(collection: &Value, prefix: &str, tasks: &mut Vec<NativeTask>) {
    for task in collection["tasks"].as_array().into_iter().flatten() {
        if let Some(name) = task["name"].as_str() {
            tasks.push(NativeTask {
                description: task["help"]
                    .as_str()
                    .filter(|help| !help.is_empty())
                    .map(str::to_owned),
                ..NativeTask::named(format!("{prefix}{name}"))
            });
        }
    }
    for inner in collection["collections"].as_array().into_iter().flatten() {
        if let Some(name) = inner["name"].as_str() {
            collect(inner, &format!("{prefix}{name}."), tasks);
        }
    }
}
