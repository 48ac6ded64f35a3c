//! `wgx profile show|learn`: the words of a repository, declared and learned.
//!
//! `learn` writes `profiles/<repo>.yml` in the memory: shortcuts that a person can read, edit and copy into
//! the repository's own profile.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use contracts::wgx::profile::{Favourite, ProfileReport, SCHEMA};
use memory::{TaskStats, repo_key};
use wgx_tasks::files::RepoFiles;
use wgx_tasks::profile::{self, Os};

use crate::context::Context;
use crate::list::{self, ListRequest};
use crate::notebook::{self, Notebook, NotebookError};
use crate::observe;

/// Most favourites that are shown and written.
const FAVOURITES: usize = 10;
/// Runs after which a task counts as a habit.
const HABIT_RUNS: u64 = 2;

/// Why the words cannot be shown or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
    /// The file cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// The file.
        path: String,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl ProfileError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Root(_) => "name a readable folder with -C",
            Self::Memory(error) => error.hint(),
            Self::Write { .. } => {
                "make the folder writable, or choose another one with HAUSKI_HOME"
            }
        }
    }
}

/// What wgx knows about the words of this repository.
///
/// # Errors
/// When the repository or the memory cannot be read.
pub fn show(context: &Context) -> Result<ProfileReport, ProfileError> {
    let files = RepoFiles::new(&context.root.path)?;
    let mut report = ProfileReport { schema: SCHEMA.to_owned(), ..ProfileReport::default() };
    if let Some(loaded) = profile::load(&files, "", Os::current()) {
        let profile = loaded.profile;
        report.tasks = profile.tasks.iter().map(|task| task.name.clone()).collect();
        report.synonyms = profile.synonyms;
        let semantics = profile.semantics.into_iter();
        report.semantics = semantics.map(|semantic| (semantic.phrase, semantic.steps)).collect();
        report.profile = Some(profile.file);
    }
    if let Some(mut notebook) = Notebook::read(context)? {
        let key = observe::repository_key(context, &notebook);
        report.learned =
            notebook.with(async |store| store.meanings(&key).await).map_err(NotebookError::from)?;
        let stats = notebook
            .with(async |store| store.task_stats(&key).await)
            .map_err(NotebookError::from)?;
        report.favourites = favourites(stats);
    }
    Ok(report)
}

/// Writes the learned shortcuts to `profiles/<repo>.yml` in the memory. What a person changed there by hand
/// is kept in a copy with the ending `.bak`.
///
/// # Errors
/// When the memory cannot be read or the file not be written.
pub fn learn(context: &Context) -> Result<ProfileReport, ProfileError> {
    let mut report = show(context)?;
    let notebook = Notebook::write(context)?;
    let repository = observe::repository(context, &notebook);
    let folder = notebook.store().home().profiles();
    let key = repo_key(&repository.identity);
    let path = own_file(&folder, &repository.name, &key);
    notebook.close();
    let known: BTreeSet<String> = list::discover(context, &ListRequest::default())?
        .tasks
        .into_iter()
        .map(|found| found.task.id)
        .collect();
    let text = render((&repository.name, &key), &report, &known);
    let failed = |source| ProfileError::Write { path: path.display().to_string(), source };
    keep_copy(&path, &text).map_err(failed)?;
    notebook::write_private(&path, &text).map_err(failed)?;
    report.written = Some(path.display().to_string());
    Ok(report)
}

/// The file of this repository: of two with one name, the second carries the beginning of its key.
fn own_file(folder: &Path, name: &str, key: &str) -> PathBuf {
    let plain = folder.join(format!("{}.yml", file_name(name)));
    match fs::read_to_string(&plain) {
        Ok(text) if !text.lines().any(|line| line == key_line(key)) => {
            let short = key.get(..8).unwrap_or(key);
            folder.join(format!("{}-{short}.yml", file_name(name)))
        }
        _ => plain,
    }
}

fn key_line(key: &str) -> String {
    format!("# repository {key}")
}

fn keep_copy(path: &PathBuf, text: &str) -> std::io::Result<()> {
    match fs::read_to_string(path) {
        Ok(before) if before != *text => {
            notebook::write_private(&path.with_extension("yml.bak"), &before)
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn favourites(mut stats: Vec<TaskStats>) -> Vec<Favourite> {
    stats.retain(|stats| stats.runs >= HABIT_RUNS);
    stats.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.task.cmp(&b.task)));
    let favourite = |stats: TaskStats| Favourite {
        task: stats.task,
        runs: stats.runs,
        failures: stats.failures,
        median_ms: stats.median_ms,
    };
    stats.into_iter().take(FAVOURITES).map(favourite).collect()
}

/// The file, as a profile that can be copied into `.wgx/profile.yml`.
fn render((name, key): (&str, &str), report: &ProfileReport, known: &BTreeSet<String>) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", key_line(key));
    let _ = writeln!(text, "# What wgx learned about {}; a profile of its own.", quoted(name));
    let _ = writeln!(text, "wgx:\n  apiVersion: v1.1");
    if report.learned.is_empty() {
        let _ = writeln!(text, "  semantics: {{}}");
    } else {
        let _ = writeln!(text, "  semantics:");
    }
    for (phrase, steps) in &report.learned {
        let gone = steps.iter().filter(|step| step.contains(':') && !known.contains(*step)).count();
        let note = if gone > 0 { format!("  # {gone} of them gone") } else { String::new() };
        let steps: Vec<String> = steps.iter().map(|step| quoted(step)).collect();
        let _ = writeln!(text, "    {}: [{}]{note}", quoted(phrase), steps.join(", "));
    }
    for favourite in &report.favourites {
        let green = favourite.runs.saturating_sub(favourite.failures);
        let task = quoted(&favourite.task);
        let _ = writeln!(text, "# {task} ran {} times, {green} of them green", favourite.runs);
    }
    text
}

/// A double-quoted YAML string; JSON strings are YAML strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name that is safe as a file name.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.chars().map(safe).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "repository".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_file_is_a_profile_with_the_learned_words() {
        let mut report = ProfileReport::default();
        report.learned.insert("look: \"here\"".into(), vec!["just:lint".into(), "vale .".into()]);
        let text = render(("a\nb", "k"), &report, &BTreeSet::new());
        let loaded = profile::parse(".wgx/profile.yml", &text, Os::current());
        assert_eq!(loaded.profile.semantics.len(), 1);
        assert_eq!(loaded.profile.semantics[0].phrase, "look: \"here\"");
        assert_eq!(loaded.profile.semantics[0].steps, ["just:lint", "vale ."]);
    }

    #[test]
    fn file_names_stay_in_their_folder() {
        assert_eq!(file_name("../../etc"), "-..-etc");
        assert_eq!(file_name(".."), "repository");
    }
}
