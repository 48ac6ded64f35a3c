//! Command lines whose flags carry secrets without saying so: `curl -u name:PASSWORD`, `mysql -pPASSWORD`.

use std::ops::Range;

use crate::engine::{Candidate, Purpose, Rank};
use crate::judge;
use crate::rules::why_of;
use crate::shapes::is_password;

/// How far behind a program its flags are looked for, in bytes.
const LINE_MAX: usize = 600;

/// How a flag carries its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// `-u name:PASSWORD`, or `-uname:PASSWORD`.
    Login,
    /// `-pPASSWORD`; a flag that stands alone asks for the password.
    Attached,
    /// `-p PASSWORD` or `-pPASSWORD`.
    Value,
}

/// A program (all whose names begin so, where it ends in `*`) and its flags.
type Program = (&'static str, &'static [(&'static str, Carries)]);

const PROGRAMS: [Program; 9] = [
    (
        "curl",
        &[
            ("--proxy-user", Carries::Login),
            ("--user", Carries::Login),
            ("-u", Carries::Login),
            ("-U", Carries::Login),
        ],
    ),
    ("mysql*", &[("-p", Carries::Attached)]),
    ("mariadb*", &[("-p", Carries::Attached)]),
    ("sshpass", &[("-p", Carries::Value)]),
    ("login", &[("-p", Carries::Value)]),
    ("redis-cli", &[("-a", Carries::Value)]),
    ("sqlcmd", &[("-P", Carries::Value)]),
    ("ldap*", &[("-w", Carries::Value)]),
    ("mongo*", &[("-p", Carries::Value)]),
];

/// The words that lead to [`in_text`], without the star of [`PROGRAMS`].
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|(name, _)| name.trim_end_matches('*'))
}

/// The flags of a program, by its name or its path. `login` stands for `docker login` and its like.
pub(crate) fn flags_of(program: &str) -> &'static [(&'static str, Carries)] {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let fits = |(pattern, _): &&Program| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *pattern,
    };
    PROGRAMS.iter().find(fits).map_or(&[], |(_, flags)| flags)
}

/// Where the secret lies in the word `at` of a command, and in which word: this one or the next.
pub(crate) fn secret_in<'w>(
    flags: &[(&str, Carries)],
    word: &'w str,
    next: Option<&'w str>,
) -> Option<(usize, Range<usize>)> {
    let (flag, carries) = flags.iter().find(|(flag, _)| word.starts_with(flag))?;
    let rest = &word[flag.len()..];
    let attached = rest.strip_prefix('=').unwrap_or(rest);
    let attached = attached.strip_prefix(['"', '\'']).unwrap_or(attached);
    let (at, value) = match (attached.is_empty(), carries) {
        (false, _) if flag.starts_with("--") && !rest.starts_with('=') => return None,
        (false, _) => (0, attached),
        (true, Carries::Attached) => return None,
        (true, _) => (1, next?),
    };
    let from = if at == 0 { word.len() - value.len() } else { 0 };
    let start = match carries {
        Carries::Login => value.find(':').map(|colon| colon + 1)?,
        Carries::Attached | Carries::Value => 0,
    };
    let number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let fits = start < value.len() && !value.starts_with('-') && !(number && start > 0);
    fits.then_some((at, from + start..from + value.len()))
}

/// The secrets of the command that begins with a program at `hit`.
pub(crate) fn in_text(
    text: &[u8],
    hit: Range<usize>,
    purpose: Purpose,
    found: &mut Vec<Candidate>,
) {
    let before = text[..hit.start].last();
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    {
        return;
    }
    let rest = &text[hit.start..(hit.start + LINE_MAX).min(text.len())];
    let words = words_of(rest);
    let Some(program) = words.first().and_then(|word| text_of(rest, word)) else { return };
    let flags = flags_of(program);
    for (at, word) in words.iter().enumerate().skip(1) {
        let next = words.get(at + 1).and_then(|next| text_of(rest, next));
        let Some((which, secret)) =
            text_of(rest, word).and_then(|word| secret_in(flags, word, next))
        else {
            continue;
        };
        let base = hit.start + words[at + which].start;
        let secret = base + secret.start..base + secret.end;
        if is_worth(&text[secret.clone()], purpose) {
            found.push(Candidate {
                rule: "secret-flag",
                why: why_of("secret-flag"),
                secret,
                context: hit.start,
                rank: Rank::Name,
                layers: Vec::new(),
            });
        }
    }
}

fn is_worth(value: &[u8], purpose: Purpose) -> bool {
    let reference = matches!(value.first(), Some(b'$' | b'<' | b'{' | b'%' | b'@' | b'*'));
    match purpose {
        Purpose::Mask => !reference,
        Purpose::Report => {
            value.len() >= 7
                && is_password(value)
                && !judge::is_placeholder(value)
                && !judge::is_weak(value)
        }
    }
}

fn text_of<'t>(text: &'t [u8], word: &Range<usize>) -> Option<&'t str> {
    std::str::from_utf8(&text[word.clone()]).ok()
}

/// The words of a simple command: up to the end of the line, a pipe, a semicolon or `&&`. Quotes are
/// left out of a word that they enclose.
fn words_of(text: &[u8]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\n' | b'\r' | b'|' | b';' | b'&' | b')' | b'`' | 0 => break,
            b' ' | b'\t' => at += 1,
            quote @ (b'"' | b'\'') => {
                let inside = &text[at + 1..];
                let end = inside.iter().position(|byte| *byte == quote || *byte == b'\n');
                let end = at + 1 + end.unwrap_or(inside.len());
                words.push(at + 1..end);
                at = end + 1;
            }
            b'\\' if text[at + 1..].starts_with(b"\n") => at += 2,
            b'\\' if text[at + 1..].starts_with(b"\r\n") => at += 3,
            _ => {
                let mut end = word_end(text, at);
                // A word may hold a quoted part: `-u'name:password'`.
                if let Some(quote @ (b'"' | b'\'')) = text.get(end) {
                    let inside = &text[end + 1..];
                    let close = inside.iter().position(|byte| byte == quote || *byte == b'\n');
                    end += 1 + close.unwrap_or(inside.len());
                }
                words.push(at..end);
                at = end + usize::from(matches!(text.get(end), Some(b'"' | b'\'')));
            }
        }
    }
    words
}

fn word_end(text: &[u8], start: usize) -> usize {
    let stops = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'|' | b';' | b'"' | b'\'' | b')' | b'`' | 0)
    };
    start + text[start..].iter().position(stops).unwrap_or(text.len() - start)
}
