//! What doctor says about good and bad states.

use std::collections::{BTreeMap, BTreeSet};

use wgx_tasks::files::RepoFiles;
use wgx_tasks::platform::{PlatformSnapshot, detect};
use wgx_tasks::profile::{Os, parse};

use super::*;
use crate::up::{ToolFact, find_needs};

struct World {
    files: Vec<(&'static str, &'static str)>,
    tools: Vec<&'static str>,
    git: GitFacts,
    home: HomeState,
    memory: MemoryState,
    trust: TrustState,
    locale: Option<&'static str>,
}

impl World {
    fn good() -> Self {
        Self {
            files: vec![
                ("Cargo.toml", "[package]\nrust-version = '1.80'\n"),
                (
                    ".wgx/profile.yml",
                    "wgx: {apiVersion: v1, tasks: {t: [prog, x], u: {cmd: y, requires: {tools: {jq: '*'}}}}}\n",
                ),
            ],
            tools: vec!["git 2.47.3", "bash", "sh", "cargo", "rustc 1.95.0", "prog", "jq 1.7"],
            git: GitFacts { in_work_tree: true, origin: Some("https://host/r".into()) },
            home: HomeState::Writable,
            memory: MemoryState::Sound { runs: 3 },
            trust: TrustState::Trusted,
            locale: Some("de_DE.UTF-8"),
        }
    }

    fn doctor(&self) -> DoctorReport {
        let owned =
            self.files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        let files = RepoFiles::in_memory(owned);
        let text = files.read(".wgx/profile.yml").unwrap();
        let loaded = text.map(|text| parse(".wgx/profile.yml", &text, Os::Linux));
        let needs = find_needs(&files, loaded.as_ref().map(|loaded| &loaded.profile), false);
        let tasks = loaded.as_ref().map_or_else(Vec::new, |loaded| loaded.profile.found_tasks(""));
        let platform = detect(&PlatformSnapshot {
            os: "linux".into(),
            os_release: Some("ID=debian\nPRETTY_NAME=Debian\n".into()),
            machine: "x86_64".into(),
            ..PlatformSnapshot::default()
        });
        let fact = |tool: &&str| {
            let (name, version) = tool.split_once(' ').map_or((*tool, None), |(n, v)| (n, Some(v)));
            let path = Some(format!("/bin/{name}"));
            (name.to_owned(), ToolFact { path, version: version.map(str::to_owned) })
        };
        let tools: BTreeMap<String, ToolFact> = self.tools.iter().map(fact).collect();
        let (packages, outputs) = (None, BTreeSet::new());
        let machine = UpMachine { platform, tools, packages, outputs };
        doctor(DoctorFacts {
            machine: &machine,
            needs: &needs,
            tasks: &tasks,
            profile: loaded.as_ref(),
            git: &self.git,
            home: &HomeFacts { path: "/h/hauski".into(), state: self.home.clone() },
            memory: &self.memory,
            trust: self.trust,
            terminal: &TerminalFacts {
                locale: self.locale.map(str::to_owned),
                ..TerminalFacts::default()
            },
            removed_environment: &["CARGO_PKG_NAME".to_owned()],
        })
    }
}

