//! Which tasks free text never starts without a yes: the documented list of words and the rules by
//! which names and commands are read.

use std::collections::HashSet;
use std::sync::OnceLock;

use wgx_tasks::task::{FoundTask, Program};

use super::command::{called_tasks, simple_commands};
use super::destructive_list::{FLAGS, SEQUENCES, WORDS};
use super::words::{fold, identifier};

/// Why a task counts as destructive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Danger {
    /// What a person reads: the profile's word, or the word that was found and where.
    pub reason: String,
    /// `true` when the task itself is about the destructive act (profile or name say so), `false` when
    /// one of its commands happens to hold such a word.
    pub is_purpose: bool,
}

/// Why free text needs a confirmation before it starts this task; `None` for a harmless one.
///
/// What the profile says wins: `safe: false` is always destructive, `safe: true` never.
pub fn destructive_reason(task: &FoundTask) -> Option<String> {
    danger(task).map(|danger| danger.reason)
}

/// As [`destructive_reason`], and whether the act is what the task is for.
pub fn danger(task: &FoundTask) -> Option<Danger> {
    match task.safe {
        Some(true) => return None,
        Some(false) => {
            let reason = "the profile says safe: false".to_owned();
            return Some(Danger { reason, is_purpose: true });
        }
        None => {}
    }
    let names = std::iter::once(&task.task.name).chain(&task.task.aliases);
    let by_name = names.filter_map(|name| listed_in_name(name)).next();
    if let Some(word) = by_name {
        return Some(Danger { reason: format!("its name holds \"{word}\""), is_purpose: true });
    }
    if let Some(word) = task.needs.iter().find_map(|need| listed_in_name(need)) {
        return Some(Danger {
            reason: format!("it needs a task with \"{word}\""),
            is_purpose: false,
        });
    }
    let own = task.commands.iter().map(String::as_str);
    let word = own.chain(program_texts(&task.invocation.program)).find_map(listed_in_command)?;
    Some(Danger { reason: format!("its command holds \"{word}\""), is_purpose: false })
}

/// As [`danger`] for the task at that index, and for everything that it runs: the tasks that it needs or
/// calls by their runner, and theirs.
pub fn danger_reached(at: usize, tasks: &[FoundTask]) -> Option<Danger> {
    if let Some(own) = danger(&tasks[at]) {
        return Some(own);
    }
    if tasks[at].safe == Some(true) {
        return None;
    }
    let mut seen = HashSet::from([at]);
    let mut open = vec![at];
    while let Some(from) = open.pop() {
        for name in called_names(&tasks[from]) {
            for next in named(&name, tasks[from].task.member.as_deref(), tasks) {
                if !seen.insert(next) {
                    continue;
                }
                if let Some(danger) = danger(&tasks[next]) {
                    let reason = format!("it runs {name}, and there {}", danger.reason);
                    return Some(Danger { reason, is_purpose: false });
                }
                if tasks[next].safe.is_none() {
                    open.push(next);
                }
            }
        }
    }
    None
}

