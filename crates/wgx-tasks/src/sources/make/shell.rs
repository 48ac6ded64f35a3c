//! `$(shell …)` without a shell: lists of simple commands whose answer the repository, the kernel or the
//! environment gives. Everything else stays unknown.

use std::ffi::OsStr;
use std::path::Path;

use super::functions;
use super::text::is_unknown;
use super::variables::Variables;
use crate::{files, tools};

/// What a command printed, and whether it succeeded.
struct Answer {
    text: String,
    ok: bool,
}

impl Answer {
    fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), ok: true }
    }

    const fn failed() -> Self {
        Self { text: String::new(), ok: false }
    }
}

/// What `$(shell COMMAND)` gives; `None` when only a shell can tell.
pub(super) fn answer(variables: &Variables<'_>, command: &str) -> Option<String> {
    if is_unknown(command) {
        return None;
    }
    let answer = list(variables, command)?;
    let lines: Vec<&str> = answer.text.trim_end_matches('\n').split('\n').collect();
    Some(lines.join(" "))
}

/// Commands joined with `&&`, `||` and `;`.
fn list(variables: &Variables<'_>, text: &str) -> Option<Answer> {
    let mut dir = variables.working_directory();
    let mut all = Answer::of("");
    for (operator, words) in commands(text)? {
        let runs = match operator {
            "&&" => all.ok,
            "||" => !all.ok,
            _ => true,
        };
        if !runs {
            continue;
        }
        if let [cd, to] = &words[..]
            && cd == "cd"
        {
            dir = folder(variables, &dir, to)?;
            all.ok = true;
            continue;
        }
        let answer = simple(variables, &dir, &words)?;
        all.text.push_str(&answer.text);
        if !answer.text.is_empty() && !answer.text.ends_with('\n') && ends_line(&words) {
            all.text.push('\n');
        }
        all.ok = answer.ok;
    }
    Some(all)
}

/// Whether a command ends what it prints with a line end.
fn ends_line(words: &[String]) -> bool {
    match words {
        [program, flag, ..] if program == "echo" => flag != "-n",
        [program, format, _] if program == "printf" => format.ends_with("\\n"),
        [program, ..] => program != "printf" && program != "cat",
        [] => false,
    }
}

fn folder(variables: &Variables<'_>, dir: &str, to: &str) -> Option<String> {
    let path = absolute(dir, to);
    let inside = variables.inside(&path)?;
    (inside.is_empty() || variables.files.is_dir(&inside)).then_some(path)
}

fn absolute(dir: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let joined = format!("{}/{path}", dir.trim_start_matches('/'));
    files::join("", &joined).map_or_else(|| format!("/{joined}"), |path| format!("/{path}"))
}

/// Splits a list into commands with the operator before each; `None` for pipes, redirections of output
/// that matter, substitutions and everything else that a shell would interpret.
fn commands(text: &str) -> Option<Vec<(&'static str, Vec<String>)>> {
    let mut found = Vec::new();
    let mut operator = ";";
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' => {
                let quoted = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        other => quoted.push(other),
                    }
                }
            }
            '"' => {
                let quoted = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '$' | '`' | '\\' => return None,
                        other => quoted.push(other),
                    }
                }
            }
            '&' | '|' | ';' => {
                let next = match char {
                    ';' => ";",
                    '&' if chars.next_if_eq(&'&').is_some() => "&&",
                    '|' if chars.next_if_eq(&'|').is_some() => "||",
                    _ => return None,
                };
                words.extend(word.take());
                if words.is_empty() {
                    return None;
                }
                found.push((operator, std::mem::take(&mut words)));
                operator = next;
            }
            '>' => skip_silencing(&mut word, &mut chars)?,
            '$' | '`' | '\\' | '(' | ')' | '<' | '{' | '}' | '#' | '~' | '!' => return None,
            char if char.is_whitespace() => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    if !words.is_empty() {
        found.push((operator, words));
    }
    Some(found)
}

