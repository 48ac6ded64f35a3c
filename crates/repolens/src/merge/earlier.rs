//! Earlier merges in the folder that a merge is written to: they are not merged themselves, and parts
//! that the new merge does not have are removed.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use super::Merged;
use crate::model::{SkipReason, Skipped, Snapshot};
use crate::scan::beneath::Root;

/// What merges and sidecars begin with.
const BEGINNINGS: [&[u8]; 3] =
    [b"# WC-Merge Report (Part ", b"<!-- MODE:PLAN_ONLY -->\n", b"{\n  \"reading_policy\": "];

/// Takes the merges and sidecars out of a snapshot that lie directly in `folder`, and counts them.
pub(super) fn leave_out(snapshot: &mut Snapshot, folder: &Path) {
    // A folder that is not there yet holds nothing.
    let Ok(folder) = folder.canonicalize() else { return };
    for repo in &mut snapshot.repos {
        let Ok(below) = folder.strip_prefix(&repo.root) else { continue };
        let Some(below) = below.to_str() else { continue };
        let Ok(root) = Root::open(&repo.root) else { continue };
        let skipped = &mut repo.skipped;
        repo.files.retain(|file| {
            let (parent, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            let is_output = parent == below
                && is_output_name(name)
                && root.file(&file.raw_path()).is_ok_and(|fd| is_output(File::from(fd)));
            if is_output {
                let reason = SkipReason::OwnOutput;
                skipped.push(Skipped { path: file.path.clone(), reason });
            }
            !is_output
        });
        skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    }
}

fn is_output_name(name: &str) -> bool {
    name.ends_with("_merge.md") || name.ends_with("_merge.json")
}

fn is_output(mut file: File) -> bool {
    let mut head = [0; 32];
    let is_file = file.metadata().is_ok_and(|about| about.is_file());
    let mut read = 0;
    while is_file && read < head.len() {
        match file.read(&mut head[read..]) {
            Ok(0) | Err(_) => break,
            Ok(count) => read += count,
        }
    }
    BEGINNINGS.iter().any(|beginning| head[..read].starts_with(beginning))
}

/// Removes what an earlier merge of the same name left and this one does not have, and says so.
pub(super) fn remove_stale(folder: &Path, stem: &str, merged: &Merged) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut notes: Vec<String> = { entries.flatten() }
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let path = entry.path();
            let is_new = merged.files.iter().chain(&merged.sidecar).any(|new| *new == path);
            let is_stale = !is_new
                && is_of(&name, stem)
                && entry.file_type().is_ok_and(|kind| kind.is_file())
                && File::open(&path).is_ok_and(is_output);
            if !is_stale {
                return None;
            }
            Some(match fs::remove_file(&path) {
                Ok(()) => format!("`{name}` of an earlier merge of this name was removed"),
                Err(error) => {
                    format!("`{name}` is of an earlier merge and could not be removed: {error}")
                }
            })
        })
        .collect();
    notes.sort_unstable();
    notes
}

/// Whether a file name is one that a merge of this stem may have.
fn is_of(name: &str, stem: &str) -> bool {
    let Some(rest) = name.strip_prefix(stem) else { return false };
    let part = || {
        let number = rest.strip_prefix("_part")?.strip_suffix("_merge.md")?;
        Some(!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    rest == "_merge.md" || rest == "_merge.json" || part() == Some(true)
}
