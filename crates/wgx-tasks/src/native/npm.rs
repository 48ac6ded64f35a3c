//! What npm and pnpm list: the scripts of the root and of the workspace's members.
//!
//! npm reads the scripts of a Yarn or bun repository just as well, and it is there wherever node is.

use contracts::wgx::TaskSource;
use serde_json::{Map, Value};

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    if !files.has("package.json") {
        return Vec::new();
    }
    let mut questions = vec![question(&["npm", "run", "--json"], scripts)];
    if files.has("pnpm-workspace.yaml") {
        let print = "JSON.stringify(require('./package.json').scripts||{})";
        let mut words = vec!["pnpm", "--recursive", "--workspace-concurrency=1", "--filter=!{.}"];
        words.extend(["exec", "node", "-p", print]);
        questions.push(question(&words, scripts_by_line));
    } else if has_workspaces(files) {
        let words = ["npm", "run", "--workspaces", "--json"];
        questions.push(question(&words, scripts_by_package));
    }
    questions
}

fn has_workspaces(files: &RepoFiles) -> bool {
    let manifest = files.read("package.json").ok().flatten();
    manifest.is_some_and(|text| text.contains("\"workspaces\""))
}

fn question(words: &[&str], parse: fn(&str) -> Result<Vec<NativeTask>, String>) -> Question {
    Question {
        source: TaskSource::Npm,
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
        dir: String::new(),
        parse,
    }
}

fn scripts(answer: &str) -> Result<Vec<NativeTask>, String> {
    let scripts: Map<String, Value> = parse(answer)?;
    Ok(scripts.into_iter().map(|(name, _)| NativeTask::named(name)).collect())
}

fn scripts_by_line(answer: &str) -> Result<Vec<NativeTask>, String> {
    let lines = answer.lines().filter(|line| line.starts_with('{'));
    lines.map(scripts).collect::<Result<Vec<_>, _>>().map(|found| found.concat())
}

fn scripts_by_package(answer: &str) -> Result<Vec<NativeTask>, String> {
    let packages: Map<String, Value> = parse(answer)?;
    let scripts = packages.into_iter().filter_map(|(_, scripts)| match scripts {
        Value::Object(scripts) => Some(scripts),
        _ => None,
    });
    Ok(scripts.flatten().map(|(name, _)| NativeTask::named(name)).collect())
}

fn parse(answer: &str) -> Result<Map<String, Value>, String> {
    if answer.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(answer).map_err(|error| format!("not the expected JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_names() {
        let names = |found: Vec<NativeTask>| -> Vec<String> {
            found.into_iter().map(|task| task.name).collect()
        };
        assert_eq!(names(scripts(r#"{"build":"tsc","test":"x"}"#).unwrap()), ["build", "test"]);
        assert_eq!(names(scripts_by_line("{\"a\":\"1\"}\n{}\n").unwrap()), ["a"]);
        let answer = r#"{"@x/a":{"build":"1"},"@x/b":{"build":"1"}}"#;
        assert_eq!(names(scripts_by_package(answer).unwrap()), ["build", "build"]);
        assert!(scripts("npm error").is_err());
    }
}
