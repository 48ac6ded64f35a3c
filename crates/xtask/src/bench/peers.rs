//! The programs that wgx is compared with, where they are installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wgx_tasks::tools::find_program;

use super::measure::Probe;

/// A peer that can be measured.
pub(super) struct Peer {
    /// Its name.
    pub(super) name: &'static str,
    /// How it is installed.
    pub(super) install: &'static str,
    /// Where it is; `None` when it is not.
    pub(super) program: Option<PathBuf>,
}

/// All peers.
pub(super) struct Peers {
    pub(super) just: Peer,
    pub(super) make: Peer,
    pub(super) task: Peer,
    pub(super) npm: Peer,
    pub(super) cargo: Peer,
    pub(super) git: Peer,
    pub(super) shell: Peer,
    pub(super) repomix: Peer,
    pub(super) code2prompt: Peer,
    pub(super) yek: Peer,
    pub(super) files_to_prompt: Peer,
    /// The search path with the peers' own folders first: a task that wgx starts meets the same program
    /// that is measured alone, not a shim.
    pub(super) path: OsString,
}

impl Peers {
    #[expect(clippy::disallowed_methods, reason = "a chore looks where its peers are")]
    pub(super) fn find() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let peer = |name, install| Peer { name, install, program: locate(name, &path) };
        let mut peers = Self {
            just: peer("just", "pip install rust-just"),
            make: peer("make", "apt-get install make"),
            task: peer("task", "pip install go-task-bin"),
            npm: peer("npm", "apt-get install npm"),
            cargo: peer("cargo", "rustup, https://rustup.rs"),
            git: peer("git", "apt-get install git"),
            shell: peer("sh", "it is part of every system"),
            repomix: peer("repomix", "npm install -g repomix"),
            code2prompt: peer("code2prompt", "cargo install code2prompt"),
            yek: peer("yek", "cargo install yek"),
            files_to_prompt: peer("files-to-prompt", "pip install files-to-prompt"),
            path: path.clone(),
        };
        let first = peers.just.program.as_deref().and_then(Path::parent).map(Path::to_owned);
        let all = first.into_iter().chain(std::env::split_paths(&path));
        peers.path = std::env::join_paths(all).unwrap_or(path);
        peers
    }
}

impl Peer {
    /// Where it is.
    ///
    /// # Errors
    /// Says how to install it when it is missing.
    pub(super) fn program(&self) -> anyhow::Result<&Path> {
        let missing = || anyhow::anyhow!("{} is not installed ({})", self.name, self.install);
        self.program.as_deref().ok_or_else(missing)
    }
}

/// On the search path; behind a shim of pyenv (a shell script of its own cost) the program itself.
fn locate(name: &str, path: &OsString) -> Option<PathBuf> {
    let found = find_program(name, path)?;
    let is_shim = found.parent().is_some_and(|folder| folder.ends_with(".pyenv/shims"));
    if !is_shim {
        return Some(found);
    }
    let pyenv = find_program("pyenv", path)?;
    let answer = Probe::new(&pyenv, &["which", name], Path::new("/")).output().ok()?;
    Some(PathBuf::from(answer.trim())).filter(|program| program.is_file())
}
