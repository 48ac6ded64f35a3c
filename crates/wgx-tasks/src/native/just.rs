//! What the native tool of the `just` source lists.

use super::{NativeTask, Question};
use crate::files::RepoFiles;
use contracts::wgx::TaskSource;

/// `just --summary` names every public recipe, those of public modules too; it evaluates nothing.
pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let is_justfile = |name: &String| {
        name.eq_ignore_ascii_case("justfile") || name.eq_ignore_ascii_case(".justfile")
    };
    if !files.top_entries().iter().any(is_justfile) {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Just,
        argv: ["just", "--unstable", "--summary", "--unsorted"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    Ok(answer.split_whitespace().map(NativeTask::named).collect())
}
