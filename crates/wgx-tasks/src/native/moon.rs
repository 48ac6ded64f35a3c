//! What `moon query tasks` lists.

use contracts::wgx::TaskSource;
use serde_json::Value;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    if !files.has(".moon") {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Moon,
        argv: ["moon", "query", "tasks"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// A map of projects to maps of tasks (version 2), or lines of words with tabs (version 1).
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    if !answer.trim_start().starts_with('{') {
        return Ok(answer.lines().filter_map(line).collect());
    }
    let answer: Value =
        serde_json::from_str(answer).map_err(|error| format!("not the expected JSON: {error}"))?;
    let Some(projects) = answer.get("tasks").and_then(Value::as_object) else {
        return Err("the answer has no `tasks`".to_owned());
    };
    let mut found = Vec::new();
    for (project, tasks) in projects {
        for (name, task) in tasks.as_object().into_iter().flatten() {
            if task.pointer("/options/internal").and_then(Value::as_bool) != Some(true) {
                let description = task.get("description").and_then(Value::as_str);
                found.push(NativeTask {
                    name: format!("{project}:{name}"),
                    description: description.map(str::to_owned),
                    member: None,
                });
            }
        }
    }
    Ok(found)
}

/// `PROJECT:TASK` is the first word of a line, or a project stands alone above its indented tasks.
fn line(line: &str) -> Option<NativeTask> {
    let name = line.trim_start_matches(['│', ' ']).split_whitespace().next()?;
    name.contains(':').then(|| NativeTask::named(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_tasks_are_left_out() {
        let answer = r#"{"tasks":{"web":{"build":{"description":"x"},
            "own":{"options":{"internal":true}}}}}"#;
        let tasks = parse(answer).unwrap();
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].name, "web:build");
        assert_eq!(parse("│web:build  vite │\n").unwrap()[0].name, "web:build");
        assert!(parse("{}").is_err());
    }
}
