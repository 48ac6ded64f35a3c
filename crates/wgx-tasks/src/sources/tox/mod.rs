//! tox: default and additional environments of `tox.ini`, `setup.cfg`, `pyproject.toml` and `tox.toml`.

mod factor;
mod ini;
mod ini_config;
mod toml_config;

use std::collections::{HashMap, HashSet};

use super::Scan;
use super::scan::Place;
use crate::document::Node;
use crate::task::Program;
use ini::Ini;
use ini_config::IniConfig;

/// Most environments that one file may name.
const MAX_ENVIRONMENTS: usize = 10_000;

/// The first file with a tox configuration counts, in tox's own order.
pub(super) fn discover(scan: &mut Scan<'_>) {
    if scan.has("tox.ini")
        && let Some(ini) = read_ini(scan, "tox.ini")
        && (ini.section("tox").is_some() || ini.sections.iter().any(|s| is_testenv(&s.name)))
    {
        return list_ini(scan, "tox.ini", &ini, "tox");
    }
    if scan.has("setup.cfg")
        && let Some(ini) = read_ini(scan, "setup.cfg")
        && ini.section("tox:tox").is_some()
    {
        return list_ini(scan, "setup.cfg", &ini, "tox:tox");
    }
    if scan.has("pyproject.toml") && discover_pyproject(scan) {
        return;
    }
    if scan.has("tox.toml") {
        let file = scan.path("tox.toml");
        if let Some(config) = scan.toml(&file) {
            toml_config::list(scan, &file, &config, 1);
        }
    }
}

fn is_testenv(section: &str) -> bool {
    section == "testenv" || section.starts_with("testenv:")
}

fn read_ini(scan: &mut Scan<'_>, name: &str) -> Option<Ini> {
    let file = scan.path(name);
    Some(Ini::parse(&scan.read(&file)?))
}

/// Whether `pyproject.toml` holds a configuration, native or as an embedded ini file.
fn discover_pyproject(scan: &mut Scan<'_>) -> bool {
    let file = scan.path("pyproject.toml");
    let Some(project) = scan.toml(&file) else {
        return false;
    };
    let Some(table) = project.get("tool").and_then(|tool| tool.entry("tox")) else {
        return false;
    };
    let legacy = table.value.entry("legacy_tox_ini");
    if table.value.entries().len() > usize::from(legacy.is_some()) {
        toml_config::list(scan, &file, &table.value, table.line);
        return true;
    }
    let Some((entry, text)) = legacy.and_then(|entry| Some((entry, entry.value.as_str()?))) else {
        return false;
    };
    let mut ini = Ini::parse(text);
    ini.shift_lines(entry.line);
    list_ini(scan, "pyproject.toml", &ini, "tox");
    true
}

fn list_ini(scan: &mut Scan<'_>, name: &str, ini: &Ini, core: &str) {
    let file = scan.path(name);
    let config = IniConfig::new(ini, core);
    for (line, text) in &ini.faults {
        let reason = format!("`{text}` is neither a section nor `key = value`");
        scan.broken(&file, Some(*line), &reason, "correct the line; tox does not read such a file");
    }
    for environment in config.environments(scan, &file) {
        push(scan, &file, environment);
    }
}

/// An environment that is listed.
struct Environment {
    name: String,
    line: u32,
    description: Option<String>,
    group: Option<String>,
    commands: Vec<String>,
}

fn push(scan: &mut Scan<'_>, file: &str, environment: Environment) {
    let argv = ["tox", "-e", &environment.name].map(str::to_owned).to_vec();
    let program = Program::Argv { argv, separator: Some("--") };
    let mut found = scan.declare(&environment.name, Place::new(file, environment.line), program);
    found.task.description = environment.description;
    found.task.group = environment.group;
    found.commands = environment.commands;
    scan.push(found);
}

/// Names in order of appearance, each once, without those that only build packages.
struct Names {
    lines: Vec<(String, u32)>,
    seen: HashSet<String>,
    packaging: HashSet<String>,
}

impl Names {
    fn new(packaging: HashSet<String>) -> Self {
        Self { lines: Vec::new(), seen: HashSet::new(), packaging }
    }

    fn add(&mut self, name: String, line: u32) {
        let hidden = name.is_empty()
            || [".pkg", ".package", ".tox"].iter().any(|prefix| name.starts_with(prefix))
            || self.packaging.contains(&name);
        let full = self.lines.len() >= MAX_ENVIRONMENTS;
        if !hidden && !full && self.seen.insert(name.clone()) {
            self.lines.push((name, line));
        }
    }
}

/// Environment → the first label that selects it.
type Labels = HashMap<String, String>;

fn one_line(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Strings of a TOML value at any depth, for searching.
fn texts(node: &Node) -> Vec<String> {
    if let Some(text) = node.as_str() {
        return vec![text.to_owned()];
    }
    node.items()
        .iter()
        .map(
            |item| {
                if item.is_sequence() { item.strings().join(" ") } else { texts(item).join(" ") }
            },
        )
        .filter(|text| !text.is_empty())
        .collect()
}
