//! Turns the tasks of a profile into tasks of the list.

use contracts::wgx::{Task, TaskSource};

use super::model::{Profile, ProfileTask, TaskCommand, TaskIndex};
use crate::task::{FoundTask, Invocation, Program};

impl Profile {
    /// The tasks for the list, in order. `dir` is the folder that holds `.wgx`, relative to the
    /// root; empty for the root.
    pub fn found_tasks(&self, dir: &str) -> Vec<FoundTask> {
        let index = self.index();
        self.tasks.iter().map(|task| self.found(task, dir, &index)).collect()
    }

    fn found(&self, task: &ProfileTask, dir: &str, index: &TaskIndex<'_>) -> FoundTask {
        let program = program(&task.command);
        let needs = task.needs.iter().map(|name| listed_name(index, name)).collect();
        let fixed = self.env.base.iter().chain(&self.env.overrides);
        FoundTask {
            task: listed(task, dir, !matches!(program, Program::Shown(_))),
            invocation: Invocation {
                program,
                dir: dir.to_owned(),
                env_defaults: self.env.defaults.iter().map(super::EnvVar::pair).collect(),
                env: fixed.map(super::EnvVar::pair).collect(),
            },
            commands: commands(&task.command),
            safe: task.safe,
            needs,
            requires: task.requires.clone(),
            artifacts: task.artifacts.clone(),
        }
    }
}

/// The listed name of a task that the profile mentions in any spelling.
fn listed_name(index: &TaskIndex<'_>, name: &str) -> String {
    let task = index.task(name);
    task.map_or_else(|| name.to_owned(), |task| task.name.clone())
}

fn listed(task: &ProfileTask, dir: &str, runnable: bool) -> Task {
    let member = (!dir.is_empty()).then(|| dir.to_owned());
    let id = match &member {
        Some(member) => format!("profile:{member}:{}", task.name),
        None => format!("profile:{}", task.name),
    };
    Task {
        id,
        name: task.name.clone(),
        source: TaskSource::Profile,
        file: task.file.clone(),
        line: task.line,
        description: task.description.as_deref().and_then(first_line),
        group: task.groups.first().cloned(),
        args: Vec::new(),
        shadowed_by: None,
        aliases: aliases(task),
        alias_of: None,
        member,
        destructive: task.safe == Some(false),
        runnable,
    }
}

/// The raw name where it differs, then the declared words.
fn aliases(task: &ProfileTask) -> Vec<String> {
    let raw = Some(task.raw_name.clone()).filter(|raw| *raw != task.name);
    let mut aliases: Vec<String> = raw.into_iter().collect();
    for word in &task.aliases {
        if !aliases.contains(word) && *word != task.name {
            aliases.push(word.clone());
        }
    }
    aliases
}

fn first_line(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).map(str::to_owned)
}

fn program(command: &TaskCommand) -> Program {
    match command {
        TaskCommand::Shell(text) => Program::Shell(text.clone()),
        TaskCommand::Argv(argv) => Program::Argv { argv: argv.clone(), separator: None },
        TaskCommand::Lines(lines) => Program::ShellLines(lines.clone()),
        TaskCommand::NeedsOnly => Program::Shell(":".to_owned()),
        TaskCommand::Absent(reason) => Program::Shown(reason.as_str()),
    }
}

fn commands(command: &TaskCommand) -> Vec<String> {
    match command {
        TaskCommand::Shell(text) => vec![text.clone()],
        TaskCommand::Argv(argv) => vec![argv.join(" ")],
        TaskCommand::Lines(lines) => lines.clone(),
        TaskCommand::NeedsOnly | TaskCommand::Absent(_) => Vec::new(),
    }
}
