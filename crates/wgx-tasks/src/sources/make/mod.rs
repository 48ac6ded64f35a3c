//! make targets: the makefile of a folder with its includes, as far as it can be read without running
//! anything.

mod functions;
mod reader;
mod shell;
mod syntax;
mod text;
mod variables;

use super::scan::argv;
use super::{Place, Scan};
use reader::{Reader, Target};
use variables::Variables;

pub(super) fn discover(scan: &mut Scan<'_>) {
    let Some((name, file)) = makefile(scan) else {
        return;
    };
    let variables = Variables::new(scan.files, scan.dir, scan.environment);
    let mut reader = Reader::new(scan, variables);
    reader.file(&file, name);
    note_missing(&mut reader);
    reader.finish_notes();
    let targets = std::mem::take(&mut reader.targets);
    let (phony, suffixes) =
        (std::mem::take(&mut reader.phony), std::mem::take(&mut reader.suffixes));
    for target in targets {
        if is_suffix_rule(&target.name, &suffixes) {
            continue;
        }
        let is_file = !phony.contains(&target.name) && is_file_target(&target);
        push(scan, target, is_file);
    }
}

/// The file that make would take.
fn makefile(scan: &mut Scan<'_>) -> Option<(&'static str, String)> {
    let names = ["GNUmakefile", "makefile", "Makefile"];
    for name in names {
        let path = scan.path(name);
        if scan.has(name) && scan.is_file(&path) {
            return Some((name, path));
        }
    }
    None
}

fn push(scan: &mut Scan<'_>, target: Target, is_file: bool) {
    let place = Place::new(&target.file, target.line);
    let mut found = scan.declare(&target.name, place, argv(&["make", &target.name]));
    found.task.description = target.description;
    found.task.group = if is_file { Some("file".to_owned()) } else { target.group };
    found.commands = target.recipe;
    scan.push(found);
}

/// An include that is not there may have a rule that makes it.
fn note_missing(reader: &mut Reader<'_, '_, '_>) {
    for (path, file, line) in std::mem::take(&mut reader.missing) {
        let made = reader.targets.iter().any(|target| target.name == path);
        let reason = format!("the included file {path} is not there");
        if made {
            let reason = format!("{reason}; make would build it first");
            reader.scan.dynamic(&file, Some(line), &reason);
        } else {
            let hint = "add the file, or write `-include` when it may be absent";
            reader.scan.broken(&file, Some(line), &reason, hint);
        }
    }
}

/// Names that make gives a meaning of their own.
fn is_special(name: &str) -> bool {
    let Some(word) = name.strip_prefix('.') else {
        return false;
    };
    let capital = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    word.len() > 2 && word.bytes().all(capital)
}

/// `.c.o` or `.c` of known suffixes.
fn is_suffix_rule(name: &str, suffixes: &std::collections::HashSet<String>) -> bool {
    let known = |suffix: &str| suffixes.contains(suffix) || DEFAULT_SUFFIXES.contains(&suffix);
    let Some(word) = name.strip_prefix('.') else {
        return false;
    };
    if name.contains('/') {
        return false;
    }
    match word.find('.') {
        Some(dot) => known(&name[..=dot]) && known(&name[dot + 1..]),
        None => known(name),
    }
}

/// The suffixes that GNU make knows by itself.
const DEFAULT_SUFFIXES: [&str; 36] = [
    ".out", ".a", ".ln", ".o", ".c", ".cc", ".C", ".cpp", ".p", ".f", ".F", ".m", ".r", ".y", ".l",
    ".ym", ".yl", ".s", ".S", ".mod", ".sym", ".def", ".h", ".info", ".dvi", ".tex", ".texinfo",
    ".texi", ".txinfo", ".w", ".ch", ".web", ".sh", ".elc", ".el", ".lm",
];

/// Whether a target that is not declared phony names a file: by its name, or by a recipe that writes it.
fn is_file_target(target: &Target) -> bool {
    if target.name.contains(['/', '.']) {
        return true;
    }
    let output =
        [format!("-o {}", target.name), format!("> {}", target.name), format!(">{}", target.name)];
    let writes = |line: &String| {
        line.contains("$@")
            || line.contains("$(@")
            || output.iter().any(|written| {
                line.find(written.as_str()).is_some_and(|at| {
                    let rest = &line[at + written.len()..];
                    !rest.starts_with(|char: char| char.is_alphanumeric() || "/._-".contains(char))
                })
            })
    };
    target.recipe.iter().any(writes)
}
