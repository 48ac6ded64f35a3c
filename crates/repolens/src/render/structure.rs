//! `Structure`: every file of the merge as a tree.

use std::io::{self, Write};

use super::heading;
use super::names::code;
use super::view::{Entry, View, reason_word};
use crate::model::{Inclusion, Kind};
use crate::select::Level;

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    heading(view.settings.nav_headings, "##", "structure", "📁 Structure", out)?;
    for (at, repo) in view.snapshot.repos.iter().enumerate() {
        writeln!(out, "- 📦 {}", code(&format!("{}/", repo.name)))?;
        let mut open: Vec<&str> = Vec::new();
        for entry in view.of_repo(at) {
            folders(&entry.file.path, &mut open, out)?;
            writeln!(out, "{}- {}", "  ".repeat(open.len() + 1), leaf(view, entry))?;
        }
    }
    writeln!(out)
}

/// Opens the folders of a path that are not open yet. Sorted paths keep a folder together but for
/// names around `/` in the order of bytes; those reopen it, and nothing is lost.
fn folders<'a>(path: &'a str, open: &mut Vec<&'a str>, out: &mut dyn Write) -> io::Result<()> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    let same = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
    open.truncate(same);
    for part in &parts[same..] {
        writeln!(out, "{}- 📁 {}", "  ".repeat(open.len() + 1), code(&format!("{part}/")))?;
        open.push(part);
    }
    Ok(())
}

fn leaf(view: View<'_>, entry: Entry<'_>) -> String {
    let name = entry.file.path.rsplit('/').next().unwrap_or(&entry.file.path);
    let linked = view.settings.level != Level::MachineLean;
    let label = if linked { view.link(entry, name) } else { code(name) };
    match (&entry.file.inclusion, &entry.file.kind) {
        (Inclusion::MetaOnly(_), Kind::Symlink { target }) => {
            format!("🔗 {label} → {}", code(target))
        }
        (Inclusion::MetaOnly(reason), _) => format!("📄 {label} ({})", reason_word(*reason)),
        _ => format!("📄 {label}"),
    }
}
