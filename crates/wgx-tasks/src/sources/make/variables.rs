//! Variables of make and their expansion as far as it is pure: nothing is started, and what would need
//! a shell or the environment becomes [`UNKNOWN`].

use std::cell::Cell;
use std::collections::HashMap;

use super::text::{self, UNKNOWN};
use super::{functions, shell};
use crate::files::RepoFiles;
use crate::sources::Environment;

/// Deepest nesting of references.
const MAX_DEPTH: usize = 40;
/// Most references that are expanded for one repository.
const MAX_STEPS: usize = 200_000;
/// Longest text that an expansion may produce, in bytes.
const MAX_BYTES: usize = 1_000_000;
/// Most bytes that answered shell commands of one repository may read, pass on and print together.
const MAX_SHELL_BYTES: usize = 8_000_000;

/// A variable.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) value: String,
    /// `=` and `define`: expanded on use; otherwise on assignment.
    pub(super) recursive: bool,
    /// Make itself defines it, so that the environment wins over it.
    pub(super) default: bool,
    /// The value is a shell command whose answer nobody has needed yet.
    waiting: bool,
}

impl Variable {
    fn new(value: String, recursive: bool, default: bool) -> Self {
        Self { value, recursive, default, waiting: false }
    }
}

/// The variables so far, and what functions may look at.
pub(super) struct Variables<'a> {
    pub(super) files: &'a RepoFiles,
    /// The folder make runs in, relative to the root.
    pub(super) dir: &'a str,
    /// The environment of make; empty when it is not known.
    environment: &'a Environment,
    values: HashMap<String, Variable>,
    /// Arguments of `$(call)` and variables of `$(foreach)` and `$(let)`, innermost last.
    locals: Vec<(String, String)>,
    /// Texts that `$(eval)` produced and that are not read yet.
    pub(super) evaluated: Vec<String>,
    /// Answers of shell commands.
    answers: HashMap<String, String>,
    /// Bytes that answering shell commands may still take.
    shell_bytes: Cell<usize>,
    steps: usize,
    bytes: usize,
    depth: usize,
}

impl<'a> Variables<'a> {
    pub(super) fn new(files: &'a RepoFiles, dir: &'a str, environment: &'a Environment) -> Self {
        let mut variables = Self {
            files,
            dir,
            environment,
            values: HashMap::new(),
            locals: Vec::new(),
            evaluated: Vec::new(),
            answers: HashMap::new(),
            shell_bytes: Cell::new(MAX_SHELL_BYTES),
            steps: 0,
            bytes: 0,
            depth: 0,
        };
        let here = variables.working_directory();
        let unknown = UNKNOWN.to_string();
        let defaults = [
            ("CURDIR", here.as_str()),
            ("PWD", &here),
            ("MAKE", "make"),
            ("MAKE_COMMAND", "make"),
            ("MAKE_VERSION", "4.3"),
            ("MAKELEVEL", "0"),
            ("SHELL", "/bin/sh"),
            ("CC", "cc"),
            ("CXX", "g++"),
            ("AR", "ar"),
            ("RM", "rm -f"),
            (".FEATURES", FEATURES),
            (".RECIPEPREFIX", ""),
            ("HOME", &unknown),
            ("PATH", &unknown),
            ("USER", &unknown),
        ];
        for (name, value) in defaults {
            let given = name != "SHELL" && !name.starts_with('.') && name != "CURDIR";
            if !given || variables.inherited(name).is_none() {
                let variable = Variable::new(value.to_owned(), false, true);
                variables.values.insert(name.to_owned(), variable);
            }
        }
        variables
    }

    /// Takes bytes from what shell commands may still read and print; `None` when all is spent, and
    /// from then on for every command.
    pub(super) fn spend(&self, bytes: usize) -> Option<()> {
        let left = self.shell_bytes.get().checked_sub(bytes);
        self.shell_bytes.set(left.unwrap_or(0));
        left.map(|_| ())
    }

    /// The absolute folder that make runs in.
    pub(super) fn working_directory(&self) -> String {
        let root = self.files.root().to_string_lossy();
        if self.dir.is_empty() { root.into_owned() } else { format!("{root}/{}", self.dir) }
    }

    /// A path as the files of the repository know it; `None` outside of it.
    pub(super) fn inside(&self, path: &str) -> Option<String> {
        if !path.starts_with('/') {
            return crate::files::join(self.dir, path);
        }
        let root = self.files.root().to_string_lossy();
        let below = path.strip_prefix(root.as_ref())?;
        if !below.is_empty() && !below.starts_with('/') {
            return None;
        }
        crate::files::join("", below.trim_start_matches('/'))
    }

    pub(super) fn get(&mut self, name: &str) -> Option<&Variable> {
        self.settle(name);
        self.values.get(name)
    }

    pub(super) fn is_defined(&mut self, name: &str) -> bool {
        self.settle(name);
        match self.values.get(name) {
            Some(variable) => !variable.value.is_empty(),
            None => self.inherited(name).is_some_and(|value| !value.is_empty()),
        }
    }

