//! Reads the tasks of a profile: every form that real files use.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::model::{AbsentReason, Os, ProfileTask, TaskCommand, normalise_task_name};
use super::read::{Reader, join};
use crate::document::{self, Node, Value};
use crate::task::Requires;
use crate::tools::Requirement;

/// Reads `tasks`: a map of names, or the older list of maps with a `name`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, os: Os) -> Vec<ProfileTask> {
    let mut tasks: Vec<ProfileTask> = Vec::new();
    let mut places = HashMap::new();
    for (name, line, spec) in named(reader, node) {
        let mut task = TaskReader { reader, os, path: join("tasks", name) }.task(name, line, spec);
        match places.entry(task.name.clone()) {
            Entry::Occupied(known) => {
                collision(reader, &tasks[*known.get()], &task);
                task.name = name.to_owned();
            }
            Entry::Vacant(free) => {
                free.insert(tasks.len());
            }
        }
        tasks.push(task);
    }
    tasks
}

fn named<'n>(reader: &mut Reader<'_>, node: &'n Node) -> Vec<(&'n str, u32, &'n Node)> {
    match &node.value {
        Value::Mapping(entries) => {
            entries.iter().map(|entry| (entry.key.as_str(), entry.line, &entry.value)).collect()
        }
        Value::Sequence(items) => {
            let mut named = Vec::new();
            for item in items {
                match item.get("name").and_then(Node::scalar) {
                    Some(name) => named.push((name, item.line, item)),
                    None => reader.wrong_type("tasks", item, "a map with a name"),
                }
            }
            named
        }
        _ => {
            reader.wrong_type("tasks", node, "a map of tasks");
            Vec::new()
        }
    }
}

fn collision(reader: &mut Reader<'_>, known: &ProfileTask, task: &ProfileTask) {
    let message = format!(
        "the task names {:?} and {:?} are the same after normalisation ({})",
        known.raw_name, task.raw_name, task.name
    );
    let hint = "rename one of them";
    let code = format!("task_name_collision:{}", task.name);
    reader.problems.error(code, task.line, message, hint);
}

struct TaskReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    os: Os,
    path: String,
}

/// How far a command could be read.
enum Command {
    Stated(TaskCommand),
    Unstated,
}

impl TaskReader<'_, '_> {
    fn task(mut self, name: &str, line: u32, spec: &Node) -> ProfileTask {
        let mut task = ProfileTask {
            name: normalise_task_name(name),
            raw_name: name.to_owned(),
            file: self.reader.file.to_owned(),
            line,
            description: None,
            groups: Vec::new(),
            safe: None,
            command: TaskCommand::Absent(AbsentReason::NoCommand),
            needs: Vec::new(),
            aliases: Vec::new(),
            requires: Requires::default(),
            artifacts: Vec::new(),
        };
        if spec.is_mapping() && !is_per_system(spec) {
            self.map_form(&mut task, spec);
        } else if let Command::Stated(command) = self.cmd(spec, &[]) {
            task.command = command;
        }
        task
    }

    fn map_form(&mut self, task: &mut ProfileTask, spec: &Node) {
        let mut enabled = true;
        for entry in spec.entries() {
            let path = join(&self.path, &entry.key);
            let value = &entry.value;
            match entry.key.as_str() {
                "desc" | "description" => {
                    let text = self.reader.scalar_text(&path, value);
                    task.description = text.filter(|text| !text.trim().is_empty());
                }
                "group" | "groups" => task.groups.extend(self.reader.words(&path, value)),
                "safe" => task.safe = self.flag(&path, value),
                "enabled" => enabled = self.flag(&path, value).unwrap_or(true),
                "needs" | "deps" => task.needs.extend(self.reader.words(&path, value)),
                "aliases" => task.aliases = self.reader.words(&path, value),
                "requires" => task.requires = self.requires(&path, value),
                "artifacts" => task.artifacts = self.artifacts(&path, value),
                "cmd" | "sh" | "args" | "steps" | "name" => {}
                _ => {
                    let path = self.path.clone();
                    self.reader.unknown_key(&path, entry);
                }
            }
        }
        task.command = self.command(spec, !task.needs.is_empty());
        if !enabled {
            task.command = TaskCommand::Absent(AbsentReason::Disabled);
        }
    }

