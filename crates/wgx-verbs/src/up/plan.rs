//! The plan: a pure function of the machine, the needs and what worked here before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contracts::wgx::up::{UpAction, UpStep};
use wgx_tasks::platform::{PackageManager, Platform, is_deb_name};
use wgx_tasks::tools::{Requirement, Version};

use super::installs::{InstallNeed, Way};
use super::needs::{Needs, PackageNeed, ToolNeed};
use super::{ToolFact, ToolFacts, sha256};

/// A recorded machine.
#[derive(Clone, Debug)]
pub struct UpMachine {
    /// What it is.
    pub platform: Platform,
    /// Facts about the tools of [`super::tools_to_ask`]; a tool without facts counts as missing.
    pub tools: ToolFacts,
    /// Names of installed packages, where the system tells them.
    pub packages: Option<BTreeSet<String>>,
    /// Of the outputs of installations, those that exist in the root (`node_modules`, `.venv`).
    pub outputs: BTreeSet<String>,
}

impl UpMachine {
    /// Records what can be seen without starting a program; `tools` were asked for by the caller
    /// ([`super::tools_to_ask`]).
    pub fn record(platform: Platform, tools: ToolFacts, root: &Path, needs: &Needs) -> Self {
        let asked = !needs.packages.is_empty();
        let packages = platform.packages.filter(|_| asked).and_then(PackageManager::installed);
        let outputs = needs.installs.iter().filter_map(|install| install.output);
        let there = outputs.filter(|output| root.join(output).is_dir()).map(str::to_owned);
        Self { platform, tools, packages, outputs: there.collect() }
    }
}

/// A step that succeeded on this device earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpFact {
    /// Key of the step.
    pub key: String,
    /// SHA-256 of the files that decided its result.
    pub input_sha256: Option<String>,
}

/// Plans the steps in the order in which they must run: packages, tools, installations,
/// then the packages that only single tasks ask for.
pub fn plan(machine: &UpMachine, needs: &Needs, history: &[UpFact]) -> Vec<UpStep> {
    let mut planner = Planner { machine, needs, history, coming: BTreeSet::new() };
    let mut steps: Vec<UpStep> = Vec::new();
    steps.extend(planner.packages(true));
    let tools = planner.tools();
    let coming = tools.iter().filter(|step| step.action == UpAction::Run);
    planner.coming = coming.filter_map(|step| tool_of(&step.key)).collect();
    steps.extend(tools);
    match &needs.up_task {
        Some(task) => steps.push(planner.task(task)),
        None => steps.extend(needs.installs.iter().map(|install| planner.install(install))),
    }
    steps.extend(planner.packages(false));
    steps
}

/// Whether a step's result lies outside the repository, where nothing can be seen.
pub(super) fn is_unseen(key: &str, needs: &Needs) -> bool {
    let Some(rest) = key.strip_prefix("install:") else {
        return key.starts_with("task:");
    };
    let kind = rest.split(':').next().unwrap_or_default();
    needs.installs.iter().any(|install| install.kind == kind && install.output.is_none())
}

struct Planner<'a> {
    machine: &'a UpMachine,
    needs: &'a Needs,
    history: &'a [UpFact],
    /// Tools that an earlier step brings.
    coming: BTreeSet<String>,
}

fn tool_of(key: &str) -> Option<String> {
    key.strip_prefix("tool:").map(str::to_owned)
}

