//! `wgx init`.

use std::fmt::Write as _;

use contracts::wgx::InitReport;
use redact::escape::escape_ctl;
use wgx_verbs::init::{self, InitRequest, WgxRelease};
use wgx_verbs::list::{self, ListRequest};

use crate::exit::{Exit, Failure};
use crate::face::Face;
use crate::output::{DIM, GOOD, STRONG, WARN, pad};

/// Write a first profile, `.wgx/profile.yml`, from the tasks that are found here.
///
/// A file that is already there stays as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also write `.vscode/tasks.json`, which starts the same tasks
    #[arg(long)]
    vscode: bool,
    /// Also write a GitHub workflow that runs doctor and smoke with this release of wgx
    #[arg(long, value_name = "OWNER/NAME@TAG", value_parser = release)]
    workflow: Option<WgxRelease>,
    /// Show what would be written; write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, face: &Face) -> anyhow::Result<Exit> {
    let found = list::discover(&face.context, &ListRequest::default())?;
    let request = InitRequest {
        root: &found.root,
        tasks: &found.tasks,
        vscode: args.vscode,
        workflow: args.workflow.as_ref(),
        dry_run: args.dry_run,
    };
    let report = init::init(request).map_err(|error| {
        let hint = error.hint();
        Failure::code(1, error.to_string(), hint)
    })?;
    let exit = face.show(&report, || render(&report, args.dry_run))?;
    face.print_notes(&found.notes);
    Ok(exit)
}

/// A release as the option takes it: plain names only, since they go into a workflow.
fn release(text: &str) -> Result<WgxRelease, String> {
    let plain = |part: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !part.is_empty() && part.chars().all(letter)
    };
    let parsed = text.split_once('@').and_then(|(repository, tag)| {
        let (owner, name) = repository.split_once('/')?;
        (plain(owner) && plain(name) && plain(tag))
            .then(|| WgxRelease { repository: repository.to_owned(), tag: tag.to_owned() })
    });
    parsed.ok_or_else(|| "write OWNER/NAME@TAG, for example example/wgx@v0.1.0".to_owned())
}

fn render(report: &InitReport, dry_run: bool) -> String {
    let mut text = String::new();
    for file in &report.files {
        let lines = file.content.lines().count();
        let path = &file.path;
        let _ = match (file.written, dry_run) {
            (true, true) => {
                writeln!(text, "{STRONG}{path}{STRONG:#} {DIM}would be written:{DIM:#}")
            }
            (true, false) => {
                let word = pad("wrote", 6);
                writeln!(text, "{GOOD}{word}{GOOD:#} {path} {DIM}({lines} lines){DIM:#}")
            }
            (false, _) => {
                let word = pad("kept", 6);
                writeln!(text, "{WARN}{word}{WARN:#} {path}: one is there already")
            }
        };
        if file.written && dry_run {
            let _ = writeln!(text, "{}", escape_ctl(&file.content));
        }
    }
    let new_profile = report.files.first().is_some_and(|file| file.written);
    if new_profile && !dry_run {
        text.push_str("\n`wgx list` shows its tasks, `wgx validate` checks it.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_repository_and_a_tag() {
        let release = release("example/wgx@v0.1.0").unwrap();
        assert_eq!((&*release.repository, &*release.tag), ("example/wgx", "v0.1.0"));
    }

    #[test]
    fn what_could_end_a_yaml_value_is_no_release() {
        for text in ["wgx", "a/b", "a/b@", "a/b/c@v1", "a/b@v1 #", "a/b@v1\nx: y", "a/b@${{ x }}"] {
            assert!(release(text).is_err(), "{text}");
        }
    }
}
