//! Reading a makefile: assignments, conditionals, includes and rules, in the order make reads them.

use std::collections::{HashMap, HashSet};

use super::functions;
use super::syntax::{
    assignment, definition, is_target_assignment, operands, split_word, strip_modifiers,
};
use super::text::{self, Line, UNKNOWN, is_unknown};
use super::variables::Variables;
use crate::sources::Scan;

/// Most files that one makefile may include.
const MAX_FILES: usize = 500;
/// Most nested texts of `$(eval)`.
const MAX_EVAL_DEPTH: usize = 20;
/// Most targets of one repository.
const MAX_TARGETS: usize = 50_000;

/// A target as it is declared.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) description: Option<String>,
    pub(super) group: Option<String>,
    pub(super) recipe: Vec<String>,
}

/// What was read so far.
pub(super) struct Reader<'s, 'f, 'a> {
    pub(super) scan: &'s mut Scan<'f>,
    pub(super) variables: Variables<'a>,
    pub(super) targets: Vec<Target>,
    by_name: HashMap<String, usize>,
    pub(super) phony: HashSet<String>,
    /// `.SUFFIXES`.
    pub(super) suffixes: HashSet<String>,
    conditions: Vec<Condition>,
    files: usize,
    eval_depth: usize,
    /// Includes that were not there; make may know a rule for them.
    pub(super) missing: Vec<(String, String, u32)>,
    comment: Comment,
    /// What only make can know: reason, first place, number of places.
    dynamic: Vec<(&'static str, String, u32, usize)>,
}

/// Comments before a rule that may describe it.
#[derive(Default)]
struct Comment {
    text: Option<String>,
    help: bool,
    group: Option<String>,
}

/// One level of `ifeq … endif`.
#[derive(Clone, Copy)]
struct Condition {
    state: State,
    /// An earlier branch was surely taken.
    taken: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Active,
    Skipped,
    /// Only make can decide it: both branches are read.
    Unknown,
}

/// Where a line stands.
#[derive(Clone)]
struct At {
    file: String,
    /// For a text of `$(eval)`: the line that produced it.
    line: Option<u32>,
}

/// The rule that recipe lines belong to.
type Context = Option<Vec<usize>>;

impl<'s, 'f, 'a> Reader<'s, 'f, 'a> {
    pub(super) fn new(scan: &'s mut Scan<'f>, variables: Variables<'a>) -> Self {
        Self {
            scan,
            variables,
            targets: Vec::new(),
            by_name: HashMap::new(),
            phony: HashSet::new(),
            suffixes: HashSet::new(),
            conditions: Vec::new(),
            files: 0,
            eval_depth: 0,
            missing: Vec::new(),
            comment: Comment::default(),
            dynamic: Vec::new(),
        }
    }

    fn note_dynamic(&mut self, file: &str, line: u32, reason: &'static str) {
        match self.dynamic.iter_mut().find(|noted| noted.0 == reason) {
            Some(noted) => noted.3 += 1,
            None => self.dynamic.push((reason, file.to_owned(), line, 1)),
        }
    }

    /// Hands over the notes, one for each reason.
    pub(super) fn finish_notes(&mut self) {
        for (reason, file, line, count) in std::mem::take(&mut self.dynamic) {
            let reason = match count {
                1 => reason.to_owned(),
                count => format!("{reason} ({count} places, here the first)"),
            };
            self.scan.dynamic(&file, Some(line), &reason);
        }
    }

    /// Reads a file, path relative to the root, as make calls it.
    pub(super) fn file(&mut self, path: &str, called: &str) {
        self.files += 1;
        if self.files > MAX_FILES {
            let reason = format!("more than {MAX_FILES} included files");
            self.scan.broken(path, None, &reason, "include fewer files");
            return;
        }
        let Some(content) = self.scan.read(path) else {
            return;
        };
        let content = content.strip_prefix('\u{feff}').unwrap_or(&content);
        self.variables.append("MAKEFILE_LIST", called);
        let at = At { file: path.to_owned(), line: None };
        let depth = self.conditions.len();
        self.comment = Comment::default();
        self.lines(text::lines(content), &at);
        if self.conditions.len() > depth {
            let hint = "make refuses this file: add the `endif`";
            self.scan.broken(path, None, "a conditional does not end", hint);
            self.conditions.truncate(depth);
        }
    }