/// What a task needs, and what its commands call by a runner.
fn called_names(task: &FoundTask) -> Vec<String> {
    let tools = &super::knowledge::knowledge().tools;
    let own = task.commands.iter().map(String::as_str);
    let lines = own.chain(program_texts(&task.invocation.program));
    let simple = lines.flat_map(str::lines).flat_map(simple_commands);
    let called = simple.flat_map(|words| {
        let names = called_tasks(&words, tools).into_iter();
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    task.needs.iter().cloned().chain(called).collect()
}

/// The tasks of that name or id; those of the same workspace member where there are any.
fn named(name: &str, member: Option<&str>, tasks: &[FoundTask]) -> Vec<usize> {
    let fits = |at: &usize| tasks[*at].task.name == name || tasks[*at].task.id == name;
    let all: Vec<usize> = (0..tasks.len()).filter(fits).collect();
    let is_near = |at: &usize| tasks[*at].task.member.as_deref() == member;
    let near: Vec<usize> = all.iter().copied().filter(is_near).collect();
    if near.is_empty() { all } else { near }
}

/// Why a plain command (a step of `semantics`) needs a confirmation.
pub fn destructive_command(command: &str) -> Option<String> {
    listed_in_command(command).map(|word| format!("its command holds \"{word}\""))
}

/// Whether a word of a request asks for a destructive act by a listed word.
pub(crate) fn is_listed(word: &str) -> bool {
    list().words.contains(word)
}

/// Command texts of shell programs. The argument vector of a native runner names only the task itself,
/// which the name has told already.
fn program_texts(program: &Program) -> Vec<&str> {
    match program {
        Program::Shell(text) => vec![text.as_str()],
        Program::ShellLines(lines) => lines.iter().map(String::as_str).collect(),
        Program::Argv { .. } | Program::Bracketed(_) | Program::Shown(_) => Vec::new(),
    }
}

fn listed_in_name(name: &str) -> Option<String> {
    let words = identifier(name);
    let list = list();
    let single = words.iter().find(|word| list.words.contains(word.as_str())).cloned();
    single.or_else(|| {
        let joined = fold(name);
        let hit =
            list.words.iter().find(|listed| listed.contains('-') && joined.contains(**listed));
        hit.map(|listed| (*listed).to_owned()).or_else(|| sequence_in(&words))
    })
}

fn listed_in_command(line: &str) -> Option<String> {
    if line.trim_start().starts_with('#') {
        return None;
    }
    let is_piped = line.contains('|');
    line.lines().flat_map(simple_commands).find_map(|words| listed_in_simple(&words, is_piped))
}

fn listed_in_simple(words: &[String], is_piped: bool) -> Option<String> {
    let program = words.first()?;
    if matches!(program.trim_start_matches('@'), "echo" | "printf") && !is_piped {
        return None;
    }
    let list = list();
    let mut seen = Vec::new();
    for (position, word) in words.iter().enumerate() {
        let word = fold(word);
        if word.starts_with('-') {
            let flag = word.split('=').next().unwrap_or(&word);
            if list.flags.contains(flag) {
                return Some(flag.to_owned());
            }
            continue;
        }
        let parts = speaking_parts(&word, position == 0 || starts_script(&words[position - 1]));
        if let Some(hit) = parts.iter().find(|part| list.words.contains(part.as_str())) {
            return Some(hit.clone());
        }
        seen.extend(parts);
    }
    sequence_in(&seen)
}

/// The words of an argument that can name an act: of a program or script the file name, of a plain or
/// quoted argument its words, of any other path or file nothing.
fn speaking_parts(word: &str, is_program: bool) -> Vec<String> {
    if word.contains(char::is_whitespace) {
        return word.split_whitespace().flat_map(|part| speaking_parts(part, false)).collect();
    }
    if is_program {
        let name = word.rsplit('/').next().unwrap_or(word);
        let stem = name
            .split_once('.')
            .map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
        return identifier(stem);
    }
    let is_file =
        word.contains('/') || word.rsplit_once('.').is_some_and(|(_, end)| is_file_ending(end));
    if is_file || word.starts_with('$') || word.contains('=') {
        Vec::new()
    } else {
        identifier(word)
    }
}

fn is_file_ending(end: &str) -> bool {
    matches!(
        end,
        "md" | "txt"
            | "toml"
            | "yml"
            | "yaml"
            | "json"
            | "css"
            | "scss"
            | "js"
            | "ts"
            | "py"
            | "rs"
            | "go"
            | "html"
            | "log"
            | "cfg"
            | "ini"
            | "env"
            | "lock"
            | "xml"
            | "csv"
            | "sh"
    )
}

fn starts_script(before: &str) -> bool {
    matches!(
        before,
        "bash"
            | "sh"
            | "zsh"
            | "python"
            | "python3"
            | "node"
            | "ruby"
            | "php"
            | "perl"
            | "tsx"
            | "ts-node"
            | "source"
            | "."
            | "run"
            | "pwsh"
            | "sudo"
            | "deno"
            | "exec"
            | "env"
    )
}

fn sequence_in(words: &[String]) -> Option<String> {
    let holds =
        |sequence: &&&[&str]| words.windows(sequence.len()).any(|window| window == **sequence);
    SEQUENCES.iter().find(holds).map(|sequence| sequence.join(" "))
}

struct List {
    words: HashSet<&'static str>,
    flags: HashSet<&'static str>,
}

fn list() -> &'static List {
    static LIST: OnceLock<List> = OnceLock::new();
    LIST.get_or_init(|| List {
        words: WORDS.iter().copied().collect(),
        flags: FLAGS.iter().copied().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_word_is_one_that_a_name_or_command_can_hold() {
        for word in WORDS.iter().filter(|word| !word.contains('-')) {
            assert_eq!(identifier(word), [*word]);
        }
        for sequence in SEQUENCES {
            assert_eq!(identifier(&sequence.join(" ")), *sequence);
        }
        assert!(FLAGS.iter().all(|flag| flag.starts_with('-') && fold(flag) == *flag));
    }
}
