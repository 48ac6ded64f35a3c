//! What `gradle tasks --all` lists. Gradle runs the build scripts to answer.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let scripts = ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
    if !scripts.iter().any(|name| files.has(name)) {
        return Vec::new();
    }
    let program = if files.has("gradlew") { "./gradlew" } else { "gradle" };
    let words = [program, "--quiet", "--console=plain", "tasks", "--all"];
    vec![Question {
        source: TaskSource::Gradle,
        argv: words.map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// Groups are titles with a line of dashes below; tasks follow as `NAME - DESCRIPTION` up to an empty
/// line. Rules (`Pattern: …`) are no tasks.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut before = "";
    for line in answer.lines() {
        let is_dashes = line.len() >= 3 && line.bytes().all(|byte| byte == b'-');
        if is_dashes {
            inside = before.ends_with(" tasks");
        } else if line.trim().is_empty() {
            inside = false;
        } else if inside && !line.starts_with(' ') {
            let (name, description) = line.split_once(" - ").unwrap_or((line, ""));
            found.push(NativeTask {
                name: name.trim().to_owned(),
                description: (!description.is_empty()).then(|| description.to_owned()),
                member: None,
            });
        }
        before = line;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_tasks_and_rules_do_not() {
        let answer = "----\nTasks runnable from root project\n----\n\nBuild tasks\n-----------\n\
                      assemble - Assembles.\napp:jar\n\nRules\n-----\nPattern: clean<T>: Cleans.\n";
        let tasks = parse(answer).unwrap();
        let names: Vec<_> = tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names, ["assemble", "app:jar"]);
        assert_eq!(tasks[0].description.as_deref(), Some("Assembles."));
    }
}
