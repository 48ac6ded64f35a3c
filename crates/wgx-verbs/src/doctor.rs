//! `wgx doctor`: judges facts about this machine and this repository, each with what to do.

pub mod here;
mod home;
mod tools;

use contracts::wgx::doctor::{DoctorFinding, DoctorReport, DoctorStatus, SCHEMA};
use contracts::wgx::up::PlatformInfo;
use wgx_tasks::profile::LoadedProfile;
use wgx_tasks::task::FoundTask;

use crate::context::Terminal;
use crate::up::{Needs, ToolFacts, UpMachine, platform_info};
use crate::validate::validate;

pub use home::{HomeState, look_at_home};
pub use tools::tools_to_ask;

/// Everything that doctor judges. The caller collects it; judging starts nothing.
#[derive(Clone, Copy, Debug)]
pub struct DoctorFacts<'a> {
    /// The machine, with facts about the tools of [`tools_to_ask`].
    pub machine: &'a UpMachine,
    /// What the repository needs.
    pub needs: &'a Needs,
    /// The discovered tasks.
    pub tasks: &'a [FoundTask],
    /// The profile, when there is one.
    pub profile: Option<&'a LoadedProfile>,
    /// The repository's version control.
    pub git: &'a GitFacts,
    /// Where the memory lies.
    pub home: &'a HomeFacts,
    /// The state of the memory.
    pub memory: &'a MemoryState,
    /// The person's trust in the repository.
    pub trust: TrustState,
    /// Terminal and locale.
    pub terminal: &'a TerminalFacts,
    /// Variables that were removed from the environment because `cargo run` had set them.
    pub removed_environment: &'a [String],
}

/// The repository's version control.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// Whether the root lies in a git work tree.
    pub in_work_tree: bool,
    /// URL of `origin`, without user and password.
    pub origin: Option<String>,
}

/// The folder of the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeFacts {
    /// Its path.
    pub path: String,
    /// Whether it can be written ([`look_at_home`]).
    pub state: HomeState,
}

/// The state of the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryState {
    /// There is none yet.
    Absent,
    /// It was checked and is sound.
    Sound {
        /// How many runs it holds.
        runs: u64,
    },
    /// It was written by a newer wgx.
    Newer {
        /// What was said about it.
        message: String,
    },
    /// It is damaged or cannot be read.
    Broken {
        /// What was said about it.
        message: String,
    },
}

/// The person's trust in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustState {
    /// Trusted as it is now.
    Trusted,
    /// Never asked.
    Unknown,
    /// Trusted once; its content has changed since.
    Changed,
}

/// Terminal and locale.
#[derive(Clone, Debug, Default)]
pub struct TerminalFacts {
    /// Which streams are terminals.
    pub streams: Terminal,
    /// `TERM`.
    pub term: Option<String>,
    /// Locale as the environment states it (`de_DE.UTF-8`).
    pub locale: Option<String>,
}

/// Judges all facts.
pub fn doctor(facts: DoctorFacts<'_>) -> DoctorReport {
    let platform = platform_info(&facts.machine.platform);
    let mut findings = vec![machine(&platform)];
    findings.extend(shells(&facts.machine.tools));
    findings.extend(terminal(facts.terminal));
    findings.extend(environment(facts.removed_environment));
    findings.extend(tools::judge(&facts));
    findings.extend(repository(&facts));
    findings.extend(profile(facts.profile));
    findings.push(home(facts.home));
    findings.push(memory(facts.memory));
    let ok = findings.iter().all(|finding| finding.status != DoctorStatus::Fail);
    DoctorReport { schema: SCHEMA.to_owned(), ok, platform, findings }
}

/// Exit code of the verb: 0 without failures, 1 otherwise.
pub fn exit_code(report: &DoctorReport) -> u8 {
    u8::from(!report.ok)
}

/// A finding's topic and subject.
type About<'a> = (&'a str, &'a str);

fn good(about: About<'_>, message: impl Into<String>) -> DoctorFinding {
    finding(about, DoctorStatus::Ok, message.into(), None)
}

fn warn(about: About<'_>, message: impl Into<String>, advice: &str) -> DoctorFinding {
    finding(about, DoctorStatus::Warn, message.into(), Some(advice))
}

fn fail(about: About<'_>, message: impl Into<String>, advice: &str) -> DoctorFinding {
    finding(about, DoctorStatus::Fail, message.into(), Some(advice))
}

fn finding(
    about: About<'_>,
    status: DoctorStatus,
    message: String,
    advice: Option<&str>,
) -> DoctorFinding {
    DoctorFinding {
        topic: about.0.to_owned(),
        subject: about.1.to_owned(),
        status,
        message,
        advice: advice.map(str::to_owned),
    }
}

fn machine(platform: &PlatformInfo) -> DoctorFinding {
    let mut message = format!("{}, {}", platform.label, platform.machine);
    if !platform.surroundings.is_empty() {
        message.push_str(&format!(", in {}", platform.surroundings.join(" and ")));
    }
    good(("machine", "system"), message)
}

