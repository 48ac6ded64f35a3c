//! The contract of a profile beyond the types of its values: what must be there and what must fit
//! together. Codes known from upstream's wgx keep their names.

use super::model::{
    AbsentReason, ApiVersion, Profile, ProfileTask, TaskCommand, TaskIndex, TaskRef,
};
use super::problem::{Problem, Problems};

const API_VERSIONS: [&str; 6] = ["v1", "1", "1.0", "v1.0", "v1.1", "1.1"];

/// Checks the whole profile. The demand for a version and capabilities of wgx is the caller's to
/// judge.
pub fn check(profile: &Profile) -> Vec<Problem> {
    let mut checker =
        Checker { profile, index: profile.index(), problems: Problems::new(&profile.file) };
    checker.api_version();
    checker.tasks();
    checker.references();
    checker.cycles();
    checker.problems.into_vec()
}

struct Checker<'a> {
    profile: &'a Profile,
    index: TaskIndex<'a>,
    problems: Problems,
}

impl Checker<'_> {
    fn api_version(&mut self) {
        let code = |name: &str| name.to_owned();
        match &self.profile.api_version {
            ApiVersion::Absent => self.problems.warning(
                code("missing_apiVersion"),
                1,
                "the profile states no apiVersion; v1 is assumed".to_owned(),
                "write apiVersion: v1 under wgx",
            ),
            ApiVersion::Empty { line } => self.problems.error(
                code("missing_apiVersion"),
                *line,
                "apiVersion has no value".to_owned(),
                "write apiVersion: v1",
            ),
            ApiVersion::Stated { text, line } if !API_VERSIONS.contains(&text.as_str()) => {
                let message = format!("apiVersion {text} is unknown");
                let hint = "this wgx knows v1 and v1.1";
                self.problems.error(code("unsupported_apiVersion"), *line, message, hint);
            }
            ApiVersion::Stated { .. } => {}
        }
    }

    fn tasks(&mut self) {
        if self.profile.tasks.is_empty() {
            let message = "the profile declares no tasks".to_owned();
            let hint = "declare them under wgx.tasks; wgx init proposes some";
            self.problems.error("no_tasks".to_owned(), 1, message, hint);
        }
        for task in &self.profile.tasks {
            self.problems.set_file(&task.file);
            if task.command == TaskCommand::Absent(AbsentReason::NoCommand) {
                let message = format!("the task {} has no command", task.name);
                let hint = "give it cmd or sh, or remove it";
                let code = format!("task_missing_command:{}", task.name);
                self.problems.error(code, task.line, message, hint);
            }
        }
    }

    fn references(&mut self) {
        let profile = self.profile;
        self.problems.set_file(&profile.file);
        for workflow in &profile.workflows {
            for missing in self.missing(&workflow.tasks) {
                let code = format!("workflow_missing_task:{}:{}", workflow.name, missing.name);
                let user = format!("the workflow {}", workflow.name);
                self.missing_task(code, &user, missing);
            }
        }
        for task in &profile.tasks {
            self.problems.set_file(&task.file);
            for name in &task.needs {
                if self.index.task(name).is_some() {
                    continue;
                }
                let missing = TaskRef { name: name.clone(), line: task.line };
                let code = format!("needs_missing_task:{}:{name}", task.name);
                self.missing_task(code, &format!("the task {}", task.name), &missing);
            }
        }
        self.problems.set_file(&profile.file);
        for (name, checks) in profile.validate.declared() {
            for missing in self.missing(checks) {
                let code = format!("validate_missing_task:{name}:{}", missing.name);
                // Upstream's contract lets it pass; the run of that level fails by it.
                let message =
                    format!("validate.{name} names the task {}, which there is not", missing.name);
                let hint = "correct the name or declare the task; until then that level fails";
                self.problems.warning(code, missing.line, message, hint);
            }
        }
    }

    fn missing<'n>(&self, names: &'n [TaskRef]) -> Vec<&'n TaskRef> {
        let absent = |task: &&TaskRef| self.index.task(&task.name).is_none();
        let skipped = |task: &&TaskRef| self.profile.validate.skip_reason(&task.name).is_none();
        names.iter().filter(absent).filter(skipped).collect()
    }

    fn missing_task(&mut self, code: String, user: &str, missing: &TaskRef) {
        let message = format!("{user} names the task {}, which there is not", missing.name);
        let hint = "correct the name or declare the task";
        self.problems.error(code, missing.line, message, hint);
    }

    /// Walks the needs depth first; a task met again on its own path closes a circle.
    fn cycles(&mut self) {
        let tasks = &self.profile.tasks;
        let mut state = vec![Walk::New; tasks.len()];
        for start in 0..tasks.len() {
            let new = state[start] == Walk::New;
            let mut path = if new { vec![(start, 0)] } else { Vec::new() };
            while let Some((at, next)) = path.pop() {
                state[at] = Walk::Open;
                let Some(name) = tasks[at].needs.get(next) else {
                    state[at] = Walk::Done;
                    continue;
                };
                path.push((at, next + 1));
                match self.index.position(name) {
                    Some(needed) if state[needed] == Walk::New => path.push((needed, 0)),
                    Some(needed) if state[needed] == Walk::Open => self.cycle(&tasks[needed]),
                    _ => {}
                }
            }
        }
    }

    fn cycle(&mut self, task: &ProfileTask) {
        self.problems.set_file(&task.file);
        let message = format!("the task {} needs itself, directly or through others", task.name);
        let hint = "remove one of the needs";
        let code = format!("needs_cycle:{}", task.name);
        self.problems.error(code, task.line, message, hint);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Walk {
    New,
    Open,
    Done,
}
