//! `cargo xtask bench`: speed as ratios, each against a named peer or a limit measured in the same run.
//!
//! CPU seconds (user and system, of the process and all it waited for) are what counts: on a busy machine
//! wall time is noise. Nothing here passes or fails; the table says what falls short.

mod audit;
mod cases;
mod embed;
mod fixtures;
mod lens;
mod machine;
mod measure;
mod peers;
mod plugin;
mod policy;
mod table;
mod text;
mod vectors;
mod writers;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};

use self::fixtures::Fixtures;
use self::peers::Peers;
use self::table::Table;

const USAGE: &str =
    "usage: cargo xtask bench [--json] [--quick] [--wgx PROGRAM] [--only CASE] [--lens PATH]";

/// Rounds of a comparison: every round runs each of its programs once.
const ROUNDS: usize = 41;
const ROUNDS_QUICK: usize = 9;

/// What the cases work with.
struct Bench {
    wgx: PathBuf,
    rounds: usize,
    peers: Peers,
    fixtures: Fixtures,
    /// What merges are made of; a generated repository when nothing is named.
    lens: Option<PathBuf>,
}

/// Builds wgx, measures and prints one table.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(args)?;
    let wgx = match options.wgx {
        Some(program) => program.canonicalize().context("--wgx")?,
        None => machine::build("wgx")?,
    };
    let bench = Bench {
        wgx,
        rounds: if options.quick { ROUNDS_QUICK } else { ROUNDS },
        peers: Peers::find(),
        fixtures: Fixtures::new()?,
        lens: options.lens,
    };
    let mut table = Table::new(&bench)?;
    let wanted = |case: &&cases::Case| options.only.as_ref().is_none_or(|name| name == case.name);
    if !cases::ALL.iter().any(|case| wanted(&case)) {
        let names: Vec<&str> = cases::ALL.iter().map(|case| case.name).collect();
        bail!("--only takes one of: {}", names.join(", "));
    }
    for case in cases::ALL.iter().filter(wanted) {
        machine::say(&format!("measuring {}", case.name));
        if let Err(error) = (case.measure)(&bench, &mut table) {
            table.not_measured(case.name, &format!("{error:#}"));
        }
    }
    let mut out = std::io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &table)?;
        writeln!(out)?;
    } else {
        write!(out, "{table}")?;
    }
    Ok(())
}

struct Options {
    json: bool,
    quick: bool,
    wgx: Option<PathBuf>,
    only: Option<String>,
    lens: Option<PathBuf>,
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { json: false, quick: false, wgx: None, only: None, lens: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => options.json = true,
                "--quick" => options.quick = true,
                "--wgx" => options.wgx = Some(args.next().context(USAGE)?.into()),
                "--only" => options.only = Some(args.next().context(USAGE)?.clone()),
                "--lens" => options.lens = Some(args.next().context(USAGE)?.into()),
                other => bail!("unknown argument {other}\n{USAGE}"),
            }
        }
        Ok(options)
    }
}