fn shells(tools: &ToolFacts) -> Vec<DoctorFinding> {
    let here = |name: &str| tools.get(name).is_some_and(|fact| fact.path.is_some());
    let about = ("machine", "shell");
    vec![match (here("bash"), here("sh")) {
        (true, _) => good(about, "bash runs the tasks of a profile"),
        (false, true) => {
            let advice = "install bash if a task uses more than POSIX";
            warn(about, "there is no bash; sh runs the tasks of a profile", advice)
        }
        (false, false) => fail(about, "there is neither bash nor sh on PATH", "install bash"),
    }]
}

fn terminal(facts: &TerminalFacts) -> Vec<DoctorFinding> {
    let about = ("machine", "terminal");
    let streams = facts.streams;
    let kind = facts.term.as_deref().unwrap_or("dumb");
    let seen = if streams.stdin && streams.stdout {
        good(about, format!("interactive, {kind}"))
    } else {
        good(about, "not interactive: questions need --yes")
    };
    let utf8 = |locale: &str| locale.to_lowercase().replace('-', "").contains("utf8");
    let about = ("machine", "locale");
    let locale = match facts.locale.as_deref() {
        Some(locale) if utf8(locale) => good(about, locale),
        Some(locale) => {
            warn(about, format!("{locale} is not UTF-8"), "set LANG to a UTF-8 locale (C.UTF-8)")
        }
        None => warn(about, "no locale is set", "set LANG to a UTF-8 locale (C.UTF-8)"),
    };
    vec![seen, locale]
}

fn environment(removed: &[String]) -> Option<DoctorFinding> {
    let message = format!("tasks do not see what cargo run had added: {}", removed.join(", "));
    (!removed.is_empty()).then(|| good(("machine", "environment"), message))
}

fn repository(facts: &DoctorFacts<'_>) -> Vec<DoctorFinding> {
    let about = ("repository", "git");
    let git = match (facts.git.in_work_tree, &facts.git.origin) {
        (true, Some(origin)) => good(about, format!("origin is {origin}")),
        (true, None) => {
            let advice = "add one (git remote add origin URL), so that clones share their memory";
            warn(about, "there is no remote origin", advice)
        }
        (false, _) => {
            let advice = "run git init here, or start wgx inside a repository";
            warn(about, "not inside a git work tree", advice)
        }
    };
    let about = ("repository", "trust");
    let trust = match facts.trust {
        TrustState::Trusted => good(about, "trusted as it is now"),
        TrustState::Unknown => {
            let advice = "read its tasks, then wgx trust lets wgx start them by itself";
            warn(about, "not trusted: only tasks named by you run", advice)
        }
        TrustState::Changed => {
            let advice = "look at what changed, then wgx trust again";
            warn(about, "changed since it was trusted: only tasks named by you run", advice)
        }
    };
    let about = ("repository", "tasks");
    let tasks = match facts.tasks.len() {
        0 => warn(about, "no tasks were found", "wgx init writes a profile to start from"),
        count => good(about, format!("{count} found")),
    };
    vec![git, trust, tasks]
}

/// Every problem of the profile is a finding of its own, with its place.
fn profile(loaded: Option<&LoadedProfile>) -> Vec<DoctorFinding> {
    let about = ("profile", "profile");
    let Some(loaded) = loaded else {
        return vec![good(about, "none; the tasks of other files are enough")];
    };
    let report = validate(Some(loaded));
    if report.problems.is_empty() {
        return vec![good(about, format!("{} keeps its contract", loaded.profile.file))];
    }
    let found = |problem: &contracts::wgx::validate::ProfileProblem| {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let message = format!("{}{line}: {}", problem.file, problem.message);
        let about = ("profile", problem.code.as_str());
        if problem.severity == "error" {
            fail(about, message, &problem.hint)
        } else {
            warn(about, message, &problem.hint)
        }
    };
    report.problems.iter().map(found).collect()
}

fn home(facts: &HomeFacts) -> DoctorFinding {
    let about = ("memory", "home");
    let path = &facts.path;
    match &facts.state {
        HomeState::Writable => good(about, path),
        HomeState::Creatable => good(about, format!("{path} will be made by the first run")),
        HomeState::Refused(why) => {
            let advice = "make the folder writable, or set HAUSKI_HOME to one that is";
            fail(about, format!("{path} cannot be written: {why}"), advice)
        }
    }
}

fn memory(state: &MemoryState) -> DoctorFinding {
    let about = ("memory", "store");
    match state {
        MemoryState::Absent => good(about, "empty so far"),
        MemoryState::Sound { runs: 1 } => good(about, "sound, 1 run"),
        MemoryState::Sound { runs } => good(about, format!("sound, {runs} runs")),
        MemoryState::Newer { message } => {
            fail(about, message, "use the newer wgx that wrote it, or another HAUSKI_HOME")
        }
        MemoryState::Broken { message } => {
            let advice =
                "wgx memory check names the damage; wgx memory import restores from a pack";
            fail(about, message, advice)
        }
    }
}

#[cfg(test)]
mod tests;
