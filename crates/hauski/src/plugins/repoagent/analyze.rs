//! `repo.analyze`: what a repository is made of, and where it stands in git.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use wgx_tasks::git::{Git, Repository};
use wgx_tasks::process::Limits;
use wgx_tasks::sources::{self, DiscoverOptions, Environment};

use super::tree::walk;
use super::{Agent, Fault};

/// Parameters of `repo.analyze`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Analyze {
    repo: String,
}

pub(super) fn analyze(agent: &Agent, asked: &Analyze) -> Result<Value, Fault> {
    let place = agent.place(&asked.repo)?;
    let found = walk(&place, None, 100)?;
    let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut folders: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for file in &found.files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let kind = name.rsplit_once('.').map_or(
            "",
            |(before, kind)| {
                if before.is_empty() { "" } else { kind }
            },
        );
        let folder = file.path.split_once('/').map_or(".", |(folder, _)| folder);
        for (counts, key) in [(&mut kinds, kind), (&mut folders, folder)] {
            let (files, bytes) = counts.entry(key).or_default();
            *files += 1;
            *bytes += file.bytes;
        }
    }
    let options = DiscoverOptions {
        deep: false,
        markdown: false,
        environment: Environment::new(agent.environment.clone()),
    };
    let tasks = sources::discover(place.path(), &options)
        .map_err(|error| Fault::failed(format!("the tasks cannot be listed: {error}")))?;
    Ok(json!({
        "files": found.files.len(),
        "bytes": found.files.iter().map(|file| file.bytes).sum::<u64>(),
        "not_seen": found.not_seen,
        "kinds": counted(kinds),
        "folders": counted(folders),
        "tasks": tasks.tasks.iter().map(|task| &task.task.id).collect::<Vec<_>>(),
        "git": Repository::find(place.path()).map(|repository| git(agent, &repository)),
    }))
}

/// Largest first, the smallest beyond fifty summed up.
fn counted(counts: BTreeMap<&str, (u64, u64)>) -> Value {
    let mut rows: Vec<(&str, (u64, u64))> = counts.into_iter().collect();
    rows.sort_by_key(|(name, (_, bytes))| (std::cmp::Reverse(*bytes), *name));
    let rest = rows.split_off(rows.len().min(50));
    let row = |(name, (files, bytes)): &(&str, (u64, u64))| json!({ "name": name, "files": files, "bytes": bytes });
    json!({ "rows": rows.iter().map(row).collect::<Vec<_>>(), "further": rest.len() })
}

/// Branch, commit and what differs from it, or why git cannot tell.
fn git(agent: &Agent, repository: &Repository) -> Value {
    let git = Git { environment: &agent.environment, limits: Limits::default() };
    match git.status(repository) {
        Ok(status) => json!({
            "branch": status.head.branch,
            "commit": status.head.commit,
            "clean": status.is_clean(),
            "changes": status.changes.len(),
        }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