    fn lines(&mut self, lines: Vec<Line>, at: &At) {
        let mut context: Context = None;
        let mut lines = lines.into_iter();
        while let Some(line) = lines.next() {
            if self.recipe_line(&line, &context) {
                continue;
            }
            let joined = text::join(&line.text);
            let trimmed = joined.trim();
            if trimmed.starts_with('#') || trimmed.is_empty() {
                self.note_comment(trimmed);
                continue;
            }
            if self.conditional(trimmed, at, line.number) || self.is_skipped() {
                continue;
            }
            if let Some((name, operator)) = definition(trimmed) {
                self.define(name, operator, &mut lines);
                context = None;
                continue;
            }
            context = self.statement(&joined, at, at.line.unwrap_or(line.number));
        }
    }

    /// Takes a line of a recipe.
    fn recipe_line(&mut self, line: &Line, context: &Context) -> bool {
        let prefix = self.variables.get(".RECIPEPREFIX");
        let prefix = prefix.and_then(|prefix| prefix.value.chars().next()).unwrap_or('\t');
        let Some(command) = line.text.strip_prefix(prefix) else {
            return false;
        };
        let Some(rules) = context else {
            return false;
        };
        if !self.is_skipped() {
            for rule in rules {
                if let Some(target) = self.targets.get_mut(*rule) {
                    target.recipe.extend(command.lines().map(|line| line.trim().to_owned()));
                }
            }
        }
        true
    }

    fn note_comment(&mut self, line: &str) {
        if let Some(group) = line.strip_prefix("##@") {
            self.comment.group = Some(group.trim().to_owned()).filter(|group| !group.is_empty());
            self.comment.text = None;
            return;
        }
        let help = line.starts_with("##");
        let text = line.trim_start_matches('#').trim();
        if line.is_empty() {
            self.comment.text = None;
            self.comment.help = false;
        } else if text.chars().any(char::is_alphabetic) {
            if self.comment.text.is_none() || (help && !self.comment.help) {
                self.comment.text = Some(text.to_owned());
                self.comment.help = help;
            }
        } else {
            self.comment.text = None;
        }
    }

    fn is_skipped(&self) -> bool {
        self.conditions.iter().any(|condition| condition.state == State::Skipped)
    }

    fn is_uncertain(&self) -> bool {
        self.conditions.iter().any(|condition| condition.state == State::Unknown)
    }

    /// Handles `ifeq`, `ifneq`, `ifdef`, `ifndef`, `else`, `endif`.
    fn conditional(&mut self, line: &str, at: &At, number: u32) -> bool {
        let (word, rest) = split_word(line);
        let rest = text::split_comment(rest).0;
        match word {
            "ifeq" | "ifneq" | "ifdef" | "ifndef" => {
                let state =
                    if self.is_skipped() { State::Skipped } else { self.test(word, rest.trim()) };
                self.conditions.push(Condition { state, taken: state == State::Active });
            }
            "else" => self.otherwise(rest.trim()),
            "endif" => {
                if self.conditions.pop().is_none() {
                    let hint = "make refuses this file: remove the line";
                    self.scan.broken(
                        &at.file,
                        Some(number),
                        "an `endif` without a condition",
                        hint,
                    );
                }
            }
            _ => return false,
        }
        true
    }

    fn otherwise(&mut self, rest: &str) {
        let Some(last) = self.conditions.pop() else {
            return;
        };
        let outside = self.is_skipped();
        let (word, test) = split_word(rest);
        let state = if outside || last.taken {
            State::Skipped
        } else if word.is_empty() {
            match last.state {
                State::Unknown => State::Unknown,
                _ => State::Active,
            }
        } else {
            match (self.test(word, test.trim()), last.state) {
                (State::Active, State::Unknown) => State::Unknown,
                (state, _) => state,
            }
        };
        // After an undecided branch nothing is sure any more.
        let taken = last.taken || (state == State::Active && last.state != State::Unknown);
        self.conditions.push(Condition { state, taken });
    }

    fn test(&mut self, word: &str, test: &str) -> State {
        let holds = match word {
            "ifdef" | "ifndef" => {
                let name = self.variables.expand(test);
                if is_unknown(&name) {
                    return State::Unknown;
                }
                self.variables.is_defined(name.trim())
            }
            _ => {
                let Some((left, right)) = operands(test) else {
                    return State::Unknown;
                };
                let left = self.variables.expand(left.trim());
                let right = self.variables.expand(right.trim());
                if is_unknown(&left) || is_unknown(&right) {
                    return State::Unknown;
                }
                left == right
            }
        };
        if holds == matches!(word, "ifdef" | "ifeq") { State::Active } else { State::Skipped }
    }