impl Planner<'_> {
    /// All missing packages in one command: those that `up` itself needs, or those of single tasks.
    fn packages(&self, required: bool) -> Option<UpStep> {
        let asked: Vec<&PackageNeed> =
            self.needs.packages.iter().filter(|package| package.required == required).collect();
        if asked.is_empty() {
            return None;
        }
        let installed = |package: &&&PackageNeed| {
            self.machine.packages.as_ref().is_none_or(|known| !known.contains(&package.name))
        };
        let missing: BTreeSet<String> =
            asked.iter().filter(installed).map(|package| package.name.clone()).collect();
        let tasks: BTreeSet<&str> = asked.iter().map(|package| &*package.task).collect();
        let tasks: Vec<&str> = tasks.into_iter().collect();
        let mut step = step(
            if required { "packages" } else { "packages:tasks" },
            format!("packages {}", names(&asked)),
            format!("requires of {}", tasks.join(", ")),
        );
        step.required = required;
        if missing.is_empty() {
            return Some(step);
        }
        step.title =
            format!("install packages {}", missing.iter().cloned().collect::<Vec<_>>().join(" "));
        let (missing, wrong): (Vec<String>, Vec<String>) =
            missing.into_iter().partition(|name| is_deb_name(name));
        if !missing.is_empty() {
            self.system_packages(&mut step, &missing);
        }
        if !wrong.is_empty() {
            step.action = UpAction::Person;
            step.note = Some(format!("no name of a package: {}", wrong.join(" ")));
            return Some(step);
        }
        if self.machine.packages.is_none() {
            step.note = Some("which packages are installed is not known here".to_owned());
        }
        Some(step)
    }

    /// Only apt as root in CI is run; everything else is the person's.
    fn system_packages(&self, step: &mut UpStep, packages: &[String]) {
        let platform = &self.machine.platform;
        let Some(manager) = platform.packages else {
            step.action = UpAction::Person;
            step.note = Some("use this system's package manager".to_owned());
            return;
        };
        let mut command = manager.install(packages);
        step.needs_sudo = manager.needs_root() && !platform.is_root;
        if step.needs_sudo {
            command.insert(0, "sudo".to_owned());
        }
        step.commands = vec![command];
        let unattended = platform.is_ci && platform.is_root && manager == PackageManager::Apt;
        if unattended {
            // A fresh image has no package lists.
            step.commands.insert(0, words(&["apt-get", "update"]));
        }
        step.action = if unattended { UpAction::Run } else { UpAction::Person };
    }

    /// One step for each tool; a tool that several ask for must fit them all.
    fn tools(&self) -> Vec<UpStep> {
        let of_installs = self.tools_of_installs();
        let mut asked: BTreeMap<&str, Vec<&ToolNeed>> = BTreeMap::new();
        let mut order: Vec<&str> = Vec::new();
        for need in self.needs.tools.iter().chain(&of_installs) {
            let needs = asked.entry(&need.name).or_default();
            if needs.is_empty() {
                order.push(&need.name);
            }
            needs.push(need);
        }
        order.into_iter().map(|name| self.tool(name, &asked[name])).collect()
    }

    /// For an installation that no way is open to: the tool of the preferred one.
    fn tools_of_installs(&self) -> Vec<ToolNeed> {
        if self.needs.up_task.is_some() {
            return Vec::new();
        }
        let shut = |install: &&InstallNeed| !install.ways.iter().any(|way| self.available(way));
        let installs = self.needs.installs.iter().filter(shut);
        installs
            .map(|install| ToolNeed::new(&install.ways[0].tool, None, &install.files[0]))
            .collect()
    }

    fn tool(&self, name: &str, needs: &[&ToolNeed]) -> UpStep {
        let reasons: Vec<String> = needs.iter().map(|need| need_text(need)).collect();
        let mut step = step(&format!("tool:{name}"), name.to_owned(), reasons.join(", "));
        step.required = needs.iter().any(|need| need.required && self.is_ours(need));
        let fact = self.machine.tools.get(name).cloned().unwrap_or_default();
        match judge(&fact, needs) {
            Verdict::Fits => step.note = fact.version,
            Verdict::Unknown(note) => step.note = Some(note),
            Verdict::Missing => {
                step.title = format!("get {name}");
                if !self.managed(&mut step, name, needs) {
                    self.get_from_system(&mut step, name);
                }
            }
            Verdict::Other(note) => {
                step.title = format!("get another version of {name}");
                step.note = Some(note);
                // The system's package would be the same version again.
                if !self.managed(&mut step, name, needs) {
                    step.action = UpAction::Person;
                }
            }
        }
        step
    }

    /// Where the profile has a task `up`, that task may bring what the toolchain files ask for.
    fn is_ours(&self, need: &ToolNeed) -> bool {
        self.needs.up_task.is_none() || need.asked_by.starts_with("task ")
    }

    /// Whether a version manager that the repository uses, and that is here, brings the tool.
    fn managed(&self, step: &mut UpStep, name: &str, needs: &[&ToolNeed]) -> bool {
        let asks = |file: &str| needs.iter().any(|need| need.asked_by == file);
        let toolchain = asks("rust-toolchain.toml") || asks("rust-toolchain");
        let mise = asks("mise.toml") || asks(".mise.toml") || asks(".tool-versions");
        let command = if toolchain && self.has("rustup") {
            self.rustup_command()
        } else if mise && name != "mise" && self.has("mise") {
            words(&["mise", "install"])
        } else {
            return false;
        };
        step.action = UpAction::Run;
        step.commands = vec![command];
        true
    }

    /// The pinned channel, or (a channel by name) what makes rustup get it.
    fn rustup_command(&self) -> Vec<String> {
        let mut pins =
            self.needs.tools.iter().filter(|need| need.asked_by.starts_with("rust-tool"));
        match pins.find_map(|need| need.requirement.as_deref()) {
            Some(pin) => {
                words(&["rustup", "toolchain", "install", pin.trim_start_matches(['=', '~', '^'])])
            }
            None => words(&["rustup", "show", "active-toolchain"]),
        }
    }

    fn get_from_system(&self, step: &mut UpStep, name: &str) {
        let manager = self.machine.platform.packages;
        if let Some(package) = manager.and_then(|manager| package_of(name, manager)) {
            return self.system_packages(step, &[package]);
        }
        step.action = UpAction::Person;
        step.note = Some(format!("install {name} in its own way and put it on PATH"));
    }

    fn task(&self, name: &str) -> UpStep {
        let reason = "the profile has a task for it".to_owned();
        let mut step = step(&format!("task:{name}"), format!("run the task {name}"), reason);
        step.action = UpAction::Run;
        step.commands = vec![words(&["wgx", "run", name])];
        let digests: Vec<&str> = self.needs.digests.values().map(String::as_str).collect();
        step.input_sha256 = (!digests.is_empty()).then(|| sha256(digests.join("\n").as_bytes()));
        step
    }

    fn install(&self, install: &InstallNeed) -> UpStep {
        let (way, note) = self.choose(install);
        let key = format!("install:{}:{}", install.kind, way_name(way));
        let commands: Vec<String> = way.commands.iter().map(|words| words.join(" ")).collect();
        let mut step = step(&key, commands.join(", then "), install.files.join(", "));
        step.commands.clone_from(&way.commands);
        step.note = note;
        step.input_sha256 = self.input(install);
        step.action = if !self.available(way) {
            step.note = Some(format!("{} is missing", way.tool));
            UpAction::Blocked
        } else if self.is_unchanged(install, &step) {
            step.note = Some("unchanged since it last succeeded".to_owned());
            UpAction::Done
        } else {
            UpAction::Run
        };
        step
    }

    /// The way that worked here last, if it still can; else the first that can; else the first.
    fn choose<'n>(&self, install: &'n InstallNeed) -> (&'n Way, Option<String>) {
        let key = |way: &Way| format!("install:{}:{}", install.kind, way_name(way));
        let last = |way: &&Way| self.history.iter().rposition(|fact| fact.key == key(way));
        let able = || install.ways.iter().filter(|way| self.available(way));
        let worked = able().filter(|way| last(way).is_some()).max_by_key(last);
        if let Some(worked) = worked {
            let several = install.ways.len() > 1;
            return (worked, several.then(|| "this way worked here before".to_owned()));
        }
        let first = able().next().unwrap_or(&install.ways[0]);
        let passed_over = install.ways.iter().take_while(|way| *way != first);
        let absent: Vec<&str> = passed_over.map(|way| &*way.tool).collect();
        let note = (!absent.is_empty()).then(|| format!("{} is not here", absent.join(", ")));
        (first, note)
    }

    fn available(&self, way: &Way) -> bool {
        way.tool.starts_with("./") || self.has(&way.tool) || self.coming.contains(&way.tool)
    }

    fn has(&self, tool: &str) -> bool {
        self.machine.tools.get(tool).is_some_and(|fact| fact.path.is_some())
    }

    fn input(&self, install: &InstallNeed) -> Option<String> {
        let digests: Vec<&str> = install
            .files
            .iter()
            .filter_map(|file| Some(&**self.needs.digests.get(file)?))
            .collect();
        (!digests.is_empty()).then(|| sha256(digests.join("\n").as_bytes()))
    }

    /// Only what can be seen in the repository can be called unchanged.
    fn is_unchanged(&self, install: &InstallNeed, step: &UpStep) -> bool {
        let there = install.output.is_some_and(|output| self.machine.outputs.contains(output));
        let last = self.history.iter().rfind(|fact| fact.key == step.key);
        there
            && step.input_sha256.is_some()
            && last.is_some_and(|fact| fact.input_sha256 == step.input_sha256)
    }
}

