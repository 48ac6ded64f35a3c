//! The minimum information of the debug mode (specification 11), read from the head as it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::render::view::{Entry, View};
use crate::render::{self};
use crate::sidecar::Placed;

/// The sections of the specification, by token.
const ORDER: [&str; 7] = [
    "source-profile",
    "profile-description",
    "reading-plan",
    "plan",
    "structure",
    "manifest",
    "content",
];

/// Files that are named; more are counted.
const NAMED: usize = 20;

const CATEGORIES: [&str; 6] = ["source", "doc", "config", "contract", "test", "other"];

const TAGS: [&str; 8] =
    ["ci", "wgx-profile", "ai-context", "runbook", "lockfile", "script", "adr", "feed"];

pub(super) fn lines(view: View<'_>, places: &[Placed]) -> io::Result<Vec<String>> {
    let mut head = Vec::new();
    render::head(view, &mut head)?;
    let head = String::from_utf8_lossy(&head);
    let rows = manifest_rows(&head);
    let column = |at: usize| rows.iter().filter_map(move |row| row.get(at).copied());
    let unknown_categories: BTreeSet<&str> =
        column(1).filter(|word| !CATEGORIES.contains(word)).collect();
    let tags = column(2).flat_map(|tags| tags.split(", ")).filter(|tag| *tag != "-");
    let unknown_tags: BTreeSet<&str> = tags.filter(|tag| !TAGS.contains(tag)).collect();
    let untagged = view.entries().filter(|entry| entry.file.tags.is_empty());
    let untagged: Vec<String> = untagged.map(|entry| view.path(entry)).collect();
    let placed: BTreeSet<usize> = places.iter().map(|placed| placed.index).collect();
    let with_content = view.entries().filter(Entry::has_content);
    let without_anchor: Vec<String> = with_content
        .filter(|entry| !view.settings.plan_only && !placed.contains(&entry.index))
        .map(|entry| view.path(entry))
        .collect();
    let files = view.facts.len();
    let missing = if view.settings.plan_only { 0 } else { files.saturating_sub(rows.len()) };
    Ok(vec![
        list(
            "unknown categories",
            &unknown_categories.into_iter().map(str::to_owned).collect::<Vec<_>>(),
        ),
        list("unknown tags", &unknown_tags.into_iter().map(str::to_owned).collect::<Vec<_>>()),
        list("files with content and without anchor", &without_anchor),
        format!("files without manifest entry: {missing}"),
        list("files without tags", &untagged),
        list("files with colliding anchors, each with a suffix", &colliding(view)),
        order(view, &head),
    ])
}

/// The cells of the manifest's rows; shown names hold no bar.
fn manifest_rows<'h>(head: &'h str) -> Vec<Vec<&'h str>> {
    let Some((_, manifest)) = head.split_once("{#manifest}\n") else { return Vec::new() };
    let is_row = |line: &&str| line.starts_with("| [`") || line.starts_with("| `");
    let cells = |line: &'h str| line.trim_matches('|').split('|').map(str::trim).collect();
    manifest.lines().filter(is_row).map(cells).collect()
}

fn colliding(view: View<'_>) -> Vec<String> {
    let shared = view.entries().filter(|entry| view.names.has_suffix(entry.index));
    shared.map(|entry| view.path(entry)).collect()
}

fn order(view: View<'_>, head: &str) -> String {
    let places: BTreeMap<usize, &str> = ORDER
        .iter()
        .filter_map(|token| Some((head.find(&format!("\n<a id=\"{token}\"></a>\n"))?, *token)))
        .collect();
    let found: Vec<&str> = places.into_values().collect();
    let wanted = if view.settings.plan_only { &ORDER[..4] } else { &ORDER[..] };
    let verdict = if found == wanted { "as specified" } else { "WRONG" };
    format!("order of the sections: {verdict} ({})", found.join(", "))
}

fn list(what: &str, names: &[String]) -> String {
    if names.is_empty() {
        return format!("{what}: 0");
    }
    let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = names.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{what}: {} ({}{more})", names.len(), named.join(", "))
}
