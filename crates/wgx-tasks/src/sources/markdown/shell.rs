//! Shell blocks: named by their attributes (`{"name":"x"}`, `{ name=x }`), else by their heading.

use std::collections::HashMap;

use super::{Block, commands, prose};
use crate::document;
use crate::document::Node;
use crate::sources::{Place, Scan};
use crate::task::Program;

const LANGUAGES: [&str; 9] = [
    "sh",
    "bash",
    "shell",
    "zsh",
    "console",
    "shellsession",
    "shell-session",
    "sh-session",
    "terminal",
];

/// Languages in which a block shows a session: without a prompt it holds output alone.
const SESSIONS: [&str; 5] = ["console", "shellsession", "shell-session", "sh-session", "terminal"];

pub(super) fn tasks(scan: &mut Scan<'_>, file: &str, blocks: &[Block]) {
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut title = String::new();
    let mut since = 0;
    for (at, block) in blocks.iter().enumerate() {
        match block {
            Block::Heading { title: own, .. } => {
                title.clone_from(own);
                since = at + 1;
            }
            Block::Code { info, body, line } => {
                if let Some(found) = task(info, body) {
                    let name = found.name.clone().unwrap_or_else(|| slug(&title, file));
                    let name = unique(&mut names, name);
                    let about = prose(&blocks[since.min(at)..at]);
                    push(scan, (&name, Place::new(file, *line)), found, (about, &title));
                }
                since = at + 1;
            }
            Block::Quote(_) | Block::Text(_) => {}
        }
    }
}

/// A block that can be run.
struct Found {
    name: Option<String>,
    dir: Option<String>,
    lines: Vec<String>,
}

fn task(info: &str, body: &[String]) -> Option<Found> {
    let language = info.split([' ', '{', '\t']).next().unwrap_or_default().to_lowercase();
    if !LANGUAGES.contains(&language.as_str()) {
        return None;
    }
    let attributes = info.find('{').map(|at| attributes(&info[at..])).unwrap_or_default();
    let get = |key: &str| {
        let found = attributes.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    let lines = commands(body);
    let has_prompt = lines.len() < body.len() || lines.iter().zip(body).any(|(a, b)| a != b);
    let all_output = SESSIONS.contains(&language.as_str()) && !has_prompt;
    let is_empty = lines.iter().all(|line| line.trim().is_empty());
    if is_empty || (all_output && get("name").is_none()) {
        return None;
    }
    Some(Found { name: get("name"), dir: get("cwd"), lines })
}

fn push(
    scan: &mut Scan<'_>,
    (name, place): (&str, Place<'_>),
    found: Found,
    (about, title): (Option<String>, &str),
) {
    let base = crate::files::parent(place.file);
    let dir = found.dir.as_deref().and_then(|dir| crate::files::join(base, dir));
    let program = match (&found.dir, &dir) {
        (Some(_), None) => Program::Shown("its folder lies outside of the repository"),
        _ => Program::Shell(found.lines.join("\n")),
    };
    let mut task = scan.declare(name, place, program);
    task.invocation.dir = dir.unwrap_or_else(|| scan.dir.to_owned());
    task.task.description = about.map(|about| about.trim_end_matches(':').to_owned());
    task.task.group = (!title.is_empty()).then(|| title.to_owned());
    task.commands = found.lines;
    scan.push(task);
}

/// `{"name":"x"}` or `{ name=x key="y z" }`.
fn attributes(text: &str) -> Vec<(String, String)> {
    if let Ok(node) = document::parse_json(text) {
        let scalar = |node: &Node| node.scalar().map(str::to_owned);
        let entries = node.entries().iter();
        return entries.filter_map(|e| Some((e.key.clone(), scalar(&e.value)?))).collect();
    }
    let text = text.trim_start_matches('{');
    let text = text.split('}').next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let (value, later) = match quote {
            Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        let key = key.split_whitespace().last().unwrap_or_default();
        found.push((key.trim_matches(',').to_owned(), value.trim_matches(',').to_owned()));
        rest = later.trim_start();
    }
    found
}

/// A heading as one word, else the file's name.
fn slug(title: &str, file: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        let name = crate::files::file_name(file).to_lowercase();
        return name.trim_end_matches(".md").to_owned();
    }
    slug.to_owned()
}

fn unique(names: &mut HashMap<String, usize>, name: String) -> String {
    let count = names.entry(name.clone()).or_insert(0);
    *count += 1;
    match *count {
        1 => name,
        count => format!("{name}-{count}"),
    }
}
