//! The functions of make that are pure.

use super::text::{UNKNOWN, arguments, is_unknown, stem};
use super::variables::Variables;
use crate::sources::name_pattern;

/// Most names that one `$(wildcard)` may give.
const MAX_MATCHES: usize = 10_000;

const NAMES: [&str; 36] = [
    "subst",
    "patsubst",
    "strip",
    "findstring",
    "filter",
    "filter-out",
    "sort",
    "word",
    "wordlist",
    "words",
    "firstword",
    "lastword",
    "dir",
    "notdir",
    "suffix",
    "basename",
    "addsuffix",
    "addprefix",
    "join",
    "wildcard",
    "realpath",
    "abspath",
    "if",
    "or",
    "and",
    "foreach",
    "call",
    "value",
    "eval",
    "origin",
    "flavor",
    "error",
    "warning",
    "info",
    "shell",
    "file",
];

pub(super) fn is_function(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Calls a function with its unexpanded arguments.
pub(super) fn call(variables: &mut Variables<'_>, name: &str, text: &str) -> String {
    match name {
        "if" => condition(variables, text),
        "or" | "and" => logic(variables, name, text),
        "foreach" => foreach(variables, text),
        "call" => user_function(variables, text),
        "eval" => {
            let text = variables.expand(text);
            variables.evaluated.push(text);
            String::new()
        }
        "error" | "warning" | "info" | "file" => String::new(),
        "shell" => {
            let command = variables.expand(text);
            variables.shell(command.trim())
        }
        "value" => {
            let name = variables.expand(text);
            match variables.get(name.trim()) {
                Some(variable) => variable.value.clone(),
                None => variables.inherited(name.trim()).unwrap_or_default(),
            }
        }
        "origin" | "flavor" => {
            let variable = variables.expand(text);
            description(variables, variable.trim(), name == "flavor")
        }
        "wildcard" => {
            let patterns = variables.expand(text);
            wildcard(variables, &patterns)
        }
        _ => {
            let expanded: Vec<String> = arguments(text, limit(name))
                .into_iter()
                .map(|argument| variables.expand(argument))
                .collect();
            pure(variables, name, &expanded)
        }
    }
}

/// How many arguments a function takes; further commas belong to the last one.
fn limit(name: &str) -> usize {
    match name {
        "subst" | "patsubst" | "wordlist" => 3,
        "findstring" | "filter" | "filter-out" | "word" | "addsuffix" | "addprefix" | "join" => 2,
        _ => 1,
    }
}

fn description(variables: &mut Variables<'_>, name: &str, flavor: bool) -> String {
    let is_set = variables.is_set(name);
    let text = match variables.get(name) {
        None if !is_set => "undefined",
        None if flavor => "recursive",
        None => "environment",
        Some(variable) if !flavor && variable.default => "default",
        Some(variable) if flavor && variable.recursive => "recursive",
        Some(_) if flavor => "simple",
        Some(_) => "file",
    };
    text.to_owned()
}

fn condition(variables: &mut Variables<'_>, text: &str) -> String {
    let parts = arguments(text, 3);
    let test = variables.expand(parts.first().unwrap_or(&"").trim());
    if is_unknown(&test) && test.trim_matches(UNKNOWN).is_empty() {
        return UNKNOWN.to_string();
    }
    let chosen = if test.is_empty() { parts.get(2) } else { parts.get(1) };
    chosen.map(|text| variables.expand(text)).unwrap_or_default()
}

fn logic(variables: &mut Variables<'_>, name: &str, text: &str) -> String {
    let mut last = String::new();
    for part in arguments(text, usize::MAX) {
        last = variables.expand(part.trim());
        if (name == "or") != last.is_empty() {
            return last;
        }
    }
    last
}

fn foreach(variables: &mut Variables<'_>, text: &str) -> String {
    let [name, list, body] = arguments(text, 3)[..] else {
        return String::new();
    };
    let name = variables.expand(name).trim().to_owned();
    let list = variables.expand(list);
    let results: Vec<String> = list
        .split_whitespace()
        .map(|word| variables.with_locals(vec![(name.clone(), word.to_owned())], body))
        .collect();
    results.join(" ")
}

fn user_function(variables: &mut Variables<'_>, text: &str) -> String {
    let mut locals: Vec<(String, String)> = Vec::new();
    for (index, argument) in arguments(text, usize::MAX).into_iter().enumerate() {
        let value = variables.expand(argument);
        let value = if index == 0 { value.trim().to_owned() } else { value };
        locals.push((index.to_string(), value));
    }
    let name = locals.first().map(|(_, name)| name.clone()).unwrap_or_default();
    if is_function(&name) {
        let rest: Vec<&str> = locals.iter().skip(1).map(|(_, value)| value.as_str()).collect();
        return call(variables, &name, &rest.join(",").replace('$', "$$"));
    }
    let missing = (locals.len()..10).map(|index| (index.to_string(), String::new()));
    locals.extend(missing.collect::<Vec<_>>());
    let Some(function) = variables.get(&name) else {
        return String::new();
    };
    let body = function.value.clone();
    variables.with_locals(locals, &body)
}

fn pure(variables: &Variables<'_>, name: &str, arguments: &[String]) -> String {
    let at = |index: usize| arguments.get(index).map_or("", String::as_str);
    let list = || at(0).split_whitespace();
    match name {
        "subst" if !at(0).is_empty() => at(2).replace(at(0), at(1)),
        "subst" => at(2).to_owned(),
        "patsubst" => substitute(at(2), at(0).trim(), at(1).trim()),
        "strip" => words(list()),
        "findstring" if is_unknown(at(0)) || is_unknown(at(1)) => UNKNOWN.to_string(),
        "findstring" if at(1).contains(at(0)) => at(0).to_owned(),
        "filter" | "filter-out" => filter(at(0), at(1), name == "filter"),
        "sort" => {
            let mut sorted: Vec<&str> = list().collect();
            sorted.sort_unstable();
            sorted.dedup();
            sorted.join(" ")
        }
        "words" if is_unknown(at(0)) => UNKNOWN.to_string(),
        "words" => list().count().to_string(),
        "firstword" => list().next().unwrap_or_default().to_owned(),
        "lastword" => list().next_back().unwrap_or_default().to_owned(),
        "word" | "wordlist" => select(name, arguments),
        "addsuffix" => words(at(1).split_whitespace().map(|word| format!("{word}{}", at(0)))),
        "addprefix" => words(at(1).split_whitespace().map(|word| format!("{}{word}", at(0)))),
        "join" => join(at(0), at(1)),
        "dir" | "notdir" | "suffix" | "basename" => {
            words(list().filter_map(|word| part(name, word)))
        }
        "realpath" | "abspath" => words(list().map(|word| absolute(variables, word))),
        _ => String::new(),
    }
}

fn words(list: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut joined = String::new();
    for word in list {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word.as_ref());
    }
    joined
}

