//! What `deno task` lists: the tasks of the root's configuration.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    if !files.has("deno.json") && !files.has("deno.jsonc") {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Deno,
        argv: ["deno", "task"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// Names follow `- `; scripts of a `package.json` and tasks of the workspace around are marked and
/// belong elsewhere.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let mut tasks: Vec<NativeTask> = Vec::new();
    for line in answer.lines().map(without_colour) {
        if let Some(name) = line.strip_prefix("- ") {
            if !name.ends_with("package.json)") && !name.ends_with("(workspace)") {
                tasks.push(NativeTask::named(name.trim_end()));
            }
        } else if let Some(text) = line.trim_start().strip_prefix("// ")
            && let Some(last) = tasks.last_mut()
        {
            last.description.get_or_insert_with(|| text.trim().to_owned());
        }
    }
    Ok(tasks)
}

/// Removes `ESC [ … m`.
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_descriptions_and_foreign_tasks() {
        let answer = "Available tasks:\n- \u{1b}[36mb\u{1b}[0m\n    // does b\n    echo\n\
                      - s (package.json)\n    x\n- a (workspace)\n    y\n";
        let tasks = parse(answer).unwrap();
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].name, "b");
        assert_eq!(tasks[0].description.as_deref(), Some("does b"));
    }
}
