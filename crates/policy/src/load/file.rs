//! One file: read within bounds, parsed twice (for its values and for its positions), checked.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Error as YamlError, Spanned};
use sha2::{Digest, Sha256};

use super::check::Checker;
use super::positions::{Node, Positions};
use super::{FileName, Loaded, Paths, PolicyError};

/// Largest file in bytes.
const MAX_BYTES: u64 = 10_000_000;
/// Deepest nesting. Policies have six levels; each level costs stack.
const MAX_DEPTH: usize = 16;
/// Aliases in one file, and what they may stand for in all (counted in events of the parser).
const MAX_ALIASES: usize = 1_000;
const MAX_REPLAYED_EVENTS: usize = 10_000;
/// Values in one file.
const MAX_NODES: usize = 20_000;

/// Reads, parses and checks one file. None with a problem added, where it cannot be read or parsed; problems of
/// the check are added as well.
pub(super) fn read<T: DeserializeOwned + Default>(
    paths: &Paths,
    name: FileName,
    check: impl FnOnce(&T, &mut Checker<'_>),
    problems: &mut Vec<PolicyError>,
) -> Option<Loaded<T>> {
    let path = paths.path(name);
    let loaded = match read_text(path) {
        Ok(Some(text)) => parse(path, &text),
        Ok(None) if paths.is_required(name) => Err(PolicyError {
            hint: Some(format!(
                "create it, or do not name it: without it the defaults of {} hold",
                name.as_str()
            )),
            ..plain(path, "no such file")
        }),
        Ok(None) => Ok(Loaded {
            value: T::default(),
            path: path.to_owned(),
            sha256: None,
            positions: Positions::default(),
        }),
        Err(error) => Err(error),
    };
    match loaded {
        Ok(loaded) => {
            let mut checker = Checker::new(path, &loaded.positions, problems);
            check(&loaded.value, &mut checker);
            Some(loaded)
        }
        Err(error) => {
            problems.push(error);
            None
        }
    }
}

fn plain(path: &Path, what: impl Into<String>) -> PolicyError {
    PolicyError { file: path.to_owned(), line: None, column: None, what: what.into(), hint: None }
}

fn read_text(path: &Path) -> Result<Option<String>, PolicyError> {
    let fault = |error: &io::Error| PolicyError {
        hint: Some("give the user of the daemon the right to read it".to_owned()),
        ..plain(path, format!("cannot be read: {error}"))
    };
    // A named pipe would block at opening, so the kind is asked first.
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(plain(path, "is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(&error)),
    }
    let file = File::open(path).map_err(|error| fault(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(PolicyError {
            hint: Some("a policy is a page of text; is this the right file?".to_owned()),
            ..plain(path, format!("is larger than {} MB", MAX_BYTES / 1_000_000))
        });
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + String::from_utf8_lossy(
            before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default(),
        )
        .chars()
        .count();
        PolicyError {
            line: u32::try_from(line).ok(),
            column: u32::try_from(column).ok(),
            hint: Some("save the file as UTF-8".to_owned()),
            ..plain(path, "is not UTF-8 text")
        }
    })
}

fn parse<T: DeserializeOwned + Default>(path: &Path, text: &str) -> Result<Loaded<T>, PolicyError> {
    let fault = |error: &YamlError| fault(path, error);
    // Positions first: this pass accepts any document within the budget, so a bomb ends here.
    let shape: Spanned<Node> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(&error))?;
    let value = match shape.value {
        Node::Null => T::default(),
        Node::Map(_) => {
            serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(&error))?
        }
        Node::Scalar | Node::Sequence(_) => {
            return Err(PolicyError {
                line: Some(1),
                column: Some(1),
                hint: Some(
                    "start with a key and a colon; docs/policies.md lists the keys".to_owned(),
                ),
                ..plain(path, "holds no keys")
            });
        }
    };
    Ok(Loaded {
        value,
        path: path.to_owned(),
        sha256: Some(hex(&Sha256::digest(text.as_bytes()))),
        positions: Positions::of(&shape),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED_EVENTS,
            max_alias_expansions_per_anchor: MAX_ALIASES,
        },
        strict_booleans: true,
        with_snippet: false,
    }
}

