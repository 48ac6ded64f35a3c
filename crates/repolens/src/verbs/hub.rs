//! `repolens hub`: the folder of working copies that `--hub` merges.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use repolens::hub;

use crate::exit::Exit;
use crate::{output, settings};

/// Remember or show the folder of your working copies.
///
/// It is written as one line into `.repolens-hub-path.txt` in the configuration folder
/// ($XDG_CONFIG_HOME/hauski, else ~/.config/hauski). `repolens --hub` merges every working copy in it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Remember a folder
    Set {
        /// The folder that holds the working copies
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Show the folder and the working copies in it
    Show,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let configuration = settings::configuration()?;
    let folder = match &args.what {
        What::Set { folder } => {
            let folder = settings::working_directory()?.join(folder);
            hub::set(&configuration, &folder)?
        }
        What::Show => hub::get(&configuration)?,
    };
    let copies = hub::working_copies(&folder)
        .with_context(|| format!("cannot read the hub {}", folder.display()))?;
    let mut text = format!("{}\n", folder.display());
    for copy in &copies {
        let name = copy.file_name().unwrap_or(copy.as_os_str());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", name.to_string_lossy().replace('\n', "\u{fffd}"));
    }
    if copies.is_empty() {
        text.push_str("  no working copies: no folder in it has a .git\n");
    }
    output::print(&text)?;
    Ok(Exit::Good)
}
