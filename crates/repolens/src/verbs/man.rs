//! `repolens man`: manual pages from the same definitions as `--help`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::exit::Exit;
use crate::{cli, output};

/// Write manual pages.
///
/// Without `--out` the page of repolens goes to standard output; with it, one page for repolens and one a
/// verb are written to that folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for the pages
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let command = cli::command();
    let Some(out) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        output::raw(&page)?;
        return Ok(Exit::Good);
    };
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let verbs: Vec<_> = command.get_subcommands().cloned().collect();
    write_page(out, "repolens", command)?;
    for verb in verbs {
        let name = format!("repolens-{}", verb.get_name());
        let words = name.replace('-', " ");
        write_page(out, &name, verb.display_name(name.clone()).bin_name(words))?;
    }
    Ok(Exit::Good)
}

fn write_page(out: &Path, name: &str, command: clap::Command) -> anyhow::Result<()> {
    let path = out.join(format!("{name}.1"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.name(name.to_owned())).render(&mut page)?;
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}
