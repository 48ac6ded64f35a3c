//! What `composer run-script --list` lists. Composer loads the plugins of the repository to answer.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    if !files.has("composer.json") {
        return Vec::new();
    }
    let words = ["composer", "run-script", "--list", "--no-ansi", "--no-interaction"];
    vec![Question {
        source: TaskSource::Composer,
        argv: words.map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// A table of two columns below the line `scripts:`; names may hold single spaces.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let rows = answer.lines().filter_map(|line| line.strip_prefix("  "));
    Ok(rows
        .map(|row| {
            let split = row.split_once(" Runs the ").or_else(|| row.split_once("  "));
            let (name, description) = split.unwrap_or((row, ""));
            let description = description.trim();
            NativeTask {
                name: name.trim().to_owned(),
                description: (!description.is_empty()).then(|| description.to_owned()),
                member: None,
            }
        })
        .filter(|task| !task.name.is_empty())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_tasks() {
        let answer = "scripts:\n  test       Run it   \n  post-install-cmd Runs the x script  \n";
        let tasks = parse(answer).unwrap();
        let names: Vec<_> = tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names, ["test", "post-install-cmd"]);
        assert_eq!(tasks[0].description.as_deref(), Some("Run it"));
    }
}
