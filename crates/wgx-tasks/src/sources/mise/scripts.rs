//! Scripts in a task folder: which files are tasks, and what their headers say.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::document::{self, Node, Value};
use crate::files::RepoFiles;
use crate::sources::Scan;

/// Deepest nesting of task folders.
const MAX_DEPTH: usize = 20;
/// Most files of one task folder.
const MAX_FILES: usize = 5_000;
/// Most lines of a script that are kept to search in.
const MAX_LINES: usize = 200;
/// Most lines of one header entry.
const MAX_ENTRY_LINES: usize = 50;

/// A script.
pub(super) struct Script {
    pub(super) name: String,
    /// Of the description in the header, else the first line.
    pub(super) line: u32,
    /// The header as one map.
    pub(super) header: Node,
    /// The lines of `#USAGE`.
    pub(super) usage: String,
    pub(super) text: String,
}

/// All files below a folder that are not hidden, sorted.
pub(super) fn files(files: &RepoFiles, dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen: HashSet<PathBuf> = HashSet::new();
    let mut open = vec![(dir.to_owned(), 0usize)];
    while let Some((dir, depth)) = open.pop() {
        let fresh = files.resolve(&dir).map_or(true, |path| seen.insert(path));
        if !fresh || depth > MAX_DEPTH || found.len() > MAX_FILES {
            continue;
        }
        for name in files.list(&dir) {
            let path = format!("{dir}/{name}");
            if name.starts_with('.') {
                continue;
            }
            if files.is_file(&path) {
                found.push(path);
            } else if files.is_dir(&path) {
                open.push((path, depth + 1));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Whether a file has an executable bit; where there are no such bits, every file has.
pub(super) fn is_executable(files: &RepoFiles, path: &str) -> bool {
    let Some(metadata) = files.resolve(path).ok().and_then(|path| path.metadata().ok()) else {
        return true;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    {
        metadata.is_file()
    }
}

/// Reads a script below the task folder `folder`.
pub(super) fn read(scan: &mut Scan<'_>, folder: &str, file: &str) -> Option<Script> {
    let text = scan.read(file)?;
    let (header, line, faults) = header(&text);
    for (line, message) in faults {
        let hint = "correct the #MISE line";
        scan.broken(file, Some(line), &message, hint);
    }
    let relative = file.strip_prefix(folder)?.trim_start_matches('/');
    let lines: Vec<&str> = text.lines().take(MAX_LINES).collect();
    Some(Script { name: name(relative), line, header, usage: usage(&text), text: lines.join("\n") })
}

/// `group/name.sh` is `group:name.sh`; `group/_default` is `group`.
fn name(relative: &str) -> String {
    let parts: Vec<String> = relative.split('/').map(|part| part.replace(':', "_")).collect();
    let name = parts.join(":");
    match name.rsplit_once(':') {
        Some((parent, last)) if last == "_default" || last.starts_with("_default.") => {
            parent.to_owned()
        }
        _ => name,
    }
}

/// What follows `#MISE `, `# [MISE] `, `//MISE ` or `::MISE ` on a line.
fn header_content<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let rest = ["#", "//", "::"].iter().find_map(|comment| line.strip_prefix(comment))?;
    let bracketed = format!("[{word}]");
    let rest = rest.strip_prefix(word).or_else(|| {
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        rest.strip_prefix(bracketed.as_str())
    })?;
    rest.strip_prefix(' ')
}

/// Line and text of a header that does not parse.
type Faults = Vec<(u32, String)>;

/// Joins the header lines to one map; gives the line of the description.
fn header(text: &str) -> (Node, u32, Faults) {
    let mut entries = Vec::new();
    let mut line = 1;
    let mut faults = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (index, content) in text.lines().map(|line| header_content(line, "MISE")).enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let Some(content) = content else {
            if let Some((number, entry)) = open.take() {
                faults.push((number, fault(&entry)));
            }
            continue;
        };
        let (start, entry) = match open.take() {
            Some((start, before)) => (start, format!("{before}\n{content}")),
            None if content.contains('=') => (number, content.to_owned()),
            None => continue,
        };
        match document::parse_toml(&entry) {
            Ok(node) => {
                if node.get("description").is_some() {
                    line = start;
                }
                entries.extend(node.entries().to_vec());
            }
            Err(_) if entry.lines().count() < MAX_ENTRY_LINES => open = Some((start, entry)),
            Err(_) => faults.push((start, fault(&entry))),
        }
    }
    faults.extend(open.map(|(number, entry)| (number, fault(&entry))));
    (Node::new(1, Value::Mapping(entries)), line, faults)
}

fn fault(entry: &str) -> String {
    match document::parse_toml(entry) {
        Err(error) => format!("the header is not TOML: {}", error.message),
        Ok(_) => "the header does not end".to_owned(),
    }
}

/// The lines of `#USAGE`, joined.
fn usage(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter_map(|line| header_content(line, "USAGE")).collect();
    lines.join("\n")
}
