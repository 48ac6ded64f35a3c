//! Starting a program in a controlled environment and keeping what it said.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::{NOBODY, Terminal, public_tempdir};

/// A program to start.
pub struct Run {
    command: Command,
    input: Vec<u8>,
    /// Where the copy of the program for a user without rights lies.
    copy: Option<TempDir>,
}

/// How it ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code, 128+N for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

#[expect(clippy::missing_panics_doc, reason = "a program that cannot be started ends the test")]
impl Run {
    /// With only `PATH`, `HOME` and a plain locale in its environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "tests start programs and look at their own PATH"
    )]
    pub fn new(program: &str, dir: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self { command, input: Vec::new(), copy: None }
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command.args(words);
        self
    }

    /// A variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads on standard input (nothing by default).
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        self.input = text.as_bytes().to_vec();
        self
    }

    /// Runs it as a user without rights. Only root can do that; see [`crate::is_root`].
    ///
    /// A program given by its path is started from a copy in a public folder: the clone or its
    /// target folder may lie where that user may not go, as in the home of root.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "tests start programs")]
    pub fn as_nobody(mut self) -> Self {
        let program = PathBuf::from(self.command.get_program());
        if program.is_absolute() {
            let folder = public_tempdir();
            let copy = folder.path().join(program.file_name().expect("a program has a name"));
            crate::copy_program(&program, &copy);
            let mut command = Command::new(copy);
            command.args(self.command.get_args()).env_clear();
            for (name, value) in self.command.get_envs() {
                if let Some(value) = value {
                    command.env(name, value);
                }
            }
            if let Some(dir) = self.command.get_current_dir() {
                command.current_dir(dir);
            }
            self.command = command;
            self.copy = Some(folder);
        }
        self.command.uid(NOBODY).gid(NOBODY);
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Starts it on a terminal of its own.
    pub fn on_terminal(mut self) -> Terminal {
        self.command.env("TERM", "xterm-256color");
        Terminal::start(self.command)
    }

    /// Starts it without waiting; its output goes to pipes, its input is empty.
    pub fn spawn(mut self) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().expect("the program can be started")
    }

    /// Starts it and waits.
    pub fn go(mut self) -> Ran {
        let stdin = if self.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the program can be started");
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input is not at fault.
            let _ = stdin.write_all(&self.input);
        }
        child.wait_with_output().expect("the program can be waited for").into()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let signal = output.status.signal().map(|signal| 128 + signal);
        Self {
            code: output.status.code().or(signal).unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

#[expect(clippy::missing_panics_doc, reason = "an answer that is not JSON ends the test")]
impl Ran {
    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}\n{}", self.stdout, self.stderr))
    }

    /// Both streams and the code as one text for a snapshot; `replace` hides what differs between runs.
    pub fn snapshot(&self, replace: &[(&str, &str)]) -> String {
        let mut text =
            format!("code: {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr);
        for (from, to) in replace {
            text = text.replace(from, to);
        }
        text
    }
}