    /// Reads `define … endef`.
    fn define(&mut self, name: &str, operator: &str, lines: &mut std::vec::IntoIter<Line>) {
        let mut body: Vec<String> = Vec::new();
        let mut depth = 1usize;
        for line in lines {
            let word = split_word(line.text.trim()).0;
            if word == "define" {
                depth += 1;
            } else if word == "endef" {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            body.push(line.text);
        }
        let name = self.variables.expand(name);
        self.assign(name.trim(), operator, &body.join("\n"));
    }

    fn assign(&mut self, name: &str, operator: &str, value: &str) {
        if is_unknown(name) || name.is_empty() {
            return;
        }
        let uncertain = self.is_uncertain();
        match operator {
            "+=" if uncertain => self.variables.append(name, &UNKNOWN.to_string()),
            "+=" => self.variables.append(name, value),
            "?=" if self.variables.is_set(name) => {}
            _ if uncertain => self.variables.set(name, UNKNOWN.to_string(), false),
            "!=" => {
                let value = functions::call(&mut self.variables, "shell", value);
                self.variables.set(name, value, false);
            }
            ":=" | "::=" | ":::=" => self.variables.set_expanded(name, value),
            _ => self.variables.set(name, value.to_owned(), true),
        }
    }

    /// An assignment, a directive or a rule.
    fn statement(&mut self, line: &str, at: &At, number: u32) -> Context {
        let stripped = strip_modifiers(line.trim_start());
        if let Some((name, operator, value)) = assignment(stripped) {
            let name = self.variables.expand(name);
            let value = text::split_comment(value).0;
            self.assign(name.trim(), operator, value.trim_start());
            self.read_evaluated(at, number);
            self.comment.text = None;
            return None;
        }
        let (code, comment) = text::split_comment(line.trim_start());
        let (word, rest) = split_word(code.trim());
        match word {
            "include" | "-include" | "sinclude" => {
                self.include(rest, word == "include", at, number);
                None
            }
            "undefine" => {
                let name = self.variables.expand(rest);
                self.variables.remove(name.trim());
                None
            }
            "export" | "unexport" | "vpath" | "load" | "-load" | "override" | "private"
                if !rest.trim_start().starts_with(':') =>
            {
                None
            }
            _ => self.rule(&code, comment, at, number),
        }
    }

    fn include(&mut self, paths: &str, required: bool, at: &At, number: u32) {
        let paths = self.variables.expand(paths);
        for path in paths.split_whitespace() {
            if is_unknown(path) {
                let reason = "the path of an include can only be computed by make";
                self.note_dynamic(&at.file, number, reason);
                continue;
            }
            let found = functions::wildcard(&self.variables, path);
            if found.is_empty() && required {
                self.missing.push((path.to_owned(), at.file.clone(), number));
            }
            for called in found.split_whitespace() {
                if let Some(inside) = self.variables.inside(called) {
                    self.file(&inside, called);
                } else {
                    let reason = format!("{called} lies outside of the repository");
                    self.scan.dynamic(&at.file, Some(number), &reason);
                }
            }
        }
    }

    /// A rule, or a line that expands to nothing.
    fn rule(&mut self, code: &str, comment: Option<&str>, at: &At, number: u32) -> Context {
        let colon = text::find_outside(code, &[':']);
        let inline =
            colon.and_then(|colon| Some(colon + text::find_outside(&code[colon..], &[';'])?));
        let (head, inline) = match inline {
            Some(at) => (&code[..at], Some(&code[at + 1..])),
            None => (code, None),
        };
        let head = match colon {
            Some(colon) if is_target_assignment(&code[colon..]) => {
                self.read_evaluated(at, number);
                return None;
            }
            _ => self.variables.expand(head),
        };
        self.read_evaluated(at, number);
        let Some(colon) = text::find_outside(&head, &[':']) else {
            if is_unknown(&head) {
                let reason = "a line can only be computed by make";
                self.note_dynamic(&at.file, number, reason);
            }
            return None;
        };
        let names = head[..colon].trim_end_matches('&');
        let prerequisites = head[colon..].trim_start_matches(':');
        let mut rules = Vec::new();
        for name in text::target_words(names) {
            let place = Place { at, number, comment, prerequisites };
            rules.extend(self.target(&name, &place));
        }
        if names.trim() != ".PHONY" {
            self.comment.text = None;
            self.comment.help = false;
        }
        if let Some(inline) = inline.map(str::trim).filter(|inline| !inline.is_empty()) {
            for rule in &rules {
                if let Some(target) = self.targets.get_mut(*rule) {
                    target.recipe.push(inline.to_owned());
                }
            }
        }
        Some(rules)
    }

    fn target(&mut self, name: &str, place: &Place<'_>) -> Option<usize> {
        let (file, line) = (&place.at.file, place.number);
        match name {
            ".PHONY" => self.declare_phony(place),
            ".SUFFIXES" => {
                let suffixes = place.prerequisites.split_whitespace().map(str::to_owned);
                self.suffixes.extend(suffixes);
                return None;
            }
            _ => {}
        }
        if is_unknown(name) {
            let reason = "the name of a target can only be computed by make";
            self.note_dynamic(file, line, reason);
            return None;
        }
        if super::is_special(name) || name.contains('%') {
            return None;
        }
        if self.is_uncertain() {
            let reason = "some targets depend on a condition that only make can decide";
            self.note_dynamic(file, line, reason);
        }
        let name = plain(name);
        let description = self.description(place.comment);
        Some(self.declare(name, place, description))
    }

    /// Adds a target, or what a further rule says of a known one.
    fn declare(&mut self, name: &str, place: &Place<'_>, description: Option<String>) -> usize {
        let group = self.comment.group.clone();
        if let Some(&known) = self.by_name.get(name) {
            let target = &mut self.targets[known];
            if target.recipe.is_empty() && target.description.is_none() {
                target.file.clone_from(&place.at.file);
                target.line = place.number;
                target.group = group;
            }
            target.description = target.description.take().or(description);
            return known;
        }
        if self.targets.len() >= MAX_TARGETS {
            let reason = format!("more than {MAX_TARGETS} targets; the rest is not listed");
            self.scan.broken(&place.at.file, None, &reason, "");
            return usize::MAX;
        }
        self.by_name.insert(name.to_owned(), self.targets.len());
        self.targets.push(Target {
            name: name.to_owned(),
            file: place.at.file.clone(),
            line: place.number,
            description,
            group,
            recipe: Vec::new(),
        });
        self.targets.len() - 1
    }

    /// `.PHONY` declares its names, even when no rule follows.
    fn declare_phony(&mut self, place: &Place<'_>) {
        for name in text::target_words(place.prerequisites) {
            if is_unknown(&name) {
                let reason = "the name of a target can only be computed by make";
                self.note_dynamic(&place.at.file, place.number, reason);
                continue;
            }
            if name.contains('%') || super::is_special(&name) {
                continue;
            }
            let described = self.description_of_phony(place.comment);
            let name = plain(&name);
            self.declare(name, place, described);
            self.phony.insert(name.to_owned());
        }
    }

    fn description_of_phony(&self, comment: Option<&str>) -> Option<String> {
        let text = comment?.strip_prefix("##")?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// `target: … ## text`, else the comment before the rule.
    fn description(&self, comment: Option<&str>) -> Option<String> {
        self.description_of_phony(comment).or_else(|| self.comment.text.clone())
    }

    /// Reads what `$(eval)` produced on the way.
    fn read_evaluated(&mut self, at: &At, number: u32) {
        let produced = std::mem::take(&mut self.variables.evaluated);
        if produced.is_empty() {
            return;
        }
        if self.eval_depth >= MAX_EVAL_DEPTH {
            let reason = "$(eval) is nested too deeply to be followed";
            self.note_dynamic(&at.file, number, reason);
            return;
        }
        self.eval_depth += 1;
        let inner = At { file: at.file.clone(), line: Some(number) };
        let before = self.targets.len();
        let mut unknown = false;
        for text in produced {
            unknown |= is_unknown(&text);
            let comment = std::mem::take(&mut self.comment);
            self.lines_of_eval(&text, &inner);
            self.comment = comment;
        }
        self.eval_depth -= 1;
        if unknown || self.targets.len() > before {
            let reason = "$(eval) makes targets; those that need no shell are listed";
            self.note_dynamic(&at.file, number, reason);
        }
    }

    /// [`text::lines`] removes the mark of the unknown from files; here it must stay.
    fn lines_of_eval(&mut self, text: &str, at: &At) {
        let mark = "\u{1}unknown\u{1}";
        let marked = text.replace(UNKNOWN, mark);
        let mut lines = text::lines(&marked);
        for line in &mut lines {
            line.text = line.text.replace(mark, &UNKNOWN.to_string());
        }
        self.lines(lines, at);
    }
}

/// A name without the `./` that make ignores.
fn plain(name: &str) -> &str {
    let mut short = name;
    while let Some(rest) = short.strip_prefix("./") {
        short = rest.trim_start_matches('/');
    }
    if short.is_empty() { name } else { short }
}

/// A rule's surroundings.
struct Place<'p> {
    at: &'p At,
    number: u32,
    comment: Option<&'p str>,
    prerequisites: &'p str,
}
