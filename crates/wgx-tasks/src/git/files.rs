//! Reading the files of a repository that may be hostile: bounded, and never waiting on a pipe.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// The bytes of a regular file of at most `max_bytes`.
pub(super) fn read_file(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let data = file.metadata()?;
    if !data.is_file() || data.len() > max_bytes {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(data.len()).unwrap_or(0));
    file.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first value of `[section "subsection"] key` in a git configuration.
pub(super) fn config_value(
    text: &str,
    section: &str,
    subsection: &str,
    key: &str,
) -> Option<String> {
    let mut is_inside = false;
    let joined = text.replace("\\\r\n", "").replace("\\\n", "");
    for line in joined.lines() {
        let mut line = line.trim();
        if let Some((header, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            is_inside = is_header(header, section, subsection);
            line = rest.trim();
        }
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        if is_inside && name.trim().eq_ignore_ascii_case(key) {
            return Some(unquote(value.trim()));
        }
    }
    None
}

fn is_header(header: &str, section: &str, subsection: &str) -> bool {
    header.split_once(char::is_whitespace).is_some_and(|(name, rest)| {
        name.eq_ignore_ascii_case(section) && unquote(rest.trim()) == subsection
    })
}

/// A value without its quotes, escapes and comment.
fn unquote(value: &str) -> String {
    let mut text = String::new();
    let mut is_quoted = false;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => is_quoted = !is_quoted,
            '#' | ';' if !is_quoted => break,
            '\\' => text.extend(characters.next().map(|escaped| match escaped {
                'n' => '\n',
                't' => '\t',
                other => other,
            })),
            other => text.push(other),
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_read_as_git_reads_it() {
        let table = [
            ("[remote \"origin\"]\n\turl = https://host/a.git\n", Some("https://host/a.git")),
            ("[Remote \"origin\"] URL=git@host:a.git ; note", Some("git@host:a.git")),
            (
                "[remote \"origin\"]\nurl = \"https://host/a#b.git\" # x",
                Some("https://host/a#b.git"),
            ),
            ("[remote \"origin\"]\nurl = https://ho\\\nst/a\n", Some("https://host/a")),
            ("[remote \"Origin\"]\nurl = x\n[core]\nurl = y\n", None),
            ("[remote \"origin\"]\nfetch = x\n[remote \"b\"]\nurl = y", None),
        ];
        for (text, expected) in table {
            let found = config_value(text, "remote", "origin", "url");
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