    fn command(&mut self, spec: &Node, has_needs: bool) -> TaskCommand {
        let args = spec.get("args").map_or_else(Vec::new, |args| self.args(args));
        let stated = |key: &str| spec.get(key).filter(|node| !node.is_null());
        if let (Some(_), Some(sh)) = (stated("cmd"), spec.entry("sh")) {
            self.second_command(sh);
        }
        let read = match (stated("cmd"), stated("sh"), stated("steps")) {
            (Some(cmd), ..) => self.cmd(cmd, &args),
            (None, Some(sh), _) => self.sh(sh, &args),
            (None, None, Some(steps)) => self.steps(steps),
            (None, None, None) => Command::Unstated,
        };
        match read {
            Command::Stated(command) => command,
            Command::Unstated if has_needs => TaskCommand::NeedsOnly,
            Command::Unstated => TaskCommand::Absent(AbsentReason::NoCommand),
        }
    }

    fn second_command(&mut self, sh: &document::Entry) {
        let path = join(&self.path, "sh");
        let message = format!("{path} has no effect: the task has a cmd too");
        let hint = "keep one of cmd and sh";
        let code = format!("shadowed_key:{path}");
        self.reader.problems.warning(code, sh.line, message, hint);
    }

    /// A string (one shell), a list (no shell), or either of them per operating system.
    fn cmd(&mut self, node: &Node, args: &[String]) -> Command {
        let Some(node) = self.variant(node, "cmd") else {
            return Command::Stated(TaskCommand::Absent(AbsentReason::OtherSystem));
        };
        if node.is_sequence() {
            let mut argv = self.list("cmd", node);
            if argv.is_empty() {
                return Command::Unstated;
            }
            argv.extend_from_slice(args);
            return Command::Stated(TaskCommand::Argv(argv));
        }
        let Some(text) = self.string("cmd", node) else {
            return Command::Unstated;
        };
        Command::Stated(TaskCommand::Shell(with_args(&text, args)))
    }

    /// A list of lines for one shell, a single one, or either of them per operating system.
    fn sh(&mut self, node: &Node, args: &[String]) -> Command {
        let Some(node) = self.variant(node, "sh") else {
            return Command::Stated(TaskCommand::Absent(AbsentReason::OtherSystem));
        };
        let mut lines = match node.is_sequence() {
            true => self.list("sh", node),
            false => self.string("sh", node).into_iter().collect(),
        };
        lines.retain(|line| !line.trim().is_empty());
        let Some(last) = lines.last_mut() else {
            return Command::Unstated;
        };
        *last = with_args(last, args);
        Command::Stated(TaskCommand::Lines(lines))
    }

    /// `steps` with nothing but a command each are lines; anything more has a meaning only its
    /// author knows.
    fn steps(&mut self, node: &Node) -> Command {
        let mut lines = Vec::new();
        for step in node.items() {
            let known =
                |entry: &document::Entry| matches!(&*entry.key, "id" | "name" | "desc" | "run");
            let run = step.get("run").unwrap_or(step).scalar();
            match run {
                Some(run) if step.entries().iter().all(known) => lines.push(run.to_owned()),
                _ => {
                    self.unknown_steps(step);
                    return Command::Stated(TaskCommand::Absent(AbsentReason::UnknownSteps));
                }
            }
        }
        if !node.is_sequence() {
            let path = join(&self.path, "steps");
            self.reader.wrong_type(&path, node, "a list of {run: COMMAND}");
        }
        match lines.is_empty() {
            true => Command::Unstated,
            false => Command::Stated(TaskCommand::Lines(lines)),
        }
    }

    fn unknown_steps(&mut self, step: &Node) {
        let path = join(&self.path, "steps");
        let message = format!("{path} has a step that is more than {{id, name, run}}");
        let hint = "write the commands as sh: [LINE, …]; until then the task is only shown";
        let code = format!("unknown_step:{path}");
        self.reader.problems.warning(code, step.line, message, hint);
    }

    /// The value for this operating system, when it is a per-system map; otherwise the value
    /// itself.
    fn variant<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n Node> {
        if !node.is_mapping() {
            return Some(node);
        }
        let path = join(&self.path, key);
        if !is_per_system(node) {
            self.reader.wrong_type(&path, node, "text, a list, or one of them per system");
            return Some(node);
        }
        let keys = self.os.spellings().iter().chain(&["default"]);
        let found = keys.into_iter().find_map(|key| node.get(key));
        found.filter(|node| !node.is_null())
    }

