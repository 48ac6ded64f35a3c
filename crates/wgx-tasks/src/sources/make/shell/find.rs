//! `find` below the repository: names, paths and kinds; nothing that starts a program but `dirname`,
//! `basename`, `grep -l` and `echo`, which are answered here.

use regex::Regex;

use super::pattern::{Syntax, expression};
use super::{Answer, Shell};
use crate::files::{self, EntryKind};
use crate::sources::name_pattern;

/// Most entries that one `find` may see; beyond, only the program itself can tell.
const MAX_ENTRIES: usize = 100_000;
/// Deepest nesting of folders and of parentheses.
const MAX_DEPTH: usize = 60;

enum Test {
    True,
    Name(String, bool),
    Path(String, bool),
    Regex(Regex),
    Kind(EntryKind),
    MinDepth(usize),
    MaxDepth(usize),
    Empty,
    Prune,
    Output(Output),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

/// What is written for an entry.
enum Output {
    Path,
    Format(String),
    /// `-exec PROGRAM ARGS {} ;`, or with `+` at the end.
    Exec {
        words: Vec<String>,
        together: bool,
    },
}

pub(super) fn find(shell: &Shell<'_, '_>, args: &[&str]) -> Option<Answer> {
    let is_start = |word: &&&str| !(word.starts_with('-') || matches!(**word, "(" | "!"));
    let starts: Vec<&str> = args.iter().take_while(is_start).copied().collect();
    let mut parser =
        Parser { words: &args[starts.len()..], depth: 0, syntax: Syntax::Emacs, outputs: false };
    let test = parser.alternatives()?;
    if !parser.words.is_empty() {
        return None;
    }
    let test =
        if parser.outputs { test } else { Test::And(vec![test, Test::Output(Output::Path)]) };
    let mut walk =
        Walk { shell, test: &test, text: String::new(), gathered: Vec::new(), seen: 0, ok: true };
    for start in if starts.is_empty() { vec!["."] } else { starts } {
        walk.start(start)?;
    }
    let gathered = std::mem::take(&mut walk.gathered);
    for (words, paths) in gathered {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        walk.text.push_str(&shell.exec(&words, &paths)?);
    }
    let ordered = walk.text.lines().nth(1).is_none();
    Some(Answer { text: walk.text, ok: walk.ok, ordered })
}

struct Parser<'w> {
    words: &'w [&'w str],
    depth: usize,
    syntax: Syntax,
    outputs: bool,
}

