//! From a task to exactly what is executed: argument vector, directory, environment.
//!
//! `--dry-run` prints the [`Launch`] and the engine executes the same value, so the two cannot
//! differ.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use contracts::wgx::EnvironmentChanges;
use thiserror::Error;

use super::environment::{CleanEnvironment, Variables};
use super::exit::OwnExit;
use crate::task::{Invocation, Program};
use crate::tools::{self, Found};

/// What is needed to plan the start of a task.
#[derive(Clone, Copy, Debug)]
pub struct LaunchRequest<'a> {
    /// How the task is started.
    pub invocation: &'a Invocation,
    /// Absolute root; the directory of the invocation is relative to it.
    pub root: &'a Path,
    /// The person's arguments.
    pub args: &'a [OsString],
    /// The environment to start from.
    pub environment: &'a CleanEnvironment,
}

/// Exactly what is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The argument vector; the first entry as the task names it.
    pub argv: Vec<OsString>,
    /// The file that is executed: absolute when it was found on PATH, as written otherwise.
    pub program: PathBuf,
    /// Absolute working directory.
    pub cwd: PathBuf,
    /// Variables set or replaced, against [`Launch::base`].
    pub set: BTreeMap<OsString, OsString>,
    /// Variables the caller has and the task does not get.
    pub unset: Vec<OsString>,
    /// The cleaned environment of the caller.
    pub base: Variables,
    /// Arguments were given to a script of several lines that reads none (`"$@"`, `$1`); they are
    /// passed but nothing will use them. Worth a warning.
    pub arguments_unused: bool,
}

/// Why a task cannot be started.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The task is only shown.
    #[error("this task cannot be started from here: {0}")]
    OnlyShown(&'static str),
    /// The argument vector is empty.
    #[error("the command is empty")]
    Empty,
    /// An argument that cannot stand inside of `NAME[A,B]`.
    #[error("argument `{argument}` cannot be handed on inside of brackets: {reason}")]
    Unbracketable {
        /// As the person gave it.
        argument: String,
        /// Why.
        reason: &'static str,
    },
    /// The program is missing.
    #[error("program `{name}` is missing")]
    ProgramMissing {
        /// As the task names it.
        name: String,
    },
    /// The program is there but cannot be executed.
    #[error("`{path}` cannot be executed: {reason}")]
    CannotExecute {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The working directory is missing.
    #[error("working directory `{path}` is missing or is no directory")]
    NoDirectory {
        /// The directory.
        path: String,
    },
}

impl LaunchError {
    /// The exit code that stands for this error.
    #[must_use]
    pub const fn exit(&self) -> OwnExit {
        match self {
            Self::ProgramMissing { .. } => OwnExit::ProgramMissing,
            Self::OnlyShown(_) | Self::CannotExecute { .. } | Self::NoDirectory { .. } => {
                OwnExit::CannotExecute
            }
            Self::Empty => OwnExit::BadTaskFile,
            Self::Unbracketable { .. } => OwnExit::CannotExecute,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::OnlyShown(_) => "run it where it belongs, or choose another task",
            Self::Unbracketable { .. } => {
                "rake separates arguments with commas and ends them with `]`: leave these characters \
                 and blanks at the ends out, or let the task read a variable of the environment"
            }
            Self::Empty => "give the task a command in its file",
            Self::ProgramMissing { .. } => "install it or put it on PATH; `wgx doctor` shows tools",
            Self::CannotExecute { .. } => {
                "make it executable (`chmod +x`) and give a script a first line like `#!/bin/sh`"
            }
            Self::NoDirectory { .. } => "create it or correct the directory in the task file",
        }
    }
}

impl Launch {
    /// The whole environment of the task, sorted by nothing: the caller's order, then what is set.
    #[must_use]
    pub fn environment(&self) -> Variables {
        let kept = self.base.iter().filter(|(name, _)| !self.set.contains_key(name));
        let set = self.set.iter().map(|(name, value)| (name.clone(), value.clone()));
        kept.cloned().chain(set).collect()
    }

    /// The argument vector for reports; bytes that are not UTF-8 show as replacement characters.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        self.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// The environment changes for reports, unmasked: the caller masks secrets before showing them.
    #[must_use]
    pub fn changes(&self) -> EnvironmentChanges {
        let text = |value: &OsString| value.to_string_lossy().into_owned();
        EnvironmentChanges {
            set: self.set.iter().map(|(name, value)| (text(name), text(value))).collect(),
            unset: self.unset.iter().map(text).collect(),
        }
    }
}

/// Plans the start of a task.
///
/// - `Argv` runs without a shell; its separator stands before the person's arguments, if any.
/// - `Bracketed` is the same with the arguments inside of the last word: `NAME[A,B]`.
/// - `Shell` runs as `bash -c SCRIPT` (`sh` where PATH has no bash). The person's arguments are the
///   positional parameters, and a script of one line that reads none of them gets them appended,
///   quoted, as upstream profiles did. Scripts of several lines keep their meaning: nothing is
///   appended to them.
/// - `ShellLines` is one such script that starts with `set -e`; a single entry counts as one line.
///
/// # Errors
///
/// [`LaunchError`] when the program or directory is missing or the task is not startable.
pub fn launch(request: LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    plan(request, Lookup::Strict)
}

/// The same plan for `--dry-run` on a machine that lacks the program: it is then named, not found.
///
/// # Errors
///
/// [`LaunchError`] when the directory is missing or the task is not startable.
pub fn preview(request: LaunchRequest<'_>) -> Result<Launch, LaunchError> {
    plan(request, Lookup::Lenient)
}

/// Whether a missing program is an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    Strict,
    Lenient,
}