fn told(report: &DoctorReport) -> String {
    let line = |finding: &DoctorFinding| {
        let advice = finding.advice.as_ref().map(|advice| format!(" -> {advice}"));
        format!(
            "{:?} {}/{}: {}{}",
            finding.status,
            finding.topic,
            finding.subject,
            finding.message,
            advice.unwrap_or_default()
        )
    };
    report.findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_state() {
    let report = World::good().doctor();
    assert!(report.ok);
    assert_eq!(exit_code(&report), 0);
    insta::assert_snapshot!(told(&report), @r"
    Ok machine/system: Debian, x86_64
    Ok machine/shell: bash runs the tasks of a profile
    Ok machine/terminal: not interactive: questions need --yes
    Ok machine/locale: de_DE.UTF-8
    Ok machine/environment: tasks do not see what cargo run had added: CARGO_PKG_NAME
    Ok tools/git: 2.47.3
    Ok tools/rustc: 1.95.0 for Cargo.toml (>=1.80)
    Ok tools/cargo: here for Cargo.toml
    Ok tools/jq: 1.7 for task u
    Ok repository/git: origin is https://host/r
    Ok repository/trust: trusted as it is now
    Ok repository/tasks: 2 found
    Ok profile/profile: .wgx/profile.yml keeps its contract
    Ok memory/home: /h/hauski
    Ok memory/store: sound, 3 runs
    ");
}

#[test]
fn a_bad_state_says_what_to_do() {
    let report = World {
        files: vec![
            ("Cargo.toml", "[package]\nrust-version = '1.99'\n"),
            (".nvmrc", "20"),
            (".wgx/profile.yml", "wgx:\n  apiVersion: v9\n  tasks: {t: [prog, x], u: {cmd: y, requires: {tools: {jq: '*'}}}}\n"),
        ],
        tools: vec!["sh", "cargo", "rustc 1.95.0"],
        git: GitFacts { in_work_tree: true, origin: None },
        home: HomeState::Refused("read-only file system".into()),
        memory: MemoryState::Broken { message: "page 7 is damaged".into() },
        trust: TrustState::Changed,
        locale: Some("C"),
    }
    .doctor();
    assert!(!report.ok);
    assert_eq!(exit_code(&report), 1);
    insta::assert_snapshot!(told(&report), @r"
    Ok machine/system: Debian, x86_64
    Warn machine/shell: there is no bash; sh runs the tasks of a profile -> install bash if a task uses more than POSIX
    Ok machine/terminal: not interactive: questions need --yes
    Warn machine/locale: C is not UTF-8 -> set LANG to a UTF-8 locale (C.UTF-8)
    Ok machine/environment: tasks do not see what cargo run had added: CARGO_PKG_NAME
    Fail tools/git: is not on PATH -> install git
    Fail tools/rustc: 1.95.0 is here, Cargo.toml asks for >=1.99; asked for by Cargo.toml (>=1.99) -> update rustc
    Ok tools/cargo: here for Cargo.toml
    Fail tools/node: get node; asked for by .nvmrc (^20) -> run: sudo apt-get install --yes -- nodejs
    Warn tools/jq: get jq; asked for by task u -> run: sudo apt-get install --yes -- jq
    Warn tools/prog: is not on PATH; tasks that start it: 1 -> install prog to run them
    Warn repository/git: there is no remote origin -> add one (git remote add origin URL), so that clones share their memory
    Warn repository/trust: changed since it was trusted: only tasks named by you run -> look at what changed, then wgx trust again
    Ok repository/tasks: 2 found
    Fail profile/unsupported_apiVersion: .wgx/profile.yml:2: apiVersion v9 is unknown -> this wgx knows v1 and v1.1
    Fail memory/home: /h/hauski cannot be written: read-only file system -> make the folder writable, or set HAUSKI_HOME to one that is
    Fail memory/store: page 7 is damaged -> wgx memory check names the damage; wgx memory import restores from a pack
    ");
    let advised =
        |finding: &DoctorFinding| finding.advice.is_some() == (finding.status != DoctorStatus::Ok);
    assert!(report.findings.iter().all(advised));
}

#[test]
fn an_empty_folder_without_anything_is_no_failure_of_the_machine() {
    let world = World {
        files: vec![],
        git: GitFacts::default(),
        home: HomeState::Creatable,
        memory: MemoryState::Absent,
        trust: TrustState::Unknown,
        locale: None,
        ..World::good()
    };
    let report = world.doctor();
    assert!(report.ok, "{}", told(&report));
    assert!(told(&report).contains("Warn repository/tasks: no tasks were found"));
}

#[test]
fn a_home_is_probed_by_writing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(look_at_home(dir.path()), HomeState::Writable);
    assert_eq!(look_at_home(&dir.path().join("a/b")), HomeState::Creatable);
    // A file in the folder's place refuses even root.
    std::fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(look_at_home(&dir.path().join("file/x")), HomeState::Refused(_)));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
