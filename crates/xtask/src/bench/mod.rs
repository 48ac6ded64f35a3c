//! `cargo xtask bench`: speed as ratios, each against a named peer or a limit measured in the same run.
//!
//! CPU seconds (user and system, of the process and all it waited for) are what counts: on a busy machine
//! wall time is noise. Nothing here passes or fails; the table says what falls short.

mod cases;
mod fixtures;
mod machine;
mod measure;
mod peers;
mod table;
mod writers;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};

use self::fixtures::Fixtures;
use self::peers::Peers;
use self::table::Table;

const USAGE: &str = "usage: cargo xtask bench [--json] [--quick] [--wgx PROGRAM]";

/// Rounds of a comparison: every round runs each of its programs once.
const ROUNDS: usize = 41;
const ROUNDS_QUICK: usize = 9;

/// What the cases work with.
struct Bench {
    wgx: PathBuf,
    rounds: usize,
    peers: Peers,
    fixtures: Fixtures,
}

/// Builds wgx, measures and prints one table.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(args)?;
    let wgx = match options.wgx {
        Some(program) => program.canonicalize().context("--wgx")?,
        None => machine::build_wgx()?,
    };
    let bench = Bench {
        wgx,
        rounds: if options.quick { ROUNDS_QUICK } else { ROUNDS },
        peers: Peers::find(),
        fixtures: Fixtures::new()?,
    };
    let mut table = Table::new(&bench)?;
    for case in cases::ALL {
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
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { json: false, quick: false, wgx: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => options.json = true,
                "--quick" => options.quick = true,
                "--wgx" => options.wgx = Some(args.next().context(USAGE)?.into()),
                other => bail!("unknown argument {other}\n{USAGE}"),
            }
        }
        Ok(options)
    }
}
