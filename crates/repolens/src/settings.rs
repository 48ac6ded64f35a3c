//! The only place that reads the environment and the working directory.

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;

use crate::exit::UsageError;

/// Answers a shell that asks for completions (it sets `COMPLETE`) and ends the process then.
pub(crate) fn complete_if_asked(command: fn() -> clap::Command) {
    clap_complete::CompleteEnv::with_factory(command).complete();
}

/// The time of a merge: `SOURCE_DATE_EPOCH` in seconds since 1970, else now.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub(crate) fn generated_at() -> anyhow::Result<Timestamp> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty())
    else {
        return Ok(Timestamp::now());
    };
    let seconds = value.to_str().and_then(|value| value.parse().ok());
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or_else(|| {
        UsageError::with_hint(
            format!("SOURCE_DATE_EPOCH is `{}`, which is no time", value.to_string_lossy()),
            "it is a whole number of seconds since 1970, such as `git log -1 --format=%ct`",
        )
    })
}

/// The working directory.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the working directory")]
pub(crate) fn working_directory() -> anyhow::Result<PathBuf> {
    std::env::current_dir().context("cannot read the working directory")
}

/// Where facts are kept between runs: below `HAUSKI_HOME`, else `$XDG_CACHE_HOME/hauski`, else
/// `~/.cache/hauski`. Nothing where there is no home folder.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub(crate) fn cache() -> Option<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification says to ignore relative paths.
    let caches = || variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let below =
        || caches().or_else(|| Some(variable("HOME").filter(|home| home.is_dir())?.join(".cache")));
    let home = variable("HAUSKI_HOME").or_else(|| Some(below()?.join("hauski")))?;
    let here = working_directory().ok()?;
    Some(here.join(home).join("repolens/facts"))
}

/// Where settings of this person lie: `$XDG_CONFIG_HOME/hauski`, else `~/.config/hauski`.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub(crate) fn configuration() -> anyhow::Result<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    folder.map(|folder| folder.join("hauski")).ok_or_else(|| {
        UsageError::with_hint(
            "there is no configuration folder",
            "set HOME or XDG_CONFIG_HOME to an absolute path",
        )
    })
}
