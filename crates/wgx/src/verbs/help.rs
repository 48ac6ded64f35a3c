//! `wgx help [VERB] [--plain]`.

use crate::cli::{self, Language};
use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::plain;

/// Explain wgx or one verb.
///
/// `--plain` prints one paragraph that needs no prior knowledge, in English or German (by locale, or
/// `--lang`).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The verb, and a word of it (`runs search`)
    verb: Vec<String>,
    /// One plain paragraph instead of the reference
    #[arg(long)]
    plain: bool,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    if args.plain {
        face.output.print(&plain_text(args, face.language)?)?;
        return Ok(Exit::Good);
    }
    let mut command = cli::command();
    command.build();
    let mut found = &mut command;
    for word in &args.verb {
        found = found.find_subcommand_mut(word).ok_or_else(|| unknown(word))?;
    }
    let help = found.render_long_help().ansi().to_string();
    face.output.print(&help)?;
    Ok(Exit::Good)
}

fn plain_text(args: &Args, language: Language) -> anyhow::Result<String> {
    let verb = args.verb.first().map_or("wgx", String::as_str);
    let text = plain::paragraph(verb, language).ok_or_else(|| unknown(verb))?;
    Ok(format!("{text}\n"))
}

fn unknown(verb: &str) -> anyhow::Error {
    Failure::usage(format!("there is no verb `{verb}`"), "`wgx help` lists the verbs")
}
