//! What the native tool of the `mage` source lists.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

/// `mage -l` compiles the magefiles and runs the result.
pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let tagged = |name: &String| {
        name.ends_with(".go")
            && files.read(name).ok().flatten().is_some_and(|text| text.contains("build mage"))
    };
    if !files.is_dir("magefiles") && !files.top_entries().iter().any(tagged) {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Mage,
        argv: ["mage", "-l"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

/// The lines after `Targets:`, each `  NAME   description`; `*` marks the default.
fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    let (_, targets) = answer.split_once("Targets:\n").ok_or("mage printed no targets")?;
    let lines = targets.lines().take_while(|line| line.starts_with("  "));
    let task = |line: &str| {
        let (name, description) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        NativeTask {
            name: name.trim_end_matches('*').to_owned(),
            description: Some(description.trim().to_owned()).filter(|text| !text.is_empty()),
            member: None,
        }
    };
    Ok(lines.map(task).collect())
}
