//! What repositories need, what is planned on which machine, and what happens when it is done.

use std::collections::BTreeSet;

use wgx_tasks::files::RepoFiles;
use wgx_tasks::platform::{PlatformSnapshot, detect};
use wgx_tasks::profile::{Os, parse};

use super::*;

fn needs(files: &[(&str, &str)]) -> Needs {
    let owned = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    let files = RepoFiles::in_memory(owned);
    let profile = files.read(".wgx/profile.yml").unwrap();
    let loaded = profile.map(|text| parse(".wgx/profile.yml", &text, Os::Linux));
    find_needs(&files, loaded.as_ref().map(|loaded| &loaded.profile), false)
}

/// A machine with tools written as `NAME` or `NAME VERSION`.
fn machine(system: &str, tools: &[&str]) -> UpMachine {
    let release = match system {
        "debian" | "debian root ci" => Some("ID=debian\nVERSION_ID=12\n"),
        "fedora" => Some("ID=fedora\nVERSION_ID=41\n"),
        "ubuntu" | "wsl" | "codespaces" | "devcontainer" => Some("ID=ubuntu\nVERSION_ID=24.04\n"),
        "pop" => Some("ID=pop\nVERSION_ID=22.04\n"),
        _ => None,
    };
    let mut snapshot = PlatformSnapshot {
        os: "linux".into(),
        kernel_name: "Linux".into(),
        os_release: release.map(str::to_owned),
        ..PlatformSnapshot::default()
    };
    let mut set = |name: &str| snapshot.variables.insert(name.into(), "1".into());
    match system {
        "debian root ci" => drop((set("CI"), snapshot.is_root = true)),
        "termux" => drop(set("TERMUX_VERSION")),
        "wsl" => drop(set("WSL_DISTRO_NAME")),
        "codespaces" => drop(set("CODESPACES")),
        "devcontainer" => drop(set("REMOTE_CONTAINERS")),
        "macos" => snapshot.os = "macos".into(),
        _ => {}
    }
    let fact = |tool: &&str| {
        let (name, version) = tool.split_once(' ').map_or((*tool, None), |(n, v)| (n, Some(v)));
        let path = Some(format!("/usr/bin/{name}"));
        (name.to_owned(), ToolFact { path, version: version.map(str::to_owned) })
    };
    UpMachine {
        platform: detect(&snapshot),
        tools: tools.iter().map(fact).collect(),
        packages: Some(BTreeSet::from(["git".to_owned()])),
        outputs: BTreeSet::new(),
    }
}

