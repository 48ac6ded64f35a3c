//! `$(shell …)` without a shell: lists of simple commands whose answer the repository, the kernel or the
//! environment gives. Everything else stays unknown.

mod filters;
mod find;
mod pattern;
mod sed;
mod words;

use std::ffi::OsStr;
use std::path::Path;

use super::functions;
use super::text::is_unknown;
use super::variables::Variables;
use crate::files::{self, RepoFiles};
use crate::tools;
use words::{Command, Join, Word};

/// Longest text that a command may print, in bytes.
const MAX_BYTES: usize = 4_000_000;

/// What a command printed, and whether it succeeded.
struct Answer {
    text: String,
    ok: bool,
    /// Whether the lines stand in the order of the real command; `find` knows none.
    ordered: bool,
}

impl Answer {
    fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), ok: true, ordered: true }
    }

    const fn failed() -> Self {
        Self { text: String::new(), ok: false, ordered: true }
    }
}

/// What `$(shell COMMAND)` gives; `None` when only a shell can tell.
pub(super) fn answer(variables: &Variables<'_>, command: &str) -> Option<String> {
    if is_unknown(command) {
        return None;
    }
    let mut shell = Shell { variables, dir: variables.working_directory() };
    let answer = shell.list(command)?;
    let lines: Vec<&str> = answer.text.trim_end_matches('\n').split('\n').collect();
    Some(lines.join(" "))
}

/// Whether answering may take long enough that it should wait until somebody needs the answer.
pub(super) fn is_slow(command: &str) -> bool {
    command.contains("find")
}

/// Where commands are answered.
struct Shell<'v, 'a> {
    variables: &'v Variables<'a>,
    /// The absolute working folder, which `cd` changes.
    dir: String,
}

impl Shell<'_, '_> {
    /// Pipelines joined with `&&`, `||` and `;`.
    fn list(&mut self, text: &str) -> Option<Answer> {
        let commands = words::commands(text)?;
        let mut all = Answer::of("");
        let mut rest = &commands[..];
        while let Some(first) = rest.first() {
            let piped = rest[1..].iter().take_while(|command| command.join == Join::Pipe).count();
            let (pipeline, after) = rest.split_at(piped + 1);
            rest = after;
            let runs = match first.join {
                Join::And => all.ok,
                Join::Or => !all.ok,
                Join::Then | Join::Pipe => true,
            };
            if !runs {
                continue;
            }
            let answer = self.pipeline(pipeline)?;
            all.text.push_str(&answer.text);
            all.ok = answer.ok;
            all.ordered &= answer.ordered;
            if all.text.len() > MAX_BYTES {
                return None;
            }
        }
        Some(all)
    }

    fn pipeline(&mut self, commands: &[Command]) -> Option<Answer> {
        let mut piped = None;
        for (index, command) in commands.iter().enumerate() {
            if let Some(file) = &command.input {
                piped = Some(self.cat(&[file]).filter(|read| read.ok)?);
            }
            let words = self.expanded(command)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let (["cd", to], true) = (&words[..], commands.len() == 1) {
                self.dir = self.folder(to)?;
                return Some(Answer::of(""));
            }
            let ends_line = ends_line(&words);
            let mut answer = self.simple(&words, piped.take())?;
            if command.with_errors && !answer.ok {
                return None;
            }
            if command.silent {
                answer.text.clear();
            }
            if !answer.text.is_empty() && !answer.text.ends_with('\n') && ends_line {
                answer.text.push('\n');
            }
            if index + 1 == commands.len() {
                return Some(answer);
            }
            piped = Some(answer);
        }
        None
    }

