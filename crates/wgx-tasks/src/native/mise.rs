//! What the native tool of the `mise` source lists.

use contracts::wgx::TaskSource;
use serde::Deserialize;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

/// `mise tasks ls --json`: mise itself asks for trust, since rendering a configuration may run programs.
pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let names = [
        "mise.toml",
        ".mise.toml",
        "mise",
        ".mise",
        ".config",
        "mise-tasks",
        ".mise-tasks",
        "mise.local.toml",
        ".mise.local.toml",
    ];
    if !names.iter().any(|name| files.has(name)) {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Mise,
        argv: ["mise", "tasks", "ls", "--json", "--local", "--all"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    description: String,
}

fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let tasks: Vec<Listed> = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let task = |listed: Listed| NativeTask {
        name: listed.name,
        description: Some(listed.description).filter(|text| !text.is_empty()),
        member: None,
    };
    Ok(tasks.into_iter().map(task).collect())
}
