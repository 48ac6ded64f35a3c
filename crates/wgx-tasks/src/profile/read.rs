//! Reads a profile's document: resolves nested and root-level keys and checks every type.

use std::collections::BTreeMap;

use super::model::{
    ApiVersion, EnvVar, Os, Profile, ProfileEnv, RequiredWgx, Semantic, TaskRef, ValidateProfiles,
    Workflow, normalise_task_name,
};
use super::problem::{Problem, Problems};
use super::tasks;
use crate::document::{Entry, Node, Value};

/// Keys with a meaning, at the root or under `wgx`; the first of a row is the name in messages.
const KEYS: [&[&str]; 12] = [
    &["apiVersion"],
    &["requiredWgx", "required-wgx"],
    &["repoKind"],
    &["dirs"],
    &["envDefaults"],
    &["env"],
    &["envOverrides"],
    &["workflows"],
    &["tasks", "recipes"],
    &["validate"],
    &["synonyms"],
    &["semantics"],
];

/// Keys of older or neighbouring formats in real files: without a meaning here and without a
/// warning.
const SILENT_KEYS: [&str; 27] = [
    "wgx",
    "version",
    "wgx-version",
    "name",
    "type",
    "org",
    "domain",
    "repo",
    "class",
    "profile",
    "description",
    "lang",
    "meta",
    "alias",
    "env_priority",
    "tooling",
    "python",
    "rust",
    "node",
    "tool",
    "tools",
    "contracts",
    "modes",
    "defaults",
    "features",
    "owner",
    "tags",
];

/// Reads one file's document.
pub(super) fn read(file: &str, root: &Node, os: Os) -> (Profile, Vec<Problem>) {
    let mut reader = Reader::new(file, root);
    let profile = reader.profile(os);
    (profile, reader.problems.into_vec())
}

pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    root: &'a Node,
    nested: Option<&'a Node>,
    pub(super) problems: Problems,
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, root: &'a Node) -> Self {
        let mut reader = Self { file, root, nested: None, problems: Problems::new(file) };
        if !root.is_mapping() && !root.is_null() {
            reader.wrong_type("profile", root, "a map");
        }
        match root.get("wgx") {
            Some(wgx) if wgx.is_mapping() => reader.nested = Some(wgx),
            Some(wgx) if !wgx.is_null() => reader.wrong_type("wgx", wgx, "a map"),
            _ => {}
        }
        reader
    }

    fn profile(&mut self, os: Os) -> Profile {
        self.warn_unknown(self.root);
        if let Some(nested) = self.nested {
            self.warn_unknown(nested);
        }
        Profile {
            file: self.file.to_owned(),
            api_version: self.api_version(),
            required_wgx: self.required_wgx(),
            repo_kind: self.text("repoKind"),
            dirs: self.text_map("dirs"),
            env: ProfileEnv {
                defaults: self.variables("envDefaults"),
                base: self.variables("env"),
                overrides: self.variables("envOverrides"),
            },
            tasks: self.tasks(os),
            workflows: self.workflows(),
            validate: self.validate(),
            synonyms: self.synonyms(),
            semantics: self.semantics(),
            ..Profile::default()
        }
    }

    fn warn_unknown(&mut self, map: &Node) {
        for entry in map.entries() {
            let key = entry.key.as_str();
            let known = KEYS.iter().any(|names| names.contains(&key)) || SILENT_KEYS.contains(&key);
            if !known {
                self.unknown_key("", entry);
            }
        }
    }

    pub(super) fn unknown_key(&mut self, parent: &str, entry: &Entry) {
        let path = join(parent, &entry.key);
        let message = format!("the key {path} has no meaning in a wgx profile");
        let hint = "correct its spelling or remove it";
        let code = format!("unknown_key:{path}");
        self.problems.warning(code, entry.line, message, hint);
    }

    pub(super) fn wrong_type(&mut self, path: &str, node: &Node, expected: &str) {
        let message = format!("{path} is {}, expected {expected}", node.kind());
        let hint = format!("write {expected}");
        let code = format!("wrong_type:{path}");
        self.problems.error(code, node.line, message, &hint);
    }

    /// The entry of a key: the nested one wins, then its other spellings, then the root's.
    fn field(&mut self, name: &str) -> Option<&'a Entry> {
        let names = KEYS.iter().find(|names| names[0] == name)?;
        let nested = self.nested.and_then(|map| present(map, names));
        let root = present(self.root, names);
        match (nested, root) {
            (Some(nested), Some(root)) if self.nests_nothing(name, nested) => Some(root),
            (Some(nested), Some(root)) => {
                self.shadowed(root);
                Some(nested)
            }
            (nested, root) => nested.or(root),
        }
    }

    /// Empty nested tasks give way to those of the root, as upstream's parser does it.
    fn nests_nothing(&self, name: &str, nested: &Entry) -> bool {
        let empty = matches!(&nested.value.value, Value::Mapping(tasks) if tasks.is_empty());
        name == "tasks" && empty
    }

    fn shadowed(&mut self, root: &Entry) {
        let key = &root.key;
        let message = format!("{key} at the root has no effect: {key} under wgx wins");
        let hint = "keep the one under wgx";
        let code = format!("shadowed_key:{key}");
        self.problems.warning(code, root.line, message, hint);
    }

    fn api_version(&mut self) -> ApiVersion {
        let declared = [self.nested, Some(self.root)].into_iter().flatten();
        let mut entries = declared.filter_map(|map| map.entry("apiVersion"));
        let Some(entry) = entries.next() else {
            return ApiVersion::Absent;
        };
        let line = entry.value.line;
        match entry.value.scalar().map(str::trim) {
            Some("") => ApiVersion::Empty { line: entry.line },
            Some(text) => ApiVersion::Stated { text: text.to_owned(), line },
            None if entry.value.is_null() => ApiVersion::Empty { line: entry.line },
            None => {
                self.wrong_type("apiVersion", &entry.value, "a version such as v1");
                ApiVersion::Empty { line: entry.line }
            }
        }
    }

    fn required_wgx(&mut self) -> Option<RequiredWgx> {
        let node = &self.field("requiredWgx")?.value;
        let mut required = RequiredWgx { line: node.line, ..RequiredWgx::default() };
        if let Some(range) = node.scalar() {
            required.range = Some(range.to_owned());
            return Some(required);
        }
        if !node.is_mapping() {
            self.wrong_type("requiredWgx", node, "a version range or {range, min, caps}");
            return None;
        }
        for entry in node.entries() {
            match entry.key.as_str() {
                "range" => required.range = self.scalar_text("requiredWgx.range", &entry.value),
                "min" => required.min = self.scalar_text("requiredWgx.min", &entry.value),
                "caps" => required.capabilities = self.words("requiredWgx.caps", &entry.value),
                _ => self.unknown_key("requiredWgx", entry),
            }
        }
        Some(required)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let entry = self.field(name)?;
        self.scalar_text(name, &entry.value)
    }

    pub(super) fn scalar_text(&mut self, path: &str, node: &Node) -> Option<String> {
        if node.is_null() {
            return None;
        }
        let text = node.scalar().map(str::to_owned);
        if text.is_none() {
            self.wrong_type(path, node, "text");
        }
        text
    }

    /// A list of words, or a single one.
    pub(super) fn words(&mut self, path: &str, node: &Node) -> Vec<String> {
        self.word_refs(path, node).into_iter().map(|word| word.name).collect()
    }

    /// As [`Reader::words`], with lines.
    pub(super) fn word_refs(&mut self, path: &str, node: &Node) -> Vec<TaskRef> {
        let items = match &node.value {
            Value::Null => return Vec::new(),
            Value::Sequence(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut words = Vec::with_capacity(items.len());
        for item in items {
            match item.scalar() {
                Some(word) => words.push(TaskRef { name: word.trim().to_owned(), line: item.line }),
                None => self.wrong_type(path, item, "a list of words"),
            }
        }
        words.retain(|word| !word.name.is_empty());
        words
    }

    fn map(&mut self, name: &str) -> &'a [Entry] {
        let Some(entry) = self.field(name) else {
            return &[];
        };
        self.entries_of(name, &entry.value)
    }

    pub(super) fn entries_of<'n>(&mut self, path: &str, node: &'n Node) -> &'n [Entry] {
        if !node.is_mapping() && !node.is_null() {
            self.wrong_type(path, node, "a map");
        }
        node.entries()
    }

    fn text_map(&mut self, name: &str) -> BTreeMap<String, String> {
        let entries = self.map(name);
        self.texts(name, entries)
    }

    fn texts(&mut self, path: &str, entries: &[Entry]) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for entry in entries {
            let path = join(path, &entry.key);
            if let Some(text) = self.scalar_text(&path, &entry.value) {
                texts.insert(entry.key.clone(), text);
            }
        }
        texts
    }

    fn variables(&mut self, name: &str) -> Vec<EnvVar> {
        let mut variables = Vec::new();
        for entry in self.map(name) {
            if !is_variable_name(&entry.key) {
                self.invalid_variable(name, entry);
                continue;
            }
            let value = &entry.value;
            match value.scalar() {
                None if !value.is_null() => {
                    self.wrong_type(&join(name, &entry.key), value, "text");
                }
                text => variables.push(EnvVar {
                    name: entry.key.clone(),
                    value: text.unwrap_or_default().to_owned(),
                    line: entry.line,
                }),
            }
        }
        variables
    }

    fn invalid_variable(&mut self, name: &str, entry: &Entry) {
        let message = format!("{name} has a variable with an impossible name: {:?}", entry.key);
        let hint = "use letters, digits and _, and begin with a letter or _";
        let code = format!("invalid_env_name:{}", entry.key);
        self.problems.error(code, entry.line, message, hint);
    }

    fn tasks(&mut self, os: Os) -> Vec<super::ProfileTask> {
        match self.field("tasks") {
            Some(entry) => tasks::read(self, &entry.value, os),
            None => Vec::new(),
        }
    }

    fn workflows(&mut self) -> Vec<Workflow> {
        let mut workflows = Vec::new();
        for entry in self.map("workflows") {
            let path = format!("workflows.{}", entry.key);
            let steps = match entry.value.get("steps") {
                Some(steps) => steps,
                None if entry.value.is_sequence() => &entry.value,
                None => {
                    self.wrong_type(&path, &entry.value, "a map with steps");
                    continue;
                }
            };
            workflows.push(Workflow {
                name: entry.key.clone(),
                line: entry.line,
                tasks: self.workflow_steps(&path, steps),
            });
        }
        workflows
    }

    fn workflow_steps(&mut self, path: &str, steps: &Node) -> Vec<TaskRef> {
        if !steps.is_sequence() && !steps.is_null() {
            self.wrong_type(path, steps, "a list of {task: NAME}");
        }
        let mut tasks = Vec::new();
        for step in steps.items() {
            match step.get("task").unwrap_or(step).scalar() {
                Some(name) => tasks.push(TaskRef { name: name.to_owned(), line: step.line }),
                None => self.wrong_type(path, step, "{task: NAME}"),
            }
        }
        tasks
    }

    fn validate(&mut self) -> ValidateProfiles {
        let mut validate = ValidateProfiles::default();
        for entry in self.map("validate") {
            let path = format!("validate.{}", entry.key);
            match entry.key.to_lowercase().as_str() {
                "quick" => validate.quick = Some(self.checks(&path, &entry.value)),
                "full" => validate.full = Some(self.checks(&path, &entry.value)),
                "unsupported" => validate.unsupported = self.skips(&path, &entry.value),
                "cionly" | "ci-only" | "ci_only" => {
                    validate.ci_only = self.skips(&path, &entry.value);
                }
                _ => self.unknown_key("validate", entry),
            }
        }
        validate
    }

    /// Task names in order, each once; a string holds several, separated by spaces.
    fn checks(&mut self, path: &str, node: &Node) -> Vec<TaskRef> {
        let split = |word: TaskRef| {
            let names: Vec<String> = match node.is_sequence() {
                true => vec![word.name],
                false => word.name.split_whitespace().map(str::to_owned).collect(),
            };
            let line = word.line;
            names.into_iter().map(move |name| TaskRef { name, line })
        };
        let mut checks: Vec<TaskRef> = Vec::new();
        for check in self.word_refs(path, node).into_iter().flat_map(split) {
            let name = normalise_task_name(&check.name);
            if !checks.iter().any(|known| normalise_task_name(&known.name) == name) {
                checks.push(check);
            }
        }
        checks
    }

    fn skips(&mut self, path: &str, node: &Node) -> BTreeMap<String, String> {
        let mut skips = BTreeMap::new();
        for entry in self.entries_of(path, node) {
            let reason = self.scalar_text(&join(path, &entry.key), &entry.value);
            skips.insert(normalise_task_name(&entry.key), reason.unwrap_or_default());
        }
        skips
    }

    fn synonyms(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut synonyms = BTreeMap::new();
        for entry in self.map("synonyms") {
            let words = self.words(&join("synonyms", &entry.key), &entry.value);
            synonyms.insert(entry.key.clone(), words);
        }
        synonyms
    }

    fn semantics(&mut self) -> Vec<Semantic> {
        let mut semantics = Vec::new();
        for entry in self.map("semantics") {
            semantics.push(Semantic {
                phrase: entry.key.clone(),
                line: entry.line,
                steps: self.words(&join("semantics", &entry.key), &entry.value),
            });
        }
        semantics
    }
}

fn present<'a>(map: &'a Node, names: &[&str]) -> Option<&'a Entry> {
    let entries = names.iter().filter_map(|name| map.entry(name));
    entries.into_iter().find(|entry| !entry.value.is_null())
}

pub(super) fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() {
        return key.to_owned();
    }
    format!("{parent}.{key}")
}

fn is_variable_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}
