//! `pr.draft`: title and text of a pull request from commits, diff, runs and evidence, without a model.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use redact::Depth;
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_tasks::git::{Git, Repository};
use wgx_tasks::process::Limits;

use super::{Agent, Fault};

/// Commits that the text names; further ones are counted.
const MAX_COMMITS: usize = 50;
/// Files that the text names; further ones are counted.
const MAX_FILES: usize = 60;

/// Parameters of `pr.draft`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    repo: String,
    /// What it is compared with; default: the branch that `origin/HEAD` names, else `main` or `master`.
    base: Option<String>,
    /// Runs of this repository's tasks, newest first, as the memory knows them; the host adds them.
    #[serde(default)]
    runs: Vec<Run>,
    /// Names of evidence packs that belong to it; the host adds them.
    #[serde(default)]
    evidence: Vec<String>,
}

/// A run that speaks for or against the change.
#[derive(Debug, Deserialize)]
struct Run {
    task: String,
    exit_code: Option<i32>,
    started_at: String,
    #[serde(default)]
    duration_ms: Option<u64>,
    id: String,
}

/// A changed file: its path, and lines added and removed where git counts lines.
struct File {
    path: String,
    added: Option<u64>,
    removed: Option<u64>,
}

pub(super) fn draft(agent: &Agent, asked: &Draft) -> Result<Value, Fault> {
    let place = agent.place(&asked.repo)?;
    let repository = place.repository()?;
    let asking = Asking {
        git: Git { environment: &agent.environment, limits: Limits::default() },
        repository: &repository,
    };
    let base = match &asked.base {
        Some(base) => asking
            .commit(base)?
            .ok_or_else(|| Fault::invalid("base", format!("git knows no commit `{base}`")))?,
        None => asking.default_base()?,
    };
    let start = asking.line(&["merge-base", &base, "HEAD"])?;
    let range = format!("{start}..HEAD");
    let commits = asking.text(&[
        "log",
        "--reverse",
        "--no-show-signature",
        "--format=%h%x1f%s%x1f%b%x1e",
        &range,
        "--",
    ])?;
    let commits: Vec<(&str, &str, &str)> = commits
        .split('\u{1e}')
        .filter_map(|entry| {
            let mut parts = entry.trim_matches('\n').splitn(3, '\u{1f}');
            Some((parts.next()?, parts.next()?, parts.next()?.trim()))
        })
        .collect();
    let files = asking.files(&range)?;
    if commits.is_empty() && files.is_empty() {
        return Err(Fault::invalid("base", "there is nothing between it and HEAD"));
    }
    let branch = asking.line(&["rev-parse", "--abbrev-ref", "HEAD"])?;
    let title = title(&commits, &branch);
    let body = body(&commits, &files, &asked.runs, &asked.evidence);
    let masked = |text: &str| agent.redactor.redact(text, Depth::Deep).text.into_owned();
    Ok(json!({
        "title": masked(&title),
        "body": masked(&body),
        "base": start,
        "branch": branch,
        "commits": commits.len(),
        "files": files.len(),
        "model": Value::Null,
    }))
}

struct Asking<'a> {
    git: Git<'a>,
    repository: &'a Repository,
}

impl Asking<'_> {
    fn text(&self, question: &[&str]) -> Result<String, Fault> {
        let answer = self.git.ask(self.repository, question);
        let answer = answer.map_err(|error| Fault::failed(error.to_string()))?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn line(&self, question: &[&str]) -> Result<String, Fault> {
        Ok(self.text(question)?.trim().to_owned())
    }

    /// The full name of a commit, when there is one of that name.
    fn commit(&self, name: &str) -> Result<Option<String>, Fault> {
        if name.is_empty() || name.starts_with('-') || name.len() > 256 {
            return Err(Fault::invalid("base", "it is no name of a commit"));
        }
        let wanted = format!("{name}^{{commit}}");
        Ok(self.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).ok())
    }

    fn default_base(&self) -> Result<String, Fault> {
        for name in ["origin/HEAD", "origin/main", "origin/master", "main", "master"] {
            if let Some(commit) = self.commit(name)? {
                return Ok(commit);
            }
        }
        Err(Fault::invalid("base", "name what the branch is to be compared with"))
    }

    fn files(&self, range: &str) -> Result<Vec<File>, Fault> {
        let text = self.text(&[
            "diff",
            "--numstat",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "-z",
            range,
            "--",
        ])?;
        let file = |entry: &str| {
            let mut parts = entry.splitn(3, '\t');
            let (added, removed) = (parts.next()?.parse().ok(), parts.next()?.parse().ok());
            Some(File { path: parts.next()?.to_owned(), added, removed })
        };
        Ok(text.split('\0').filter_map(file).collect())
    }
}

