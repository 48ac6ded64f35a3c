//! Repositories and memories in temporary folders, made when a case asks for them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use memory::{Access, Home, Store};
use redact::Redactor;
use tempfile::TempDir;

use super::measure::Probe;
use super::peers::Peer;

/// A temporary folder that everything lies in.
pub(super) struct Fixtures {
    folder: TempDir,
}

impl Fixtures {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("wgx-bench-").tempdir()? })
    }

    /// An empty memory of this name.
    pub(super) fn home(&self, name: &str) -> PathBuf {
        self.folder.path().join("homes").join(name)
    }

    /// A folder that begins with no file.
    pub(super) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path().join("repositories").join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// As many tasks for each runner, in a folder for each.
    pub(super) fn runners(&self, tasks: usize) -> anyhow::Result<Runners> {
        let file = |name: &str, path: &str, text: String| -> anyhow::Result<PathBuf> {
            let folder = self.folder(&format!("{name}-{tasks}"))?;
            write(&folder, path, &text)?;
            Ok(folder)
        };
        Ok(Runners {
            just: file("just", "justfile", justfile(tasks))?,
            make: file("make", "Makefile", makefile(tasks))?,
            task: file("task", "Taskfile.yml", taskfile(tasks))?,
            npm: file("npm", "package.json", package_json("root", tasks))?,
        })
    }

    /// A repository as people have them: committed, a few files, one of them changed.
    pub(super) fn repository(&self, git: &Peer) -> anyhow::Result<PathBuf> {
        let folder = self.folder("repository")?;
        if folder.join(".git").exists() {
            return Ok(folder);
        }
        let profile = "wgx:\n  apiVersion: v1.1\n  tasks:\n    nothing: { cmd: [/bin/true] }\n    \
                       log: { cmd: [cat, big.log] }\n";
        write(&folder, ".wgx/profile.yml", profile)?;
        write(&folder, "justfile", "x:\n    @true\n")?;
        write(&folder, ".gitignore", "big.log\n")?;
        for at in 0..20 {
            write(&folder, &format!("src/file_{at}.txt"), &format!("line {at}\n").repeat(50))?;
        }
        let git = git.program()?;
        let identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
        for step in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "first"]] {
            let words: Vec<&str> = identity.iter().chain(step).copied().collect();
            Probe::new(git, &words, &folder).output()?;
        }
        write(&folder, "src/file_0.txt", "changed\n")?;
        Ok(folder)
    }

    /// A workspace of so many members for npm and cargo, a package each.
    pub(super) fn workspace(&self, members: usize) -> anyhow::Result<(PathBuf, PathBuf)> {
        let (npm, cargo) = (self.folder("npm-workspace")?, self.folder("cargo-workspace")?);
        let root = r#"{ "name": "root", "private": true, "workspaces": ["packages/*"], "scripts": { "all": "true" } }"#;
        write(&npm, "package.json", root)?;
        write(&cargo, "Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n")?;
        for at in 0..members {
            let name = format!("member-{at}");
            write(&npm, &format!("packages/{name}/package.json"), &package_json(&name, 4))?;
            let manifest =
                format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
            write(&cargo, &format!("crates/{name}/Cargo.toml"), &manifest)?;
            write(&cargo, &format!("crates/{name}/src/main.rs"), "fn main() {}\n")?;
        }
        Ok((npm, cargo))
    }

    /// A memory with so many runs.
    pub(super) fn history(&self, runs: u32) -> anyhow::Result<PathBuf> {
        let home = self.home(&format!("history-{runs}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mask = Redactor::new([0; 32]);
            let mut store = Store::open(&Home::at(&home), Access::Write, mask).await?;
            store.add_synthetic_runs(runs).await?;
            store.close().await
        })?;
        Ok(home)
    }
}

/// The same tasks for four runners.
pub(super) struct Runners {
    pub(super) just: PathBuf,
    pub(super) make: PathBuf,
    pub(super) task: PathBuf,
    pub(super) npm: PathBuf,
}

/// Writes a file; folders are made.
pub(super) fn write(folder: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    fs::write(&path, text).with_context(|| path.display().to_string())
}

/// Names of tasks as people give them: every fifth has its words from another corner of the work.
fn name(at: usize) -> String {
    const ACTS: [&str; 5] = ["build", "test", "lint", "serve", "check"];
    const THINGS: [&str; 6] = ["api", "docs", "web", "database", "client", "images"];
    match at {
        0..5 => ACTS[at].to_owned(),
        _ => format!("{}-{}-{at}", ACTS[at % ACTS.len()], THINGS[at % THINGS.len()]),
    }
}

/// A justfile.
pub(super) fn justfile(tasks: usize) -> String {
    let mut text = String::new();
    for task in (0..tasks).map(name) {
        let _ = writeln!(text, "# {task}, as it is done here\n{task}:\n    cargo run -- {task}\n");
    }
    text
}

fn makefile(tasks: usize) -> String {
    let names: Vec<String> = (0..tasks).map(name).collect();
    let mut text = format!(".PHONY: {}\n\n", names.join(" "));
    for task in names {
        let _ = writeln!(text, "{task}: ## {task}, as it is done here\n\tcargo run -- {task}\n");
    }
    text
}

fn taskfile(tasks: usize) -> String {
    let mut text = "version: '3'\ntasks:\n".to_owned();
    for task in (0..tasks).map(name) {
        let _ = writeln!(
            text,
            "  {task}:\n    desc: {task}, as it is done here\n    cmds: [cargo run -- {task}]"
        );
    }
    text
}

fn package_json(package: &str, tasks: usize) -> String {
    let script = |task: String| (task.clone(), format!("node run.js {task}").into());
    let scripts: serde_json::Map<String, serde_json::Value> =
        (0..tasks).map(name).map(script).collect();
    let package = serde_json::json!({ "name": package, "version": "1.0.0", "scripts": scripts });
    format!("{package:#}\n")
}
