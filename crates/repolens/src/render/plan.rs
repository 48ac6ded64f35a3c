//! `Plan`: totals, the purpose of every repository, hotspots, folders.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::heading;
use super::lenses::Lens;
use super::names::{code, plain, sentence};
use super::view::{View, category_word, size};
use crate::model::Category;

/// Folders that are listed; the others are counted.
const FOLDERS_MAX: usize = 20;

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    heading(view.settings.nav_headings, "##", "plan", "Plan", out)?;
    totals(view, out)?;
    repositories(view, out)?;
    hotspots(view, out)?;
    folders(view, out)
}

fn totals(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let totals = view.totals;
    writeln!(out, "- Files: {} ({})", totals.files, size(totals.bytes))?;
    writeln!(out, "- Text files: {}", totals.text)?;
    writeln!(out, "- With full content: {}, truncated: {}", totals.full, totals.truncated)?;
    let mut by: BTreeMap<Category, u64> = BTreeMap::new();
    for entry in view.entries() {
        *by.entry(entry.file.category).or_default() += 1;
    }
    let each: Vec<String> = by
        .iter()
        .map(|(category, count)| format!("{} {count}", category_word(*category)))
        .collect();
    if !each.is_empty() {
        writeln!(out, "- Categories: {}", each.join(", "))?;
    }
    writeln!(out)
}

fn repositories(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (at, repo) in view.snapshot.repos.iter().enumerate() {
        writeln!(out, "### 📦 {}\n", plain(&repo.name))?;
        let bytes: u64 = repo.files.iter().map(|file| file.size).sum();
        writeln!(out, "- Files: {} ({})", repo.files.len(), size(bytes))?;
        let purpose = view.notes.purposes.get(at).and_then(Option::as_deref).unwrap_or_default();
        writeln!(out, "{}", format!("- Declared Purpose: {}", sentence(purpose)).trim_end())?;
        for note in &repo.notes {
            writeln!(out, "- Note: {}", sentence(note))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn hotspots(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let most = view.settings.hotspots();
    if most == 0 {
        return Ok(());
    }
    let found: Vec<_> = Lens::ALL.iter().map(|lens| (lens, lens.files(view, most))).collect();
    if found.iter().all(|(_, files)| files.is_empty()) {
        return Ok(());
    }
    writeln!(out, "### Hotspots\n")?;
    for (lens, files) in found.iter().filter(|(_, files)| !files.is_empty()) {
        let links: Vec<String> =
            files.iter().map(|entry| view.link(*entry, &view.path(*entry))).collect();
        writeln!(out, "- {}: {}", lens.title(), links.join(", "))?;
    }
    writeln!(out)
}

/// Files, bytes and tokens below a folder.
#[derive(Default)]
struct Sum {
    files: u64,
    with_content: u64,
    bytes: u64,
    tokens: u64,
}

fn folders(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut sums: BTreeMap<(usize, &str), Sum> = BTreeMap::new();
    for entry in view.entries() {
        let folder = entry.file.path.split_once('/').map_or("", |(folder, _)| folder);
        let sum = sums.entry((entry.repo_index, folder)).or_default();
        sum.files += 1;
        sum.with_content += u64::from(entry.has_content());
        sum.bytes += entry.file.size;
        sum.tokens += entry.facts.emitted.as_ref().and_then(|e| e.tokens).unwrap_or(0);
    }
    if sums.is_empty() {
        return Ok(());
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|((repo, folder), sum)| (std::cmp::Reverse(sum.bytes), *repo, *folder));
    writeln!(out, "### Folders\n")?;
    writeln!(out, "| Folder | Files | With content | Bytes | Tokens |")?;
    writeln!(out, "| :--- | ---: | ---: | ---: | ---: |")?;
    for ((repo, folder), sum) in sums.iter().take(FOLDERS_MAX) {
        let path = match view.is_fleet() {
            true => format!("{}/{folder}", view.snapshot.repos[*repo].name),
            false => format!("{folder}/"),
        };
        let path = if path == "/" { "./".to_owned() } else { path };
        let tokens = view.totals.tokens.map_or("-".to_owned(), |_| sum.tokens.to_string());
        let Sum { files, with_content, bytes, .. } = sum;
        writeln!(out, "| {} | {files} | {with_content} | {bytes} | {tokens} |", code(&path))?;
    }
    if let Some(more) = sums.len().checked_sub(FOLDERS_MAX).filter(|more| *more > 0) {
        writeln!(out, "\n{more} more folders, each with fewer bytes.")?;
    }
    writeln!(out)
}
