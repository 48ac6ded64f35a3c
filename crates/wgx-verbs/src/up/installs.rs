//! Which lockfiles and manifests ask for an installation, and the ways to do it.

use wgx_tasks::document::{self, Node};
use wgx_tasks::files::RepoFiles;

/// Dependencies that a file in the root asks to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallNeed {
    /// The ecosystem (`npm`, `cargo`, `python`, …); part of the step's key.
    pub kind: &'static str,
    /// The files that decide the result, the first of which asks for it.
    pub files: Vec<String>,
    /// What exists afterwards inside the repository; `None` for caches outside.
    pub output: Option<&'static str>,
    /// The ways to do it, the preferred one first.
    pub ways: Vec<Way>,
}

/// One way to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The tool that must be on PATH (or a wrapper in the repository, beginning with `./`).
    pub tool: String,
    /// The commands, in the root.
    pub commands: Vec<Vec<String>>,
}

fn way(commands: &[&str]) -> Way {
    let split = |command: &&str| command.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let commands: Vec<Vec<String>> = commands.iter().map(split).collect();
    let tool = commands.first().and_then(|words| words.first()).cloned().unwrap_or_default();
    Way { tool, commands }
}

/// A file, what it asks for, and how.
struct Rule {
    files: &'static [&'static str],
    kind: &'static str,
    output: Option<&'static str>,
    ways: &'static [&'static [&'static str]],
}

/// The first rule of a kind whose files are there wins; rules of other kinds are independent.
const RULES: &[Rule] = &[
    Rule {
        files: &[".gitmodules"],
        kind: "submodules",
        output: None,
        ways: &[&["git submodule update --init --recursive"]],
    },
    Rule { files: &["mise.lock", "mise.toml"], kind: "mise", output: None, ways: MISE },
    Rule { files: &["mise.toml"], kind: "mise", output: None, ways: MISE },
    Rule { files: &[".mise.toml"], kind: "mise", output: None, ways: MISE },
    Rule {
        files: &["devbox.json"],
        kind: "devbox",
        output: Some(".devbox"),
        ways: &[&["devbox install"]],
    },
    Rule {
        files: &["Cargo.lock", "Cargo.toml"],
        kind: "cargo",
        output: None,
        ways: &[&["cargo fetch --locked"]],
    },
    Rule { files: &["Cargo.toml"], kind: "cargo", output: None, ways: &[&["cargo fetch"]] },
    Rule {
        files: &["pnpm-lock.yaml"],
        kind: "javascript",
        output: Some("node_modules"),
        ways: &[&["pnpm install --frozen-lockfile"], &["corepack pnpm install --frozen-lockfile"]],
    },
    Rule {
        files: &["yarn.lock", ".yarnrc.yml"],
        kind: "javascript",
        output: None,
        ways: &[&["yarn install --immutable"], &["corepack yarn install --immutable"]],
    },
    Rule {
        files: &["yarn.lock"],
        kind: "javascript",
        output: Some("node_modules"),
        ways: &[&["yarn install --frozen-lockfile"], &["corepack yarn install --frozen-lockfile"]],
    },
    Rule { files: &["bun.lock"], kind: "javascript", output: Some("node_modules"), ways: BUN },
    Rule { files: &["bun.lockb"], kind: "javascript", output: Some("node_modules"), ways: BUN },
    Rule {
        files: &["package-lock.json"],
        kind: "javascript",
        output: Some("node_modules"),
        ways: &[&["npm ci"]],
    },
    Rule {
        files: &["npm-shrinkwrap.json"],
        kind: "javascript",
        output: Some("node_modules"),
        ways: &[&["npm ci"]],
    },
    Rule { files: &["deno.lock"], kind: "deno", output: None, ways: &[&["deno install --frozen"]] },
    Rule {
        files: &["uv.lock"],
        kind: "python",
        output: Some(".venv"),
        ways: &[&["uv sync --locked"]],
    },
    Rule {
        files: &["poetry.lock"],
        kind: "python",
        output: None,
        ways: &[&["poetry install --no-interaction"]],
    },
    Rule {
        files: &["pdm.lock"],
        kind: "python",
        output: None,
        ways: &[&["pdm install --frozen-lockfile"]],
    },
    Rule {
        files: &["Pipfile.lock"],
        kind: "python",
        output: None,
        ways: &[&["pipenv sync --dev"]],
    },
    Rule {
        files: &["requirements.txt"],
        kind: "python",
        output: Some(".venv"),
        ways: &[
            &["uv venv --allow-existing", "uv pip install -r requirements.txt"],
            &["python3 -m venv .venv", ".venv/bin/python -m pip install -r requirements.txt"],
        ],
    },
    Rule { files: &["Gemfile.lock"], kind: "ruby", output: None, ways: &[&["bundle install"]] },
    Rule { files: &["Gemfile"], kind: "ruby", output: None, ways: &[&["bundle install"]] },
    Rule {
        files: &["composer.lock"],
        kind: "php",
        output: Some("vendor"),
        ways: &[&["composer install --no-interaction"]],
    },
    Rule { files: &["go.sum", "go.mod"], kind: "go", output: None, ways: GO },
    Rule { files: &["go.mod"], kind: "go", output: None, ways: GO },
    Rule { files: &["mix.lock"], kind: "elixir", output: Some("deps"), ways: MIX },
    Rule { files: &["mix.exs"], kind: "elixir", output: Some("deps"), ways: MIX },
    Rule {
        files: &["gradlew"],
        kind: "gradle",
        output: None,
        ways: &[&["./gradlew --quiet dependencies"]],
    },
    Rule { files: &["build.gradle"], kind: "gradle", output: None, ways: GRADLE },
    Rule { files: &["build.gradle.kts"], kind: "gradle", output: None, ways: GRADLE },
    Rule {
        files: &["mvnw", "pom.xml"],
        kind: "maven",
        output: None,
        ways: &[&["./mvnw -q -B dependency:go-offline"]],
    },
    Rule {
        files: &["pom.xml"],
        kind: "maven",
        output: None,
        ways: &[&["mvn -q -B dependency:go-offline"]],
    },
    Rule {
        files: &["packages.lock.json"],
        kind: "dotnet",
        output: None,
        ways: &[&["dotnet restore --locked-mode"]],
    },
    Rule { files: &["global.json"], kind: "dotnet", output: None, ways: &[&["dotnet restore"]] },
    Rule { files: &["pubspec.yaml"], kind: "dart", output: None, ways: &[&["dart pub get"]] },
    Rule {
        files: &["Package.resolved"],
        kind: "swift",
        output: None,
        ways: &[&["swift package resolve"]],
    },
];

