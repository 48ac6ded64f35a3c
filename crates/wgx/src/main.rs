//! `wgx`: parse, call one verb, render its report, exit with its code.

mod cli;
mod exit;
mod external;
mod face;
mod output;
mod plain;
mod settings;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    settings::complete_if_asked(cli::command);
    let code = match cli::parse() {
        Ok(arguments) => verbs::dispatch(arguments),
        Err(error) => exit::usage(&error, cli::wants_json()),
    };
    ExitCode::from(code.as_u8())
}
