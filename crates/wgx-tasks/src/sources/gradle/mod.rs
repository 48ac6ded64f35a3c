//! Gradle: the tasks that build scripts declare, in the root and in the projects that the settings
//! include, and the lifecycle tasks of the plugins that are applied.
//!
//! Plugins add tasks that no script shows, so the list is never complete.

mod lexer;
mod script;

use std::collections::{BTreeSet, HashSet};

use script::{Scope, Script};

use super::{Place, Scan};
use crate::files;

const SETTINGS: [&str; 2] = ["settings.gradle", "settings.gradle.kts"];
const BUILD: [&str; 2] = ["build.gradle", "build.gradle.kts"];
/// Most projects of one build.
const MAX_PROJECTS: usize = 2_000;

/// What plugins of the JVM world add; the first column is a part of the plugin's id.
const LIFECYCLE: [(&str, &str, &str); 8] = [
    ("", "assemble", "makes the outputs of the project"),
    ("", "build", "makes and tests the project"),
    ("", "check", "runs all checks"),
    ("", "clean", "removes what earlier builds made"),
    ("java kotlin groovy scala android", "test", "runs the unit tests"),
    ("application", "run", "runs the project as an application"),
    ("org.springframework.boot", "bootRun", "runs the project as a Spring Boot application"),
    ("maven-publish", "publish", "publishes what the project makes"),
];

/// A project of the build.
struct Project {
    /// `a:b`; empty for the root.
    path: String,
    /// Relative to the root of the repository.
    dir: String,
}

pub(super) fn discover(scan: &mut Scan<'_>) {
    let settings = scan.first_of(&SETTINGS);
    let build = scan.first_of(&BUILD);
    let Some(shown) = build.clone().or_else(|| settings.clone()) else {
        return;
    };
    scan.dynamic(&shown, None, "plugins of Gradle may add tasks that no script declares");
    let projects = projects(scan, settings.as_deref());
    let mut found = Found { seen: HashSet::new(), plugins: BTreeSet::new() };
    for index in 0..projects.len() {
        found.project(scan, &projects, index);
    }
    found.lifecycle(scan, (&shown, build.is_some() || !found.plugins.is_empty()));
}

/// The root and what the settings include.
fn projects(scan: &mut Scan<'_>, settings: Option<&str>) -> Vec<Project> {
    let mut projects = vec![Project { path: String::new(), dir: scan.dir.to_owned() }];
    let Some(file) = settings else {
        return projects;
    };
    let Some(text) = scan.read(file) else {
        return projects;
    };
    let said = script::read(&text);
    for line in &said.computed {
        scan.dynamic(file, Some(*line), "a project gets a computed name");
    }
    for build in &said.builds {
        let reason = format!("the included build `{build}` is not followed");
        scan.dynamic(file, None, &reason);
    }
    for path in &said.included {
        // Each step of a path is a project.
        let steps: Vec<&str> = path.split(':').filter(|step| !step.is_empty()).collect();
        for length in 1..=steps.len() {
            let path = steps[..length].join(":");
            if projects.len() < MAX_PROJECTS && !projects.iter().any(|known| known.path == path) {
                let dir = folder(&said, scan.dir, &path);
                projects.extend(dir.map(|dir| Project { path, dir }));
            }
        }
    }
    projects
}

/// The folder of a project: as the settings say, else its path with `/`.
fn folder(settings: &Script, dir: &str, path: &str) -> Option<String> {
    let said = settings.folders.iter().find(|(of, _)| of.trim_start_matches(':') == path);
    match said {
        Some((_, folder)) => files::join(dir, inside(folder)?),
        None => files::join(dir, &path.replace(':', "/")),
    }
}

/// A path without the variables that stand for the build's own folder.
fn inside(path: &str) -> Option<&str> {
    let mut rest = path;
    for variable in [
        "$rootDir",
        "${rootDir}",
        "$projectDir",
        "${projectDir}",
        "$settingsDir",
        "${settingsDir}",
        "${rootProject.projectDir}",
        "$rootProject.projectDir",
        "${project.rootDir}",
        "${rootProject.rootDir}",
    ] {
        rest = rest.strip_prefix(variable).unwrap_or(rest);
    }
    let rest = rest.trim_start_matches('/');
    (!rest.contains(['$', ':'])).then_some(rest)
}

struct Found {
    /// Task paths.
    seen: HashSet<String>,
    /// Ids of the plugins of all projects.
    plugins: BTreeSet<String>,
}