    /// Whether `?=` leaves the variable alone.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.inherited(name).is_some()
    }

    /// A variable of the environment that is known and is text.
    pub(super) fn environment(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name)
    }

    /// What make takes over from the environment. A secret stays unknown: no name may show it.
    pub(super) fn inherited(&self, name: &str) -> Option<String> {
        if matches!(name, "SHELL" | "MAKEFLAGS" | "MAKEFILES" | "MAKELEVEL" | "MFLAGS") {
            return None;
        }
        let value = self.environment.get(name)?;
        let upper = name.to_ascii_uppercase();
        let secret = ["TOKEN", "SECRET", "PASSW", "CREDENTIAL", "KEY"]
            .iter()
            .any(|word| upper.contains(word));
        Some(if secret { UNKNOWN.to_string() } else { value.to_owned() })
    }

    pub(super) fn set(&mut self, name: &str, value: String, recursive: bool) {
        self.values.insert(name.to_owned(), Variable::new(value, recursive, false));
    }

    /// `NAME := VALUE`. A slow shell command that is the whole value waits until somebody needs it: most
    /// such variables are for recipes only.
    pub(super) fn set_expanded(&mut self, name: &str, value: &str) {
        let command = value.trim().strip_prefix("$(shell ").filter(|command| {
            text::reference_end(value.trim()) == value.trim().len() && shell::is_slow(command)
        });
        if let Some(command) = command.and_then(|command| command.strip_suffix(')')) {
            let value = self.expand(command);
            let variable = Variable { waiting: true, ..Variable::new(value, false, false) };
            self.values.insert(name.to_owned(), variable);
            return;
        }
        let value = self.expand(value);
        self.set(name, value, false);
    }

    /// Answers the command that a variable waits for.
    fn settle(&mut self, name: &str) {
        let Some(variable) = self.values.get(name).filter(|variable| variable.waiting) else {
            return;
        };
        let command = variable.value.clone();
        let value = self.shell(command.trim());
        self.set(name, value, false);
    }

    /// What `$(shell COMMAND)` gives, each command answered once.
    pub(super) fn shell(&mut self, command: &str) -> String {
        if let Some(known) = self.answers.get(command) {
            return known.clone();
        }
        let answer = shell::answer(self, command).unwrap_or_else(|| UNKNOWN.to_string());
        self.answers.insert(command.to_owned(), answer.clone());
        answer
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// `NAME += VALUE`.
    pub(super) fn append(&mut self, name: &str, value: &str) {
        self.settle(name);
        match self.values.get(name).cloned() {
            Some(mut variable) => {
                let more = if variable.recursive { value.to_owned() } else { self.expand(value) };
                if !variable.value.is_empty() {
                    variable.value.push(' ');
                }
                variable.value.push_str(&more);
                if variable.value.len() <= MAX_BYTES {
                    self.values.insert(name.to_owned(), variable);
                }
            }
            None => {
                let given = self.inherited(name);
                let value =
                    given.map_or_else(|| value.to_owned(), |given| format!("{given} {value}"));
                self.set(name, value, true);
            }
        }
    }

    /// Runs an expansion with local variables.
    pub(super) fn with_locals(&mut self, locals: Vec<(String, String)>, text: &str) -> String {
        let before = self.locals.len();
        self.locals.extend(locals);
        let expanded = self.expand(text);
        self.locals.truncate(before);
        expanded
    }

    /// Expands all references of a text.
    pub(super) fn expand(&mut self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        if self.depth >= MAX_DEPTH {
            return UNKNOWN.to_string();
        }
        self.depth += 1;
        let expanded = self.expand_references(text);
        self.depth -= 1;
        self.bytes += expanded.len();
        if expanded.len() > MAX_BYTES {
            return UNKNOWN.to_string();
        }
        expanded
    }

    fn expand_references(&mut self, text: &str) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            expanded.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = text::reference_end(rest);
            let value = self.reference(&rest[..end]);
            expanded.push_str(&value);
            rest = &rest[end..];
            if expanded.len() > MAX_BYTES {
                return UNKNOWN.to_string();
            }
        }
        expanded.push_str(rest);
        expanded
    }

    fn reference(&mut self, reference: &str) -> String {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.bytes > 64 * MAX_BYTES {
            return UNKNOWN.to_string();
        }
        let body = reference.get(1..).unwrap_or_default();
        match body.chars().next() {
            None => String::new(),
            Some('$') => "$".to_owned(),
            Some('(' | '{') => {
                let inner = body.get(1..).unwrap_or_default();
                let inner = inner.strip_suffix([')', '}']).unwrap_or(inner);
                self.inner_reference(inner)
            }
            Some(_) => self.value(body),
        }
    }

    fn inner_reference(&mut self, inner: &str) -> String {
        if let Some((name, arguments)) = inner.split_once([' ', '\t', '\n'])
            && functions::is_function(name)
        {
            return functions::call(self, name, arguments.trim_start());
        }
        if let Some(colon) = text::find_outside(inner, &[':'])
            && let Some((from, to)) = inner[colon + 1..].split_once('=')
        {
            let name = self.expand(&inner[..colon]);
            let (from, to) = (self.expand(from), self.expand(to));
            let value = self.value(&name);
            return functions::substitute_suffix(&value, &from, &to);
        }
        let name = self.expand(inner);
        self.value(name.trim())
    }

    /// The expanded value of a variable; empty when it is not defined.
    pub(super) fn value(&mut self, name: &str) -> String {
        if text::is_unknown(name) {
            return UNKNOWN.to_string();
        }
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return value.clone();
        }
        self.settle(name);
        match self.values.get(name) {
            Some(variable) if variable.recursive => {
                let value = variable.value.clone();
                self.expand(&value)
            }
            Some(variable) => variable.value.clone(),
            None => self.inherited(name).unwrap_or_default(),
        }
    }
}

/// `.FEATURES` of GNU make 4.3.
const FEATURES: &str = "target-specific order-only second-expansion else-if shortest-stem undefine \
     oneshell nocomment grouped-target extra-prereqs archives jobserver output-sync check-symlink load";
