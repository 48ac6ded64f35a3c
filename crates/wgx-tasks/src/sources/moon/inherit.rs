//! Tasks that moon projects inherit: `.moon/tasks.yml` and the files below `.moon/tasks`.
//!
//! In version 1 the name of a file says for whom it is (`node.yml`, `typescript-library.yml`,
//! `tag-docs.yml`), in version 2 its `inheritedBy` does.

use super::project::Traits;
use crate::document::{Entry, Node, Value};
use crate::sources::Scan;

/// Most files of shared tasks.
const MAX_FILES: usize = 500;

/// All shared tasks.
pub(super) struct Shared {
    files: Vec<SharedFile>,
    /// The JavaScript runtimes that the workspace turns on.
    pub(super) runtimes: Vec<String>,
}

struct SharedFile {
    path: String,
    /// The name without its end; empty for `tasks.yml`.
    stem: String,
    config: Node,
}

impl Shared {
    pub(super) fn read(scan: &mut Scan<'_>, base: &str) -> Self {
        let mut files = Vec::new();
        if let Some((path, config)) = super::config(scan, &format!("{base}/tasks")) {
            files.push(SharedFile { path, stem: String::new(), config });
        }
        let shared = format!("{base}/tasks");
        let mut open: Vec<String> =
            scan.files.is_dir(&shared).then_some(shared).into_iter().collect();
        while let Some(dir) = open.pop() {
            for name in scan.files.list(&dir) {
                let path = format!("{dir}/{name}");
                if scan.files.is_file(&path) && files.len() < MAX_FILES {
                    let Some(config) = super::read(scan, &path) else {
                        continue;
                    };
                    let stem = name.split('.').next().unwrap_or_default().to_owned();
                    files.push(SharedFile { path, stem, config });
                }
            }
            let inner = scan.files.folders(&dir, false);
            open.extend(inner.into_iter().map(|name| format!("{dir}/{name}")));
        }
        note_limits(scan, &files);
        Self { runtimes: runtimes(scan, base), files }
    }

    pub(super) fn runs(&self, runtime: &str) -> bool {
        self.runtimes.iter().any(|known| known == runtime)
    }

    /// The tasks for a project, each with its file.
    pub(super) fn tasks_for(&self, traits: &Traits) -> Vec<(&Entry, String)> {
        let applying = self.files.iter().filter(|file| file.applies(traits));
        let mut tasks: Vec<(&Entry, String)> = Vec::new();
        for file in applying {
            for task in file.config.get("tasks").map(Node::entries).unwrap_or_default() {
                tasks.retain(|(known, _)| known.key != task.key);
                tasks.push((task, file.path.clone()));
            }
        }
        tasks
    }
}

fn note_limits(scan: &mut Scan<'_>, files: &[SharedFile]) {
    if let [.., last] = files
        && files.len() >= MAX_FILES
    {
        scan.broken(&last.path, None, "too many files of shared tasks; the rest is left out", "");
    }
    for file in files {
        if let Some(extends) = file.config.entry("extends") {
            scan.dynamic(&file.path, Some(extends.line), "`extends` is not followed");
        }
    }
}

fn runtimes(scan: &mut Scan<'_>, base: &str) -> Vec<String> {
    let config = super::config(scan, &format!("{base}/toolchains"))
        .or_else(|| super::config(scan, &format!("{base}/toolchain")));
    let Some((file, config)) = config else {
        return Vec::new();
    };
    for kind in ["node", "bun", "deno", "rust", "javascript"] {
        let infers = config.path(&[kind, "inferTasksFromScripts"]).and_then(Node::as_bool);
        if infers == Some(true) {
            scan.dynamic(&file, None, "moon infers tasks from the scripts of packages");
        }
    }
    let known = ["node", "bun", "deno"].into_iter();
    known.filter(|name| config.get(name).is_some()).map(str::to_owned).collect()
}

impl SharedFile {
    fn applies(&self, traits: &Traits) -> bool {
        match self.config.get("inheritedBy") {
            Some(rules) => inherited_by(rules, traits),
            None => self.named_for(traits),
        }
    }

    /// The names of version 1: `all`, language, platform, stack, layer and their pairs, `tag-NAME`.
    fn named_for(&self, traits: &Traits) -> bool {
        let stem = self.stem.as_str();
        if stem.is_empty() || stem == "all" {
            return true;
        }
        if let Some(tag) = stem.strip_prefix("tag-") {
            return traits.tags.iter().any(|known| known == tag);
        }
        let mut firsts: Vec<&str> = traits.toolchains.iter().map(String::as_str).collect();
        firsts.extend([traits.language.as_str(), traits.stack.as_str()]);
        if firsts.contains(&stem) || stem == traits.layer {
            return true;
        }
        let pairs = firsts.iter().any(|first| {
            let rest = stem.strip_prefix(first).and_then(|rest| rest.strip_prefix('-'));
            rest.is_some_and(|rest| {
                rest == traits.layer
                    || rest == traits.stack
                    || rest == format!("{}-{}", traits.stack, traits.layer)
            })
        });
        pairs || !is_v1_name(stem)
    }
}

/// In version 2 a file without `inheritedBy` is for all projects, whatever its name.
fn is_v1_name(stem: &str) -> bool {
    const WORDS: [&str; 26] = [
        "bash",
        "batch",
        "bun",
        "deno",
        "go",
        "javascript",
        "node",
        "php",
        "python",
        "ruby",
        "rust",
        "system",
        "typescript",
        "unknown",
        "application",
        "automation",
        "configuration",
        "library",
        "scaffolding",
        "tool",
        "backend",
        "frontend",
        "data",
        "infrastructure",
        "systems",
        "tag",
    ];
    stem.split('-').next().is_some_and(|first| WORDS.contains(&first))
}

/// All conditions must hold; each holds when one of its values does.
fn inherited_by(rules: &Node, traits: &Traits) -> bool {
    rules.entries().iter().all(|rule| {
        let one = |value: &str| vec![value.to_owned()];
        let have: Vec<String> = match rule.key.as_str() {
            "toolchain" | "toolchains" => traits.toolchains.clone(),
            "language" | "languages" => one(&traits.language),
            "layer" | "layers" => one(&traits.layer),
            "stack" | "stacks" => one(&traits.stack),
            "tag" | "tags" => traits.tags.clone(),
            "file" | "files" => traits.files.clone(),
            _ => return true,
        };
        holds(&rule.value, &have)
    })
}

/// A word, a list of words (one must be there), or `and`, `or`, `not`.
fn holds(wanted: &Node, have: &[String]) -> bool {
    let has = |name: &str| have.iter().any(|known| known == name);
    let Value::Mapping(rules) = &wanted.value else {
        return wanted.strings().into_iter().any(has);
    };
    rules.iter().all(|rule| {
        let names = rule.value.strings();
        match rule.key.as_str() {
            "and" => names.into_iter().all(has),
            "not" => !names.into_iter().any(has),
            _ => names.into_iter().any(has),
        }
    })
}