/// The tool's name is part of the key: history tells the ways of one installation apart by it.
fn way_name(way: &Way) -> &str {
    way.tool.trim_start_matches("./")
}

enum Verdict {
    Fits,
    Missing,
    Other(String),
    Unknown(String),
}

fn judge(fact: &ToolFact, needs: &[&ToolNeed]) -> Verdict {
    if fact.path.is_none() {
        return Verdict::Missing;
    }
    let version = fact.version.as_deref().and_then(Version::parse);
    for need in needs {
        let Some(text) = &need.requirement else { continue };
        let Ok(requirement) = Requirement::parse(text) else {
            return Verdict::Unknown(format!("the requirement {text:?} cannot be compared"));
        };
        let Some(version) = &version else {
            return Verdict::Unknown(format!("its version is not known; {text} is asked for"));
        };
        if !requirement.fits(version) {
            let by = &need.asked_by;
            return Verdict::Other(format!("{version} is here, {by} asks for {text}"));
        }
    }
    Verdict::Fits
}

fn need_text(need: &ToolNeed) -> String {
    match &need.requirement {
        Some(requirement) => format!("{} ({requirement})", need.asked_by),
        None => need.asked_by.clone(),
    }
}

fn names(packages: &[&PackageNeed]) -> String {
    let names: BTreeSet<&str> = packages.iter().map(|package| &*package.name).collect();
    names.into_iter().collect::<Vec<_>>().join(" ")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn step(key: &str, title: String, reason: String) -> UpStep {
    UpStep {
        key: key.to_owned(),
        title,
        reason,
        commands: Vec::new(),
        action: UpAction::Done,
        needs_sudo: false,
        required: true,
        note: None,
        input_sha256: None,
        exit_code: None,
        duration_ms: None,
    }
}

/// The package that brings a tool, where its name is known to be right; version managers of
/// languages are left to the person.
fn package_of(tool: &str, manager: PackageManager) -> Option<String> {
    use PackageManager::{Apk, Apt, Brew, Dnf, Nix, Pacman, Pkg, Zypper};
    let package = match (tool, manager) {
        ("npm", Apt | Apk | Dnf | Pacman) => "npm",
        ("node" | "npm", Brew) => "node",
        ("node" | "npm", _) => "nodejs",
        ("python3", Apt | Apk | Dnf | Zypper | Nix) => "python3",
        ("python3", _) => "python",
        ("go", Apt) => "golang-go",
        ("go", Pkg) => "golang",
        ("go", _) => "go",
        ("ruby", Apt) => "ruby-full",
        ("ruby" | "git" | "jq" | "make" | "just" | "shellcheck" | "php" | "composer", _) => tool,
        ("bundle", Apt) => "bundler",
        ("bundle", _) => "ruby",
        ("java", Apt) => "default-jdk",
        ("java", Brew) => "openjdk",
        ("mvn", _) => "maven",
        ("gradle", _) => "gradle",
        ("cargo" | "rustc", Pkg | Brew | Pacman) => "rust",
        _ => return None,
    };
    Some(package.to_owned())
}
