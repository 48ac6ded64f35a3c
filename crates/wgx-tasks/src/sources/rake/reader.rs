//! Walking over a Rakefile: namespaces, tasks, simple loops over literal lists, loaded files.

use std::collections::{HashMap, HashSet};

use contracts::wgx::TaskArg;

use super::engine;
use super::lexer::{self, Kind};
use super::libraries::{self, Known};
use super::structure::{Source, after_parenthesis, block, block_ends, is_argument, line_end};
use crate::files;
use crate::sources::scan::first_line;
use crate::sources::{Place, Scan};
use crate::task::{FoundTask, Program};

/// Most files of one Rakefile.
const MAX_FILES: usize = 500;
/// Most steps over tokens, loops counted each time.
const MAX_STEPS: usize = 2_000_000;

/// What a local name stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    Text(String),
    List(Vec<String>),
    /// Keys with their values where these are texts.
    Pairs(Vec<(String, Option<String>)>),
}

/// Reads Rakefiles.
pub(super) struct Reader<'s, 'a> {
    pub(super) scan: &'s mut Scan<'a>,
    tasks: Vec<FoundTask>,
    by_name: HashMap<String, usize>,
    loaded: HashSet<String>,
    pub(super) bindings: Vec<(String, Binding)>,
    description: Option<String>,
    pub(super) steps: usize,
}

impl<'s, 'a> Reader<'s, 'a> {
    pub(super) fn new(scan: &'s mut Scan<'a>) -> Self {
        Self {
            scan,
            tasks: Vec::new(),
            by_name: HashMap::new(),
            loaded: HashSet::new(),
            bindings: Vec::new(),
            description: None,
            steps: 0,
        }
    }

    /// Hands over the tasks.
    pub(super) fn finish(self) {
        for task in self.tasks {
            self.scan.push(task);
        }
    }

    /// Reads a file once.
    pub(super) fn file(&mut self, file: &str) {
        if !self.loaded.insert(file.to_owned()) {
            return;
        }
        if self.loaded.len() > MAX_FILES {
            let reason = format!("more than {MAX_FILES} loaded files");
            self.scan.broken(file, None, &reason, "load fewer files");
            return;
        }
        let Some(text) = self.scan.read(file) else {
            return;
        };
        let tokens = lexer::tokens(&text);
        let ends = block_ends(&tokens);
        let source = Source { file, lines: text.lines().collect(), tokens, ends };
        let end = source.tokens.len();
        self.walk(&source, 0..end, "", false);
        self.description = None;
    }

    /// Reads the `*.rake` files of a folder.
    pub(super) fn rakelib(&mut self, dir: &str) {
        let Some(dir) = files::join(self.scan.dir, dir) else {
            return;
        };
        for name in self.scan.files.list(&dir) {
            if name.ends_with(".rake") {
                self.file(&format!("{dir}/{name}"));
            }
        }
    }

