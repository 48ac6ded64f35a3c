//! mage targets: exported functions of Go files with the build tag `mage`.

mod go;

use std::collections::{HashMap, HashSet};

use contracts::wgx::TaskArg;

use super::scan::argv;
use super::{Place, Scan};
use crate::files;
use go::{Function, GoFile};

/// Most imported packages.
const MAX_PACKAGES: usize = 100;

pub(super) fn discover(scan: &mut Scan<'_>) {
    let entries = scan.entries();
    let own = scan.dir.to_owned();
    let mut parsed = sources(scan, &own, &entries);
    parsed.retain(|(_, file)| file.has_mage_tag);
    if parsed.is_empty() && entries.iter().any(|name| name == "magefiles") {
        let folder = scan.path("magefiles");
        let names = scan.files.list(&folder);
        parsed = sources(scan, &folder, &names);
    }
    if !parsed.is_empty() {
        list(scan, &parsed);
    }
}

/// The Go files of a folder that belong to the package `main`.
fn sources(scan: &mut Scan<'_>, dir: &str, names: &[String]) -> Vec<(String, GoFile)> {
    let mut parsed = Vec::new();
    for name in names.iter().filter(|name| is_source(name)) {
        let path = files::join(dir, name).unwrap_or_default();
        if !scan.files.is_file(&path) {
            continue;
        }
        if let Some(text) = scan.read(&path) {
            let file = go::parse(&text);
            if file.package == "main" {
                parsed.push((path, file));
            }
        }
    }
    parsed
}

fn is_source(name: &str) -> bool {
    name.ends_with(".go") && !name.ends_with("_test.go") && fits_platform(name)
}

/// Go leaves out files whose names end in another system or processor.
fn fits_platform(name: &str) -> bool {
    let stem = name.strip_suffix(".go").unwrap_or(name);
    let other = ["windows", "darwin", "linux", "freebsd", "openbsd", "netbsd"];
    let here = match std::env::consts::OS {
        "macos" => "darwin",
        system => system,
    };
    let last = stem.rsplit('_').next().unwrap_or(stem);
    !stem.contains('_') || last == here || !other.contains(&last)
}

/// A target before it is listed.
struct Target<'f> {
    name: String,
    file: &'f str,
    function: &'f Function,
}

fn list(scan: &mut Scan<'_>, parsed: &[(String, GoFile)]) {
    let targets = targets(parsed, "");
    let mut seen = HashSet::new();
    let aliases = aliases(parsed);
    for target in &targets {
        if seen.insert(target.name.to_lowercase()) {
            push(scan, target, &aliases);
        }
    }
    let imports: Vec<(String, go::Import)> = parsed
        .iter()
        .flat_map(|(path, file)| file.imports.iter().map(|import| (path.clone(), import.clone())))
        .collect();
    for (path, import) in imports.iter().take(MAX_PACKAGES) {
        imported(scan, path, import, &mut seen);
    }
}

/// `// mage:import [NAME]`: the exported functions of a package of this module.
fn imported(scan: &mut Scan<'_>, from: &str, import: &go::Import, seen: &mut HashSet<String>) {
    let module = scan.read(&scan.path("go.mod"));
    let module = module.as_deref().and_then(|text| {
        text.lines().find_map(|line| line.trim().strip_prefix("module ").map(str::trim))
    });
    let below = module.and_then(|module| import.path.strip_prefix(module)?.strip_prefix('/'));
    let dir = below.and_then(|below| files::join(scan.dir, below));
    let Some(dir) = dir.filter(|dir| scan.files.is_dir(dir)) else {
        let reason = format!("the imported package {} lies outside of the repository", import.path);
        scan.dynamic(from, Some(import.line), &reason);
        return;
    };
    let mut parsed = Vec::new();
    for name in scan.files.list(&dir) {
        let path = format!("{dir}/{name}");
        if is_source(&name)
            && scan.files.is_file(&path)
            && let Some(text) = scan.read(&path)
        {
            parsed.push((path, go::parse(&text)));
        }
    }
    let prefix = if import.name.is_empty() { String::new() } else { format!("{}:", import.name) };
    for target in targets(&parsed, &prefix) {
        if seen.insert(target.name.to_lowercase()) {
            push(scan, &target, &HashMap::new());
        }
    }
}

fn targets<'f>(parsed: &'f [(String, GoFile)], prefix: &str) -> Vec<Target<'f>> {
    let namespaces: HashSet<&str> =
        parsed.iter().flat_map(|(_, file)| file.namespaces.iter().map(String::as_str)).collect();
    let mut found = Vec::new();
    for (path, file) in parsed {
        for function in &file.functions {
            let name = match &function.receiver {
                None => lower_first(&function.name),
                Some(receiver) if namespaces.contains(receiver.as_str()) => {
                    format!("{}:{}", lower_first(receiver), lower_first(&function.name))
                }
                Some(_) => continue,
            };
            found.push(Target { name: format!("{prefix}{name}"), file: path, function });
        }
    }
    found
}

fn push(scan: &mut Scan<'_>, target: &Target<'_>, aliases: &HashMap<String, Vec<String>>) {
    let function = target.function;
    let place = Place::new(target.file, function.line);
    let mut found = scan.declare(&target.name, place, argv(&["mage", &target.name]));
    found.task.description = synopsis(&function.doc, &function.name);
    found.task.args = function
        .parameters
        .iter()
        .map(|parameter| TaskArg {
            name: parameter.name.clone(),
            required: !parameter.optional,
            default: None,
            variadic: false,
        })
        .collect();
    let called = match &function.receiver {
        Some(receiver) => format!("{receiver}.{}", function.name),
        None => function.name.clone(),
    };
    found.task.aliases = aliases.get(&called).cloned().unwrap_or_default();
    found.commands.clone_from(&function.body);
    scan.push(found);
}

/// The first sentence of a doc comment, without the function's name at its beginning.
fn synopsis(doc: &str, name: &str) -> Option<String> {
    let text = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.match_indices(". ").map(|(at, _)| at + 1).next().unwrap_or(text.len());
    let sentence = text.get(..end)?;
    let (first, rest) = sentence.split_once(' ').unwrap_or((sentence, ""));
    let sentence = if first.eq_ignore_ascii_case(name) { rest } else { sentence };
    (!sentence.is_empty()).then(|| sentence.to_owned())
}

/// Aliases by the function they stand for (`Build`, `Namespace.Method`).
fn aliases(parsed: &[(String, GoFile)]) -> HashMap<String, Vec<String>> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for (_, file) in parsed {
        for (alias, target) in &file.aliases {
            found.entry(target.clone()).or_default().push(alias.clone());
        }
    }
    found
}

/// mage shows names with a lower-case beginning; a run of capitals is lowered up to its last one.
fn lower_first(name: &str) -> String {
    let capitals = name.chars().take_while(|char| char.is_uppercase()).count();
    let total = name.chars().count();
    let lowered = if capitals == total { total } else { capitals.saturating_sub(1).max(1) };
    name.chars()
        .enumerate()
        .map(|(index, char)| if index < lowered { char.to_ascii_lowercase() } else { char })
        .collect()
}
