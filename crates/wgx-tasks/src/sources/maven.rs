//! Maven: the phases of the lifecycles that `mvn PHASE` starts for the whole build of the root's
//! `pom.xml`. Modules have the same phases and are built with it; they are not listed one by one.

use super::{Place, Scan};

/// In the order of a build.
const PHASES: [(&str, &str); 9] = [
    ("clean", "removes what earlier builds made"),
    ("validate", "checks that the project is complete"),
    ("compile", "compiles the sources"),
    ("test", "runs the unit tests"),
    ("package", "makes the archive"),
    ("verify", "runs the integration tests and checks"),
    ("install", "puts the archive into the local repository"),
    ("site", "writes the documentation of the project"),
    ("deploy", "copies the archive to the remote repository"),
];

/// Deepest nesting of elements that is read.
const MAX_DEPTH: usize = 256;

pub(super) fn discover(scan: &mut Scan<'_>) {
    let Some(file) = scan.first_of(&["pom.xml"]) else {
        return;
    };
    let Some(text) = scan.read(&file) else {
        return;
    };
    let line = match project_line(&text) {
        Ok(line) => line,
        Err((line, reason)) => {
            scan.broken(&file, line, &reason, "correct the file; Maven refuses it as well");
            return;
        }
    };
    let program = if scan.has("mvnw") { "./mvnw" } else { "mvn" };
    for (phase, description) in PHASES {
        let place = Place::new(&file, line);
        let mut found = scan.declare(phase, place, super::scan::argv(&[program, phase]));
        found.task.description = Some(description.to_owned());
        found.task.group = Some("phase".to_owned());
        scan.push(found);
    }
}

/// The line of the `project` element, or what is wrong.
fn project_line(text: &str) -> Result<u32, (Option<u32>, String)> {
    if nesting(text) > MAX_DEPTH {
        return Err((None, format!("nested deeper than {MAX_DEPTH} levels")));
    }
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        nodes_limit: 1_000_000,
        ..roxmltree::ParsingOptions::default()
    };
    let document = roxmltree::Document::parse_with_options(text, options)
        .map_err(|error| (Some(error.pos().row), error.to_string()))?;
    let root = document.root_element();
    let line = document.text_pos_at(root.range().start).row;
    if root.tag_name().name() != "project" {
        return Err((Some(line), "the outermost element is not `project`".to_owned()));
    }
    Ok(line)
}

/// An upper bound of the nesting, before a parser that works by recursion sees the text.
fn nesting(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut deepest = 0;
    for at in memchr::memchr_iter(b'<', bytes) {
        match bytes.get(at + 1) {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                let end = memchr::memchr(b'>', &bytes[at..]).map(|length| at + length);
                if end.is_none_or(|end| bytes[end - 1] != b'/') {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
            }
        }
    }
    deepest
}
