//! What `tox list` lists.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let holds = |file: &str, marks: &[&str]| {
        let text = files.read(file).ok().flatten().unwrap_or_default();
        marks.iter().any(|mark| text.contains(mark))
    };
    let configured = holds("tox.ini", &["[tox]", "[testenv"])
        || holds("setup.cfg", &["[tox:tox]"])
        || holds("pyproject.toml", &["[tool.tox", "legacy_tox_ini"])
        || files.is_file("tox.toml");
    if !configured {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Tox,
        argv: ["tox", "list"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// `NAME -> DESCRIPTION` under two headings.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let task = |line: &str| {
        let (name, description) = line.split_once(" -> ")?;
        let description = description.trim();
        let described = description != "[no description]";
        Some(NativeTask {
            description: described.then(|| description.to_owned()),
            ..NativeTask::named(name.trim())
        })
    };
    let tasks: Vec<NativeTask> = answer.lines().filter_map(task).collect();
    if tasks.is_empty() {
        return Err("the answer names no environment".into());
    }
    Ok(tasks)
}
