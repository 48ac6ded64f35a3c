//! What the native tool of the `task` source lists.

use contracts::wgx::TaskSource;
use serde::Deserialize;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

/// `task --list-all --json` evaluates no dynamic variable; `--no-status` keeps it from looking at
/// sources and checksums.
pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let names = ["Taskfile", "taskfile"];
    let endings = [".yml", ".yaml", ".dist.yml", ".dist.yaml"];
    let present =
        names.iter().any(|name| endings.iter().any(|ending| files.has(&format!("{name}{ending}"))));
    if !present {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Task,
        argv: ["task", "--list-all", "--json", "--no-status"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

#[derive(Deserialize)]
struct Answer {
    tasks: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    /// The label, where there is one.
    name: String,
    /// The name to call it by; older versions have none.
    task: Option<String>,
    desc: String,
}

fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let answer: Answer = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let task = |listed: Listed| NativeTask {
        name: listed.task.unwrap_or(listed.name),
        description: Some(listed.desc).filter(|text| !text.is_empty()),
        member: None,
    };
    Ok(answer.tasks.into_iter().map(task).collect())
}