fn told(steps: &[UpStep]) -> String {
    let line = |step: &UpStep| {
        let commands: Vec<String> = step.commands.iter().map(|words| words.join(" ")).collect();
        let note = step.note.as_deref().unwrap_or("-");
        let line = format!(
            "{:?} {} | {} | {} | {note}",
            step.action,
            step.key,
            step.reason,
            commands.join(" && ")
        );
        if step.required { line } else { format!("({line})") }
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn planned(machine: &UpMachine, needs: &Needs) -> String {
    told(&plan(machine, needs, &[]))
}

#[test]
fn toolchain_files_say_which_versions() {
    let needs = needs(&[
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n"),
        ("Cargo.toml", "[package]\nrust-version = \"1.80\"\n"),
        (".nvmrc", "# team\nlts/iron\n"),
        (".node-version", "v20.11.1\n"),
        (".python-version", "3.12\n"),
        (".ruby-version", "ruby-3.2.2\n"),
        (".tool-versions", "nodejs 20\n# x\ngolang 1.22.1\nterraform latest\n"),
        (
            "mise.toml",
            "[tools]\nnode = ['22', '20']\n\"npm:prettier\" = { version = '3' }\njust = 'latest'\n",
        ),
        ("go.mod", "module x\n\ngo 1.22\n"),
        ("global.json", "{ // sdk\n\"sdk\": {\"version\": \"8.0.100\"}}"),
        (
            "package.json",
            "{\"engines\": {\"node\": \">=18 <23\", \"vscode\": \"^1\"}, \"packageManager\": \"pnpm@9.1.0\"}",
        ),
        ("pyproject.toml", "[project]\nrequires-python = \">=3.10,<4\"\n"),
        ("composer.json", "{\"require\": {\"php\": \"^8.1|^8.2\"}}"),
    ]);
    let line = |need: &ToolNeed| {
        let requirement = need.requirement.as_deref().unwrap_or("any");
        format!("{} {requirement} <- {}", need.name, need.asked_by)
    };
    let lines: Vec<String> = needs.tools.iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    rustc =1.95.0 <- rust-toolchain.toml
    cargo any <- rust-toolchain.toml
    rustc >=1.80 <- Cargo.toml
    cargo any <- Cargo.toml
    node any <- .nvmrc
    node =20.11.1 <- .node-version
    python3 ~3.12 <- .python-version
    ruby =3.2.2 <- .ruby-version
    node ^20 <- .tool-versions
    go =1.22.1 <- .tool-versions
    terraform any <- .tool-versions
    mise any <- mise.toml
    node ^22 <- mise.toml
    prettier ^3 <- mise.toml
    just any <- mise.toml
    go >=1.22 <- go.mod
    dotnet >=8.0.100 <- global.json
    node >=18 <23 <- package.json
    python3 >=3.10,<4 <- pyproject.toml
    php ^8.1||^8.2 <- composer.json
    ");
}

#[test]
fn every_lockfile_has_its_installation() {
    let cases = [
        ("Cargo.lock Cargo.toml", "cargo fetch --locked"),
        ("Cargo.toml", "cargo fetch"),
        ("package-lock.json package.json", "npm ci"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
        ("yarn.lock", "yarn install --frozen-lockfile"),
        ("yarn.lock .yarnrc.yml", "yarn install --immutable"),
        ("bun.lock", "bun install --frozen-lockfile"),
        ("deno.lock", "deno install --frozen"),
        ("uv.lock", "uv sync --locked"),
        ("poetry.lock", "poetry install --no-interaction"),
        ("pdm.lock", "pdm install --frozen-lockfile"),
        ("Pipfile.lock", "pipenv sync --dev"),
        ("Gemfile.lock Gemfile", "bundle install"),
        ("composer.lock", "composer install --no-interaction"),
        ("go.mod go.sum", "go mod download"),
        ("mix.exs mix.lock", "mix deps.get"),
        ("gradlew build.gradle", "./gradlew --quiet dependencies"),
        ("build.gradle.kts", "gradle --quiet dependencies"),
        ("mvnw pom.xml", "./mvnw -q -B dependency:go-offline"),
        ("pom.xml", "mvn -q -B dependency:go-offline"),
        ("global.json", "dotnet restore"),
        ("pubspec.yaml", "dart pub get"),
        ("devbox.json", "devbox install"),
        (".mise.toml", "mise install"),
        (".gitmodules", "git submodule update --init --recursive"),
    ];
    for (files, command) in cases {
        let files: Vec<(&str, &str)> = files.split(' ').map(|file| (file, "{}")).collect();
        let installs = needs(&files).installs;
        assert_eq!(installs.len(), 1, "{files:?}");
        assert_eq!(installs[0].ways[0].commands[0].join(" "), command, "{files:?}");
    }
    let unlocked = needs(&[("package.json", "{\"devDependencies\": {\"a\": \"1\"}}")]);
    assert_eq!(unlocked.installs[0].ways[0].commands[0].join(" "), "npm install --no-package-lock");
    assert!(needs(&[("package.json", "{\"scripts\": {\"a\": \"b\"}}")]).installs.is_empty());
    assert!(needs(&[("README.md", "")]).installs.is_empty());
}

#[test]
fn a_missing_tool_is_the_persons_and_each_system_has_its_command() {
    let needs = needs(&[("package-lock.json", ""), (".nvmrc", "20"), ("package.json", "{}")]);
    let on = |system: &str| planned(&machine(system, &[]), &needs);
    insta::assert_snapshot!(on("debian"), @r"
    Person tool:node | .nvmrc (^20), package.json | sudo apt-get install --yes -- nodejs | -
    Person tool:npm | package-lock.json | sudo apt-get install --yes -- npm | -
    Blocked install:javascript:npm | package-lock.json | npm ci | npm is missing
    ");
    insta::assert_snapshot!(on("debian root ci"), @r"
    Run tool:node | .nvmrc (^20), package.json | apt-get update && apt-get install --yes -- nodejs | -
    Run tool:npm | package-lock.json | apt-get update && apt-get install --yes -- npm | -
    Run install:javascript:npm | package-lock.json | npm ci | -
    ");
    insta::assert_snapshot!(on("fedora"), @r"
    Person tool:node | .nvmrc (^20), package.json | sudo dnf install -y nodejs | -
    Person tool:npm | package-lock.json | sudo dnf install -y npm | -
    Blocked install:javascript:npm | package-lock.json | npm ci | npm is missing
    ");
    insta::assert_snapshot!(on("macos"), @r"
    Person tool:node | .nvmrc (^20), package.json | brew install node | -
    Person tool:npm | package-lock.json | brew install node | -
    Blocked install:javascript:npm | package-lock.json | npm ci | npm is missing
    ");
    insta::assert_snapshot!(on("termux"), @r"
    Person tool:node | .nvmrc (^20), package.json | pkg install -y nodejs | -
    Person tool:npm | package-lock.json | pkg install -y nodejs | -
    Blocked install:javascript:npm | package-lock.json | npm ci | npm is missing
    ");
    insta::assert_snapshot!(on("unknown linux"), @r"
    Person tool:node | .nvmrc (^20), package.json |  | install node in its own way and put it on PATH
    Person tool:npm | package-lock.json |  | install npm in its own way and put it on PATH
    Blocked install:javascript:npm | package-lock.json | npm ci | npm is missing
    ");
}

#[test]
fn what_a_system_runs_in_does_not_change_the_plan() {
    let needs = needs(&[("package-lock.json", ""), (".nvmrc", "20")]);
    let debian = planned(&machine("debian", &["npm"]), &needs);
    for system in ["ubuntu", "pop", "wsl", "codespaces", "devcontainer"] {
        let machine = machine(system, &["npm"]);
        assert_eq!(planned(&machine, &needs), debian, "{system}");
        let inside = platform_info(&machine.platform).surroundings;
        assert_eq!(inside.len(), usize::from(!matches!(system, "ubuntu" | "pop")), "{system}");
    }
}

#[test]
fn versions_are_compared_and_what_cannot_be_compared_is_said() {
    let needs =
        needs(&[(".nvmrc", "20"), ("package.json", "{\"engines\": {\"node\": \"18 - 22\"}}")]);
    let node = |tool: &str| {
        let step = plan(&machine("debian", &[tool]), &needs, &[]).remove(0);
        format!("{:?}: {}", step.action, step.note.unwrap_or_default())
    };
    let unclear = "Done: the requirement \"18 - 22\" cannot be compared";
    assert_eq!(node("node 20.3.0"), unclear);
    assert_eq!(node("node 18.1.0"), "Person: 18.1.0 is here, .nvmrc asks for ^20");
    assert_eq!(node("node"), "Done: its version is not known; ^20 is asked for");
}

#[test]
fn version_managers_that_the_repository_uses_bring_tools_without_sudo() {
    let rust = needs(&[("rust-toolchain.toml", "[toolchain]\nchannel = '1.90'\n")]);
    insta::assert_snapshot!(planned(&machine("debian", &["rustup"]), &rust), @r"
    Run tool:rustc | rust-toolchain.toml (~1.90) | rustup toolchain install 1.90 | -
    Run tool:cargo | rust-toolchain.toml | rustup toolchain install 1.90 | -
    ");
    let mise = needs(&[("mise.toml", "[tools]\nnode = '22'\n")]);
    insta::assert_snapshot!(planned(&machine("debian", &["mise"]), &mise), @r"
    Done tool:mise | mise.toml |  | -
    Run tool:node | mise.toml (^22) | mise install | -
    Run install:mise:mise | mise.toml | mise install | -
    ");
}

#[test]
fn the_way_that_worked_here_before_is_preferred_while_it_can() {
    let needs = needs(&[("requirements.txt", "x\n")]);
    let fact = |key: &str| UpFact { key: key.into(), input_sha256: None };
    let chosen = |tools: &[&str], history: &[UpFact]| {
        let steps = plan(&machine("debian", tools), &needs, history);
        let step = steps.into_iter().find(|step| step.key.starts_with("install")).unwrap();
        (step.key, step.action)
    };
    let uv = ("install:python:uv".to_owned(), UpAction::Run);
    let pip = ("install:python:python3".to_owned(), UpAction::Run);
    let both = ["uv", "python3"];
    assert_eq!(chosen(&both, &[]), uv);
    assert_eq!(chosen(&["python3"], &[]), pip);
    assert_eq!(chosen(&both, &[fact(&pip.0)]), pip);
    assert_eq!(chosen(&both, &[fact(&pip.0), fact(&uv.0)]), uv);
    assert_eq!(chosen(&both, &[fact(&uv.0), fact(&pip.0)]), pip);
    assert_eq!(chosen(&["uv"], &[fact(&pip.0)]), uv);
    assert_eq!(chosen(&[], &[]), (uv.0, UpAction::Blocked));
    let pnpm = self::needs(&[("pnpm-lock.yaml", "x")]);
    let steps = plan(&machine("debian", &["corepack"]), &pnpm, &[]);
    assert_eq!(steps[0].commands[0].join(" "), "corepack pnpm install --frozen-lockfile");
    assert_eq!(steps[0].note.as_deref(), Some("pnpm is not here"));
}

#[test]
fn an_installation_is_unchanged_only_with_its_output_and_its_lockfile() {
    let before = needs(&[("package-lock.json", "1")]);
    let after = needs(&[("package-lock.json", "2")]);
    let mut here = machine("debian", &["npm"]);
    let first = plan(&here, &before, &[]).remove(0);
    assert_eq!(first.action, UpAction::Run);
    let history = [UpFact { key: first.key, input_sha256: first.input_sha256 }];
    assert_eq!(plan(&here, &before, &history)[0].action, UpAction::Run);
    here.outputs.insert("node_modules".to_owned());
    assert_eq!(plan(&here, &before, &history)[0].action, UpAction::Done);
    assert_eq!(plan(&here, &after, &history)[0].action, UpAction::Run);
}

const PROFILE: &str = "tasks:\n  up: {cmd: make deps, requires: {tools: {make: '>=4'}}}\n  \
                       test: {cmd: x, requires: {tools: {jq: '*'}, apt: [git, zsh]}}\n";

#[test]
fn the_profiles_own_task_takes_the_place_of_installations() {
    let needs = needs(&[(".wgx/profile.yml", PROFILE), ("package-lock.json", "")]);
    let here = machine("debian", &["make 4.3"]);
    insta::assert_snapshot!(planned(&here, &needs), @r"
    Done tool:make | task up (>=4) |  | 4.3
    (Person tool:jq | task test | sudo apt-get install --yes -- jq | -)
    Run task:up | the profile has a task for it | wgx run up | -
    (Person packages:tasks | requires of test | sudo apt-get install --yes -- zsh | -)
    ");
    let with_node = self::needs(&[(".wgx/profile.yml", PROFILE), (".nvmrc", "20")]);
    let node = plan(&here, &with_node, &[]).into_iter().find(|step| step.key == "tool:node");
    assert!(!node.unwrap().required, "the task may bring it");
    let files = [(".wgx/profile.yml".to_owned(), PROFILE.as_bytes().to_vec())];
    let loaded = parse("p.yml", PROFILE, Os::Linux);
    let within = find_needs(&RepoFiles::in_memory(files), Some(&loaded.profile), true);
    assert_eq!(within.up_task, None);
}

fn go(mode: UpMode, needs: &Needs, machine: &UpMachine, fail: &str) -> (UpReport, Vec<String>) {
    let mut ran = Vec::new();
    let mut run = |step: &UpStep| {
        ran.push(step.key.clone());
        StepEnd { exit_code: i32::from(step.key == fail) * 7, duration_ms: 3 }
    };
    let request = UpRequest { mode, trusted: true, needs, machine, history: &[] };
    let report = up(request, &mut run).unwrap();
    (report, ran)
}

#[test]
fn nothing_runs_without_trust_and_nothing_in_a_plan() {
    let needs = needs(&[("Cargo.lock", ""), ("Cargo.toml", "")]);
    let machine = machine("debian", &["cargo", "rustc 1.95.0"]);
    let request = UpRequest {
        mode: UpMode::Do,
        trusted: false,
        needs: &needs,
        machine: &machine,
        history: &[],
    };
    let error = up(request, &mut |_| panic!("ran without trust")).unwrap_err();
    assert_eq!(error, UpError::NeedsTrust { count: 1 });
    for mode in [UpMode::Plan, UpMode::Check] {
        let request = UpRequest { mode, ..request };
        let report = up(request, &mut |_| panic!("ran in a plan")).unwrap();
        assert!(report.fingerprint.is_none());
    }
}

#[test]
fn doing_runs_in_order_and_stops_at_the_first_failure() {
    let needs = needs(&[("Cargo.toml", ""), ("package-lock.json", "x"), ("go.mod", "go 1.20\n")]);
    let here = machine("debian", &["cargo", "rustc", "npm", "node", "go 1.22"]);
    let (report, ran) = go(UpMode::Do, &needs, &here, "");
    assert_eq!(ran, ["install:cargo:cargo", "install:javascript:npm", "install:go:go"]);
    assert!(report.ok && report.missing.is_empty());
    assert_eq!(exit_code(&report), 0);
    let facts = succeeded(&report);
    assert_eq!(facts.len(), 3);
    assert!(facts[1].input_sha256.is_some());
    let fingerprint = report.fingerprint.unwrap();
    assert_eq!(fingerprint.tools["go"], "1.22");
    assert_eq!(fingerprint.sha256.len(), 64);
    let (again, _) = go(UpMode::Do, &needs, &here, "");
    assert_eq!(again.fingerprint.unwrap().sha256, fingerprint.sha256);
    let (red, ran) = go(UpMode::Do, &needs, &here, "install:javascript:npm");
    assert_eq!(ran.len(), 2);
    assert!(!red.ok && red.fingerprint.is_none());
    let last = red.steps.last().unwrap();
    assert_eq!(last.note.as_deref(), Some("did not run: install:javascript:npm failed"));
    assert_eq!(exit_code(&red), 1);
}

#[test]
fn a_check_names_what_is_missing() {
    let needs = needs(&[("package-lock.json", ""), (".nvmrc", "20"), ("Cargo.toml", "")]);
    let (report, _) = go(UpMode::Check, &needs, &machine("debian", &["npm", "cargo", "rustc"]), "");
    assert_eq!(report.missing, ["get node (.nvmrc (^20))", "npm ci (package-lock.json)"]);
    assert_eq!(exit_code(&report), 1);
    let berry = self::needs(&[("yarn.lock", ""), (".yarnrc.yml", "")]);
    let (report, _) = go(UpMode::Check, &berry, &machine("debian", &["yarn"]), "");
    assert!(report.ok, "what is outside the repository cannot be missed");
    let nothing = self::needs(&[("README.md", "")]);
    let (report, _) = go(UpMode::Check, &nothing, &machine("debian", &[]), "");
    assert!(report.ok);
}

#[test]
fn what_only_a_task_asks_for_does_not_fail_the_rest() {
    let needs = needs(&[(".wgx/profile.yml", PROFILE)]);
    let (report, ran) = go(UpMode::Do, &needs, &machine("debian", &["make 4.3"]), "");
    assert_eq!(ran, ["task:up"]);
    assert!(report.ok, "{}", told(&report.steps));
    assert_eq!(report.missing.len(), 2);
    let (report, ran) =
        go(UpMode::Do, &needs, &machine("debian root ci", &["make 4.3"]), "packages:tasks");
    assert_eq!(ran, ["tool:jq", "task:up", "packages:tasks"]);
    assert!(report.ok);
}

#[test]
fn tools_are_looked_up_on_path_and_asked_for_their_version() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    for (name, line) in [("speaks", "echo speaks 3.2.1"), ("mise", "echo 9 >> asked")] {
        let file = dir.path().join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{line}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let environment = Vec::new();
    let asking = Asking {
        path: dir.path().as_os_str(),
        environment: &environment,
        dir: dir.path(),
        timeout_ms: 5_000,
        is_trusted: true,
        context: "",
    };
    let names = ["speaks", "mise", "absent"].map(str::to_owned).into();
    let facts = look_up_tools(&names, asking, &mut Facts::default());
    assert_eq!(facts["speaks"].version.as_deref(), Some("3.2.1"));
    assert!(facts["mise"].path.is_some() && facts["mise"].version.is_none());
    assert!(!dir.path().join("asked").exists(), "a version manager was started");
    assert_eq!(facts["absent"], ToolFact::default());
}
