//! A moon project: its own tasks, and what decides about the tasks that it inherits.

use super::inherit::Shared;
use crate::document::{Entry, Node, Value};
use crate::sources::Scan;

/// A project.
pub(super) struct Project {
    pub(super) id: String,
    /// `moon.yml` and its content, where there is one.
    config: Option<(String, Node)>,
    /// What inheritance looks at.
    pub(super) traits: Traits,
}

/// What decides about inheritance.
#[derive(Debug, Default)]
pub(super) struct Traits {
    pub(super) language: String,
    /// Toolchains, or the platform of version 1.
    pub(super) toolchains: Vec<String>,
    /// `type` of version 1, `layer` of version 2.
    pub(super) layer: String,
    pub(super) stack: String,
    pub(super) tags: Vec<String>,
    /// Names in the project's folder.
    pub(super) files: Vec<String>,
}

/// Marker file, language, and the toolchains that it turns on.
const LANGUAGES: [(&str, &str, &[&str]); 12] = [
    ("Cargo.toml", "rust", &["rust"]),
    ("go.mod", "go", &["go"]),
    ("composer.json", "php", &["php"]),
    ("pyproject.toml", "python", &["python"]),
    ("requirements.txt", "python", &["python"]),
    ("Gemfile", "ruby", &["ruby"]),
    ("deno.json", "typescript", &["deno", "javascript"]),
    ("deno.jsonc", "typescript", &["deno", "javascript"]),
    ("bun.lock", "javascript", &["bun", "javascript"]),
    ("bun.lockb", "javascript", &["bun", "javascript"]),
    ("tsconfig.json", "typescript", &["typescript"]),
    ("package.json", "javascript", &["javascript", "node"]),
];

impl Project {
    pub(super) fn read(
        scan: &mut Scan<'_>,
        shared: &Shared,
        (name, dir): (String, String),
    ) -> Self {
        let stem = if dir.is_empty() { "moon".to_owned() } else { format!("{dir}/moon") };
        let config = super::config(scan, &stem);
        let said = config.as_ref().map(|(_, node)| node);
        let id = said.and_then(|node| node.get("id")).and_then(Node::as_str);
        let mut id = id.map_or(name, str::to_owned);
        if id.is_empty() {
            let root = scan.files.root().file_name().and_then(|name| name.to_str());
            id = clean_id(root.unwrap_or("root"));
        }
        let files = scan.files.list(&dir);
        Self { id, traits: traits(said, files, shared), config }
    }

    /// Tasks with their files, own ones first, and whether they are inherited.
    pub(super) fn tasks<'a>(&'a self, shared: &'a Shared) -> Vec<(&'a Entry, String, bool)> {
        let own = self.config.iter().flat_map(|(file, node)| {
            let tasks = node.get("tasks").map(Node::entries).unwrap_or_default();
            tasks.iter().map(|task| (task, file.clone(), false))
        });
        let inherited = shared.tasks_for(&self.traits).into_iter();
        let inherited = inherited.filter(|(task, _)| self.inherits(&task.key));
        let mut tasks: Vec<_> = own.collect();
        for (task, file) in inherited {
            match tasks.iter_mut().find(|(own, ..)| own.key == task.key) {
                // An own task adds to the inherited one, which may be internal.
                Some(own) if is_bare(own.0) => *own = (task, file, true),
                Some(_) => {}
                None => tasks.push((task, file, true)),
            }
        }
        tasks
    }

    /// `workspace.inheritedTasks`: `include`, `exclude`.
    fn inherits(&self, task: &str) -> bool {
        let rules =
            self.config.as_ref().and_then(|(_, node)| node.path(&["workspace", "inheritedTasks"]));
        let Some(rules) = rules else {
            return true;
        };
        let list = |key: &str| rules.get(key).map(Node::strings);
        list("exclude").is_none_or(|names| !names.contains(&task))
            && list("include").is_none_or(|names| names.contains(&task))
    }
}

/// A folder's name as an id: what an id may not hold becomes `-`.
pub(super) fn clean_id(name: &str) -> String {
    let keep = |c: char| c.is_alphanumeric() || "-_./@#".contains(c);
    name.chars().map(|c| if keep(c) { c } else { '-' }).collect()
}

fn is_bare(task: &Entry) -> bool {
    matches!(task.value.value, Value::Null)
}

fn traits(config: Option<&Node>, files: Vec<String>, shared: &Shared) -> Traits {
    let word = |key: &str| config.and_then(|node| node.get(key)).and_then(Node::as_str);
    let has = |name: &str| files.iter().any(|file| file == name);
    let language = match word("language") {
        Some(language) => language.to_owned(),
        None => detected(&files).to_owned(),
    };
    let mut toolchains: Vec<String> = Vec::new();
    let said = config.and_then(|node| {
        node.path(&["toolchains", "default"]).or_else(|| node.path(&["toolchain", "default"]))
    });
    toolchains.extend(said.map(Node::strings).unwrap_or_default().into_iter().map(str::to_owned));
    toolchains.extend(word("platform").map(str::to_owned));
    if toolchains.is_empty() {
        for (marker, _, names) in LANGUAGES {
            if has(marker) || (marker == "tsconfig.json" && language == "typescript") {
                toolchains.extend(names.iter().map(|&name| name.to_owned()));
            }
        }
        let script = matches!(language.as_str(), "javascript" | "typescript");
        if script {
            toolchains.push("javascript".to_owned());
        }
        toolchains.push(language.clone());
        // One of the runtimes is what runs a project in JavaScript.
        let runtimes = ["node", "bun", "deno"];
        if script && shared.runtimes.iter().any(|name| runtimes.contains(&name.as_str())) {
            toolchains.retain(|name| !runtimes.contains(&name.as_str()) || shared.runs(name));
            toolchains.extend(shared.runtimes.iter().cloned());
        }
    }
    toolchains.sort_unstable();
    toolchains.dedup();
    Traits {
        language,
        toolchains,
        layer: word("layer").or_else(|| word("type")).unwrap_or("unknown").to_owned(),
        stack: word("stack").unwrap_or("unknown").to_owned(),
        tags: config
            .and_then(|node| node.get("tags"))
            .map(|tags| tags.strings().into_iter().map(str::to_owned).collect())
            .unwrap_or_default(),
        files,
    }
}

fn detected(files: &[String]) -> &'static str {
    let found = LANGUAGES.iter().find(|(marker, ..)| files.iter().any(|file| file == marker));
    found.map_or("unknown", |(_, language, _)| language)
}
