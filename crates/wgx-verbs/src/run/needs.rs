//! What must have run before: `needs` of the profile, and its implied `up`.

use contracts::wgx::TaskSource;
use wgx_tasks::task::FoundTask;

/// A task of the plan and why it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Index of the task.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

/// Why a task is part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A person named it.
    Named,
    /// Another task needs it.
    Needs,
    /// The profile's `up`, implied by every other task of the profile.
    Up,
    /// Free text means it.
    Match,
    /// It belongs to the set that a phrase stands for.
    Semantics,
    /// `wgx smoke` chose it.
    Smoke,
    /// `wgx guard` starts the repository's own checks.
    Guard,
    /// `wgx validate` runs it as a declared check.
    Validate,
}

impl Reason {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Needs => "needs",
            Self::Up => "up",
            Self::Match => "match",
            Self::Semantics => "semantics",
            Self::Smoke => "smoke",
            Self::Guard => "guard",
            Self::Validate => "validate",
        }
    }

    /// Whether it starts only in a trusted repository. Who asks for the declared checks has named them.
    pub fn needs_trust(self) -> bool {
        !matches!(self, Self::Named | Self::Validate)
    }
}

/// Why no order exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeedsError {
    /// The needs go in a circle.
    #[error("the needs go in a circle: {}", path.join(" → "))]
    Circle {
        /// Names along the circle.
        path: Vec<String>,
    },
    /// A need is not a task.
    #[error("task `{task}` needs `{missing}`, which is not a task here ({file}:{line})")]
    Missing {
        /// The task.
        task: String,
        /// Its need.
        missing: String,
        /// Where the task is declared.
        file: String,
        /// Line from 1.
        line: u32,
    },
}

/// The order of a run: needs before what needs them, every need once, the named tasks in their order and as
/// often as they were named.
///
/// # Errors
/// When needs are missing or go in a circle.
pub fn order(
    named: &[usize],
    tasks: &[FoundTask],
    reason: Reason,
) -> Result<Vec<Planned>, NeedsError> {
    let up = implied_up(named, tasks).filter(|up| !named.contains(up));
    ordered(named, tasks, reason, up)
}

/// The order of a run that was itself started by the profile's `up`: nothing implies it again.
///
/// # Errors
/// As [`order`]; and when `up` itself is named, which would go on for ever.
pub fn order_within_up(
    named: &[usize],
    tasks: &[FoundTask],
    reason: Reason,
) -> Result<Vec<Planned>, NeedsError> {
    if let Some(up) = named.iter().find(|index| is_up(&tasks[**index])) {
        let name = tasks[*up].task.name.clone();
        return Err(NeedsError::Circle { path: vec![name.clone(), name] });
    }
    ordered(named, tasks, reason, None)
}

fn ordered(
    named: &[usize],
    tasks: &[FoundTask],
    reason: Reason,
    up: Option<usize>,
) -> Result<Vec<Planned>, NeedsError> {
    let mut plan = Plan { tasks, planned: Vec::new(), path: Vec::new() };
    if let Some(up) = up {
        plan.visit_needs(up)?;
        plan.push(up, Reason::Up);
    }
    for &index in named {
        plan.visit_needs(index)?;
        plan.planned.push(Planned { index, reason });
    }
    Ok(plan.planned)
}

/// The profile's `up`, when a task of the profile was named that `up` itself does not need.
fn implied_up(named: &[usize], tasks: &[FoundTask]) -> Option<usize> {
    let up = tasks.iter().position(is_up)?;
    let mut before_up = Vec::new();
    collect_needs(up, tasks, &mut before_up);
    let implies = |index: &&usize| {
        tasks[**index].task.source == TaskSource::Profile && !before_up.contains(*index)
    };
    named.iter().find(implies).map(|_| up)
}

/// Whether this is the profile's own `up`.
pub(super) fn is_up(found: &FoundTask) -> bool {
    found.task.source == TaskSource::Profile
        && found.task.member.is_none()
        && found.task.name == "up"
}

