//! What the native tool of the `rake` source lists.

use contracts::wgx::TaskSource;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

/// `rake -AT` loads the Rakefile, which runs it.
pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let names = ["rakefile", "Rakefile", "rakefile.rb", "Rakefile.rb"];
    if !names.iter().any(|name| files.has(name)) {
        return Vec::new();
    }
    vec![Question {
        source: TaskSource::Rake,
        argv: ["rake", "--all", "--tasks"].map(str::to_owned).to_vec(),
        dir: String::new(),
        parse,
    }]
}

fn parse(answer: &str) -> Result<Vec<NativeTask>, String> {
    Ok(answer.lines().filter_map(task).collect())
}

/// `rake NAME[ARGS]   # DESCRIPTION`.
fn task(line: &str) -> Option<NativeTask> {
    let (call, description) = line.strip_prefix("rake ")?.split_once('#')?;
    let call = call.trim();
    Some(NativeTask {
        name: call.split('[').next().unwrap_or(call).to_owned(),
        description: Some(description.trim().to_owned()).filter(|text| !text.is_empty()),
        member: None,
    })
}