    /// The words of a command with the file names that patterns fit.
    fn expanded(&self, command: &Command) -> Option<Vec<String>> {
        let mut words = Vec::new();
        let assigns = |word: &Word| {
            word.text.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            })
        };
        let locale = |word: &&Word| assigns(word) && word.text.starts_with("LC_");
        for word in command.words.iter().skip_while(locale) {
            if !word.glob {
                words.push(word.text.clone());
                continue;
            }
            let found = self.glob(&word.text)?;
            if found.is_empty() {
                words.push(word.text.clone());
            }
            words.extend(found);
        }
        Some(words)
    }

    /// Files that fit a pattern, sorted.
    fn glob(&self, pattern: &str) -> Option<Vec<String>> {
        let prefix = format!("{}/", self.dir);
        let absolute = pattern.starts_with('/');
        let full = if absolute { pattern.to_owned() } else { format!("{prefix}{pattern}") };
        self.variables.inside(full.split(['*', '?', '[']).next()?)?;
        let found = functions::wildcard(self.variables, &full);
        let mut found: Vec<String> = found
            .split_whitespace()
            .map(|path| path.strip_prefix(&prefix).filter(|_| !absolute).unwrap_or(path).to_owned())
            .collect();
        found.sort_unstable();
        Some(found)
    }

    fn files(&self) -> &RepoFiles {
        self.variables.files
    }

    /// A path of a command as the files of the repository know it.
    fn inside(&self, path: &str) -> Option<String> {
        self.variables.inside(&absolute(&self.dir, path))
    }

    fn folder(&self, to: &str) -> Option<String> {
        let inside = self.inside(to)?;
        let there = inside.is_empty() || self.files().is_dir(&inside);
        there.then(|| absolute(&self.dir, to))
    }

    /// One command, paid for by what it is given and what it prints.
    fn simple(&self, words: &[&str], input: Option<Answer>) -> Option<Answer> {
        let given: usize = words.iter().map(|word| word.len() + 1).sum();
        let piped = input.as_ref().map_or(0, |input| input.text.len());
        self.variables.spend(given + piped + 64)?;
        let answer = self.answered(words, input)?;
        self.variables.spend(answer.text.len())?;
        Some(answer).filter(|answer| answer.text.len() <= MAX_BYTES)
    }

    fn answered(&self, words: &[&str], input: Option<Answer>) -> Option<Answer> {
        let variables = self.variables;
        let (program, args) = words.split_first()?;
        match (*program, args) {
            ("true" | ":", _) => Some(Answer::of("")),
            ("false", _) => Some(Answer::failed()),
            ("pwd", [] | ["-P" | "-L"]) => Some(Answer::of(&*self.dir)),
            ("echo", ["-n", rest @ ..] | rest) if is_literal(rest) => {
                Some(Answer::of(rest.join(" ")))
            }
            ("printf", [text]) if !text.contains(['%', '\\']) => Some(Answer::of(*text)),
            ("printf", ["%s" | "%s\\n", text]) => Some(Answer::of(*text)),
            ("sh" | "bash", ["-c", script]) => {
                Shell { variables, dir: self.dir.clone() }.list(script)
            }
            ("uname", flags) => uname(flags),
            ("command", ["-v", name]) | ("which" | "type", [name]) if !name.contains('/') => {
                which(variables, name, *program != "type")
            }
            ("dirname" | "basename", [path]) => Some(Answer::of(part(program, path))),
            ("dirname", paths @ [_, _, ..]) | ("basename", ["-a", paths @ ..]) => {
                let parts: Vec<String> = paths.iter().map(|path| part(program, path)).collect();
                Some(Answer::of(parts.join("\n")))
            }
            ("basename", [path, ending] | ["-s", ending, path]) if !path.starts_with('-') => {
                let name = part(program, path);
                let short = name.strip_suffix(ending).filter(|short| !short.is_empty());
                Some(Answer::of(short.unwrap_or(&name)))
            }
            ("realpath", [path]) | ("readlink", ["-f", path]) => {
                let found = self.files().resolve(&self.inside(path)?).ok()?;
                Some(Answer::of(found.to_string_lossy()))
            }
            ("[", [test @ .., "]"]) | ("test", test) => self.test(test),
            ("cat", []) => input,
            ("cat", paths) => self.cat(paths),
            ("ls", paths) => self.ls(paths),
            ("find", args) => find::find(self, args),
            ("sed", args) => sed::sed(self, args, input),
            ("xargs", args) => self.xargs(args, &input?),
            ("go", ["env", name]) => go_env(variables, name),
            ("git", ["rev-parse", "--show-toplevel"]) if variables.files.has(".git") => {
                Some(Answer::of(variables.files.root().to_string_lossy()))
            }
            (program, args) => filters::filter(self, program, args, input)
                .or_else(|| is_missing(variables, program).then(Answer::failed)),
        }
    }

    /// `[ -f X ]`, `[ A = B ]` and their like.
    fn test(&self, words: &[&str]) -> Option<Answer> {
        let holds = match words {
            ["!", rest @ ..] => !self.test(rest)?.ok,
            ["-n", text] => !text.is_empty(),
            ["-z", text] => text.is_empty(),
            ["-f", path] => self.files().is_file(&self.inside(path)?),
            ["-d", path] => {
                let inside = self.inside(path)?;
                inside.is_empty() || self.files().is_dir(&inside)
            }
            ["-e", path] => {
                let inside = self.inside(path)?;
                self.files().is_file(&inside) || self.files().is_dir(&inside)
            }
            [left, "=" | "==", right] => left == right,
            [left, "!=", right] => left != right,
            _ => return None,
        };
        Some(Answer { ok: holds, ..Answer::of("") })
    }

    /// `xargs [-n N] [-I X] [PROGRAM ARGS]` for the programs that are answered here.
    fn xargs(&self, args: &[&str], input: &Answer) -> Option<Answer> {
        let (mut at_once, mut mark, mut rest) = (usize::MAX, None, args);
        loop {
            rest = match rest {
                ["-r" | "--no-run-if-empty", rest @ ..] => rest,
                ["-n" | "-L", count, rest @ ..] => {
                    at_once = count.parse().ok().filter(|count| *count > 0)?;
                    rest
                }
                ["-I", word, rest @ ..] => {
                    (mark, at_once) = (Some(*word), 1);
                    rest
                }
                [option, rest @ ..] if option.starts_with("-n") => {
                    at_once = option[2..].parse().ok().filter(|count| *count > 0)?;
                    rest
                }
                [option, rest @ ..] if option.starts_with("-I") => {
                    (mark, at_once) = (Some(&option[2..]), 1);
                    rest
                }
                [option, ..] if option.starts_with('-') => return None,
                _ => break,
            };
        }
        if input.text.contains(['\'', '"', '\\']) {
            return None;
        }
        let items: Vec<&str> = match mark {
            Some(_) => input.text.lines().map(str::trim_start).collect(),
            None => input.text.split_whitespace().collect(),
        };
        let program: Vec<&str> = if rest.is_empty() { vec!["echo"] } else { rest.to_vec() };
        let mut text = String::new();
        for items in items.chunks(at_once) {
            let words: Vec<String> = match mark {
                Some(mark) => {
                    let marks: usize = program.iter().map(|word| word.matches(mark).count()).sum();
                    self.variables.spend(marks.saturating_mul(items[0].len()))?;
                    program.iter().map(|word| word.replace(mark, items[0])).collect()
                }
                None => program.iter().chain(items).map(|word| (*word).to_owned()).collect(),
            };
            text.push_str(&self.exec(&words, &[])?);
        }
        Some(Answer { text, ok: true, ordered: input.ordered })
    }

    /// What a program that `find` or `xargs` starts prints; `{}` stands for the paths.
    fn exec(&self, words: &[String], paths: &[&str]) -> Option<String> {
        let mut full: Vec<String> = Vec::new();
        for word in words {
            match word.as_str() {
                "{}" => full.extend(paths.iter().map(|path| (*path).to_owned())),
                word if word.contains("{}") => full.push(word.replace("{}", paths.first()?)),
                word => full.push(word.to_owned()),
            }
        }
        let full: Vec<&str> = full.iter().map(String::as_str).collect();
        if !matches!(
            *full.first()?,
            "dirname" | "basename" | "echo" | "grep" | "cat" | "sed" | "realpath"
        ) {
            return None;
        }
        let mut answer = self.simple(&full, None)?;
        if !answer.text.is_empty() && !answer.text.ends_with('\n') && ends_line(&full) {
            answer.text.push('\n');
        }
        Some(answer.text)
    }

    fn cat(&self, paths: &[&str]) -> Option<Answer> {
        let mut text = String::new();
        for path in paths {
            if path.starts_with('-') {
                return None;
            }
            match self.files().read(&self.inside(path)?).ok()? {
                Some(content) => {
                    self.variables.spend(content.len() + 64)?;
                    text.push_str(&content);
                }
                None => return Some(Answer { text, ..Answer::failed() }),
            }
        }
        // The mark of the unknown must not come out of a file.
        Some(Answer::of(text.replace(super::text::UNKNOWN, "")))
    }

    /// Names in a folder, or the given ones that are there; sorted as the C locale sorts.
    fn ls(&self, args: &[&str]) -> Option<Answer> {
        let (flags, names): (Vec<&str>, Vec<&str>) =
            args.iter().partition(|arg| arg.starts_with('-'));
        if flags.iter().any(|flag| !flag[1..].chars().all(|letter| "1d".contains(letter))) {
            return None;
        }
        let itself = flags.iter().any(|flag| flag.contains('d'));
        let mut found = Vec::new();
        let mut ok = true;
        for name in if names.is_empty() { vec!["."] } else { names.clone() } {
            let inside = self.inside(name)?;
            let is_folder = inside.is_empty() || self.files().is_dir(&inside);
            if self.files().is_file(&inside) || (is_folder && itself) {
                found.push(name.to_owned());
            } else if is_folder && names.len() <= 1 {
                let listed = self.files().list(&inside).into_iter();
                found.extend(listed.filter(|name| !name.starts_with('.')));
            } else if is_folder {
                return None;
            } else {
                ok = false;
            }
        }
        found.sort_unstable();
        Some(Answer { ok, ..Answer::of(found.join("\n")) })
    }
}

