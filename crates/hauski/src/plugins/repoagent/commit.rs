//! `repo.commit`: commits named files. Hooks do not run, nothing is signed or pushed.

use redact::Depth;
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_tasks::git::Git;
use wgx_tasks::process::Limits;

use super::place::relative;
use super::{Agent, Fault};

/// Parameters of `repo.commit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commit {
    repo: String,
    /// Subject, and after an empty line a body; 1 to 10,000 characters.
    message: String,
    /// Exactly these files, as they are now; at least one.
    paths: Vec<String>,
}

pub(super) fn commit(agent: &Agent, asked: &Commit) -> Result<Value, Fault> {
    agent.require_write()?;
    let length = asked.message.trim().chars().count();
    if !(1..=10_000).contains(&length) {
        return Err(Fault::invalid("message", format!("{length} characters are not 1 to 10000")));
    }
    if agent.redactor.count(&asked.message, Depth::Deep) > 0 {
        return Err(Fault::forbidden("the message holds something that looks like a secret"));
    }
    if !(1..=1_000).contains(&asked.paths.len()) {
        return Err(Fault::invalid("paths", "there must be 1 to 1000"));
    }
    let place = agent.place(&asked.repo)?;
    let repository = place.repository()?;
    for path in &asked.paths {
        relative(path)?;
        // What is committed goes to others: a secret must not slip in with it.
        let Some(contents) = place.read(path)? else { continue };
        let text = String::from_utf8_lossy(&contents.bytes);
        if agent.redactor.count(&text, Depth::Deep) > 0 {
            let what =
                format!("{path} holds something that looks like a secret; a person may commit it");
            return Err(Fault::forbidden(what));
        }
    }
    let git = Git { environment: &agent.environment, limits: Limits::default() };
    let ask = |question: &[&str]| {
        git.ask(&repository, question).map_err(|error| Fault::failed(error.to_string()))
    };
    let paths: Vec<&str> = asked.paths.iter().map(String::as_str).collect();
    let with_paths = |question: &[&'static str]| -> Vec<String> {
        question.iter().map(|word| (*word).to_owned()).chain(asked.paths.clone()).collect()
    };
    let add = with_paths(&["add", "--all", "--"]);
    ask(&add.iter().map(String::as_str).collect::<Vec<_>>())?;
    let author = author(agent, &repository)?;
    let mut question = vec![
        "-c".to_owned(),
        format!("user.name={}", author.0),
        "-c".to_owned(),
        format!("user.email={}", author.1),
        "commit".to_owned(),
        "--quiet".to_owned(),
        "--no-verify".to_owned(),
        "--no-gpg-sign".to_owned(),
        "--cleanup=whitespace".to_owned(),
        "--message".to_owned(),
        asked.message.clone(),
        "--only".to_owned(),
        "--".to_owned(),
    ];
    question.extend(asked.paths.iter().cloned());
    ask(&question.iter().map(String::as_str).collect::<Vec<_>>())?;
    let head = git.head(&repository).map_err(|error| Fault::failed(error.to_string()))?;
    Ok(json!({ "commit": head.commit, "branch": head.branch, "paths": paths.len() }))
}

/// The author that the repository's own configuration names; others are the plugin itself.
fn author(
    agent: &Agent,
    repository: &wgx_tasks::git::Repository,
) -> Result<(String, String), Fault> {
    let git = Git { environment: &agent.environment, limits: Limits::default() };
    let entries = git
        .ask(repository, &["config", "--list", "--local", "-z"])
        .map_err(|error| Fault::failed(error.to_string()))?;
    let text = String::from_utf8_lossy(&entries);
    let value = |key: &str| {
        text.split('\0').rev().find_map(|entry| entry.strip_prefix(key)?.strip_prefix('\n'))
    };
    let name = value("user.name").unwrap_or("repoagent").to_owned();
    Ok((name, value("user.email").unwrap_or("repoagent@localhost").to_owned()))
}