/// `$(patsubst FROM,TO,TEXT)`.
fn substitute(text: &str, from: &str, to: &str) -> String {
    words(text.split_whitespace().map(|word| match stem(from, word) {
        Some(stem) if from.contains('%') => to.replacen('%', stem, 1),
        Some(_) => to.to_owned(),
        None => word.to_owned(),
    }))
}

/// `$(VAR:FROM=TO)`.
pub(super) fn substitute_suffix(text: &str, from: &str, to: &str) -> String {
    if from.contains('%') {
        return substitute(text, from, to);
    }
    words(text.split_whitespace().map(|word| match word.strip_suffix(from) {
        Some(stem) => format!("{stem}{to}"),
        None => word.to_owned(),
    }))
}

fn filter(patterns: &str, text: &str, keep: bool) -> String {
    let fits =
        |word: &str| patterns.split_whitespace().any(|pattern| stem(pattern, word).is_some());
    let kept = |word: &&str| fits(word) == keep || is_unknown(word);
    words(text.split_whitespace().filter(kept))
}

fn select(name: &str, arguments: &[String]) -> String {
    let number = |index: usize| arguments.get(index)?.trim().parse::<usize>().ok();
    let text = arguments.last().map_or("", String::as_str);
    let Some(first) = number(0) else {
        return UNKNOWN.to_string();
    };
    let last = if name == "word" { Some(first) } else { number(1) };
    let count = last.unwrap_or(0).saturating_add(1).saturating_sub(first);
    words(text.split_whitespace().skip(first.saturating_sub(1)).take(count))
}

fn join(left: &str, right: &str) -> String {
    let (mut left, mut right) = (left.split_whitespace(), right.split_whitespace());
    words(std::iter::from_fn(|| match (left.next(), right.next()) {
        (None, None) => None,
        (one, other) => Some(format!("{}{}", one.unwrap_or_default(), other.unwrap_or_default())),
    }))
}

fn part<'a>(name: &str, word: &'a str) -> Option<&'a str> {
    let slash = word.rfind('/').map_or(0, |at| at + 1);
    let (dir, file) = word.split_at(slash);
    let dot = file.rfind('.');
    match name {
        "dir" if dir.is_empty() => Some("./"),
        "dir" => Some(dir),
        "notdir" => Some(file),
        "suffix" => dot.map(|dot| &file[dot..]),
        _ => Some(&word[..dot.map_or(word.len(), |dot| slash + dot)]),
    }
}

/// An absolute path without `.` and `..`.
fn absolute(variables: &Variables<'_>, word: &str) -> String {
    let path = if word.starts_with('/') || word.starts_with(UNKNOWN) {
        word.to_owned()
    } else {
        format!("{}/{word}", variables.working_directory())
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Names that exist below the root, as `$(wildcard)` and `include` see them.
pub(super) fn wildcard(variables: &Variables<'_>, patterns: &str) -> String {
    let mut found = Vec::new();
    for pattern in patterns.split_whitespace() {
        if is_unknown(pattern) {
            found.push(UNKNOWN.to_string());
        } else {
            found.extend(matches(variables, pattern));
        }
    }
    found.join(" ")
}

fn matches(variables: &Variables<'_>, pattern: &str) -> Vec<String> {
    let exists = |path: &str| {
        let inside = variables.inside(path);
        inside.is_some_and(|path| {
            path.is_empty() || variables.files.is_file(&path) || variables.files.is_dir(&path)
        })
    };
    if !pattern.contains(['*', '?', '[']) {
        return if exists(pattern) { vec![pattern.to_owned()] } else { Vec::new() };
    }
    let mut heads = vec![String::new()];
    for (index, part) in pattern.split('/').enumerate() {
        let mut next = Vec::new();
        for head in &heads {
            let base = if index == 0 { String::new() } else { format!("{head}/") };
            if !part.contains(['*', '?', '[']) {
                next.push(format!("{base}{part}"));
                continue;
            }
            let Some(dir) = variables.inside(&base) else {
                continue;
            };
            let names = variables.files.list(&dir).into_iter();
            let fitting = names.filter(|name| name_pattern::fits(part, name));
            next.extend(fitting.map(|name| format!("{base}{name}")));
        }
        next.truncate(MAX_MATCHES);
        heads = next;
    }
    heads.retain(|path| exists(path));
    if pattern.ends_with('/') {
        let is_folder = |path: &String| {
            variables.inside(path).is_some_and(|inside| variables.files.is_dir(&inside))
        };
        heads.retain(is_folder);
    }
    heads
}