    fn args(&mut self, node: &Node) -> Vec<String> {
        match self.variant(node, "args") {
            Some(node) if node.is_sequence() => self.list("args", node),
            Some(node) => self.string("args", node).into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn list(&mut self, key: &str, node: &Node) -> Vec<String> {
        let mut list = Vec::with_capacity(node.items().len());
        for item in node.items() {
            match item.scalar() {
                Some(text) => list.push(text.to_owned()),
                None => {
                    let path = join(&self.path, key);
                    self.reader.wrong_type(&path, item, "a list of text");
                }
            }
        }
        list
    }

    fn string(&mut self, key: &str, node: &Node) -> Option<String> {
        if node.is_mapping() {
            return None;
        }
        let path = join(&self.path, key);
        let text = self.reader.scalar_text(&path, node)?;
        (!text.trim().is_empty()).then_some(text)
    }

    fn flag(&mut self, path: &str, node: &Node) -> Option<bool> {
        let text = node.scalar()?.trim().to_lowercase();
        match text.as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => {
                self.reader.wrong_type(path, node, "true or false");
                None
            }
        }
    }

    fn requires(&mut self, path: &str, node: &Node) -> Requires {
        let mut requires = Requires::default();
        for entry in self.reader.entries_of(path, node) {
            let inner = join(path, &entry.key);
            match entry.key.as_str() {
                "tools" => requires.tools = self.tools(&inner, &entry.value),
                "apt" => requires.apt = self.reader.words(&inner, &entry.value),
                _ => self.reader.unknown_key(path, entry),
            }
        }
        requires
    }

    /// Globs below the folder of the profile; others are an error and left out.
    fn artifacts(&mut self, path: &str, node: &Node) -> Vec<String> {
        let mut globs = self.reader.words(path, node);
        globs.retain(|glob| {
            let fault = glob_fault(glob);
            if let Some(fault) = &fault {
                let message = format!("{path} has {glob:?}, which {fault}");
                let hint = "write for example target/doc/*.html or dist/**";
                let code = format!("invalid_glob:{path}");
                self.reader.problems.error(code, node.line, message, hint);
            }
            fault.is_none()
        });
        globs
    }

    /// `{NAME: ">=X"}`, or a list of names.
    fn tools(&mut self, path: &str, node: &Node) -> BTreeMap<String, String> {
        if !node.is_mapping() {
            let any = |name| (name, "*".to_owned());
            return self.reader.words(path, node).into_iter().map(any).collect();
        }
        let mut tools = BTreeMap::new();
        for entry in node.entries() {
            let path = join(path, &entry.key);
            let text = self.reader.scalar_text(&path, &entry.value);
            let text = text.unwrap_or_else(|| "*".to_owned());
            if Requirement::parse(&text).is_err() {
                self.invalid_requirement(&path, &entry.value, &text);
            }
            tools.insert(entry.key.clone(), text);
        }
        tools
    }

    fn invalid_requirement(&mut self, path: &str, node: &Node, text: &str) {
        let message = format!("{path} is not a version requirement: {text:?}");
        let hint = "write for example \">=1.2\", \"1.2\" or \"*\"";
        let code = format!("invalid_requirement:{path}");
        self.reader.problems.error(code, node.line, message, hint);
    }
}

/// What is wrong with a glob of artefacts, if anything is.
fn glob_fault(glob: &str) -> Option<String> {
    if glob.starts_with('/') || glob.split('/').any(|part| part == "..") {
        return Some("leads out of the folder".to_owned());
    }
    globset::Glob::new(glob).err().map(|error| format!("is no glob ({})", error.kind()))
}

/// A map whose keys are all operating systems.
fn is_per_system(node: &Node) -> bool {
    let system = |entry: &document::Entry| entry.key == "default" || Os::is_spelling(&entry.key);
    node.is_mapping() && !node.entries().is_empty() && node.entries().iter().all(system)
}

/// Appends arguments, each quoted as one word of the shell.
fn with_args(command: &str, args: &[String]) -> String {
    if args.is_empty() {
        return command.to_owned();
    }
    let words: Vec<String> = args.iter().map(|arg| quote(arg)).collect();
    format!("{} {}", command.trim_end(), words.join(" "))
}

/// One word of a POSIX shell.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r#"'"'"'"#))
}
