//! Words of the command line to tasks: all exact, or all one free text; a mixture is an error.

use wgx_tasks::task::{FoundTask, Program};

/// What the words mean.
#[derive(Debug, PartialEq)]
pub enum Selection {
    /// These tasks (indices), in this order.
    Tasks(Vec<usize>),
    /// No word is a task: all of them are one free text.
    Text(String),
}

/// Why the words mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Some words are tasks and others are not.
    #[error("`{}` is not a task here, but `{known}` is", unknown.join("`, `"))]
    Mixed {
        /// The words that are no task.
        unknown: Vec<String>,
        /// One that is.
        known: String,
    },
    /// Members of a workspace share the name and the root has none of it.
    #[error("`{name}` is a task of several members: {}", ids.join(", "))]
    Ambiguous {
        /// The word.
        name: String,
        /// What it may mean.
        ids: Vec<String>,
    },
    /// The task is only shown.
    #[error("`{id}` cannot be started from here: {why}")]
    OnlyShown {
        /// The task.
        id: String,
        /// Why.
        why: &'static str,
    },
}

impl SelectError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Mixed { .. } => {
                "arguments for a task go after `--`; free text is all words or none"
            }
            Self::Ambiguous { .. } => "name the task by its id, as `wgx list` shows it",
            Self::OnlyShown { .. } => "`wgx list` shows where it is declared",
        }
    }
}

/// Resolves words against the tasks of a repository.
///
/// A word is exact when it is an id, the name of a task of the root (the first by precedence), an alias, a
/// member's `PATH:NAME`, or a name that only one member has.
///
/// # Errors
/// When exact and other words are mixed, a name is ambiguous, or a task can only be shown.
pub fn select(words: &[String], tasks: &[FoundTask]) -> Result<Selection, SelectError> {
    let mut found = Vec::with_capacity(words.len());
    let mut unknown = Vec::new();
    for word in words {
        match exact(word, tasks)? {
            Some(index) => found.push((word, index)),
            None => unknown.push(word.clone()),
        }
    }
    let Some((known, _)) = found.first() else {
        return Ok(Selection::Text(words.join(" ")));
    };
    if !unknown.is_empty() {
        return Err(SelectError::Mixed { unknown, known: (*known).clone() });
    }
    for &(_, index) in &found {
        if let Program::Shown(why) = tasks[index].invocation.program {
            return Err(SelectError::OnlyShown { id: tasks[index].task.id.clone(), why });
        }
    }
    Ok(Selection::Tasks(found.into_iter().map(|(_, index)| index).collect()))
}

fn exact(word: &str, tasks: &[FoundTask]) -> Result<Option<usize>, SelectError> {
    let position = |fits: &dyn Fn(&FoundTask) -> bool| tasks.iter().position(fits);
    let root = |task: &FoundTask| task.task.member.is_none();
    let by_id = position(&|task| task.task.id == word);
    let by_name = || position(&|task| root(task) && task.task.runnable && task.task.name == word);
    let by_alias = || position(&|task| root(task) && task.task.aliases.iter().any(|a| a == word));
    let shown = || position(&|task| root(task) && task.task.name == word);
    if let Some(index) = by_id.or_else(by_name).or_else(by_alias).or_else(shown) {
        return Ok(Some(index));
    }
    member(word, tasks)
}

fn member(word: &str, tasks: &[FoundTask]) -> Result<Option<usize>, SelectError> {
    let mut fits: Vec<usize> = Vec::new();
    for (index, found) in tasks.iter().enumerate() {
        let Some(member) = &found.task.member else { continue };
        let labelled =
            || word.strip_prefix(member.as_str()).and_then(|rest| rest.strip_prefix(':'));
        if labelled() == Some(found.task.name.as_str()) {
            return Ok(Some(index));
        }
        if found.task.name == word || found.task.aliases.iter().any(|alias| alias == word) {
            fits.push(index);
        }
    }
    match fits[..] {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => Err(SelectError::Ambiguous {
            name: word.to_owned(),
            ids: fits.iter().map(|&index| tasks[index].task.id.clone()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use wgx_tasks::files::RepoFiles;
    use wgx_tasks::sources::{DiscoverOptions, discover_in};

    use super::*;

    fn tasks() -> Vec<FoundTask> {
        let profile =
            "tasks:\n  build: cargo build\n  test:\n    cmd: cargo test\n    aliases: [check]\n";
        let files = RepoFiles::in_memory([(".wgx/profile.yml".to_owned(), profile.into())]);
        discover_in(&files, &DiscoverOptions::default()).tasks
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn exact_words_are_tasks_in_their_order() {
        let found = select(&words("profile:test build check"), &tasks()).unwrap();
        assert_eq!(found, Selection::Tasks(vec![1, 0, 1]));
    }

    #[test]
    fn unknown_words_are_one_text() {
        let found = select(&words("run the tests"), &tasks()).unwrap();
        assert_eq!(found, Selection::Text("run the tests".into()));
    }

    #[test]
    fn a_mixture_names_the_unknown() {
        let error = select(&words("build everythin"), &tasks()).unwrap_err();
        assert_eq!(error.to_string(), "`everythin` is not a task here, but `build` is");
    }
}