/// The subject of the only commit, else the branch in words.
fn title(commits: &[(&str, &str, &str)], branch: &str) -> String {
    match commits {
        [(_, subject, _)] => (*subject).to_owned(),
        _ if branch == "HEAD" || matches!(branch, "main" | "master") => commits
            .last()
            .map_or_else(|| branch.to_owned(), |(_, subject, _)| (*subject).to_owned()),
        _ => {
            let words = branch.rsplit('/').next().unwrap_or(branch).replace(['-', '_'], " ");
            let mut chars = words.chars();
            let first = chars.next().map(char::to_uppercase);
            first.into_iter().flatten().chain(chars).collect()
        }
    }
}

fn body(
    commits: &[(&str, &str, &str)],
    files: &[File],
    runs: &[Run],
    evidence: &[String],
) -> String {
    let mut text = String::from("## What\n\n");
    for (id, subject, body) in commits.iter().take(MAX_COMMITS) {
        let _ = writeln!(text, "- {subject} ({id})");
        for line in body.lines().filter(|line| !line.trim().is_empty()) {
            let _ = writeln!(text, "  {line}");
        }
    }
    further(&mut text, commits.len(), MAX_COMMITS, "commits");
    let (added, removed) = files.iter().fold((0, 0), |(added, removed), file| {
        (added + file.added.unwrap_or(0), removed + file.removed.unwrap_or(0))
    });
    let _ = writeln!(text, "\n## Where\n\n{} files, +{added} −{removed}\n", files.len());
    let mut folders: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in files {
        let folder = file.path.rsplit_once('/').map_or(".", |(folder, _)| folder);
        folders.entry(folder).or_default().push(file);
    }
    let mut left = MAX_FILES;
    for (folder, files) in folders {
        let shown: Vec<String> = files.iter().take(left).map(|file| counted(file)).collect();
        left -= shown.len();
        if !shown.is_empty() {
            let _ = writeln!(text, "- `{folder}`: {}", shown.join(", "));
        }
    }
    further(&mut text, files.len(), MAX_FILES, "files");
    text.push_str("\n## Proof\n\n");
    // The newest run of each task says how it stands now.
    let mut told: Vec<&str> = Vec::new();
    for run in runs {
        if told.contains(&run.task.as_str()) {
            continue;
        }
        told.push(&run.task);
        let how = match run.exit_code {
            Some(0) => "passed".to_owned(),
            Some(code) => format!("**failed** (exit code {code})"),
            None => "did not end".to_owned(),
        };
        let time = run.duration_ms.map(|ms| format!(", {:.1} s", ms as f64 / 1_000.0));
        let id = run.id.get(..13).unwrap_or(&run.id);
        let _ = writeln!(
            text,
            "- `{}` {how} on {}{} (run {id})",
            run.task,
            run.started_at,
            time.unwrap_or_default()
        );
    }
    if told.is_empty() {
        text.push_str("- no run of a task is recorded since these commits\n");
    }
    for name in evidence {
        let _ = writeln!(text, "- evidence: `{name}`");
    }
    text
}

fn counted(file: &File) -> String {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    match (file.added, file.removed) {
        (Some(added), Some(removed)) => format!("`{name}` +{added} −{removed}"),
        _ => format!("`{name}` (binary)"),
    }
}

fn further(text: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _ = writeln!(text, "- and {} further {what}", all - shown);
    }
}
