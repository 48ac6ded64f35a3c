//! Reads recipe lines as far as meaning and danger need it: which programs are called, through which
//! wrappers, and which other tasks. A rough reading of shell, never an execution.

use super::knowledge::{Tags, Tools};
use super::words::identifier;

/// What one simple command says.
#[derive(Debug, PartialEq)]
pub(crate) enum Reading {
    /// A known tool: its concepts, and its name.
    Tool {
        /// What it does.
        tags: Tags,
        /// Program name.
        program: String,
    },
    /// Calls other tasks or a script: the words of their names.
    Names(Vec<String>),
}

/// The simple commands of a recipe line, as words; comments and quotes are gone.
pub(crate) fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let mut quote = None;
    let mut letters = line.trim_start_matches(['@', '-', '+', ' ', '\t']).chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (None, '#') if word.is_empty() => break,
            (None, ';' | '|' | '&' | '\n' | '(' | ')')
                if !(is_make_variable(&word) || letter == '(' && word.ends_with('$')) =>
            {
                finish_word(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            (None, space) if space.is_whitespace() => finish_word(&mut commands, &mut word),
            (Some(_), '\\') => drop(letters.next()),
            (_, other) => word.push(other),
        }
    }
    finish_word(&mut commands, &mut word);
    commands.retain(|words| !words.is_empty());
    commands
}

/// Whether a closing bracket belongs to `$(NAME` of make.
fn is_make_variable(word: &str) -> bool {
    word.strip_prefix("$(")
        .is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

fn finish_word(commands: &mut [Vec<String>], word: &mut String) {
    if let (false, Some(last)) = (word.is_empty(), commands.last_mut()) {
        last.push(std::mem::take(word));
    }
}

/// What a simple command says, or nothing.
pub(crate) fn read(words: &[String], tools: &Tools) -> Option<Reading> {
    let mut rest = skip_assignments(words);
    for _ in 0..6 {
        if let Some(tool) = known_tool(rest, tools) {
            return tool;
        }
        if let Some(length) = prefix(&tools.wrappers, rest) {
            let names_a_place = is_container(&rest[..length]);
            rest = skip_assignments(skip_flags(&rest[length..]));
            if names_a_place && rest.len() > 1 {
                rest = skip_flags(&rest[1..]);
            }
            continue;
        }
        if let Some(length) = prefix(&tools.runners, rest) {
            let called = skip_flags(&rest[length..]).iter();
            return names(called.filter(|word| !word.starts_with('-') && !word.contains('=')));
        }
        if let Some(length) = prefix(&tools.interpreters, rest) {
            let script_call = skip_flags(&rest[length..]);
            return known_tool(script_call, tools).unwrap_or_else(|| script(script_call.first()?));
        }
        return script(rest.first()?);
    }
    None
}

/// The names of other tasks that a command calls by their runner, as written.
pub(crate) fn called_tasks<'w>(words: &'w [String], tools: &Tools) -> Vec<&'w str> {
    let rest = skip_assignments(words);
    let Some(length) = prefix(&tools.runners, rest) else {
        return Vec::new();
    };
    let names = rest[length..].iter().map(|word| word.trim_matches(['"', '\'']));
    names.filter(|word| !word.starts_with('-') && !word.contains('=')).collect()
}

/// What the programs of a command are about, wrappers and interpreters included.
pub(crate) fn about(words: &[String], tools: &Tools) -> Tags {
    let programs = words.iter().take(4);
    let known = programs.filter_map(|word| tools.about.get(&program_name(word)));
    known.flatten().copied().collect()
}

/// What the native command of a task says (`gradle bootRun`).
pub(crate) fn native(source: &str, name: &str, tools: &Tools) -> Option<Reading> {
    let program = match source {
        "maven" => "mvn",
        other => other,
    };
    let plain = || without_variant(name);
    known_tool(&[program.to_owned(), name.to_owned()], tools)
        .or_else(|| known_tool(&[program.to_owned(), plain()?], tools))
        .flatten()
}

/// `installDebug` without the build variant that Android puts into the names of its tasks.
fn without_variant(name: &str) -> Option<String> {
    let variants = ["Debug", "Release", "Staging", "Dev", "Prod"];
    variants
        .iter()
        .find_map(|variant| name.contains(variant).then(|| name.replacen(variant, "", 1)))
}

/// Container tools name a service or an image before the command.
fn is_container(wrapper: &[String]) -> bool {
    wrapper[0].starts_with("docker") || wrapper[0] == "podman"
}

