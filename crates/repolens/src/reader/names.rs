//! How names stand in a merge, and how ids and anchors come from them.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization as _;

/// The text behind an attribute's value; `None` when it holds something that is no reference of the
/// format. Exact: whatever was escaped comes back character by character.
pub fn unescape_attribute(value: &str) -> Option<Cow<'_, str>> {
    if is_usual(value) {
        return Some(Cow::Borrowed(value));
    }
    if value.contains(['<', '>', '`', '|']) || value.contains(|c| !printable(c)) {
        return None;
    }
    let Some(first) = value.find('&') else {
        return Some(Cow::Borrowed(value));
    };
    let mut text = String::with_capacity(value.len());
    let (before, mut rest) = value.split_at(first);
    text.push_str(before);
    while let Some(reference) = rest.strip_prefix('&') {
        let (name, behind) = reference.split_once(';')?;
        text.push(referred(name)?);
        let next = behind.find('&').unwrap_or(behind.len());
        text.push_str(&behind[..next]);
        rest = &behind[next..];
    }
    Some(Cow::Owned(text))
}

fn referred(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "quot" => Some('"'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        _ => {
            let digits = name.strip_prefix('#')?;
            let canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
                && !digits.starts_with('0') | (digits == "0");
            char::from_u32(digits.parse().ok()?).filter(|_| canonical)
        }
    }
}

/// Whether a character stands for itself in names.
pub fn printable(c: char) -> bool {
    !(redact::escape::is_control(c) || c.is_control())
}

/// A name as it stands between backticks: for people, not to be turned back.
pub fn code_span(name: &str) -> Cow<'_, str> {
    escaped(name, |c| matches!(c, '"' | '<' | '>' | '`' | '|') || !printable(c))
}

/// A name as it stands outside of code spans: for people, not to be turned back.
pub fn plain_name(name: &str) -> Cow<'_, str> {
    let signs = r#""<>`|[]{}\*~&!$"#;
    escaped(name, |c| signs.contains(c) || !printable(c) || c.is_whitespace() && c != ' ')
}

/// Letters, digits and signs that stand for themselves everywhere.
fn is_usual(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@ ".contains(&byte))
}

fn escaped(name: &str, bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if is_usual(name) || !name.contains(&bad) {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(name.len() + 16);
    for c in name.chars() {
        if bad(c) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// A name in Unicode's form NFC.
pub fn nfc(name: &str) -> Cow<'_, str> {
    if name.is_ascii() { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// A name as it stands in an anchor.
pub fn slug(name: &str) -> String {
    if is_usual(name) {
        return name.replace(['/', '.', ' '], "-");
    }
    nfc(name)
        .chars()
        .map(|c| {
            let replaced = c.is_whitespace() || "/.\"<>`|\\(){}&".contains(c) || !printable(c);
            if replaced { '-' } else { c }
        })
        .collect()
}

/// `file-<repo>-<path>`: a file's anchor, where no other file shares it.
pub fn anchor_base(repo: &str, path: &str) -> String {
    format!("file-{}-{}", slug(repo), slug(path))
}

/// The 64 hex digits whose beginning tells files apart that share an anchor; `normal` says whether the
/// names count in NFC.
pub fn anchor_hash(repo: &str, path: &str, normal: bool) -> String {
    let name = format!("{repo}:{path}");
    let counted = if normal { nfc(&name) } else { Cow::Borrowed(name.as_str()) };
    hex(&Sha256::digest(counted.as_bytes()))
}

/// `f_` and 12 hex digits, with the salt of the merge; `normal` says whether the names count in NFC.
pub fn file_id(repo: &str, path: &str, salt: u64, normal: bool) -> String {
    let (repo, path) =
        if normal { (nfc(repo), nfc(path)) } else { (Cow::Borrowed(repo), Cow::Borrowed(path)) };
    let name = match salt {
        0 => format!("{repo}:{path}"),
        salt => format!("{repo}:{path}:salt {salt}"),
    };
    let mut id = hex(&Sha1::digest(name));
    id.truncate(12);
    format!("f_{id}")
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).collect()
}