fn fault(path: &Path, error: &YamlError) -> PolicyError {
    let location = error.location();
    let (what, hint) = describe(error);
    PolicyError {
        file: path.to_owned(),
        line: location.and_then(|at| u32::try_from(at.line()).ok()),
        column: location.and_then(|at| u32::try_from(at.column()).ok()),
        what,
        hint,
    }
}

/// What a person is told. Values are not repeated: a wrong one may be a key that was pasted in the wrong place.
fn describe(error: &YamlError) -> (String, Option<String>) {
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            let (shown, known) = (shorten(field), expected.join(", "));
            let hint = match closest(field, expected) {
                Some(near) => format!("did you mean {near}? Known here: {known}"),
                None => format!("known here: {known}"),
            };
            (format!("unknown key {shown}"), Some(hint))
        }
        YamlError::SerdeMissingField { field, .. } => {
            (format!("the key {field} is missing"), Some(format!("add {field}:")))
        }
        YamlError::SerdeUnknownVariant { expected, .. } => {
            let known = expected.join(", ");
            ("a word that is not known here".to_owned(), Some(format!("one of: {known}")))
        }
        YamlError::NonFiniteFloat { .. } => {
            ("a value of the wrong kind; expected a finite number".to_owned(), None)
        }
        YamlError::SerdeInvalidType { expected, .. }
        | YamlError::SerdeInvalidValue { expected, .. } => {
            (format!("a value of the wrong kind; expected {expected}"), None)
        }
        YamlError::InvalidScalar { ty, .. } => (
            format!("a value of the wrong kind; expected {}", plain_type(ty)),
            Some("numbers are written plainly, without quotes, units or signs".to_owned()),
        ),
        YamlError::InvalidBooleanStrict { .. } => {
            ("a value of the wrong kind; expected true or false".to_owned(), None)
        }
        YamlError::Unexpected { expected, .. } => {
            (format!("something else than the expected {expected}"), None)
        }
        YamlError::DuplicateMappingKey { key, .. } => {
            let shown = key.as_deref().map(shorten).unwrap_or_default();
            (format!("the key {shown} stands here twice"), Some("keep one of the two".to_owned()))
        }
        YamlError::NullIntoString { .. } => ("a value is missing".to_owned(), None),
        YamlError::MultipleDocuments { .. } => (
            "more than one document".to_owned(),
            Some("remove the line of three dashes".to_owned()),
        ),
        YamlError::UnknownAnchor { .. } => ("an alias (*) without its anchor (&)".to_owned(), None),
        YamlError::Budget { .. }
        | YamlError::AliasReplayLimitExceeded { .. }
        | YamlError::AliasExpansionLimitExceeded { .. }
        | YamlError::AliasReplayStackDepthExceeded { .. }
        | YamlError::AliasReplayCounterOverflow { .. } => (
            "nests deeper or holds more values or aliases than a policy may".to_owned(),
            Some(format!(
                "at most {MAX_DEPTH} levels, {MAX_NODES} values, {MAX_ALIASES} aliases that stand for {MAX_REPLAYED_EVENTS} values"
            )),
        ),
        YamlError::AliasError { error, .. } | YamlError::WithSnippet { error, .. } => {
            describe(error)
        }
        YamlError::ExternalMessage { msg, .. } => (
            format!("not YAML: {}", shorten(msg)),
            Some("look at indentation, colons and quotes here and on the line before".to_owned()),
        ),
        _ => (
            "not what stands in a policy here".to_owned(),
            Some("docs/policies.md shows every key".to_owned()),
        ),
    }
}

fn plain_type(name: &str) -> &str {
    match name {
        "u8" | "u16" | "u32" | "u64" => "a whole number",
        "f32" | "f64" => "a number",
        other => other,
    }
}

/// Foreign text for a message: no control characters, at most 80 characters.
fn shorten(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

/// The known word that differs from `word` by the least, where that is little.
fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let nearest = known.iter().min_by_key(|name| distance(word, name))?;
    (distance(word, nearest) <= 2).then_some(*nearest)
}

fn distance(left: &str, right: &str) -> usize {
    if left.len().abs_diff(right.len()) > 2 {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, to) in right.iter().enumerate() {
            let changed = before + usize::from(from != *to);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
