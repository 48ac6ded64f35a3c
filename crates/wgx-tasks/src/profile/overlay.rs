//! Local overrides: tasks are replaced whole, maps are merged by key, everything else is replaced.

use super::model::{ApiVersion, EnvVar, Profile, ProfileTask};

/// Lays the local profile over the shared one.
pub(super) fn overlay(base: &mut Profile, local: Profile) {
    if local.api_version != ApiVersion::Absent {
        base.api_version = local.api_version;
    }
    base.required_wgx = local.required_wgx.or(base.required_wgx.take());
    base.repo_kind = local.repo_kind.or(base.repo_kind.take());
    base.dirs.extend(local.dirs);
    merge_variables(&mut base.env.defaults, local.env.defaults);
    merge_variables(&mut base.env.base, local.env.base);
    merge_variables(&mut base.env.overrides, local.env.overrides);
    replace_tasks(&mut base.tasks, local.tasks);
    for workflow in local.workflows {
        put(&mut base.workflows, workflow, |a, b| a.name == b.name);
    }
    base.validate.quick = local.validate.quick.or(base.validate.quick.take());
    base.validate.full = local.validate.full.or(base.validate.full.take());
    base.validate.unsupported.extend(local.validate.unsupported);
    base.validate.ci_only.extend(local.validate.ci_only);
    base.synonyms.extend(local.synonyms);
    for semantic in local.semantics {
        put(&mut base.semantics, semantic, |a, b| a.phrase == b.phrase);
    }
    base.local_file = Some(local.file);
}

fn merge_variables(base: &mut Vec<EnvVar>, local: Vec<EnvVar>) {
    for variable in local {
        put(base, variable, |a, b| a.name == b.name);
    }
}

fn replace_tasks(base: &mut Vec<ProfileTask>, local: Vec<ProfileTask>) {
    for task in local {
        put(base, task, |a, b| a.name == b.name);
    }
}

/// Replaces the equal item in its place, or appends.
fn put<T>(items: &mut Vec<T>, item: T, equal: impl Fn(&T, &T) -> bool) {
    match items.iter_mut().find(|known| equal(known, &item)) {
        Some(known) => *known = item,
        None => items.push(item),
    }
}