impl<'w> Parser<'w> {
    fn next(&mut self) -> Option<&'w str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn alternatives(&mut self) -> Option<Test> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut found = vec![self.conjunction()?];
        while matches!(self.words.first(), Some(&("-o" | "-or"))) {
            self.next();
            found.push(self.conjunction()?);
        }
        self.depth -= 1;
        Some(Test::Or(found))
    }

    fn conjunction(&mut self) -> Option<Test> {
        let mut found = Vec::new();
        while let Some(&word) = self.words.first() {
            match word {
                "-o" | "-or" | ")" => break,
                "-a" | "-and" => {
                    self.next();
                }
                _ => found.push(self.primary()?),
            }
        }
        Some(Test::And(found))
    }

    fn primary(&mut self) -> Option<Test> {
        let pattern = |text: &str| (!text.contains('\\')).then(|| text.to_owned());
        let test = match self.next()? {
            "!" | "-not" => Test::Not(Box::new(self.primary()?)),
            "(" => {
                let inner = self.alternatives()?;
                if self.next()? != ")" {
                    return None;
                }
                inner
            }
            "-name" => Test::Name(pattern(self.next()?)?, false),
            "-iname" => Test::Name(pattern(self.next()?)?.to_lowercase(), true),
            "-path" | "-wholename" => Test::Path(pattern(self.next()?)?, false),
            "-ipath" | "-iwholename" => Test::Path(pattern(self.next()?)?.to_lowercase(), true),
            "-type" => Test::Kind(match self.next()? {
                "f" => EntryKind::File,
                "d" => EntryKind::Folder,
                "l" => EntryKind::Link,
                _ => return None,
            }),
            "-mindepth" => Test::MinDepth(self.next()?.parse().ok()?),
            "-maxdepth" => Test::MaxDepth(self.next()?.parse().ok()?),
            "-regextype" => {
                self.syntax = match self.next()? {
                    "posix-extended" | "posix-egrep" | "egrep" => Syntax::Extended,
                    "posix-basic" | "sed" | "grep" => Syntax::Basic,
                    _ => return None,
                };
                Test::True
            }
            "-regex" | "-iregex" if self.words.is_empty() => return None,
            "-regex" => Test::Regex(whole(self.next()?, self.syntax)?),
            "-empty" => Test::Empty,
            "-true" | "-xdev" | "-mount" | "-noleaf" => Test::True,
            "-prune" => Test::Prune,
            "-print" => self.output(Output::Path),
            "-printf" => {
                let format = self.next()?.to_owned();
                self.output(Output::Format(format))
            }
            "-exec" => self.exec()?,
            _ => return None,
        };
        Some(test)
    }

    fn output(&mut self, output: Output) -> Test {
        self.outputs = true;
        Test::Output(output)
    }

    fn exec(&mut self) -> Option<Test> {
        let mut words = Vec::new();
        let together = loop {
            match self.next()? {
                ";" => break false,
                "+" if words.last().is_some_and(|word| word == "{}") => break true,
                word => words.push(word.to_owned()),
            }
        };
        Some(self.output(Output::Exec { words, together }))
    }
}

/// An expression that must fit the whole path.
fn whole(text: &str, syntax: Syntax) -> Option<Regex> {
    let inner = expression(text, syntax, false)?;
    Regex::new(&format!("^(?:{})$", inner.as_str())).ok()
}

struct Walk<'s, 'v, 'a> {
    shell: &'s Shell<'v, 'a>,
    test: &'s Test,
    text: String,
    /// Paths for `-exec … {} +`.
    gathered: Vec<(Vec<String>, Vec<String>)>,
    seen: usize,
    ok: bool,
}

/// What `find` looks at.
struct Entry<'e> {
    /// As `find` writes it.
    shown: &'e str,
    /// As the files of the repository know it.
    inside: &'e str,
    name: &'e str,
    kind: EntryKind,
    depth: usize,
}

/// What one entry led to.
struct Outcome {
    holds: bool,
    prune: bool,
}