    pub(super) fn walk(
        &mut self,
        source: &Source<'_>,
        range: std::ops::Range<usize>,
        prefix: &str,
        uncertain: bool,
    ) {
        let mut at = range.start;
        let mut uncertain_until = if uncertain { range.end } else { 0 };
        while at < range.end {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return;
            }
            let token = &source.tokens[at];
            let called =
                at > 0 && (source.tokens[at - 1].is(".") || source.tokens[at - 1].is("&."));
            if called && token.is_name("load_tasks") {
                self.dynamic(source, at, "load_tasks declares tasks of a framework");
            }
            if let Kind::Name(name) = &token.kind
                && !called
            {
                if let Some(branch) = engine::branch(source, at) {
                    self.walk(source, branch, prefix, at < uncertain_until);
                    at = source.ends[at] + 1;
                    continue;
                }
                if matches!(name.as_str(), "if" | "unless" | "case") && source.ends[at] > at {
                    uncertain_until = uncertain_until.max(source.ends[at]);
                }
                let here = Here { at, end: range.end, prefix, uncertain: at < uncertain_until };
                at = self.statement(source, name, &here);
            } else if let Some(next) = self.literal_loop(source, at, range.end, prefix) {
                at = next;
            } else {
                at += 1;
            }
        }
    }

    /// Handles what begins with a name; gives where to go on.
    fn statement(&mut self, source: &Source<'_>, name: &str, here: &Here<'_>) -> usize {
        let at = here.at;
        match name {
            "def" => source.ends[at].max(at) + 1,
            "namespace" => self.namespace(source, here),
            "desc" => {
                let text = source.tokens.get(at + 1..).unwrap_or_default();
                let text = text.iter().find(|token| !token.is("("));
                self.description = text.and_then(|token| self.text(token));
                at + 2
            }
            "task" | "multitask" | "file" | "file_create" | "directory" => {
                self.task(source, name, at + 1, here)
            }
            "import" | "load" | "require" | "require_relative" => {
                let end = line_end(source, at).min(here.end);
                self.load(source, name, at + 1..end);
                end
            }
            _ if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                self.constant(source, name, here)
            }
            _ => self.assignment_or_loop(source, name, here),
        }
    }

    fn namespace(&mut self, source: &Source<'_>, here: &Here<'_>) -> usize {
        let arguments = after_parenthesis(source, here.at + 1);
        let name = source.tokens.get(arguments).and_then(|token| self.text(token));
        let Some((open, close)) = block(source, arguments, here.end) else {
            return here.at + 1;
        };
        match name {
            Some(name) => {
                let prefix = format!("{}{name}:", here.prefix);
                self.description = None;
                self.walk(source, open + 1..close, &prefix, here.uncertain);
            }
            None => self.dynamic(source, here.at, "the name of a namespace is computed"),
        }
        close + 1
    }

    fn task(&mut self, source: &Source<'_>, keyword: &str, from: usize, here: &Here<'_>) -> usize {
        let mut first = after_parenthesis(source, from);
        if source.tokens.get(first).is_some_and(|token| token.is("{")) {
            first += 1;
        }
        let Some(token) = source.tokens.get(first) else {
            return first;
        };
        if !is_argument(token) {
            return from;
        }
        let block = block(source, first, here.end);
        let last = block.map_or_else(|| line_end(source, first), |(_, close)| close);
        let Some(name) = self.text(token) else {
            self.dynamic(source, here.at, "the name of a task is computed");
            self.description = None;
            return last + 1;
        };
        if here.uncertain {
            self.dynamic(source, here.at, "some tasks depend on a condition");
        }
        let is_file = keyword.starts_with("file") || keyword == "directory";
        let full = if is_file { name.clone() } else { format!("{}{name}", here.prefix) };
        if keyword == "directory" {
            for (at, _) in name.match_indices('/').filter(|(at, _)| *at > 0 && at + 1 < name.len())
            {
                self.declare(source, &name[..at], token.line, is_file);
            }
        }
        let index = self.declare(source, &full, token.line, is_file);
        let description = self.description.take().and_then(|text| first_line(&text));
        let arguments = self.arguments(source, first + 1, last);
        let body = source.lines.get(token.line as usize..).unwrap_or_default();
        let length = source.tokens.get(last).map_or(0, |end| end.line.saturating_sub(token.line));
        let task = &mut self.tasks[index];
        task.task.description = task.task.description.take().or(description);
        if task.task.args.is_empty() {
            task.task.args = arguments;
        }
        let lines = body.iter().take((length as usize).saturating_sub(1));
        task.commands.extend(lines.map(|line| line.trim().to_owned()));
        last + 1
    }

    /// `[:a, :b]`, `%i[a b]` or `:a, :b` after the name.
    fn arguments(&self, source: &Source<'_>, from: usize, to: usize) -> Vec<TaskArg> {
        if !source.tokens.get(from).is_some_and(|token| token.is(",")) {
            return Vec::new();
        }
        let mut names = Vec::new();
        for token in source.tokens.get(from + 1..to).unwrap_or_default() {
            match &token.kind {
                Kind::Symbol(name) | Kind::Text(name) => names.push(name.clone()),
                Kind::Words(words) => names.extend(words.iter().cloned()),
                Kind::Punct("," | "[") => {}
                _ => break,
            }
        }
        let argument =
            |name: String| TaskArg { name, required: false, default: None, variadic: false };
        names.into_iter().map(argument).collect()
    }

    /// The index of a task, new or known.
    fn declare(&mut self, source: &Source<'_>, name: &str, line: u32, is_file: bool) -> usize {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        let place = Place::new(source.file, line);
        let mut found = self.scan.declare(
            name,
            place,
            Program::Bracketed(vec!["rake".to_owned(), name.to_owned()]),
        );
        found.task.group = is_file.then(|| "file".to_owned());
        self.by_name.insert(name.to_owned(), self.tasks.len());
        self.tasks.push(found);
        self.tasks.len() - 1
    }

    pub(super) fn declare_known(
        &mut self,
        source: &Source<'_>,
        line: u32,
        prefix: &str,
        known: Vec<Known>,
    ) {
        let own = self.description.take().and_then(|text| first_line(&text));
        for (index, (name, description)) in known.into_iter().enumerate() {
            let at = self.declare(source, &format!("{prefix}{name}"), line, false);
            let task = &mut self.tasks[at].task;
            let description = description.map(str::to_owned);
            let description = own.clone().filter(|_| index == 0).or(description);
            task.description = task.description.take().or(description);
            if name.starts_with("release")
                && !name.contains("guard")
                && !name.contains("rubygem")
                && task.args.is_empty()
            {
                task.args.push(TaskArg {
                    name: "remote".to_owned(),
                    required: false,
                    default: None,
                    variadic: false,
                });
            }
        }
    }

    /// `CONSTANT = …`, `CONSTANT.new(…)`, `CONSTANT.each`, and what frameworks are called.
    fn constant(&mut self, source: &Source<'_>, name: &str, here: &Here<'_>) -> usize {
        let at = here.at;
        let name = name.trim_start_matches("::");
        let dot = source.tokens.get(at + 1).is_some_and(|token| token.is("."));
        let method = source.tokens.get(at + 2).and_then(|token| match &token.kind {
            Kind::Name(method) if dot => Some(method.as_str()),
            _ => None,
        });
        match (name, method) {
            ("Rake::Task" | "Rake::MultiTask", Some("define_task")) => {
                self.task(source, "task", at + 3, here)
            }
            ("Rake::FileTask", Some("define_task")) => self.task(source, "file", at + 3, here),
            ("Rake", Some("add_rakelib")) => {
                let folder = source.tokens.get(after_parenthesis(source, at + 3));
                if let Some(folder) = folder.and_then(|token| self.text(token)) {
                    self.rakelib(&folder);
                }
                at + 3
            }
            ("Bundler::GemHelper", Some("install_tasks")) => {
                let known = libraries::gem_helper();
                self.declare_known(source, source.tokens[at].line, here.prefix, known);
                at + 3
            }
            ("Hoe", Some("spec" | "plugin")) => {
                self.dynamic(source, at, "Hoe declares tasks itself");
                at + 3
            }
            (class, Some("new" | "create")) => self.created(source, class, here),
            _ => self.assignment_or_loop(source, name, here),
        }
    }

    /// `CLASS.new(NAME) do … end` of a task library.
    fn created(&mut self, source: &Source<'_>, class: &str, here: &Here<'_>) -> usize {
        let arguments = after_parenthesis(source, here.at + 3);
        let first = source.tokens.get(arguments);
        let name = first
            .filter(|token| is_argument(token) && token.line == source.tokens[here.at].line)
            .and_then(|token| self.text(token));
        let name = self.name_in_block(source, class, arguments, here).or(name);
        let line = source.tokens[here.at].line;
        match libraries::created(class, name.as_deref()) {
            Some(known) => {
                if here.uncertain {
                    self.dynamic(source, here.at, "some tasks depend on a condition");
                }
                self.declare_known(source, line, here.prefix, known);
                if class.ends_with("ExtensionTask") {
                    let reason = "rake-compiler adds tasks and files named after this machine";
                    self.dynamic(source, here.at, reason);
                }
                if matches!(class, "RDoc::Task" | "Rake::RDocTask") {
                    self.declare_rdoc_files(source, arguments, here);
                }
            }
            None if libraries::may_declare(class) => {
                let reason = format!("{class} declares tasks itself");
                self.scan.dynamic(source.file, Some(line), &reason);
                self.description = None;
            }
            None => return here.at + 3,
        }
        block(source, arguments, here.end).map_or(arguments, |(_, close)| close + 1)
    }

    /// `t.name = NAME` in the block of a class that reads its settings before it declares.
    fn name_in_block(
        &self,
        source: &Source<'_>,
        class: &str,
        from: usize,
        here: &Here<'_>,
    ) -> Option<String> {
        if !libraries::named_in_block(class) {
            return None;
        }
        let (open, close) = block(source, from, here.end)?;
        let body = source.tokens.get(open..close)?;
        body.windows(5).find_map(|window| {
            let [before, dot, name, equals, value] = window else {
                return None;
            };
            let set = matches!(before.kind, Kind::Name(_))
                && dot.is(".")
                && name.is_name("name")
                && equals.is("=");
            set.then(|| self.text(value))?
        })
    }

    /// The folder that RDoc writes, and the file in it that says when.
    fn declare_rdoc_files(&mut self, source: &Source<'_>, from: usize, here: &Here<'_>) {
        let body = block(source, from, here.end)
            .and_then(|(open, close)| source.tokens.get(open..close))
            .unwrap_or_default();
        let set = body.windows(3).find_map(|window| {
            let assigned = window[0].is_name("rdoc_dir") && window[1].is("=");
            assigned.then(|| self.text(&window[2]))?
        });
        let dir = set.unwrap_or_else(|| "html".to_owned());
        let line = source.tokens[here.at].line;
        self.declare(source, &dir, line, true);
        self.declare(source, &format!("{dir}/created.rid"), line, true);
    }

    pub(super) fn dynamic(&mut self, source: &Source<'_>, at: usize, reason: &str) {
        let line = source.tokens.get(at).map(|token| token.line);
        self.scan.dynamic(source.file, line, reason);
    }
}

/// Where a statement stands.
pub(super) struct Here<'h> {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) prefix: &'h str,
    pub(super) uncertain: bool,
}