/// Whether a command ends what it prints with a line end.
fn ends_line(words: &[&str]) -> bool {
    match words {
        ["echo", flag, ..] => *flag != "-n",
        ["printf", format, _] => format.ends_with("\\n"),
        [program, ..] => !matches!(*program, "printf" | "cat" | "tr"),
        [] => false,
    }
}

fn absolute(dir: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let joined = format!("{}/{path}", dir.trim_start_matches('/'));
    files::join("", &joined).map_or_else(|| format!("/{joined}"), |path| format!("/{path}"))
}

fn is_literal(words: &[&str]) -> bool {
    !words.iter().any(|word| word.contains('\\') || word.starts_with('-'))
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
    const BUILTINS: [&str; 24] = [
        "[", "[[", "alias", "case", "declare", "do", "eval", "exec", "export", "for", "if", "kill",
        "let", "local", "printf", "read", "set", "test", "time", "type", "ulimit", "umask",
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
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && !path.is_empty() {
        return "/".to_owned();
    }
    let path = trimmed;
    match (program, path.rsplit_once('/')) {
        ("dirname", Some((dir, _))) if dir.trim_end_matches('/').is_empty() => "/".to_owned(),
        ("dirname", Some((dir, _))) => dir.trim_end_matches('/').to_owned(),
        ("dirname", None) => ".".to_owned(),
        (_, Some((_, name))) => name.to_owned(),
        (_, None) => path.to_owned(),
    }
}