impl Walk<'_, '_, '_> {
    fn start(&mut self, start: &str) -> Option<()> {
        let inside = self.shell.inside(start)?;
        let Some(kind) = self.shell.files().kind(&inside) else {
            self.ok = false;
            return Some(());
        };
        let trimmed = start.trim_end_matches('/');
        let name = trimmed.rsplit('/').next().unwrap_or(trimmed);
        self.visit(&Entry { shown: start, inside: &inside, name, kind, depth: 0 })
    }

    fn visit(&mut self, entry: &Entry<'_>) -> Option<()> {
        self.seen += 1;
        if self.seen > MAX_ENTRIES || entry.depth > MAX_DEPTH {
            return None;
        }
        let (min, max) = depths(self.test);
        let mut prune = false;
        if entry.depth >= min {
            let test = self.test;
            prune = self.apply(test, entry)?.prune;
        }
        if prune || entry.kind != EntryKind::Folder || entry.depth >= max {
            return Some(());
        }
        for (name, kind) in self.shell.files().entries(entry.inside) {
            let between = if entry.shown.ends_with('/') { "" } else { "/" };
            let shown = format!("{}{between}{name}", entry.shown);
            let inside = files::join(entry.inside, &name)?;
            let depth = entry.depth + 1;
            self.visit(&Entry { shown: &shown, inside: &inside, name: &name, kind, depth })?;
        }
        Some(())
    }

    fn apply(&mut self, test: &Test, entry: &Entry<'_>) -> Option<Outcome> {
        let mut outcome = Outcome { holds: true, prune: false };
        match test {
            Test::True | Test::MinDepth(_) | Test::MaxDepth(_) => {}
            Test::Name(pattern, fold) => {
                outcome.holds = fits(pattern, entry.name, *fold);
            }
            Test::Path(pattern, fold) => outcome.holds = fits(pattern, entry.shown, *fold),
            Test::Regex(expression) => outcome.holds = expression.is_match(entry.shown),
            Test::Kind(kind) => outcome.holds = *kind == entry.kind,
            Test::Empty => match entry.kind {
                EntryKind::Folder => {
                    outcome.holds = self.shell.files().entries(entry.inside).is_empty();
                }
                _ => return None,
            },
            Test::Prune => outcome.prune = true,
            Test::Output(output) => outcome.holds = self.write(output, entry)?,
            Test::Not(inner) => {
                let inner = self.apply(inner, entry)?;
                outcome = Outcome { holds: !inner.holds, prune: inner.prune };
            }
            Test::And(parts) => {
                for part in parts {
                    let inner = self.apply(part, entry)?;
                    outcome.prune |= inner.prune;
                    if !inner.holds {
                        outcome.holds = false;
                        break;
                    }
                }
            }
            Test::Or(parts) => {
                outcome.holds = false;
                for part in parts {
                    let inner = self.apply(part, entry)?;
                    outcome.prune |= inner.prune;
                    if inner.holds {
                        outcome.holds = true;
                        break;
                    }
                }
            }
        }
        Some(outcome)
    }

    fn write(&mut self, output: &Output, entry: &Entry<'_>) -> Option<bool> {
        match output {
            Output::Path => {
                self.text.push_str(entry.shown);
                self.text.push('\n');
            }
            Output::Format(format) => self.text.push_str(&formatted(format, entry)?),
            Output::Exec { words, together: false } => {
                let text = self.shell.exec(words, &[entry.shown])?;
                let ok = !text.is_empty();
                self.text.push_str(&text);
                return Some(ok);
            }
            Output::Exec { words, together: true } => {
                let path = entry.shown.to_owned();
                match self.gathered.iter_mut().find(|(known, _)| known == words) {
                    Some((_, paths)) => paths.push(path),
                    None => self.gathered.push((words.clone(), vec![path])),
                }
            }
        }
        Some(true)
    }
}

fn fits(pattern: &str, text: &str, fold: bool) -> bool {
    if fold {
        return name_pattern::fits_any(pattern, &text.to_lowercase());
    }
    name_pattern::fits_any(pattern, text)
}

/// The depths between which entries are looked at; they hold wherever they are written.
fn depths(test: &Test) -> (usize, usize) {
    match test {
        Test::MinDepth(depth) => (*depth, usize::MAX),
        Test::MaxDepth(depth) => (0, *depth),
        Test::Not(inner) => depths(inner),
        Test::And(parts) | Test::Or(parts) => {
            let all = parts.iter().map(depths);
            all.fold((0, usize::MAX), |(min, max), (from, to)| (min.max(from), max.min(to)))
        }
        _ => (0, usize::MAX),
    }
}

/// `-printf` with paths: `%p`, `%f`, `%h`, `%P`.
fn formatted(format: &str, entry: &Entry<'_>) -> Option<String> {
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        match char {
            '%' => match chars.next()? {
                'p' => text.push_str(entry.shown),
                'f' => text.push_str(entry.name),
                'h' => text.push_str(entry.shown.rsplit_once('/').map_or(".", |(dir, _)| dir)),
                'P' => {
                    let parts: Vec<&str> = entry.shown.split('/').collect();
                    let from = parts.len().checked_sub(entry.depth)?;
                    text.push_str(&parts[from..].join("/"));
                }
                '%' => text.push('%'),
                _ => return None,
            },
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                _ => return None,
            },
            other => text.push(other),
        }
    }
    Some(text)
}
