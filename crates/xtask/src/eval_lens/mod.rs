//! `cargo xtask eval-lens DIR…`: how well a pack foresees what commits change.
//!
//! For the newest commits of each repository the files are ranked at the parent from the message,
//! the parent's tree and older history alone, and packed into a budget; then it is counted which of
//! the changed code files, and which of their changed lines, stand in the pack.

mod boost;
mod cases;
mod commits;
mod measure;
mod train;
mod trees;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use repolens::pack::rank::Models;
use serde::Serialize;

use self::cases::Repository;
use self::measure::{Sum, Tally};

const USAGE: &str = "usage: cargo xtask eval-lens [--json] [--commits N] [--train DIR] REPOSITORY…";

pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(args)?;
    if let Some(out) = &options.train {
        return train::train(&options.dirs, options.commits, out);
    }
    let mut reports = Vec::new();
    let mut out = std::io::stdout().lock();
    for dir in &options.dirs {
        let report = evaluate(dir, options.commits).with_context(|| dir.display().to_string())?;
        if !options.json {
            report.print(&mut out)?;
        }
        reports.push(report);
    }
    if options.json {
        serde_json::to_writer_pretty(&mut out, &reports)?;
        writeln!(out)?;
    } else if reports.len() > 1 {
        mean(&reports).print(&mut out)?;
    }
    Ok(())
}

struct Options {
    json: bool,
    commits: usize,
    train: Option<PathBuf>,
    dirs: Vec<PathBuf>,
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { json: false, commits: 100, train: None, dirs: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => options.json = true,
                "--commits" => {
                    options.commits = args.next().context(USAGE)?.parse().context("--commits")?;
                }
                "--train" => options.train = Some(args.next().context(USAGE)?.into()),
                "--" => {}
                flag if flag.starts_with('-') => bail!("unknown option {flag}\n{USAGE}"),
                dir => options.dirs.push(PathBuf::from(dir)),
            }
        }
        if options.dirs.is_empty() {
            bail!(USAGE);
        }
        Ok(options)
    }
}

/// The figures of one repository.
#[derive(Serialize)]
struct Report {
    repository: String,
    seconds: f32,
    rows: Vec<Line>,
}

/// One way to pack at one budget, over one group of commits; shares from 0 to 1.
#[derive(Serialize, Clone)]
struct Line {
    way: String,
    budget: u32,
    group: String,
    commits: u32,
    recall: f64,
    all_gold: f64,
    hunk_recall: f64,
    shown: f64,
}

fn evaluate(dir: &Path, commits: usize) -> anyhow::Result<Report> {
    let start = std::time::Instant::now();
    let mut repository = Repository::open(dir, commits)?;
    let mut tally = Tally::new();
    for number in 0..repository.targets.len() {
        let case = repository.case(number)?;
        let mut groups = vec![if number % 2 == 0 { "even" } else { "odd" }];
        if number % 2 == 1 && !case.target.named {
            groups.push("odd, no file named");
        }
        measure::measure(&case, Models::built_in(), &groups, &mut tally);
    }
    let rows =
        tally.iter().map(|((way, budget, group), sum)| line(way, *budget, group, sum)).collect();
    Ok(Report { repository: repository.name, seconds: start.elapsed().as_secs_f32(), rows })
}

fn line(way: &str, budget: u32, group: &str, sum: &Sum) -> Line {
    let n = f64::from(sum.commits.max(1));
    Line {
        way: way.to_owned(),
        budget,
        group: group.to_owned(),
        commits: sum.commits,
        recall: sum.recall / n,
        all_gold: sum.all_gold / n,
        hunk_recall: sum.hunks / n,
        shown: sum.mentioned / n,
    }
}

/// The mean over repositories, each counting once.
fn mean(reports: &[Report]) -> Report {
    let mut rows: Vec<Line> = Vec::new();
    for report in reports {
        for row in &report.rows {
            let same = |own: &&mut Line| {
                own.way == row.way && own.budget == row.budget && own.group == row.group
            };
            match rows.iter_mut().find(same) {
                Some(own) => {
                    own.commits += row.commits;
                    own.recall += row.recall;
                    own.all_gold += row.all_gold;
                    own.hunk_recall += row.hunk_recall;
                    own.shown += row.shown;
                }
                None => rows.push(row.clone()),
            }
        }
    }
    let n = reports.len() as f64;
    for row in &mut rows {
        row.recall /= n;
        row.all_gold /= n;
        row.hunk_recall /= n;
        row.shown /= n;
    }
    let seconds = reports.iter().map(|report| report.seconds).sum();
    Report { repository: format!("mean of {} repositories", reports.len()), seconds, rows }
}

impl Report {
    fn print(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        writeln!(out, "{} ({:.0} s)", self.repository, self.seconds)?;
        writeln!(
            out,
            "  {:24} {:>7} {:20} {:>4} {:>6} {:>6} {:>6} {:>6}",
            "way", "budget", "commits", "n", "recall", "all", "hunks", "shown"
        )?;
        for row in &self.rows {
            writeln!(
                out,
                "  {:24} {:>7} {:20} {:>4} {:>6.3} {:>6.3} {:>6.3} {:>6.3}",
                row.way,
                row.budget,
                row.group,
                row.commits,
                row.recall,
                row.all_gold,
                row.hunk_recall,
                row.shown
            )?;
        }
        Ok(())
    }
}
