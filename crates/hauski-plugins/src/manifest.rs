//! `plugins.json`: read, checked, and ordered.

mod check;
mod order;
mod settings;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use contracts::hauski::plugin::Plugin;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest `plugins.json` that is read.
const MAX_BYTES: u64 = 4 << 20;

/// The plugins of one `plugins.json`, checked, in the order in which they are started.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The folder of the file; relative paths in it begin here.
    pub folder: PathBuf,
    /// Plugins, each after those that must run before it.
    pub plugins: Vec<Plugin>,
}

/// What is wrong with a `plugins.json`, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {what}{}", .file.display(), hint_text(.hint.as_deref()))]
pub struct ManifestError {
    /// The file.
    pub file: PathBuf,
    /// From 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// From 1; 0 where the line as a whole is meant.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

fn hint_text(hint: Option<&str>) -> String {
    hint.map_or_else(String::new, |hint| format!(" ({hint})"))
}

/// The file, its plugins still as text so that errors in them can be placed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    schema: u32,
    #[serde(borrow)]
    plugins: Vec<&'a RawValue>,
}

impl Manifest {
    /// No plugins at all.
    pub fn empty(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), plugins: Vec::new() }
    }

    /// Reads and checks a `plugins.json`.
    ///
    /// # Errors
    ///
    /// When it cannot be read or says something that does not hold; the first fault with its place.
    pub fn load(file: &Path) -> Result<Self, ManifestError> {
        let whole = |what: String| ManifestError {
            file: file.to_owned(),
            line: 0,
            column: 0,
            what,
            hint: None,
        };
        let read = || -> std::io::Result<Option<String>> {
            if fs::metadata(file)?.len() > MAX_BYTES {
                return Ok(None);
            }
            fs::read_to_string(file).map(Some)
        };
        let text = match read() {
            Ok(Some(text)) => text,
            Ok(None) => return Err(whole(format!("the file is longer than {MAX_BYTES} bytes"))),
            Err(error) => return Err(whole(format!("failed to read the file: {error}"))),
        };
        let folder = std::path::absolute(file).ok();
        let folder = folder.as_deref().and_then(Path::parent).unwrap_or(Path::new("/"));
        Self::parse(file, folder, &text)
    }

    /// Checks the text of a `plugins.json` that lies, or will lie, in `folder`.
    ///
    /// # Errors
    ///
    /// See [`Manifest::load`].
    pub fn parse(file: &Path, folder: &Path, text: &str) -> Result<Self, ManifestError> {
        let at = |line, column, what: String, hint: Option<String>| ManifestError {
            file: file.to_owned(),
            line,
            column,
            what,
            hint,
        };
        let parsed: File<'_> = serde_json::from_str(text)
            .map_err(|error| at(error.line(), error.column(), json_error(&error), None))?;
        if parsed.schema != 1 {
            let (line, column) = find_key(text, "schema");
            let what = format!("schema is {}, this program reads 1", parsed.schema);
            return Err(at(line, column, what, None));
        }
        let mut plugins = Vec::new();
        let mut starts = BTreeMap::new();
        for raw in parsed.plugins {
            let raw = raw.get();
            let (line, column) = position(text, offset_in(text, raw));
            let place = |l: usize, c: usize| match l {
                0 | 1 => (line, column + c.saturating_sub(1)),
                further => (line + further - 1, c),
            };
            let plugin: Plugin = serde_json::from_str(raw).map_err(|error| {
                let (line, column) = place(error.line(), error.column());
                at(line, column, json_error(&error), None)
            })?;
            if let Err(fault) = check::plugin(&plugin) {
                let (l, c) = find_key(raw, fault.key);
                let (line, column) = place(l, c);
                let what = format!("plugin {:?}: {}", plugin.name, fault.what);
                return Err(at(line, column, what, fault.hint));
            }
            if starts.insert(plugin.name.clone(), (line, column)).is_some() {
                let what = format!("two plugins have the name {:?}", plugin.name);
                return Err(at(line, column, what, None));
            }
            plugins.push(plugin);
        }
        let plugins = order::by_dependency(plugins).map_err(|fault| {
            let (line, column) = starts.get(&fault.plugin).copied().unwrap_or((0, 0));
            at(line, column, fault.what, fault.hint)
        })?;
        Ok(Self { folder: folder.to_owned(), plugins })
    }

    /// Checks one entry for itself, as when it is changed while the daemon runs.
    ///
    /// # Errors
    ///
    /// A sentence that names the field.
    pub fn check_entry(plugin: &Plugin) -> Result<(), String> {
        check::plugin(plugin).map_err(|fault| fault.what)
    }

    /// The plugin of that name.
    pub fn get(&self, name: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }
}

fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // serde_json repeats the place at the end of its sentence.
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

fn offset_in(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len())
}

/// Line and column of a byte, both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// Where a key stands in a JSON text; the beginning where it does not.
fn find_key(text: &str, key: &str) -> (usize, usize) {
    let quoted = format!("\"{key}\"");
    let found = text.match_indices(&quoted).find(|(at, _)| {
        let rest = text.get(at + quoted.len()..).unwrap_or_default();
        rest.trim_start().starts_with(':')
    });
    position(text, found.map_or(0, |(at, _)| at))
}
