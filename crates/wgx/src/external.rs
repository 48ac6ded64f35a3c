//! Verbs of other programs: `wgx NAME` starts `wgx-NAME` from the search path.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;

use wgx_tasks::process::clean_environment;

use crate::exit::{Exit, Failure};
use crate::settings;

/// Replaces this process by `wgx-NAME`; returns only when that is impossible.
#[expect(clippy::disallowed_methods, reason = "a face may hand over to another face")]
pub(crate) fn start(words: &[OsString]) -> anyhow::Result<Exit> {
    let Some((name, arguments)) = words.split_first() else {
        return Ok(Exit::Usage);
    };
    let name = name.to_string_lossy();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain {
        let program = format!("wgx-{name}");
        let environment = clean_environment(settings::environment().into_iter().collect(), "wgx");
        let error = std::process::Command::new(&program)
            .args(arguments)
            .env_clear()
            .envs(environment.kept)
            .exec();
        if error.kind() != std::io::ErrorKind::NotFound {
            return Err(Failure::code(
                126,
                format!("cannot start {program}: {error}"),
                "check its permissions",
            ));
        }
    }
    Err(Failure::usage(
        format!("`{name}` is neither a verb nor a program wgx-{name} on the search path"),
        format!("`wgx help` lists the verbs; `wgx run {name}` runs a task of that name"),
    ))
}
