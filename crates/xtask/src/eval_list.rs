//! `cargo xtask eval-list DIR…`: compares static discovery with what the native tools list.
//!
//! Native tools execute code of the repositories while listing; nothing is started without a yes.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use contracts::wgx::TaskSource;
use serde::Serialize;
use wgx_tasks::files::RepoFiles;
use wgx_tasks::native::{self, NativeTask, Question};
use wgx_tasks::sources::{self, DiscoverOptions, Environment};
use wgx_tasks::task::FoundTask;

/// How long one native tool may take.
const TIME_LIMIT: Duration = Duration::from_secs(120);

const USAGE: &str = "usage: cargo xtask eval-list [--json] [--trust-these] DIR…";

/// Runs the comparison and prints it; fails when an argument is wrong or the yes is missing.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(args)?;
    if !options.trusted && !confirmed(&options.dirs)? {
        bail!("nothing was started: --trust-these or a yes in a terminal is needed");
    }
    let mut report = Report::default();
    for dir in &options.dirs {
        evaluate(dir, &mut report).with_context(|| format!("evaluating {}", dir.display()))?;
    }
    report.add_totals();
    let mut out = std::io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        report.print(&mut out)?;
    }
    Ok(())
}

struct Options {
    json: bool,
    trusted: bool,
    dirs: Vec<PathBuf>,
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { json: false, trusted: false, dirs: Vec::new() };
        for arg in args {
            match arg.as_str() {
                "--json" => options.json = true,
                "--trust-these" => options.trusted = true,
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

fn confirmed(dirs: &[PathBuf]) -> anyhow::Result<bool> {
    let mut err = std::io::stderr().lock();
    writeln!(
        err,
        "Native tools execute code of a repository while they list (make, nox, invoke, gradle …)."
    )?;
    for dir in dirs {
        writeln!(err, "  {}", dir.display())?;
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(false);
    }
    write!(err, "Start them in these repositories? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "yes" | "j" | "ja"))
}

/// All rows and what could not be asked.
#[derive(Default, Serialize)]
struct Report {
    rows: Vec<Row>,
    totals: Vec<Row>,
    not_asked: Vec<NotAsked>,
}

/// One source of one repository (or of all of them).
#[derive(Default, Serialize)]
struct Row {
    source: String,
    repository: String,
    native: usize,
    found: usize,
    missing: Vec<String>,
    extra: Vec<String>,
    recall: f64,
    precision: f64,
}

/// A question without an answer: never counted as a success.
#[derive(Serialize)]
struct NotAsked {
    source: String,
    repository: String,
    command: String,
    reason: String,
}

fn evaluate(dir: &Path, report: &mut Report) -> anyhow::Result<()> {
    let repository = repository_name(dir);
    let files = RepoFiles::new(dir)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "native tools are asked with this environment, so discovery sees the same"
    )]
    let environment = Environment::new(std::env::vars_os().collect());
    let options = DiscoverOptions { environment, ..DiscoverOptions::default() };
    let discovery = sources::discover(dir, &options)?;
    for source in TaskSource::ALL {
        let questions = native::questions(&files, source);
        let mut native = Vec::new();
        let mut answered = !questions.is_empty();
        for question in &questions {
            match ask(files.root(), question) {
                Ok(tasks) => native.extend(tasks),
                Err(error) => {
                    answered = false;
                    report.not_asked.push(NotAsked {
                        source: source.to_string(),
                        repository: repository.clone(),
                        command: question.argv.join(" "),
                        reason: format!("{error:#}"),
                    });
                }
            }
        }
        let own = discovery.tasks.iter().filter(|found| found.task.source == source);
        let own: Vec<&FoundTask> = own.collect();
        if answered {
            report.rows.push(compare(source, &repository, &native, &own));
        } else if questions.is_empty() && !own.is_empty() {
            report.not_asked.push(NotAsked {
                source: source.to_string(),
                repository: repository.clone(),
                command: String::new(),
                reason: "no tool that lists".into(),
            });
        }
    }
    Ok(())
}

fn repository_name(dir: &Path) -> String {
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned()
}

fn compare(source: TaskSource, repository: &str, native: &[NativeTask], own: &[&FoundTask]) -> Row {
    let with_member = native.iter().any(|task| task.member.is_some());
    let key = |member: Option<&str>, name: &str| match member {
        Some(member) if with_member => format!("{member}:{name}"),
        _ => name.to_owned(),
    };
    let native: BTreeSet<String> =
        native.iter().map(|task| key(task.member.as_deref(), &task.name)).collect();
    let found: BTreeSet<String> =
        own.iter().map(|found| key(found.task.member.as_deref(), &found.task.name)).collect();
    let missing: Vec<String> = native.difference(&found).cloned().collect();
    let extra: Vec<String> = found.difference(&native).cloned().collect();
    Row {
        source: source.to_string(),
        repository: repository.to_owned(),
        native: native.len(),
        found: found.len(),
        recall: share(native.len() - missing.len(), native.len()),
        precision: share(found.len() - extra.len(), found.len()),
        missing,
        extra,
    }
}

/// A part of a whole; nothing of nothing is all of it.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

fn ask(root: &Path, question: &Question) -> anyhow::Result<Vec<NativeTask>> {
    let (program, args) = question.argv.split_first().context("an empty question")?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a repository chore that measures native tools; it is no part of the product"
    )]
    let mut command = Command::new(program);
    let child = command
        .args(args)
        .current_dir(root.join(&question.dir))
        .env("NO_COLOR", "1")
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} cannot be started"))?;
    let answer = answer_of(child)?;
    (question.parse)(&answer).map_err(anyhow::Error::msg)
}

