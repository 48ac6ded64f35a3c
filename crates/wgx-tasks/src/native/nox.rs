//! What `nox --list` lists. It imports the noxfile, which is code of the repository.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    if !files.is_file("noxfile.py") {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Nox,
        argv: ["nox", "--list", "--nocolor"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// `* NAME [TAGS] -> DESCRIPTION`; `-` marks what a plain `nox` leaves out.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let Some((_, listing)) = answer.split_once("Sessions defined in") else {
        return Err("the answer has no list of sessions".into());
    };
    let task = |line: &str| {
        let rest = line.strip_prefix("* ").or_else(|| line.strip_prefix("- "))?;
        let (name, description) =
            rest.split_once(" -> ").map_or((rest, None), |(name, text)| (name, Some(text)));
        let name = match name.rsplit_once(" [") {
            Some((before, tags)) if tags.ends_with(']') && !before.ends_with('=') => before,
            _ => name,
        };
        Some(NativeTask {
            description: description.map(str::to_owned),
            ..NativeTask::named(name.trim())
        })
    };
    Ok(listing.lines().filter_map(task).collect())
}
