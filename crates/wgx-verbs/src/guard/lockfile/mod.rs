//! Lock files that no longer fit what they lock.
//!
//! Each ecosystem is judged as far as the files alone decide it; where they do not (workspaces of
//! unknown shape, computed manifests, overrides), the check is silent.

mod ascii_json;
mod cargo;
mod composer;
mod go;
mod node;
mod python;
mod ruby;

use contracts::wgx::FixKind;
use wgx_tasks::files::parent;

use super::tree::Tree;
use super::{Check, Context, Found, Rule};

pub(super) struct LockfileDrift;

static RULE: Rule = Rule {
    id: "lockfile-drift",
    finds: "lock files that lack what their manifest names, or lock another version than it asks \
         for \
            (Cargo, npm, pnpm, yarn, poetry, uv, composer, go, bundler)",
    why: "the next install changes the lock file or fails, and two machines get different code",
    fix: "update the lock file with its own tool and commit it",
    kind: FixKind::Manual,
};

type Judge = fn(&Tree, &str) -> Vec<Found>;

/// Name of the lock file, its manifest beside it, and what judges the pair.
const LOCKFILES: [(&str, &str, Judge); 9] = [
    ("Cargo.lock", "Cargo.toml", cargo::drift),
    ("package-lock.json", "package.json", node::npm_drift),
    ("pnpm-lock.yaml", "package.json", node::pnpm_drift),
    ("yarn.lock", "package.json", node::yarn_drift),
    ("poetry.lock", "pyproject.toml", python::poetry_drift),
    ("uv.lock", "pyproject.toml", python::uv_drift),
    ("composer.lock", "composer.json", composer::drift),
    ("go.sum", "go.mod", go::drift),
    ("Gemfile.lock", "Gemfile", ruby::drift),
];

/// Whether a name is that of a lock file, which may be large.
pub(super) fn is_lockfile(name: &str) -> bool {
    let others = [
        "npm-shrinkwrap.json",
        "bun.lock",
        "bun.lockb",
        "Pipfile.lock",
        "pdm.lock",
        "deno.lock",
        "flake.lock",
        "Podfile.lock",
        "pubspec.lock",
        "mix.lock",
        "packages.lock.json",
    ];
    LOCKFILES.iter().any(|(lock, ..)| *lock == name) || others.contains(&name)
}

impl Check for LockfileDrift {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn absent(&self, context: &Context<'_>) -> Option<&'static str> {
        let any = LOCKFILES.iter().any(|(lock, ..)| context.tree.named(lock).next().is_some());
        (!any).then_some("there is no lock file")
    }

    fn tree(&self, context: &Context<'_>) -> Vec<Found> {
        let tree = context.tree;
        let locks = LOCKFILES.iter().flat_map(|lock| tree.named(lock.0).map(move |f| (f, *lock)));
        let vendored = |path: &str| tree.attributes().is_vendored(path);
        locks
            .filter(|(file, _)| !vendored(&file.path))
            .filter(|(file, (_, manifest, _))| is_asked(context, parent(&file.path), manifest))
            .flat_map(|(file, (_, _, judge))| judge(tree, parent(&file.path)))
            .collect()
    }
}

/// With changed files only: whether a lock file or a manifest below the folder is among them.
fn is_asked(context: &Context<'_>, dir: &str, manifest: &str) -> bool {
    let below = |path: &str| {
        dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
    };
    let locks = LOCKFILES.iter().map(|(lock, ..)| *lock);
    let mut files = locks.chain([manifest]).flat_map(|name| context.tree.named(name));
    files.any(|file| file.wanted && below(&file.path))
}

/// A path in a folder of the repository.
fn in_dir(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

#[cfg(test)]
mod tests;
