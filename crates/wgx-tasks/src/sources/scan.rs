//! What a source's parser works with: the files of one folder, and where tasks and notes go.

use std::ffi::OsString;

use contracts::wgx::{Note, Task, TaskSource};

use crate::document::{self, DocumentError, Node};
use crate::files::{self, RepoFiles};
use crate::task::{FoundTask, Invocation, Program, Requires};

/// One source's look at one folder (the root, or a nested one with `--deep`).
pub struct Scan<'a> {
    /// The files of the whole repository; paths are relative to its root.
    pub files: &'a RepoFiles,
    /// The source that is being read.
    pub source: TaskSource,
    /// The folder, relative to the root; empty for the root.
    pub dir: &'a str,
    /// What native tools would find in their environment.
    pub environment: &'a Environment,
    tasks: Vec<FoundTask>,
    notes: Vec<Note>,
}

impl<'a> Scan<'a> {
    /// An empty scan of a folder.
    pub fn new(
        files: &'a RepoFiles,
        source: TaskSource,
        dir: &'a str,
        environment: &'a Environment,
    ) -> Self {
        Self { files, source, dir, environment, tasks: Vec::new(), notes: Vec::new() }
    }

    /// A path in the scanned folder, relative to the root.
    pub fn path(&self, name: &str) -> String {
        if self.dir.is_empty() { name.to_owned() } else { format!("{}/{name}", self.dir) }
    }

    /// Whether the scanned folder has an entry of that name (exact case). The root's folder is read once.
    pub fn has(&self, name: &str) -> bool {
        if self.dir.is_empty() && !name.contains('/') {
            return self.files.has(name);
        }
        self.files.is_file(&self.path(name)) || self.files.is_dir(&self.path(name))
    }

    /// Names in the scanned folder, sorted.
    pub fn entries(&self) -> Vec<String> {
        if self.dir.is_empty() {
            return self.files.top_entries().iter().cloned().collect();
        }
        self.files.list(self.dir)
    }

    /// The first of several file names that the scanned folder has, as a path relative to the root.
    pub fn first_of(&self, names: &[&str]) -> Option<String> {
        names.iter().find(|name| self.has(name)).map(|name| self.path(name))
    }

    /// Whether there is a file of that path. A pipe, a device or a circle of links in its place is noted.
    pub fn is_file(&mut self, path: &str) -> bool {
        let is_file = self.files.is_file(path);
        if !is_file && !self.files.is_dir(path) {
            self.read(path);
        }
        is_file
    }

    /// The text of a file; `None` when there is none or it cannot be read, which is then noted.
    pub fn read(&mut self, path: &str) -> Option<String> {
        match self.files.read(path) {
            Ok(text) => text,
            Err(error) => {
                self.broken(path, None, &error.to_string(), error.hint());
                None
            }
        }
    }

    /// A YAML file (first document); faults are noted.
    pub fn yaml(&mut self, path: &str) -> Option<Node> {
        self.document(path, document::parse_yaml)
    }

    /// A strict JSON file; faults are noted.
    pub fn json(&mut self, path: &str) -> Option<Node> {
        self.document(path, document::parse_json)
    }

    /// A JSON file with comments; faults are noted.
    pub fn jsonc(&mut self, path: &str) -> Option<Node> {
        self.document(path, document::parse_jsonc)
    }

    /// A JSON5 file; faults are noted.
    pub fn json5(&mut self, path: &str) -> Option<Node> {
        self.document(path, document::parse_json5)
    }

    /// A TOML file; faults are noted.
    pub fn toml(&mut self, path: &str) -> Option<Node> {
        self.document(path, document::parse_toml)
    }

    fn document(
        &mut self,
        path: &str,
        parse: fn(&str) -> Result<Node, DocumentError>,
    ) -> Option<Node> {
        let text = self.read(path)?;
        match parse(&text) {
            Ok(node) => Some(node),
            Err(error) => {
                self.broken(path, Some(error.line), &error.message, "correct the syntax there");
                None
            }
        }
    }