/// `2>/dev/null` and `2>&1` of commands that print no errors here.
fn skip_silencing(
    word: &mut Option<String>,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Option<()> {
    if word.take()? != "2" {
        return None;
    }
    while chars.next_if_eq(&' ').is_some() {}
    let mut target = String::new();
    while let Some(char) = chars.next_if(|char| !char.is_whitespace() && !";|".contains(*char)) {
        target.push(char);
    }
    (target == "/dev/null").then_some(())
}

fn simple(variables: &Variables<'_>, dir: &str, words: &[String]) -> Option<Answer> {
    let (program, args) = words.split_first()?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match (program.as_str(), &args[..]) {
        ("true" | ":", _) => Some(Answer::of("")),
        ("false", _) => Some(Answer::failed()),
        ("pwd", [] | ["-P" | "-L"]) => Some(Answer::of(dir)),
        ("echo", ["-n", rest @ ..] | rest) if is_literal(rest) => Some(Answer::of(rest.join(" "))),
        ("printf", [text]) if !text.contains(['%', '\\']) => Some(Answer::of(*text)),
        ("printf", ["%s" | "%s\\n", text]) => Some(Answer::of(*text)),
        ("sh" | "bash", ["-c", script]) => list(variables, script),
        ("uname", flags) => uname(flags),
        ("command", ["-v", name]) | ("which" | "type", [name]) if !name.contains('/') => {
            which(variables, name, program != "type")
        }
        ("dirname" | "basename", [path]) => Some(Answer::of(part(program, path))),
        ("cat", paths) if !paths.is_empty() => cat(variables, dir, paths),
        ("ls", paths) => ls(variables, dir, paths),
        ("go", ["env", name]) => go_env(variables, name),
        ("git", ["rev-parse", "--show-toplevel"]) if variables.files.has(".git") => {
            Some(Answer::of(variables.files.root().to_string_lossy()))
        }
        (program, _) => is_missing(variables, program).then(Answer::failed),
    }
}

fn is_literal(words: &[&str]) -> bool {
    !words.iter().any(|word| word.contains(['*', '?', '[', '\\']) || word.starts_with('-'))
}

/// The names that the kernel gives itself.
fn uname(flags: &[&str]) -> Option<Answer> {
    let names = rustix::system::uname();
    let text = match flags {
        [] | ["-s" | "--kernel-name"] => names.sysname(),
        ["-m" | "--machine"] => names.machine(),
        ["-r" | "--kernel-release"] => names.release(),
        ["-v" | "--kernel-version"] => names.version(),
        ["-n" | "--nodename"] => names.nodename(),
        ["-o" | "--operating-system"] if cfg!(target_os = "linux") => c"GNU/Linux",
        ["-o" | "--operating-system"] => names.sysname(),
        _ => return None,
    };
    Some(Answer::of(text.to_string_lossy()))
}

/// Whether PATH is known and has no such program; the shell then fails and prints nothing.
fn is_missing(variables: &Variables<'_>, program: &str) -> bool {
    const BUILTINS: [&str; 25] = [
        "[", "[[", "alias", "case", "declare", "do", "eval", "exec", "export", "find", "for", "if",
        "kill", "let", "local", "printf", "read", "set", "test", "time", "type", "ulimit", "umask",
        "until", "while",
    ];
    let is_word =
        program.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.+".contains(&byte));
    if !is_word || BUILTINS.contains(&program) {
        return false;
    }
    let path = variables.environment("PATH");
    path.is_some_and(|path| tools::find_program(program, OsStr::new(path)).is_none())
}

fn which(variables: &Variables<'_>, name: &str, prints: bool) -> Option<Answer> {
    let path = variables.environment("PATH")?;
    match tools::find_program(name, OsStr::new(path)) {
        Some(file) if prints => Some(Answer::of(file.to_string_lossy())),
        Some(_) => None,
        None => Some(Answer::failed()),
    }
}

/// Settings of Go that follow from the environment where no file of its own changes them.
fn go_env(variables: &Variables<'_>, name: &str) -> Option<Answer> {
    if is_missing(variables, "go") {
        return Some(Answer::failed());
    }
    variables.environment("PATH")?;
    if let Some(value) = variables.environment(name) {
        return Some(Answer::of(value));
    }
    let home = variables.environment("HOME");
    if home.is_some_and(|home| Path::new(home).join(".config/go/env").exists()) {
        return None;
    }
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    match name {
        "GOPATH" => home.map(|home| Answer::of(format!("{home}/go"))),
        "GOBIN" | "GOEXE" | "GOFLAGS" => Some(Answer::of("")),
        "GOOS" | "GOHOSTOS" => Some(Answer::of(system)),
        "GOARCH" | "GOHOSTARCH" => Some(Answer::of(arch)),
        _ => None,
    }
}

fn part(program: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    match (program, path.rsplit_once('/')) {
        ("dirname", Some((dir, _))) => dir.to_owned(),
        ("dirname", None) => ".".to_owned(),
        (_, Some((_, name))) => name.to_owned(),
        (_, None) => path.to_owned(),
    }
}

fn cat(variables: &Variables<'_>, dir: &str, paths: &[&str]) -> Option<Answer> {
    let mut text = String::new();
    for path in paths {
        if path.starts_with('-') || path.contains(['*', '?', '[']) {
            return None;
        }
        let inside = variables.inside(&absolute(dir, path))?;
        match variables.files.read(&inside).ok()? {
            Some(content) => text.push_str(&content),
            None => return Some(Answer { text, ok: false }),
        }
    }
    Some(Answer::of(text))
}

/// Names in a folder, or those that fit patterns; sorted as the C locale sorts.
fn ls(variables: &Variables<'_>, dir: &str, paths: &[&str]) -> Option<Answer> {
    let names: Vec<&str> =
        paths.iter().copied().filter(|word| !matches!(*word, "-1" | "-d")).collect();
    if names.iter().any(|name| name.starts_with('-')) {
        return None;
    }
    let itself = paths.contains(&"-d");
    let here = dir == variables.working_directory();
    let mut found = Vec::new();
    for name in if names.is_empty() { vec!["."] } else { names.clone() } {
        if name.contains(['*', '?', '[']) {
            let fitting = here.then(|| functions::wildcard(variables, name))?;
            let plain = |path: &&str| {
                let inside = variables.inside(path);
                itself || inside.is_some_and(|inside| variables.files.is_file(&inside))
            };
            if !fitting.split_whitespace().all(|path| plain(&path)) {
                return None;
            }
            found.extend(fitting.split_whitespace().map(str::to_owned));
            continue;
        }
        let inside = variables.inside(&absolute(dir, name))?;
        if variables.files.is_file(&inside) || itself {
            found.push(name.to_owned());
        } else if names.len() > 1 {
            return None;
        } else {
            let listed = variables.files.list(&inside).into_iter();
            found.extend(listed.filter(|name| !name.starts_with('.')));
        }
    }
    found.sort_unstable();
    Some(Answer { ok: !found.is_empty(), text: found.join("\n") })
}
