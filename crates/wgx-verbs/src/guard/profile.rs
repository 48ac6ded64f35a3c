//! The contract of the repository's wgx profile.

use contracts::wgx::FixKind;
use wgx_tasks::files::RepoFiles;
use wgx_tasks::profile::{self as contract, LOCAL_FILES, Os, PROFILE_FILES, Severity};

use super::{Check, Context, Found, Rule};

pub(super) struct Profile;

static RULE: Rule = Rule {
    id: "profile",
    finds: "breaches of the contract of `.wgx/profile.yml`",
    why: "tasks are missing, or do something else than they say",
    fix: "correct the profile there; `wgx validate` explains each code",
    kind: FixKind::Manual,
};

impl Check for Profile {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn absent(&self, context: &Context<'_>) -> Option<&'static str> {
        let present = PROFILE_FILES.iter().any(|file| context.tree.exists(file));
        (!present).then_some("there is no profile")
    }

    fn tree(&self, context: &Context<'_>) -> Vec<Found> {
        let wanted =
            PROFILE_FILES.iter().chain(&LOCAL_FILES).any(|file| context.tree.is_wanted(file));
        if self.absent(context).is_some() || context.request.changed.is_some() && !wanted {
            return Vec::new();
        }
        let Ok(files) = RepoFiles::new(context.tree.root()) else { return Vec::new() };
        let Some(loaded) = contract::load(&files, "", Os::current()) else { return Vec::new() };
        let mut problems = loaded.problems.clone();
        if !loaded.is_broken() {
            problems.extend(contract::check(&loaded.profile));
        }
        let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
        errors
            .map(|problem| {
                let message = format!("{} ({})", problem.message, problem.code);
                Found::new(&problem.file, problem.line, message).advise(problem.hint)
            })
            .collect()
    }
}
