//! Organism index: the roles of one repository: what starts, what it promises, what runs by itself.

use std::io::{self, Write};

use serde_json::Value;

use crate::model::{Category, File, Repo, Tag};
use crate::render::lenses;
use crate::render::names::{code, sentence};
use crate::render::view::{Entry, View};
use crate::scan::beneath::Root;
use crate::scan::read_text;

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

/// Most bytes of a manifest or workflow that is read.
const READ_MAX: u64 = 256 * 1024;

impl Organism {
    /// Reads the manifests and workflows among the files of a repository. `masked` takes secrets out.
    pub fn read(root: &Root, repo: &Repo, masked: &dyn Fn(&str) -> String) -> Self {
        let mut organism = Self::default();
        for file in &repo.files {
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            let read = match name {
                "Cargo.toml" => cargo_programs,
                "package.json" => node_programs,
                "pyproject.toml" => python_programs,
                _ if file.tags.contains(&Tag::Ci) => |text: &str, _: &str, _: &Repo| workflow(text),
                _ => continue,
            };
            let Some(text) = read_text(root, &file.path, READ_MAX) else { continue };
            let list = match file.tags.contains(&Tag::Ci) {
                true => &mut organism.workflows,
                false => &mut organism.declared,
            };
            list.extend(
                read(&text, folder(file), repo)
                    .into_iter()
                    .map(|what| Declared { path: file.path.clone(), what: masked(&what) }),
            );
        }
        organism.declared.sort();
        organism.declared.dedup();
        organism
    }
}

/// The folder of a file with its `/`; empty for the root.
fn folder(file: &File) -> &str {
    file.path.rfind('/').map_or("", |at| &file.path[..=at])
}

/// Every `[[bin]]`, and the package itself where `src/main.rs` makes it a program.
fn cargo_programs(text: &str, folder: &str, repo: &Repo) -> Vec<String> {
    let Ok(manifest) = text.parse::<toml::Table>() else { return Vec::new() };
    let bins = manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten();
    let mut names: Vec<String> = bins
        .filter_map(|bin| bin.get("name")?.as_str())
        .map(|name| format!("program {name}"))
        .collect();
    let package = manifest.get("package").and_then(|package| package.get("name")?.as_str());
    let main = format!("{folder}src/main.rs");
    if let Some(package) = package
        && repo.files.iter().any(|file| file.path == main)
    {
        names.push(format!("program {package}"));
    }
    names
}

/// The keys of `bin` and `scripts`, and `main`.
fn node_programs(text: &str, _: &str, _: &Repo) -> Vec<String> {
    let Ok(manifest) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let name = manifest.get("name").and_then(Value::as_str).unwrap_or("package");
    let mut names = Vec::new();
    match manifest.get("bin") {
        Some(Value::String(_)) => names.push(format!("program {name}")),
        Some(Value::Object(bins)) => names.extend(bins.keys().map(|key| format!("program {key}"))),
        _ => {}
    }
    if let Some(main) = manifest.get("main").and_then(Value::as_str) {
        names.push(format!("module {name}, from {main}"));
    }
    if let Some(scripts) = manifest.get("scripts").and_then(Value::as_object) {
        names.extend(scripts.keys().map(|key| format!("script {key}")));
    }
    names
}

/// The keys of `project.scripts`.
fn python_programs(text: &str, _: &str, _: &Repo) -> Vec<String> {
    let Ok(manifest) = text.parse::<toml::Table>() else { return Vec::new() };
    let scripts = manifest.get("project").and_then(|project| project.get("scripts")?.as_table());
    let keys = scripts.into_iter().flat_map(toml::Table::keys);
    keys.map(|key| format!("program {key}")).collect()
}

/// `NAME, on EVENT, EVENT` by the lines `name:` and `on:` of a workflow and the keys below `on:`.
fn workflow(text: &str) -> Vec<String> {
    let mut name = None;
    let mut events: Vec<String> = Vec::new();
    let mut below = None;
    for line in text.lines() {
        let bare = line.split(" #").next().unwrap_or(line).trim_end();
        let indent = bare.len() - bare.trim_start().len();
        if bare.trim().is_empty() || bare.trim_start().starts_with('#') {
            continue;
        }
        if indent == 0 {
            below = None;
            let (key, value) = bare.split_once(':').unwrap_or((bare, ""));
            match (key.trim_matches(['"', '\'']), value.trim()) {
                ("name", value) => name = Some(value.trim_matches(['"', '\'']).to_owned()),
                ("on", "") => below = Some(None),
                ("on", value) => {
                    let words = value.trim_matches(['[', ']', '{', '}']).split(',');
                    events.extend(words.map(|word| event(word).to_owned()));
                }
                _ => {}
            }
        } else if let Some(at) = below.as_mut() {
            // The first line below `on:` sets the level of the events.
            if *at.get_or_insert(indent) == indent {
                events.push(event(bare.trim_start().trim_start_matches("- ")).to_owned());
            }
        }
    }
    events.retain(|event| !event.is_empty());
    if name.is_none() && events.is_empty() {
        return Vec::new();
    }
    let name = name.unwrap_or_else(|| "no name".to_owned());
    let events = if events.is_empty() { "nothing stated".to_owned() } else { events.join(", ") };
    vec![format!("{name}, on {events}")]
}

/// The word before a colon, without quotation marks.
fn event(text: &str) -> &str {
    text.split(':').next().unwrap_or(text).trim().trim_matches(['"', '\''])
}

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
