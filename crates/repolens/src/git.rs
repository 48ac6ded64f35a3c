//! Asks git for history without letting a repository run anything.
//!
//! A repository's configuration can name programs (`core.fsmonitor`, hooks, filters, external
//! diffs, a pager …). System and user configuration are left out, every such setting is overridden
//! for the one command, nothing is fetched, and only commands that never touch the work tree are
//! used: `log`, `rev-parse`, `rev-list`, `ls-tree`, `cat-file`, `diff-tree`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use contracts::git::{ENVIRONMENT, HARMLESS};
use thiserror::Error;

/// Why git could not tell.
#[derive(Debug, Error)]
pub enum GitError {
    /// Git cannot be started.
    #[error("git cannot be started")]
    NotStarted(#[source] std::io::Error),
    /// Reading its answer failed.
    #[error("failed to read the answer of git")]
    Read(#[source] std::io::Error),
    /// It took too long.
    #[error("git did not answer within {0} ms")]
    TimedOut(u128),
    /// The answer is longer than the limit.
    #[error("the answer of git is longer than {0} bytes")]
    TooLong(u64),
    /// Git failed.
    #[error("git failed: {0}")]
    Failed(String),
}

/// Whether a `.git` folder has its objects, names and settings in itself.
fn holds_its_own(git_dir: &Path) -> bool {
    let elsewhere = ["commondir", "objects/info/alternates", "objects/info/http-alternates"];
    let parts =
        ["HEAD", "config", "packed-refs", "objects", "objects/info", "objects/pack", "refs"];
    let about = |name: &str| git_dir.join(name).symlink_metadata();
    let config = std::fs::read(git_dir.join("config")).unwrap_or_default();
    let includes =
        |line: &[u8]| line.trim_ascii_start().to_ascii_lowercase().starts_with(b"[include");
    elsewhere.iter().all(|name| about(name).is_err())
        && !parts.iter().any(|name| about(name).is_ok_and(|about| about.is_symlink()))
        && !config.split(|byte| *byte == b'\n').any(includes)
}

/// A short file of one line, without the line end.
fn one_line(file: &Path) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(file).ok()?.take(4096).read_to_string(&mut text).ok()?;
    Some(text.trim_end().to_owned())
}

/// One repository and the limits of every question.
#[derive(Debug, Clone)]
pub struct Git {
    /// The folder that holds HEAD and the objects (`.git`, or a bare repository).
    git_dir: PathBuf,
    /// How long one question may take.
    pub time_limit: Duration,
    /// Longest answer in bytes.
    pub max_bytes: u64,
}

impl Git {
    /// The repository whose work tree is `root` itself; nothing where `root` is no repository, or where
    /// its `.git` leads to objects elsewhere that do not name this root in return: what a working copy
    /// says of itself must not open another one. A repository around `root` is not looked for.
    #[must_use]
    pub fn at(root: &Path) -> Option<Self> {
        let dot_git = root.join(".git");
        let kind = dot_git.symlink_metadata().ok()?;
        if kind.is_dir() {
            return Self::bare(&dot_git).filter(|_| holds_its_own(&dot_git));
        }
        if !kind.is_file() {
            return None;
        }
        // A linked work tree: the repository it belongs to knows it.
        let git_dir = root.join(one_line(&dot_git)?.strip_prefix("gitdir:")?.trim());
        let back = root.join(one_line(&git_dir.join("gitdir"))?);
        let is_known = back.canonicalize().ok()? == dot_git.canonicalize().ok()?;
        Self::bare(&git_dir).filter(|_| is_known)
    }

    /// The repository in a folder that holds HEAD and objects.
    #[must_use]
    pub fn bare(git_dir: &Path) -> Option<Self> {
        git_dir.join("HEAD").symlink_metadata().ok()?;
        let git_dir = git_dir.to_owned();
        Some(Self { git_dir, time_limit: Duration::from_secs(20), max_bytes: 256 << 20 })
    }

    /// Where the repository is.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    ///
    /// [`GitError`], also when there is no such commit.
    pub fn commit(&self, revision: &str) -> Result<String, GitError> {
        let name = format!("{revision}^{{commit}}");
        let answer = self.ask(&["rev-parse", "--verify", "--end-of-options", &name])?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    /// What git writes to standard output.
    ///
    /// # Errors
    ///
    /// [`GitError`] when git is missing, fails or exceeds the limits.
    pub fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(GitError::NotStarted)?;
        let Some(out) = child.stdout.take() else { return Ok(Vec::new()) };
        let errors = child.stderr.take();
        let alarm = Alarm::set(child, self.time_limit);
        let complaint = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.map(|pipe| pipe.take(4096).read_to_string(&mut text));
            text
        });
        let read = self.read(out);
        let (status, late) = alarm.end();
        let complaint = complaint.join().unwrap_or_default();
        if late {
            return Err(GitError::TimedOut(self.time_limit.as_millis()));
        }
        let answer = read?;
        match status {
            Ok(status) if status.success() => Ok(answer),
            Ok(_) => Err(GitError::Failed(complaint.lines().next().unwrap_or_default().to_owned())),
            Err(error) => Err(GitError::Read(error)),
        }
    }

    fn read(&self, out: ChildStdout) -> Result<Vec<u8>, GitError> {
        let mut answer = Vec::new();
        out.take(self.max_bytes + 1).read_to_end(&mut answer).map_err(GitError::Read)?;
        if answer.len() as u64 > self.max_bytes {
            return Err(GitError::TooLong(self.max_bytes));
        }
        Ok(answer)
    }

    /// A git command that can execute nothing the repository names.
    #[expect(
        clippy::disallowed_methods,
        reason = "history is read here, with a safe configuration"
    )]
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
            command.env_remove(name);
        }
        for name in ["GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"] {
            command.env_remove(name);
        }
        for name in ["GIT_EXTERNAL_DIFF", "GIT_TRACE", "GIT_ALTERNATE_OBJECT_DIRECTORIES"] {
            command.env_remove(name);
        }
        command.envs(ENVIRONMENT.iter().copied());
        command.env("GIT_NO_REPLACE_OBJECTS", "1").env("LC_ALL", "C");
        command.arg("--no-pager").arg("--literal-pathspecs");
        for (name, value) in HARMLESS {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.arg("--git-dir").arg(&self.git_dir).args(arguments);
        command
    }
}

/// Ends a child that takes too long.
struct Alarm {
    over: Arc<AtomicBool>,
    watcher: std::thread::JoinHandle<(std::io::Result<std::process::ExitStatus>, bool)>,
}

impl Alarm {
    fn set(mut child: Child, limit: Duration) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let deadline = Instant::now() + limit;
        let watcher = std::thread::spawn(move || {
            while !told.load(Ordering::Acquire) {
                if Instant::now() >= deadline {
                    let _ = child.kill();
                    return (child.wait(), true);
                }
                std::thread::park_timeout(Duration::from_millis(50));
            }
            // The pipe is closed: the child ends by itself, or does not want to.
            while Instant::now() < deadline {
                match child.try_wait() {
                    Ok(Some(status)) => return (Ok(status), false),
                    Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                    Err(error) => return (Err(error), false),
                }
            }
            let _ = child.kill();
            (child.wait(), true)
        });
        Self { over, watcher }
    }

    fn end(self) -> (std::io::Result<std::process::ExitStatus>, bool) {
        self.over.store(true, Ordering::Release);
        self.watcher.thread().unpark();
        let gone = || (Err(std::io::Error::other("the watcher of git ended")), false);
        self.watcher.join().unwrap_or_else(|_| gone())
    }
}
