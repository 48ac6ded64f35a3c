//! `wgx doctor`.

use std::fmt::Write as _;

use contracts::wgx::DoctorReport;
use contracts::wgx::doctor::{DoctorFinding, DoctorStatus};
use redact::escape::escape_ctl_line;
use wgx_verbs::doctor::{self, here::doctor_here};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{BAD, DIM, GOOD, STRONG, WARN, pad};

/// Check this machine, this repository and the memory.
///
/// Each line says ok, warn or fail, and for everything that is not well, what to do. Exit code 1 when
/// something fails; a warning does not count. Changes nothing and starts nothing of the repository.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let report = doctor_here(&face.context).map_err(|error| {
        let message = format!("the repository cannot be read: {error}");
        Failure::code(1, message, "name a readable folder with -C")
    })?;
    face.show(&report, || render(&report))?;
    Ok(Exit::from(doctor::exit_code(&report)))
}

fn render(report: &DoctorReport) -> String {
    let mut text = String::new();
    let subjects = report.findings.iter().map(|finding| finding.subject.chars().count());
    let column = subjects.max().unwrap_or(0).min(28);
    let mut topic = "";
    for finding in &report.findings {
        if finding.topic != topic {
            topic = &finding.topic;
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{STRONG}{topic}{STRONG:#}");
        }
        line(&mut text, finding, column);
    }
    let count = |status| report.findings.iter().filter(|finding| finding.status == status).count();
    let (failures, warnings) = (count(DoctorStatus::Fail), count(DoctorStatus::Warn));
    let (style, word) = match (failures, warnings) {
        (0, 0) => (GOOD, "all is well"),
        (0, _) => (GOOD, "well enough"),
        _ => (BAD, "not well"),
    };
    let _ = writeln!(
        text,
        "\n{style}{word}{style:#}: {}, {}.",
        counted(failures, "failure"),
        counted(warnings, "warning")
    );
    text
}

fn line(text: &mut String, finding: &DoctorFinding, column: usize) {
    let (style, word) = match finding.status {
        DoctorStatus::Ok => (GOOD, "ok"),
        DoctorStatus::Warn => (WARN, "warn"),
        DoctorStatus::Fail => (BAD, "fail"),
    };
    let subject = pad(&escape_ctl_line(&finding.subject), column);
    let message = escape_ctl_line(&finding.message);
    let _ = writeln!(text, "  {style}{}{style:#}  {subject}  {message}", pad(word, 4));
    if let Some(advice) = &finding.advice {
        let _ = writeln!(text, "        {DIM}→ {}{DIM:#}", escape_ctl_line(advice));
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
