//! Heatmap: how the mass of the contents is spread: concentration, and the heaviest files and folders
//! with their shares.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::render::names::code;
use crate::render::view::{Entry, View};

/// Files and folders that are listed.
const LISTED: usize = 10;

/// Share from which a single file is called out, in percent.
const LARGE_SHARE: u64 = 10;

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut files: Vec<Entry<'_>> = view.entries().filter(Entry::has_content).collect();
    let sum: u64 = files.iter().map(|entry| mass(view, *entry)).sum();
    let unit = if view.totals.tokens.is_some() { "tokens" } else { "bytes" };
    if sum == 0 {
        return writeln!(out, "No content stands in this merge, so there is no mass to show.");
    }
    files.sort_by_key(|entry| (std::cmp::Reverse(mass(view, *entry)), entry.index));
    let half = count_for_half(view, &files, sum);
    writeln!(out, "- Mass: {sum} {unit} in {} files", files.len())?;
    writeln!(out, "- Half of it stands in the {half} heaviest files")?;
    let large: Vec<&Entry<'_>> =
        files.iter().filter(|entry| mass(view, **entry) * 100 >= sum * LARGE_SHARE).collect();
    match large.len() {
        0 => writeln!(out, "- No file holds {LARGE_SHARE} % or more")?,
        count => writeln!(out, "- Files that hold {LARGE_SHARE} % or more: {count}")?,
    }
    writeln!(out, "\n| File | Mass ({unit}) | Share |\n| :--- | ---: | ---: |")?;
    for entry in files.iter().take(LISTED) {
        let mass = mass(view, *entry);
        writeln!(
            out,
            "| {} | {mass} | {} |",
            view.link(*entry, &view.path(*entry)),
            share(mass, sum)
        )?;
    }
    writeln!(out, "\n| Folder | Mass ({unit}) | Share |\n| :--- | ---: | ---: |")?;
    let mut folders: BTreeMap<String, u64> = BTreeMap::new();
    for entry in &files {
        let path = view.path(*entry);
        let folder = path.rsplit_once('/').map_or("./", |(folder, _)| folder);
        *folders.entry(folder.to_owned()).or_default() += mass(view, *entry);
    }
    let mut folders: Vec<_> = folders.into_iter().collect();
    folders.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (folder, mass) in folders.iter().take(LISTED) {
        writeln!(out, "| {} | {mass} | {} |", code(folder), share(*mass, sum))?;
    }
    Ok(())
}

/// Tokens of a content, or its bytes where tokens were not counted.
fn mass(view: View<'_>, entry: Entry<'_>) -> u64 {
    let Some(emitted) = &entry.facts.emitted else { return 0 };
    view.totals.tokens.and(emitted.tokens).unwrap_or(emitted.bytes)
}

fn count_for_half(view: View<'_>, files: &[Entry<'_>], sum: u64) -> usize {
    let mut reached = 0;
    let before_half = files.iter().take_while(|entry| {
        let goes_on = reached * 2 < sum;
        reached += mass(view, **entry);
        goes_on
    });
    before_half.count()
}

fn share(mass: u64, sum: u64) -> String {
    let tenths = mass * 1000 / sum;
    format!("{}.{} %", tenths / 10, tenths % 10)
}
