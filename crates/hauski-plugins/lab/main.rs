//! Roles that the tests of the sandbox start: the init role, a small daemon, and a program that tries to get out.

mod host;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("sandbox-init") => hauski_plugins::sandbox::init::main(&arguments[1..]),
        Some("host") => host::run(),
        _ => ExitCode::from(2),
    }
}
