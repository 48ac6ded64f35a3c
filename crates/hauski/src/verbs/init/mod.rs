//! `hauski init`: writes the policy files that are missing, and overwrites none.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use contracts::hauski::init::{Report, SCHEMA, Written};
use policy::FileName;

use crate::exit::Exit;
use crate::output;
use crate::settings::Settings;

/// Options of `hauski init`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder to write to [default: ./policies]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Writes what is missing and says what it did.
pub(crate) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let folder = match (&args.folder, settings.policy_folder.as_ref()) {
        (Some(folder), _) | (None, Some(folder)) => settings.cwd.join(folder),
        (None, None) => settings.cwd.join("policies"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut files = Vec::new();
    for name in FileName::ALL {
        let path = folder.join(name.as_str());
        let written = write_new(&path, content(name));
        let written = written.with_context(|| format!("cannot write {}", path.display()))?;
        files.push(Written { path: path.display().to_string(), written });
    }
    let report = Report { schema: SCHEMA.to_owned(), files };
    match settings.json {
        true => output::print_json(&report)?,
        false => output::print(&plain(&report))?,
    }
    Ok(Exit::Good)
}

/// Writes a file that is not there. What is there, even a link to nowhere, stays.
fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    match fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn content(name: FileName) -> &'static str {
    match name {
        FileName::Routing => include_str!("routing.yaml"),
        FileName::Limits => include_str!("limits.yaml"),
        FileName::Memory => include_str!("memory.yaml"),
        FileName::Models => include_str!("models.yml"),
    }
}

fn plain(report: &Report) -> String {
    let line = |file: &Written| match file.written {
        true => format!("written      {}\n", file.path),
        false => format!("left as it is  {}\n", file.path),
    };
    report.files.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_says_what_holds_anyway() {
        let folder = tempfile::tempdir().unwrap();
        let none = policy::load(&policy::Paths::in_dir(folder.path())).unwrap();
        for name in FileName::ALL {
            assert!(write_new(&folder.path().join(name.as_str()), content(name)).unwrap());
        }
        let written = policy::load(&policy::Paths::in_dir(folder.path())).unwrap();
        assert_eq!(policy::diff(&none, &written), []);
    }
}
