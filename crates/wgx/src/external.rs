//! Verbs of other programs: `wgx NAME` starts `wgx-NAME` from the search path, `wgx lens` starts
//! `repolens`, which lies beside wgx or on the search path.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;

use wgx_tasks::process::clean_environment;

use crate::exit::{Exit, Failure};
use crate::settings;

/// Replaces this process by `wgx-NAME`; returns only when that is impossible.
pub(crate) fn start(words: &[OsString]) -> anyhow::Result<Exit> {
    let Some((name, arguments)) = words.split_first() else {
        return Ok(Exit::Usage);
    };
    let name = name.to_string_lossy();
    if name == "lens" {
        return Err(lens(arguments));
    }
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain {
        let program = format!("wgx-{name}");
        let error = become_program(program.as_ref(), arguments);
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

/// Starts `repolens`: wgx itself stays light and carries neither vocabularies nor grammars.
fn lens(arguments: &[OsString]) -> anyhow::Error {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join("repolens")));
    let error = match beside.filter(|program| program.is_file()) {
        Some(program) => become_program(program.as_os_str(), arguments),
        None => become_program("repolens".as_ref(), arguments),
    };
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::code(
            127,
            "the program repolens lies neither beside wgx nor on the search path",
            "install it: cargo install --locked --path crates/repolens",
        ),
        _ => Failure::code(126, format!("cannot start repolens: {error}"), "check its permissions"),
    }
}

/// Replaces this process; returns only when that is impossible.
#[expect(clippy::disallowed_methods, reason = "a face may hand over to another face")]
fn become_program(program: &OsStr, arguments: &[OsString]) -> std::io::Error {
    let environment = clean_environment(settings::environment().into_iter().collect(), "wgx");
    let mut command = std::process::Command::new(program);
    command.args(arguments).env_clear().envs(environment.kept).exec()
}
