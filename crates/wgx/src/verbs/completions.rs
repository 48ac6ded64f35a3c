//! `wgx completions`: completion scripts that ask wgx itself, so that they know real task names.

use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::exit::Exit;
use crate::output;

/// Write shell completions.
///
/// bash: `source <(wgx completions bash)` in ~/.bashrc. zsh: `source <(wgx completions zsh)` in ~/.zshrc
/// after compinit. fish: `wgx completions fish | source` in config.fish.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let completer: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    completer.write_registration("COMPLETE", "wgx", "wgx", "wgx", &mut script)?;
    output::raw(&script)?;
    Ok(Exit::Good)
}
