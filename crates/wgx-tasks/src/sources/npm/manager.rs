//! Which package manager a folder uses.

use crate::document::Node;
use crate::files::{self, RepoFiles};
use crate::task::Program;

/// A package manager of the JavaScript world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// npm
    Npm,
    /// pnpm
    Pnpm,
    /// Yarn 1
    Yarn,
    /// Yarn 2 and later
    Berry,
    /// bun
    Bun,
}

/// Files that only one manager writes, in order of precedence.
const MARKERS: [(&str, Manager); 9] = [
    ("bun.lock", Manager::Bun),
    ("bun.lockb", Manager::Bun),
    ("pnpm-lock.yaml", Manager::Pnpm),
    ("pnpm-workspace.yaml", Manager::Pnpm),
    (".yarnrc.yml", Manager::Berry),
    ("yarn.lock", Manager::Yarn),
    ("package-lock.json", Manager::Npm),
    ("npm-shrinkwrap.json", Manager::Npm),
    (".yarnrc", Manager::Yarn),
];

impl Manager {
    /// What the manifest of the workspace's root says, else what the files beside it or above say, else
    /// npm.
    pub(crate) fn detect(files: &RepoFiles, dir: &str, manifest: Option<&Node>) -> Self {
        if let Some(manager) = manifest.and_then(declared) {
            return manager;
        }
        let mut dir = dir;
        loop {
            let has = |name: &str| match dir {
                "" => files.has(name),
                dir => files.is_file(&format!("{dir}/{name}")),
            };
            if let Some((_, manager)) = MARKERS.iter().find(|(name, _)| has(name)) {
                return *manager;
            }
            if dir.is_empty() {
                return Self::Npm;
            }
            dir = files::parent(dir);
        }
    }

    /// The program that runs a script of the folder it is started in.
    pub(crate) fn run(self, script: &str) -> Program {
        let program = match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn | Self::Berry => "yarn",
            Self::Bun => "bun",
        };
        Program::Argv {
            argv: [program, "run", script].map(str::to_owned).to_vec(),
            // Only npm keeps options before `--` to itself; the others hand everything on.
            separator: (self == Self::Npm).then_some("--"),
        }
    }

    /// The words that start an executable of the installed packages.
    pub(crate) fn exec(self) -> &'static [&'static str] {
        match self {
            // Yarn 1 has no way to start an executable without reading the options meant for it.
            Self::Npm | Self::Yarn => &["npx", "--no-install"],
            Self::Pnpm => &["pnpm", "exec"],
            Self::Berry => &["yarn", "run"],
            Self::Bun => &["bunx", "--no-install"],
        }
    }
}

/// `packageManager` (corepack), else `devEngines.packageManager`.
fn declared(manifest: &Node) -> Option<Manager> {
    let corepack = manifest.get("packageManager").and_then(Node::as_str);
    if let Some(manager) = corepack.and_then(from_words) {
        return Some(manager);
    }
    let engines = manifest.path(&["devEngines", "packageManager"])?;
    let engine = engines.items().first().unwrap_or(engines);
    let name = engine.get("name")?.as_str()?;
    let version = engine.get("version").and_then(Node::as_str).unwrap_or_default();
    let version = version.trim_start_matches(|first: char| !first.is_ascii_digit());
    from_words(&format!("{name}@{version}"))
}

/// Reads `NAME@VERSION`.
fn from_words(text: &str) -> Option<Manager> {
    let (name, version) = text.split_once('@').unwrap_or((text, ""));
    match name.trim() {
        "npm" => Some(Manager::Npm),
        "pnpm" => Some(Manager::Pnpm),
        "bun" => Some(Manager::Bun),
        "yarn" if version.starts_with("1.") || version == "1" || version.is_empty() => {
            Some(Manager::Yarn)
        }
        "yarn" => Some(Manager::Berry),
        _ => None,
    }
}
