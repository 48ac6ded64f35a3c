//! `wgx init`: writes a starter profile from the discovered tasks; never over a file that is there.

mod starter;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::wgx::init::{InitFile, InitReport, SCHEMA};
use wgx_tasks::profile::PROFILE_FILES;
use wgx_tasks::task::FoundTask;

/// What to write.
#[derive(Clone, Copy, Debug)]
pub struct InitRequest<'a> {
    /// The repository root.
    pub root: &'a Path,
    /// The discovered tasks.
    pub tasks: &'a [FoundTask],
    /// Also write `.vscode/tasks.json`.
    pub vscode: bool,
    /// Also write `.github/workflows/wgx-smoke.yml`, which uses this release of wgx.
    pub workflow: Option<&'a WgxRelease>,
    /// Only show what would be written.
    pub dry_run: bool,
}

/// A release of wgx that a workflow is pinned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WgxRelease {
    /// Repository (`OWNER/NAME`).
    pub repository: String,
    /// Tag (`v0.1.0`).
    pub tag: String,
}

/// Why a file could not be written. Files before it were.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file system refused.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A link leads out of the repository.
    #[error("{path} leads out of the repository")]
    Outside {
        /// The file.
        path: PathBuf,
    },
}

impl InitError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "make the folder writable, or see the content with --dry-run",
            Self::Outside { .. } => "replace the link by a folder of the repository",
        }
    }
}

/// Writes the starter files. A file that is there stays as it is and is reported so; any profile
/// that is there keeps the starter profile from being written.
///
/// # Errors
/// When a file cannot be written.
pub fn init(request: InitRequest<'_>) -> Result<InitReport, InitError> {
    let chosen = starter::chosen(request.tasks);
    let mut files = vec![(PROFILE_FILES[0], starter::profile(&chosen))];
    if request.vscode {
        files.push((".vscode/tasks.json", starter::vscode(&chosen)));
    }
    if let Some(release) = request.workflow {
        files.push((".github/workflows/wgx-smoke.yml", starter::workflow(release)));
    }
    let mut reported = Vec::with_capacity(files.len());
    for (path, content) in files {
        let taken = is_taken(request.root, path);
        let written = !taken && (request.dry_run || write_new(request.root, path, &content)?);
        reported.push(InitFile { path: path.to_owned(), written, content });
    }
    Ok(InitReport { schema: SCHEMA.to_owned(), files: reported })
}

/// Also true for links that lead nowhere: something is there.
fn is_taken(root: &Path, path: &str) -> bool {
    let there = |path: &str| root.join(path).symlink_metadata().is_ok();
    match PROFILE_FILES.contains(&path) {
        true => PROFILE_FILES.iter().any(|path| there(path)),
        false => there(path),
    }
}

/// `false` when somebody else made the file in the meantime.
fn write_new(root: &Path, path: &str, content: &str) -> Result<bool, InitError> {
    let path = root.join(path);
    let fail = |source| InitError::Io { path: path.clone(), source };
    let folder = path.parent().unwrap_or(root);
    std::fs::create_dir_all(folder).map_err(fail)?;
    let inside = folder.canonicalize().map_err(fail)?;
    if !inside.starts_with(root.canonicalize().map_err(fail)?) {
        return Err(InitError::Outside { path });
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match made {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
        made => made.map_err(fail)?,
    };
    file.write_all(content.as_bytes()).map_err(fail)?;
    Ok(true)
}

#[cfg(test)]
mod tests;