/// `A=1 B=2 program` and shell keywords before the program.
fn skip_assignments(words: &[String]) -> &[String] {
    let is_assignment = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let start = words.iter().position(|word| !is_assignment(word)).unwrap_or(words.len());
    &words[start..]
}

fn skip_flags(words: &[String]) -> &[String] {
    let start = words.iter().position(|word| !word.starts_with('-')).unwrap_or(words.len());
    &words[start..]
}

/// The file name of a program path, without the endings of scripts that are tools.
fn program_name(word: &str) -> String {
    let name = word.rsplit('/').next().unwrap_or(word);
    let name = name.trim_end_matches(".exe");
    let version = name.rsplit_once('-').filter(|(_, version)| is_version(version));
    let name = version.map_or(name, |(name, _)| name);
    without_target(name).unwrap_or(name).to_owned()
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// A cross compiler's tools carry its target in front: `arm-none-eabi-gdb`.
fn without_target(name: &str) -> Option<&str> {
    let (target, tool) = name.rsplit_once('-')?;
    let machine = target.split('-').next()?;
    let machines = [
        "arm", "armv7", "aarch64", "riscv", "riscv32", "riscv64", "x86_64", "i686", "i386", "avr",
        "xtensa", "mips", "mipsel", "powerpc", "m68k", "msp430", "sparc", "s390x",
    ];
    machines.contains(&machine).then_some(tool)
}

/// The length of the first phrase of `phrases` that `words` begin with.
fn prefix(phrases: &[Vec<String>], words: &[String]) -> Option<usize> {
    let fits = |phrase: &&Vec<String>| {
        words.len() >= phrase.len()
            && phrase.iter().zip(words).enumerate().all(|(at, (wanted, word))| {
                wanted == word || at == 0 && *wanted == program_name(word)
            })
    };
    phrases.iter().find(fits).map(Vec::len)
}

/// A tool of the table: `Some(None)` when it is known to say nothing. Of equally long entries the one
/// whose first word stands first wins: the subcommand before its arguments.
fn known_tool(words: &[String], tools: &Tools) -> Option<Option<Reading>> {
    let (program, arguments) = words.split_first()?;
    let program = program_name(program);
    let place = |wanted: &String| {
        arguments.iter().position(|word| {
            let with_value =
                || word.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('='));
            word == wanted || wanted.starts_with('-') && with_value()
        })
    };
    let fits = |(wanted, tags)| {
        let wanted: &Vec<String> = wanted;
        let tags: &Tags = tags;
        let places: Option<Vec<usize>> = wanted.iter().map(place).collect();
        places.map(|places| ((wanted.len(), std::cmp::Reverse(places.first().copied())), tags))
    };
    let variants = tools.commands.get(&program)?.iter();
    let (_, tags) =
        variants.filter_map(|(wanted, tags)| fits((wanted, tags))).max_by_key(|(rank, _)| *rank)?;
    let tool = || Reading::Tool { tags: tags.clone(), program };
    Some((!tags.is_empty()).then(tool))
}

fn names<'a>(words: impl Iterator<Item = &'a String>) -> Option<Reading> {
    let words: Vec<String> = words.flat_map(|word| identifier(word)).collect();
    (!words.is_empty()).then_some(Reading::Names(words))
}

/// A script is named for what it does.
fn script(path: &str) -> Option<Reading> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    names(std::iter::once(&stem.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::knowledge::knowledge;
    use super::*;

    fn meaning(line: &str) -> Vec<String> {
        let knowledge = knowledge();
        let mut found = Vec::new();
        for words in simple_commands(line) {
            match read(&words, &knowledge.tools) {
                Some(Reading::Tool { tags, .. }) => {
                    found.extend(tags.iter().map(|tag| knowledge.name(*tag).to_owned()));
                }
                Some(Reading::Names(words)) => found.extend(words),
                None => {}
            }
        }
        found
    }

    #[test]
    fn tools_are_found_behind_wrappers_and_assignments() {
        assert_eq!(meaning("RUST_LOG=debug cargo clippy --all -- -D warnings"), ["lint"]);
        assert_eq!(meaning("npx prettier --check . # slow"), ["format", "check"]);
        assert_eq!(meaning("@poetry run pytest -q"), ["test"]);
        assert_eq!(meaning("docker compose exec app pytest"), ["test"]);
    }

    #[test]
    fn other_tasks_and_scripts_speak_by_their_names() {
        assert_eq!(meaning("npm run lint:fix && $(MAKE) docs"), ["lint", "fix", "docs"]);
        assert_eq!(meaning("bash ./scripts/run_smoke.sh --all"), ["run", "smoke"]);
        assert!(meaning("echo 'all tests passed'").is_empty());
    }
}
