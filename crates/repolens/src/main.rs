//! `repolens`: parse, call one verb, exit with its code.

mod cli;
mod exit;
mod output;
mod settings;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    settings::complete_if_asked(cli::command);
    let code = match cli::parse() {
        Ok(arguments) => verbs::dispatch(arguments),
        Err(error) => exit::usage(&error),
    };
    ExitCode::from(code.as_u8())
}
