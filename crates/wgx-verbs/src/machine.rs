//! This machine as a plan or a judgement looks at it: the platform, and the tools with their versions.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use wgx_tasks::files::RepoFiles;
use wgx_tasks::fingerprint::{pinned_files, version_context};
use wgx_tasks::platform::{self, PlatformSnapshot};
use wgx_tasks::process::Variables;
use wgx_tasks::tools::{Asking, VERSION_TIMEOUT_MS};

use crate::context::Context;
use crate::observe::FactsFile;
use crate::up::{Needs, ToolFact, ToolFacts, UpMachine, look_up_tools};

/// Files whose first plain channel rustup follows.
const RUST_TOOLCHAIN_FILES: [&str; 2] = ["rust-toolchain", "rust-toolchain.toml"];

/// Records the machine for a repository with these needs; `names` are the tools to look at. Tools are
/// asked inside the root only where it is trusted: a front there may start what the repository names.
pub(crate) fn record(
    context: &Context,
    needs: &Needs,
    names: &BTreeSet<String>,
    is_trusted: bool,
) -> UpMachine {
    let variables: BTreeMap<OsString, OsString> =
        context.environment.kept.iter().cloned().collect();
    let platform = platform::detect(&PlatformSnapshot::record(&variables));
    let mut tools = look_up(context, names, is_trusted);
    forget_absent_toolchain(&mut tools, needs);
    UpMachine::record(platform, tools, &context.root.path, needs)
}

/// Versions of tools, from the cache beside the memory where they are known.
pub(crate) fn look_up(context: &Context, names: &BTreeSet<String>, is_trusted: bool) -> ToolFacts {
    let root = &context.root.path;
    let mut known = FactsFile::open(&context.home);
    let environment = questions_environment(context, is_trusted);
    let dir = if is_trusted { root } else { Path::new("/") };
    let (_, toolchain_files) = pinned_files(root, &mut known.facts, &mut Vec::new());
    let digest = version_context(&environment, dir, &toolchain_files);
    let asking = Asking {
        path: context.variable("PATH").unwrap_or_default().as_ref(),
        environment: &environment,
        dir,
        timeout_ms: VERSION_TIMEOUT_MS,
        context: &digest,
        is_trusted,
    };
    let tools = look_up_tools(names, asking, &mut known.facts);
    if context.home.is_dir() {
        known.keep();
    }
    tools
}

/// A question must not make rustup download anything. Outside the root it is told the channel that the
/// repository pins, as long as that is a plain name and no path.
pub(crate) fn questions_environment(context: &Context, is_trusted: bool) -> Variables {
    let mut environment = context.environment.kept.clone();
    environment.push(("RUSTUP_AUTO_INSTALL".into(), "0".into()));
    let chosen = context.variable("RUSTUP_TOOLCHAIN").is_some();
    if !is_trusted
        && !chosen
        && let Some(channel) = pinned_channel(&context.root.path)
    {
        environment.push(("RUSTUP_TOOLCHAIN".into(), channel.into()));
    }
    environment
}

fn pinned_channel(root: &Path) -> Option<String> {
    let files = RepoFiles::new(root).ok()?;
    let text = RUST_TOOLCHAIN_FILES.iter().find_map(|file| files.read(file).ok().flatten())?;
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "channel").then(|| value.trim().trim_matches(['"', '\'']))
    });
    let channel = value.unwrap_or_else(|| text.trim());
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    (!channel.is_empty() && channel.chars().all(plain)).then(|| channel.to_owned())
}

/// rustup's fronts are on PATH even where the pinned toolchain is not installed; they then tell no
/// version.
fn forget_absent_toolchain(tools: &mut ToolFacts, needs: &Needs) {
    if tools.get("rustup").is_none_or(|fact| fact.path.is_none()) {
        return;
    }
    let pinned = needs.tools.iter().filter(|need| need.asked_by.starts_with("rust-toolchain"));
    for need in pinned {
        if let Some(fact) = tools.get_mut(&need.name)
            && fact.version.is_none()
        {
            *fact = ToolFact::default();
        }
    }
}
