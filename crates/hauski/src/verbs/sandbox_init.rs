//! `hauski sandbox-init`: the hidden role between the host and a plugin, which takes its own rights away.

use std::process::ExitCode;

/// Options of the role.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Becomes the role; nothing else of the daemon runs in this process.
pub(crate) fn run(args: &Args) -> ExitCode {
    hauski_plugins::sandbox::init::main(&args.words)
}
