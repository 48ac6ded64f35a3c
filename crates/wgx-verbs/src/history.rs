//! What was run here before, as free text and suggestions want to know it.

use std::collections::{BTreeMap, HashMap};

use crate::context::Context;
use crate::notebook::{Notebook, NotebookError};
use crate::observe;
use crate::phrase::TaskHistory;

/// The past of one repository.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Uses by task id.
    pub tasks: HashMap<String, TaskHistory>,
    /// Learned phrases and what they mean.
    pub learned: BTreeMap<String, Vec<String>>,
}

/// Reads the past of the context's repository.
///
/// # Errors
/// When the memory cannot be read.
pub fn of_repository(context: &Context, notebook: &mut Notebook) -> Result<History, NotebookError> {
    let key = observe::repository_key(context, notebook);
    let stats = notebook.with(async |store| store.task_stats(&key).await)?;
    let learned = notebook.with(async |store| store.meanings(&key).await)?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let tasks = stats.into_iter().map(|stats| {
        let age_ms = now_ms.saturating_sub(stats.last_started_at_ms);
        let history = TaskHistory {
            count: stats.runs,
            last_run_age_s: u64::try_from(age_ms / 1000).unwrap_or(0),
            last_exit_code: stats.last_exit_code.and_then(|code| i32::try_from(code).ok()),
        };
        (stats.task, history)
    });
    Ok(History { tasks: tasks.collect(), learned })
}

/// Keeps that a person chose this task for this text.
///
/// # Errors
/// When the memory cannot be written.
pub fn remember_choice(context: &Context, text: &str, task_id: &str) -> Result<(), NotebookError> {
    let mut notebook = Notebook::write(context)?;
    let key = observe::repository_key(context, &notebook);
    let phrase = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let steps = [task_id.to_owned()];
    notebook.with(async |store| store.learn_meaning(&key, &phrase, &steps).await)?;
    notebook.close();
    Ok(())
}
