//! What `devbox run --list` lists.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    if !files.has("devbox.json") {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Devbox,
        argv: ["devbox", "run", "--list"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// `* NAME` on lines of their own.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let names = answer.lines().filter_map(|line| line.trim().strip_prefix("* "));
    Ok(names.map(|name| NativeTask::named(name.trim())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starred_lines_are_names() {
        let tasks = parse("Available scripts:\n* build\n* run tests\n").unwrap();
        assert_eq!(tasks[1], NativeTask::named("run tests"));
        assert_eq!(tasks.len(), 2);
    }
}