/// Where programs are looked for, and how strictly.
#[derive(Clone, Copy)]
struct Search<'a> {
    path: &'a OsStr,
    cwd: &'a Path,
    lookup: Lookup,
}

fn plan(request: LaunchRequest<'_>, lookup: Lookup) -> Result<Launch, LaunchError> {
    let LaunchRequest { invocation, root, args, environment } = request;
    let cwd = working_directory(root, &invocation.dir)?;
    let has = |name: &str| environment.kept.iter().any(|(kept, _)| kept == name);
    let defaults = invocation.env_defaults.iter().filter(|(name, _)| !has(name));
    let set: BTreeMap<OsString, OsString> =
        defaults.chain(&invocation.env).map(|(name, value)| (name.into(), value.into())).collect();
    let path = search_path(&set, &environment.kept);
    let search = Search { path: &path, cwd: &cwd, lookup };
    let mut arguments_unused = false;
    let (argv, program) = match &invocation.program {
        Program::Argv { argv, separator } => {
            let argv = plain_argv(argv, *separator, args);
            let name = argv.first().ok_or(LaunchError::Empty)?;
            let program = resolve(name, search)?;
            (argv, program)
        }
        Program::Bracketed(argv) => {
            let argv = bracketed_argv(argv, args)?;
            let name = argv.first().ok_or(LaunchError::Empty)?;
            let program = resolve(name, search)?;
            (argv, program)
        }
        Program::Shell(script) => {
            arguments_unused = ignores_arguments(script, args);
            shell_argv(with_arguments(script, args), args, search)?
        }
        Program::ShellLines(lines) => {
            let script = lines.join("\n");
            arguments_unused = ignores_arguments(&script, args);
            let mut text = OsString::from("set -e\n");
            text.push(with_arguments(&script, args));
            shell_argv(text, args, search)?
        }
        Program::Shown(reason) => return Err(LaunchError::OnlyShown(reason)),
    };
    Ok(Launch {
        argv,
        program,
        cwd,
        set,
        unset: environment.removed.clone(),
        base: environment.kept.clone(),
        arguments_unused,
    })
}

/// Quotes `word` for a POSIX shell: as it is where that is safe, otherwise in single quotes.
#[must_use]
pub fn quote(word: &OsStr) -> OsString {
    let bytes = word.as_bytes();
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(is_safe) {
        return word.to_owned();
    }
    let mut quoted = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

fn working_directory(root: &Path, dir: &str) -> Result<PathBuf, LaunchError> {
    let cwd = if dir.is_empty() || dir == "." { root.to_owned() } else { root.join(dir) };
    if cwd.is_dir() {
        return Ok(cwd);
    }
    Err(LaunchError::NoDirectory { path: cwd.to_string_lossy().into_owned() })
}

/// PATH as the task will see it.
fn search_path(set: &BTreeMap<OsString, OsString>, kept: &Variables) -> OsString {
    let inherited = || kept.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value);
    set.get(OsStr::new("PATH")).or_else(inherited).cloned().unwrap_or_default()
}

fn plain_argv(argv: &[String], separator: Option<&str>, args: &[OsString]) -> Vec<OsString> {
    let separator = separator.filter(|_| !args.is_empty()).map(OsString::from);
    argv.iter().map(OsString::from).chain(separator).chain(args.iter().cloned()).collect()
}

/// `NAME[A,B]` as the last word, as rake reads it: blanks around an argument would be dropped.
fn bracketed_argv(argv: &[String], args: &[OsString]) -> Result<Vec<OsString>, LaunchError> {
    let mut argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
    if args.is_empty() {
        return Ok(argv);
    }
    for argument in args {
        if let Some(reason) = unbracketable(argument) {
            let argument = argument.to_string_lossy().into_owned();
            return Err(LaunchError::Unbracketable { argument, reason });
        }
    }
    let name = argv.last_mut().ok_or(LaunchError::Empty)?;
    name.push("[");
    name.push(args.join(OsStr::new(",")));
    name.push("]");
    Ok(argv)
}

fn unbracketable(argument: &OsStr) -> Option<&'static str> {
    let bytes = argument.as_bytes();
    if bytes.contains(&b',') {
        return Some("it holds a comma");
    }
    if bytes.iter().any(|byte| b"[]".contains(byte)) {
        return Some("it holds a bracket");
    }
    if bytes.contains(&b'\n') {
        return Some("it holds a line end");
    }
    (bytes.trim_ascii() != bytes).then_some("blanks at its ends would be lost")
}