const MISE: &[&[&str]] = &[&["mise install"]];
const BUN: &[&[&str]] = &[&["bun install --frozen-lockfile"]];
const GO: &[&[&str]] = &[&["go mod download"]];
const MIX: &[&[&str]] = &[&["mix deps.get"]];
const GRADLE: &[&[&str]] = &[&["gradle --quiet dependencies"]];

/// The installations that the root's files ask for.
pub(super) fn find(files: &RepoFiles) -> Vec<InstallNeed> {
    let mut found: Vec<InstallNeed> = Vec::new();
    for rule in RULES {
        let known = found.iter().any(|need| need.kind == rule.kind);
        if known || !rule.files.iter().all(|file| files.is_file(file)) {
            continue;
        }
        found.push(InstallNeed {
            kind: rule.kind,
            files: rule.files.iter().map(|file| (*file).to_owned()).collect(),
            output: rule.output,
            ways: rule.ways.iter().map(|commands| way(commands)).collect(),
        });
    }
    if !found.iter().any(|need| need.kind == "javascript") {
        found.extend(unlocked_javascript(files));
    }
    found
}

/// A `package.json` without a lockfile: installed without writing one.
fn unlocked_javascript(files: &RepoFiles) -> Option<InstallNeed> {
    let text = files.read("package.json").ok()??;
    let package = document::parse_json(&text).ok()?;
    let lists = ["dependencies", "devDependencies", "optionalDependencies"];
    let filled = |key: &&str| package.get(key).is_some_and(|list| !list.entries().is_empty());
    if !lists.iter().any(filled) {
        return None;
    }
    let command = match manager(&package) {
        Some("pnpm") => "pnpm install --no-lockfile",
        Some("yarn") => "yarn install --no-lockfile",
        Some("bun") => "bun install --no-save",
        _ => "npm install --no-package-lock",
    };
    Some(InstallNeed {
        kind: "javascript",
        files: vec!["package.json".to_owned()],
        output: Some("node_modules"),
        ways: vec![way(&[command])],
    })
}

/// The name in `packageManager` (`pnpm@9.1.0`).
fn manager(package: &Node) -> Option<&str> {
    let stated = package.get("packageManager")?.as_str()?;
    stated.split('@').next()
}