fn collect_needs(index: usize, tasks: &[FoundTask], into: &mut Vec<usize>) {
    for need in &tasks[index].needs {
        if let Some(need) = find(need, tasks).filter(|need| !into.contains(need)) {
            into.push(need);
            collect_needs(need, tasks, into);
        }
    }
}

/// A need names a task of the profile first, then any other.
fn find(name: &str, tasks: &[FoundTask]) -> Option<usize> {
    let in_profile = |found: &FoundTask| {
        found.task.source == TaskSource::Profile
            && (found.task.name == name || found.task.aliases.iter().any(|alias| alias == name))
    };
    let anywhere = |found: &FoundTask| {
        found.task.id == name || (found.task.member.is_none() && found.task.name == name)
    };
    tasks.iter().position(in_profile).or_else(|| tasks.iter().position(anywhere))
}

struct Plan<'a> {
    tasks: &'a [FoundTask],
    planned: Vec<Planned>,
    path: Vec<usize>,
}

impl Plan<'_> {
    fn visit_needs(&mut self, index: usize) -> Result<(), NeedsError> {
        if let Some(start) = self.path.iter().position(|visited| *visited == index) {
            let circle = self.path[start..].iter().chain([&index]);
            let path = circle.map(|index| self.tasks[*index].task.name.clone()).collect();
            return Err(NeedsError::Circle { path });
        }
        self.path.push(index);
        let task = &self.tasks[index];
        for need in &task.needs {
            let found = find(need, self.tasks).ok_or_else(|| NeedsError::Missing {
                task: task.task.name.clone(),
                missing: need.clone(),
                file: task.task.file.clone(),
                line: task.task.line,
            })?;
            self.visit_needs(found)?;
            self.push(found, Reason::Needs);
        }
        self.path.pop();
        Ok(())
    }

    fn push(&mut self, index: usize, reason: Reason) {
        if !self.planned.iter().any(|planned| planned.index == index) {
            self.planned.push(Planned { index, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use wgx_tasks::files::RepoFiles;
    use wgx_tasks::sources::{DiscoverOptions, discover_in};

    use super::*;

    fn names(profile: &str, named: &[&str]) -> Result<Vec<(String, &'static str)>, NeedsError> {
        let files = RepoFiles::in_memory([(".wgx/profile.yml".to_owned(), profile.into())]);
        let tasks = discover_in(&files, &DiscoverOptions::default()).tasks;
        let index = |name: &&str| tasks.iter().position(|task| task.task.name == **name).unwrap();
        let named: Vec<usize> = named.iter().map(index).collect();
        let planned = order(&named, &tasks, Reason::Named)?;
        let name =
            |planned: Planned| (tasks[planned.index].task.name.clone(), planned.reason.as_str());
        Ok(planned.into_iter().map(name).collect())
    }

    const DIAMOND: &str = "tasks:
  up: ./up.sh
  gen: ./gen.sh
  build: {cmd: make, needs: [gen]}
  test: {cmd: make test, needs: [build, gen]}
";

    #[test]
    fn needs_come_first_and_once_after_the_implied_up() {
        let plan = names(DIAMOND, &["test"]).unwrap();
        let expected = [("up", "up"), ("gen", "needs"), ("build", "needs"), ("test", "named")];
        assert_eq!(plan, expected.map(|(name, reason)| (name.to_owned(), reason)));
    }

    #[test]
    fn up_itself_implies_nothing() {
        assert_eq!(names(DIAMOND, &["up"]).unwrap(), [("up".to_owned(), "named")]);
    }

    #[test]
    fn circles_and_missing_needs_are_named() {
        let circle = "tasks:\n  a: {cmd: x, needs: [b]}\n  b: {cmd: x, needs: [a]}\n";
        let error = names(circle, &["a"]).unwrap_err();
        assert_eq!(error.to_string(), "the needs go in a circle: a → b → a");
        let missing = "tasks:\n  a: {cmd: x, needs: [zz]}\n";
        assert!(names(missing, &["a"]).unwrap_err().to_string().contains("needs `zz`"));
    }
}
