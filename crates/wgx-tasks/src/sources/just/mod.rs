//! just tasks: the justfile of a folder with its imports and modules.

mod cursor;
mod modules;
mod parser;

use std::collections::HashSet;

use contracts::wgx::TaskArg;

use super::scan::argv;
use super::{Place, Scan};
use crate::task::FoundTask;
use modules::{Declared, Module};
use parser::{Attributes, Recipe};

pub(super) fn discover(scan: &mut Scan<'_>) {
    let Some(file) = justfile(scan) else {
        return;
    };
    let module = modules::load(scan, &file);
    list(scan, &module, "");
}

/// The file that just would take: `justfile` or `.justfile` in any case.
fn justfile(scan: &mut Scan<'_>) -> Option<String> {
    let is_justfile = |name: &String| {
        name.eq_ignore_ascii_case("justfile") || name.eq_ignore_ascii_case(".justfile")
    };
    let names: Vec<String> = if scan.dir.is_empty() {
        let top = scan.files.top_entries();
        top.iter().filter(|name| is_justfile(name)).cloned().collect()
    } else {
        scan.entries().into_iter().filter(is_justfile).collect()
    };
    let paths: Vec<String> = names.iter().map(|name| scan.path(name)).collect();
    let mut files = paths.into_iter().filter(|path| scan.is_file(path));
    let first = files.next()?;
    if let Some(other) = files.next().as_deref() {
        let reason = format!("just refuses a folder with two justfiles, {first} and {other}");
        scan.broken(other, None, &reason, "keep one of the two");
    }
    Some(first)
}

/// Lists what `just --summary` lists: neither private recipes nor what private modules hold.
fn list(scan: &mut Scan<'_>, module: &Module, prefix: &str) {
    let absent = unavailable(module);
    let mut names = HashSet::new();
    for declared in &module.recipes {
        let recipe = &declared.recipe;
        let hidden = declared.attributes.private || recipe.name.starts_with('_');
        if hidden || absent.contains(recipe.name.as_str()) || !names.insert(&recipe.name) {
            continue;
        }
        let mut task = task(scan, declared, prefix);
        task.task.aliases = aliases(module, prefix, &recipe.name);
        scan.push(task);
    }
    for (name, inner) in &module.modules {
        if !inner.private {
            list(scan, inner, &format!("{prefix}{name}::"));
        }
    }
}

fn task(scan: &Scan<'_>, declared: &Declared, prefix: &str) -> FoundTask {
    let recipe = &declared.recipe;
    let name = format!("{prefix}{}", recipe.name);
    let place = Place::new(&declared.file, recipe.line);
    let mut found = scan.declare(&name, place, argv(&["just", &name]));
    found.task.description = description(&declared.attributes, recipe);
    found.task.group = declared.attributes.groups.first().cloned();
    found.task.args = recipe.parameters.iter().map(argument).collect();
    found.commands.clone_from(&recipe.body);
    found
}

fn description(attributes: &Attributes, recipe: &Recipe) -> Option<String> {
    let text = attributes.doc.as_ref().unwrap_or(&recipe.doc);
    text.clone().filter(|text| !text.is_empty())
}

fn argument(parameter: &parser::Parameter) -> TaskArg {
    TaskArg {
        name: parameter.name.clone(),
        required: parameter.required,
        default: parameter.default.clone(),
        variadic: parameter.variadic,
    }
}

/// Public aliases of a recipe in its own module.
fn aliases(module: &Module, prefix: &str, name: &str) -> Vec<String> {
    let public = module.aliases.iter().filter(|(attributes, alias)| {
        !attributes.private && !alias.name.starts_with('_') && alias.target == [name]
    });
    public.map(|(_, alias)| format!("{prefix}{}", alias.name)).collect()
}

/// Recipes that just disables because they need a recipe of an optional module that is not there.
fn unavailable(module: &Module) -> HashSet<&str> {
    let mut found: HashSet<&str> = HashSet::new();
    if module.absent.is_empty() {
        return found;
    }
    loop {
        let before = found.len();
        for declared in &module.recipes {
            let broken = declared.recipe.dependencies.iter().any(|path| match &path[..] {
                [name] => found.contains(name.as_str()),
                [first, ..] => module.absent.contains(first),
                [] => false,
            });
            if broken {
                found.insert(&declared.recipe.name);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}