impl Found {
    fn project(&mut self, scan: &mut Scan<'_>, projects: &[Project], index: usize) {
        let project = &projects[index];
        let names = BUILD.map(|name| join(&project.dir, name));
        let last = project.path.rsplit(':').next().unwrap_or_default();
        let named =
            [".gradle", ".gradle.kts"].map(|end| join(&project.dir, &format!("{last}{end}")));
        let own = names.iter().chain(named.iter().filter(|_| !last.is_empty()));
        let Some(file) = own.into_iter().find(|path| scan.files.is_file(path)) else {
            return;
        };
        let mut open = vec![(file.clone(), Scope::Own)];
        let mut read = HashSet::new();
        while let Some((file, scope)) = open.pop() {
            if !read.insert((file.clone(), format!("{scope:?}"))) {
                continue;
            }
            let Some(text) = scan.read(&file) else {
                continue;
            };
            let said = script::read(&text);
            self.take(scan, (projects, index), (&file, &scope), &said);
            open.extend(followed(scan, &file, &scope, &said));
        }
    }

    fn take(
        &mut self,
        scan: &mut Scan<'_>,
        (projects, index): (&[Project], usize),
        (file, outer): (&str, &Scope),
        said: &Script,
    ) {
        for line in &said.computed {
            scan.dynamic(file, Some(*line), "a task gets a computed name");
        }
        for (plugin, _) in &said.plugins {
            self.plugins.insert(plugin.clone());
        }
        for task in &said.tasks {
            let scope = if *outer == Scope::Own { &task.scope } else { outer };
            let targets = targets(projects, index, scope);
            for project in targets {
                let name = match project.path.as_str() {
                    "" => task.name.clone(),
                    path => format!("{path}:{}", task.name),
                };
                if self.seen.insert(name.clone()) {
                    push(scan, project, (&name, file), task);
                }
            }
        }
    }

    /// The tasks that nearly every build has, for the root.
    fn lifecycle(&mut self, scan: &mut Scan<'_>, (file, offered): (&str, bool)) {
        if !offered {
            return;
        }
        for (plugins, name, description) in LIFECYCLE {
            let applies = plugins.is_empty()
                || plugins.split(' ').any(|part| self.plugins.iter().any(|id| id.contains(part)));
            if applies && self.seen.insert(name.to_owned()) {
                let program = super::scan::argv(&[starter(scan), name]);
                let mut found = scan.declare(name, Place::new(file, 1), program);
                found.task.description = Some(description.to_owned());
                found.task.group = Some("lifecycle".to_owned());
                scan.push(found);
            }
        }
    }
}

fn push(
    scan: &mut Scan<'_>,
    project: &Project,
    (name, file): (&str, &str),
    task: &script::Declared,
) {
    let path = if project.path.is_empty() { name.to_owned() } else { format!(":{name}") };
    let program = super::scan::argv(&[starter(scan), &path]);
    let mut found = scan.declare(name, Place::new(file, task.line), program);
    found.task.description.clone_from(&task.description);
    found.task.group.clone_from(&task.group);
    scan.push(found);
}

fn starter(scan: &Scan<'_>) -> &'static str {
    if scan.has("gradlew") { "./gradlew" } else { "gradle" }
}

fn targets<'a>(projects: &'a [Project], index: usize, scope: &Scope) -> Vec<&'a Project> {
    let own = &projects[index];
    let below = |project: &&Project| {
        project.path != own.path
            && (own.path.is_empty() || project.path.starts_with(&format!("{}:", own.path)))
    };
    match scope {
        Scope::Own => vec![own],
        Scope::Below => projects.iter().filter(below).collect(),
        Scope::All => [own].into_iter().chain(projects.iter().filter(below)).collect(),
        Scope::Project(path) => {
            let path = path.trim_start_matches(':');
            projects.iter().filter(|project| project.path == path).collect()
        }
    }
}

/// Scripts that a script takes in: `apply from:`, and plugins written in `buildSrc`.
fn followed(scan: &mut Scan<'_>, file: &str, outer: &Scope, said: &Script) -> Vec<(String, Scope)> {
    let mut scripts = Vec::new();
    for (path, scope) in &said.applied {
        let from_root = path.starts_with('$');
        let dir = if from_root { scan.dir } else { files::parent(file) };
        let found = inside(path).and_then(|path| files::join(dir, path));
        match found.filter(|path| scan.files.is_file(path)) {
            Some(path) => scripts.push((path, scope.clone())),
            None => {
                let reason = format!("the script `{path}` is not in the repository");
                scan.dynamic(file, None, &reason);
            }
        }
    }
    if scan.has("buildSrc") {
        for (plugin, scope) in &said.plugins {
            let places = ["groovy", "kotlin"].into_iter().flat_map(|language| {
                ["gradle", "gradle.kts"].map(|end| {
                    join(scan.dir, &format!("buildSrc/src/main/{language}/{plugin}.{end}"))
                })
            });
            let found = places.into_iter().find(|path| scan.files.is_file(path));
            scripts.extend(found.map(|path| (path, scope.clone())));
        }
    }
    for (_, scope) in &mut scripts {
        if *outer != Scope::Own {
            scope.clone_from(outer);
        }
    }
    scripts
}

fn join(dir: &str, name: &str) -> String {
    match dir {
        "" => name.to_owned(),
        dir => format!("{dir}/{name}"),
    }
}