fn shell_argv(
    script: OsString,
    args: &[OsString],
    search: Search<'_>,
) -> Result<(Vec<OsString>, PathBuf), LaunchError> {
    let (shell, program) = ["bash", "sh"]
        .into_iter()
        .find_map(|shell| {
            let strict = Search { lookup: Lookup::Strict, ..search };
            resolve(OsStr::new(shell), strict).ok().map(|found| (shell, found))
        })
        .or_else(|| (search.lookup == Lookup::Lenient).then(|| ("sh", "sh".into())))
        .ok_or_else(|| LaunchError::ProgramMissing { name: "bash` or `sh".into() })?;
    let mut argv = vec![shell.into(), "-c".into(), script];
    if !args.is_empty() {
        argv.push(shell.into());
        argv.extend(args.iter().cloned());
    }
    Ok((argv, program))
}

fn resolve(name: &OsStr, search: Search<'_>) -> Result<PathBuf, LaunchError> {
    match tools::find_for_task(name, search.path, search.cwd) {
        Found::Program(program) => Ok(program),
        _ if search.lookup == Lookup::Lenient => Ok(name.into()),
        Found::NotExecutable(file) => Err(LaunchError::CannotExecute {
            reason: if file.is_dir() { "is a directory" } else { "permission denied" }.into(),
            path: file.to_string_lossy().into_owned(),
        }),
        Found::Missing => {
            Err(LaunchError::ProgramMissing { name: name.to_string_lossy().into_owned() })
        }
    }
}

fn ignores_arguments(script: &str, args: &[OsString]) -> bool {
    !args.is_empty() && !is_one_line(script) && !reads_arguments(script)
}

fn with_arguments(script: &str, args: &[OsString]) -> OsString {
    if args.is_empty() || !is_one_line(script) || reads_arguments(script) {
        return script.into();
    }
    let mut text = OsString::from(script.trim_end());
    for word in args {
        text.push(" ");
        text.push(quote(word));
    }
    text
}

/// One line, where a backslash at the end of a line continues it.
fn is_one_line(script: &str) -> bool {
    !script.trim_end().replace("\\\n", "").contains('\n')
}

/// The script mentions a positional parameter: `$1`, `$@`, `$*`, `$#` or the same in braces. Text
/// in single quotes counts too: then nothing is appended, which is the harmless side.
fn reads_arguments(script: &str) -> bool {
    let mut rest = script;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        let braced = rest.strip_prefix('{');
        if braced.is_some_and(|name| name.starts_with("#}")) {
            return true;
        }
        let name = braced.map_or(rest, |name| name.trim_start_matches(['#', '!']));
        if name.starts_with(|c: char| matches!(c, '@' | '*' | '#' | '1'..='9')) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, args: &[&str]) -> OsString {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        with_arguments(script, &args)
    }

    #[test]
    fn a_script_of_one_line_gets_the_arguments_appended_and_quoted() {
        let table: &[(&str, &[&str], &str)] = &[
            ("cargo test", &[], "cargo test"),
            ("cargo test\n", &["--all"], "cargo test --all"),
            (
                "echo",
                &["a b", "it's", "", "$(id)", "x;y"],
                "echo 'a b' 'it'\\''s' '' '$(id)' 'x;y'",
            ),
            ("cargo test \\\n  --all\n", &["-q"], "cargo test \\\n  --all -q"),
            ("grep \"$1\" file", &["x"], "grep \"$1\" file"),
            ("run ${2:-x}", &["x"], "run ${2:-x}"),
            ("echo $#", &["x"], "echo $#"),
            ("echo ${#}", &["x"], "echo ${#}"),
            ("echo ${#list[0]} $$ $HOME", &["x"], "echo ${#list[0]} $$ $HOME x"),
            ("one\ntwo\n", &["x"], "one\ntwo\n"),
        ];
        for (script, args, expected) in table {
            assert_eq!(shell(script, args), OsString::from(expected), "{script:?} {args:?}");
        }
    }

    #[test]
    fn bracketed_arguments_stand_inside_of_the_last_word() {
        let argv = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            bracketed_argv(&["rake".to_owned(), "db:seed".to_owned()], &args)
        };
        assert_eq!(argv(&[]).unwrap(), ["rake", "db:seed"]);
        assert_eq!(argv(&["a", "b c", ""]).unwrap(), ["rake", "db:seed[a,b c,]"]);
        for refused in ["a,b", "a]", "[a", " a", "a ", "a\nb"] {
            let error = argv(&["fine", refused]).unwrap_err();
            assert!(error.to_string().contains(refused), "{error}");
            assert_eq!(error.exit(), OwnExit::CannotExecute);
        }
    }

    #[test]
    fn arguments_that_nothing_reads_are_noticed() {
        let args = [OsString::from("x")];
        assert!(ignores_arguments("one\ntwo", &args));
        assert!(!ignores_arguments("one\ntwo \"$@\"", &args));
        assert!(!ignores_arguments("one", &args));
        assert!(!ignores_arguments("one\ntwo", &[]));
    }
}
