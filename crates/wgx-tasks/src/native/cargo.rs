//! What cargo lists: binaries of `cargo metadata`, aliases of `cargo --list`.

use contracts::wgx::TaskSource;
use serde_json::Value;

use super::{NativeTask, Question};
use crate::files::RepoFiles;

/// Cargo's own aliases; they are no task of the repository.
const BUILT_IN: [(&str, &str); 6] =
    [("b", "build"), ("c", "check"), ("d", "doc"), ("r", "run"), ("rm", "remove"), ("t", "test")];

pub(super) fn questions(files: &RepoFiles) -> Vec<Question> {
    let mut questions = Vec::new();
    if files.is_file(".cargo/config.toml") || files.is_file(".cargo/config") {
        questions.push(question(&["cargo", "--list"], aliases));
    }
    let metadata = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"];
    if files.is_file("Cargo.toml") {
        questions.push(question(&metadata, bins));
        if files.is_file(".config/nextest.toml") {
            questions.push(question(&["cargo", "nextest", "--version"], nextest));
        }
    }
    if files.is_file("xtask/Cargo.toml") {
        let manifest = ["--manifest-path", "xtask/Cargo.toml"];
        questions.push(question(&[&metadata[..], &manifest].concat(), own_xtask));
    }
    questions
}

fn question(argv: &[&str], parse: fn(&str) -> Result<Vec<NativeTask>, String>) -> Question {
    Question {
        source: TaskSource::Cargo,
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        dir: String::new(),
        parse,
    }
}

fn aliases(answer: &str) -> Result<Vec<NativeTask>, String> {
    let alias = |line: &str| {
        let (name, rest) = line.trim().split_once(char::is_whitespace)?;
        let expansion = rest.trim().strip_prefix("alias: ")?;
        let built_in = BUILT_IN.contains(&(name, expansion));
        (!built_in).then(|| NativeTask::named(name))
    };
    Ok(answer.lines().filter_map(alias).collect())
}

fn bins(answer: &str) -> Result<Vec<NativeTask>, String> {
    let metadata: Value = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let packages = metadata["packages"].as_array().ok_or("no packages in the answer")?;
    let mut tasks = Vec::new();
    for package in packages {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let dir = manifest.strip_suffix("/Cargo.toml").unwrap_or(manifest);
        let member = dir.strip_prefix(root).unwrap_or(dir).trim_start_matches('/');
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_bin = target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"));
            if let (true, Some(name)) = (is_bin, target["name"].as_str()) {
                let mut task = NativeTask::named(name);
                task.member = (!member.is_empty()).then(|| member.to_owned());
                tasks.push(task);
            }
        }
    }
    Ok(tasks)
}

/// Where `xtask` is a workspace of its own, its binaries; else the first question has answered already.
fn own_xtask(answer: &str) -> Result<Vec<NativeTask>, String> {
    let metadata: Value = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    if !root.ends_with("/xtask") {
        return Ok(Vec::new());
    }
    let own = |mut task: NativeTask| {
        task.member.is_none().then(|| {
            task.member = Some("xtask".into());
            task
        })
    };
    Ok(bins(answer)?.into_iter().filter_map(own).collect())
}

fn nextest(answer: &str) -> Result<Vec<NativeTask>, String> {
    let version = answer.lines().next().unwrap_or_default();
    if version.contains("nextest") {
        Ok(vec![NativeTask::named("nextest")])
    } else {
        Err(format!("unexpected version line: {version}"))
    }
}
