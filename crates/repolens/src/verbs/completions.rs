//! `repolens completions`: completion scripts that ask repolens itself.

use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::exit::Exit;
use crate::output;

/// Write shell completions.
///
/// bash: `source <(repolens completions bash)` in ~/.bashrc. zsh: `source <(repolens completions zsh)` in
/// ~/.zshrc after compinit. fish: `repolens completions fish | source` in config.fish.
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
    completer.write_registration("COMPLETE", "repolens", "repolens", "repolens", &mut script)?;
    output::raw(&script)?;
    Ok(Exit::Good)
}