fn answer_of(mut child: Child) -> anyhow::Result<String> {
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > TIME_LIMIT {
            child.kill()?;
            child.wait()?;
            bail!("no answer within {} s", TIME_LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = stdout.join().unwrap_or_default();
    if !status.success() && text.trim().is_empty() {
        let said = stderr.join().unwrap_or_default();
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        bail!("{status}: {}", last.unwrap_or("it said nothing"));
    }
    Ok(text)
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What arrived before an error is still worth showing.
            let _read = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Report {
    fn add_totals(&mut self) {
        for source in TaskSource::ALL {
            let name = source.as_str();
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.source == name).collect();
            if rows.is_empty() {
                continue;
            }
            let sum = |count: fn(&Row) -> usize| rows.iter().map(|row| count(row)).sum::<usize>();
            let (native, found) = (sum(|row| row.native), sum(|row| row.found));
            let total = Row {
                source: name.to_owned(),
                repository: format!("{} repositories", rows.len()),
                native,
                found,
                recall: share(native - sum(|row| row.missing.len()), native),
                precision: share(found - sum(|row| row.extra.len()), found),
                ..Row::default()
            };
            self.totals.push(total);
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        print_row(out, ["source", "repository", "native", "found", "recall", "precision"])?;
        for row in self.rows.iter().chain(&self.totals) {
            row.print(out)?;
        }
        if !self.not_asked.is_empty() {
            writeln!(out, "\nnot compared:")?;
        }
        for gap in &self.not_asked {
            let NotAsked { source, repository, command, reason } = gap;
            writeln!(out, "  {source} {repository}: {command} ({reason})")?;
        }
        Ok(())
    }
}

impl Row {
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let recall = format!("{:.1} %", self.recall * 100.0);
        let precision = format!("{:.1} %", self.precision * 100.0);
        let (native, found) = (self.native.to_string(), self.found.to_string());
        print_row(out, [&self.source, &self.repository, &native, &found, &recall, &precision])?;
        for (what, names) in [("missing", &self.missing), ("extra", &self.extra)] {
            if !names.is_empty() {
                writeln!(out, "  {what}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}

fn print_row(out: &mut impl Write, cells: [&str; 6]) -> std::io::Result<()> {
    let [source, repository, native, found, recall, precision] = cells;
    writeln!(out, "{source:<12} {repository:<32} {native:>7} {found:>7} {recall:>9} {precision:>9}")
}
