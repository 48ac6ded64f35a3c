//! Organism index: the roles of one repository: what starts, what it promises, what runs by itself.

use std::io::{self, Write};

use crate::model::{Category, Tag};
use crate::render::lenses;
use crate::render::names::{code, sentence};
use crate::render::view::{Entry, View};

/// What manifests and workflows of a repository declare.
#[derive(Debug, Clone, Default)]
pub struct Organism {
    /// Programs and scripts, with the manifest that declares them: `wgx (Cargo.toml)`.
    pub declared: Vec<Declared>,
    /// Workflows with what starts them.
    pub workflows: Vec<Declared>,
}

/// Something that a file declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Declared {
    /// The file.
    pub path: String,
    /// What it declares.
    pub what: String,
}

/// Entries a role lists; more are counted.
const LISTED: usize = 30;

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let nothing = Organism::default();
    let organism = view.notes.organism.first().unwrap_or(&nothing);
    let entries: Vec<Entry<'_>> = view.entries().collect();
    declared("Declared programs", &organism.declared, &entries, view, out)?;
    role("Entry points by name", view, out, &|entry| {
        entry.file.category == Category::Source && lenses::is_entry(&entry.file.path)
    })?;
    role("Contracts", view, out, &|entry| entry.file.category == Category::Contract)?;
    declared("Workflows", &organism.workflows, &entries, view, out)?;
    role("Runbooks and decisions", view, out, &|entry| {
        entry.file.tags.contains(&Tag::Runbook) || entry.file.tags.contains(&Tag::Adr)
    })
}

fn declared(
    title: &str,
    list: &[Declared],
    entries: &[Entry<'_>],
    view: View<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if list.is_empty() {
        return writeln!(out, "- {title}: none");
    }
    writeln!(out, "- {title}: {}", list.len())?;
    for item in list.iter().take(LISTED) {
        let entry = entries.iter().find(|entry| entry.file.path == item.path);
        let path = entry.map_or_else(|| code(&item.path), |entry| view.link(*entry, &item.path));
        writeln!(out, "  - {} – {path}", sentence(&item.what))?;
    }
    more(list.len(), out)
}

fn role(
    title: &str,
    view: View<'_>,
    out: &mut dyn Write,
    plays: &dyn Fn(&Entry<'_>) -> bool,
) -> io::Result<()> {
    let found: Vec<Entry<'_>> = view.entries().filter(|entry| plays(entry)).collect();
    if found.is_empty() {
        return writeln!(out, "- {title}: none");
    }
    writeln!(out, "- {title}: {}", found.len())?;
    for entry in found.iter().take(LISTED) {
        writeln!(out, "  - {}", view.link(*entry, &entry.file.path))?;
    }
    more(found.len(), out)
}

fn more(count: usize, out: &mut dyn Write) -> io::Result<()> {
    match count.checked_sub(LISTED) {
        Some(more) if more > 0 => writeln!(out, "  - and {more} more"),
        _ => Ok(()),
    }
}