    /// A task with the defaults of this scan: id from source, member and name; started in the file's
    /// scanned folder. Set what differs, then [`Scan::push`] it.
    pub fn declare(&self, name: &str, place: Place<'_>, program: Program) -> FoundTask {
        let member = (!self.dir.is_empty()).then(|| self.dir.to_owned());
        self.declare_in(member.as_deref(), name, place, program)
    }

    /// Like [`Scan::declare`] for a workspace member (path relative to the root), started in its folder.
    pub fn declare_in(
        &self,
        member: Option<&str>,
        name: &str,
        place: Place<'_>,
        program: Program,
    ) -> FoundTask {
        let id = match member {
            Some(member) => format!("{}:{member}:{name}", self.source),
            None => format!("{}:{name}", self.source),
        };
        let runnable = !matches!(program, Program::Shown(_));
        FoundTask {
            task: Task {
                id,
                name: name.to_owned(),
                source: self.source,
                file: place.file.to_owned(),
                line: place.line,
                description: None,
                group: None,
                args: Vec::new(),
                shadowed_by: None,
                aliases: Vec::new(),
                alias_of: None,
                member: member.map(str::to_owned),
                destructive: false,
                runnable,
            },
            invocation: Invocation {
                program,
                dir: member.unwrap_or_default().to_owned(),
                env_defaults: Vec::new(),
                env: Vec::new(),
            },
            commands: Vec::new(),
            safe: None,
            needs: Vec::new(),
            requires: Requires::default(),
            artifacts: Vec::new(),
        }
    }

    /// Adds a task.
    pub fn push(&mut self, task: FoundTask) {
        self.tasks.push(task);
    }

    /// The tasks so far, to adjust them (aliases, overrides).
    pub fn tasks_mut(&mut self) -> &mut Vec<FoundTask> {
        &mut self.tasks
    }

    /// Notes that the file declares tasks which only its tool can know: the list is not complete.
    pub fn dynamic(&mut self, file: &str, line: Option<u32>, reason: &str) {
        let hint = "wgx list --ask-tools asks the tool itself in a trusted repository";
        self.note(file, line, reason, hint, false);
    }

    /// Notes a fault of the file.
    pub fn broken(&mut self, file: &str, line: Option<u32>, reason: &str, hint: &str) {
        self.note(file, line, reason, hint, true);
    }

    fn note(&mut self, file: &str, line: Option<u32>, reason: &str, hint: &str, broken: bool) {
        let note = Note {
            source: self.source,
            file: file.to_owned(),
            line,
            reason: reason.to_owned(),
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
            broken,
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Hands over what was found.
    pub fn finish(self, tasks: &mut Vec<FoundTask>, notes: &mut Vec<Note>) {
        tasks.extend(self.tasks);
        notes.extend(self.notes);
    }
}

/// Variables that native tools would inherit; empty when they are not known.
#[derive(Clone, Default)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// From pairs of names and values; of several with one name the last counts.
    #[must_use]
    pub fn new(variables: Vec<(OsString, OsString)>) -> Self {
        Self(variables)
    }

    /// The value of a variable; `None` when it is not there or not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name)?.1.to_str()
    }
}

/// Shows only how many there are: values may be secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Environment({} variables)", self.0.len())
    }
}

/// Where a task is declared.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Relative to the root, with `/`.
    pub file: &'a str,
    /// From 1.
    pub line: u32,
}

impl<'a> Place<'a> {
    /// A place.
    pub fn new(file: &'a str, line: u32) -> Self {
        Self { file, line }
    }
}

/// The argument vector of a native tool, without a separator before the person's arguments.
pub(crate) fn argv(words: &[&str]) -> Program {
    Program::Argv { argv: words.iter().map(|word| (*word).to_owned()).collect(), separator: None }
}

/// The first non-empty line of a text, trimmed; for descriptions.
pub(crate) fn first_line(text: &str) -> Option<String> {
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The folder of a file, as a member path: `None` in the root.
pub(crate) fn member_of(file: &str) -> Option<&str> {
    Some(files::parent(file)).filter(|dir| !dir.is_empty())
}
