//! `NAME = VALUE` in any notation: environment, YAML, JSON, XML, code, headers and flags.

use std::ops::Range;

/// Longest name and longest value that are looked at, in bytes.
const NAME_MAX: usize = 80;
const VALUE_MAX: usize = 4096;

/// So much white space may stand between a name and a value that a later line holds, in bytes.
const GAP_MAX: usize = 256;

/// A name and the value it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    pub(crate) style: Style,
    /// The value stands between quotes.
    pub(crate) quoted: bool,
    /// The name begins with `--`.
    pub(crate) flag: bool,
}

/// How name and value are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `NAME=VALUE` without spaces.
    Tight,
    /// With spaces, a colon, a comma, a tag.
    Loose,
    /// `--name value`
    Space,
}

/// The whole name around a word inside it.
pub(crate) fn name_around(text: &[u8], word: &Range<usize>) -> Range<usize> {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = &text[word.start.saturating_sub(NAME_MAX)..word.start];
    let left = before.iter().rev().take_while(|byte| in_name(byte)).count();
    let after = &text[word.end..(word.end + NAME_MAX).min(text.len())];
    let right = after.iter().take_while(|byte| in_name(byte)).count();
    let mut start = word.start - left;
    // The letter of an escaped line end is no part of the name: "...\nPASSWORD=".
    if start > 0 && text[start - 1] == b'\\' && matches!(text[start], b'n' | b't' | b'r') {
        start = (start + 1).min(word.start);
    }
    start..word.end + right
}

/// The value that a name is given, if any.
pub(crate) fn parse(text: &[u8], name: Range<usize>) -> Option<Assignment> {
    let flag = text[name.clone()].starts_with(b"--");
    let (style, at) = operator(text, name.end, flag)?;
    let (value, quoted) = value_at(text, at, style)?;
    Some(Assignment { name, value, style, quoted, flag })
}

/// Style of the operator after a name, and where the value may begin.
fn operator(text: &[u8], name_end: usize, flag: bool) -> Option<(Style, usize)> {
    let (closed, quote) = skip_quote(text, name_end);
    let bracket = usize::from(text.get(closed) == Some(&b']'));
    let at = skip_blank(text, closed + bracket);
    let spaced = at > closed + bracket;
    let rest = &text[at..];
    let tight = |width: usize| {
        let end = value_start(text, at + width);
        let style = if spaced || quote || end > at + width { Style::Loose } else { Style::Tight };
        Some((style, end))
    };
    match rest {
        [b'=', b'=', b'=', ..] => tight(3),
        [b':', b':', ..] => None,
        [b':' | b'=' | b'?' | b'+' | b'!', b'=', ..] | [b'=', b'>', ..] => tight(2),
        [b'=', ..] => tight(1),
        [b':', ..] => Some((Style::Loose, value_start(text, at + 1))),
        [b',', ..] if quote => quoted_argument(text, at + 1),
        [b'>', ..] if !spaced => Some((Style::Loose, at + 1)),
        _ => value_field(text, closed).or_else(|| (flag && spaced).then_some((Style::Space, at))),
    }
}

/// `name("KEY", "value")` and `{"name": "KEY", "value": "…"}`.
fn quoted_argument(text: &[u8], at: usize) -> Option<(Style, usize)> {
    if let Some(field) = value_field(text, at) {
        return Some(field);
    }
    let at = value_start(text, at);
    matches!(text.get(at), Some(b'"' | b'\'')).then_some((Style::Loose, at))
}

/// `name: KEY` followed by `value: …`, as in manifests of containers, and `key="K" value="…"`.
fn value_field(text: &[u8], at: usize) -> Option<(Style, usize)> {
    let mut at = at;
    while at < text.len() && matches!(text[at], b' ' | b'\t' | b'\n' | b'\r' | b',') {
        at += 1;
    }
    let (at, _) = skip_quote(text, at);
    let rest = text.get(at..)?.strip_prefix(b"value")?;
    let (after, _) = skip_quote(text, text.len() - rest.len());
    let after = skip_blank(text, after);
    matches!(text.get(after), Some(b':' | b'='))
        .then(|| (Style::Loose, skip_blank(text, after + 1)))
}

/// Where the value behind an operator may begin: after blanks, or, where the line ends there, at a quote
/// on a later line. A bare word on the next line is no value.
fn value_start(text: &[u8], at: usize) -> usize {
    let here = skip_blank(text, at);
    if !matches!(text.get(here), Some(b'\n' | b'\r')) {
        return here;
    }
    let gap = text[here..].iter().take(GAP_MAX).take_while(|byte| byte.is_ascii_whitespace());
    let later = here + gap.count();
    if matches!(text.get(later), Some(b'"' | b'\'')) { later } else { here }
}

/// Whether a text that ends so may get the value of a secret name on a later line: `"password":`,
/// `token =`, `name: DB_PASSWORD`.
pub(crate) fn awaits_value(text: &[u8]) -> bool {
    let kept = text.trim_ascii_end();
    if text.len() - kept.len() > GAP_MAX {
        return false;
    }
    let operator = |byte: &u8| matches!(byte, b':' | b'=' | b'>' | b'+' | b'?' | b'!' | b',');
    let closing = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b']' | b' ' | b'\t');
    let tail = &kept[kept.len().saturating_sub(NAME_MAX + 16)..];
    let width = tail.iter().rev().take(16).take_while(|byte| operator(byte) || closing(byte));
    let end = tail.len() - width.count();
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let start = end - tail[..end].iter().rev().take(NAME_MAX).take_while(|b| in_name(b)).count();
    start < end && name_kind(&tail[start..end]) != NameKind::Plain
}

fn skip_blank(text: &[u8], at: usize) -> usize {
    let rest = &text[at.min(text.len())..];
    at + rest.iter().take(16).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Steps over a quote, which may itself be escaped.
fn skip_quote(text: &[u8], at: usize) -> (usize, bool) {
    match text.get(at..).unwrap_or_default() {
        [b'\\', b'"' | b'\'', ..] => (at + 2, true),
        [b'"' | b'\'' | b'`', ..] => (at + 1, true),
        _ => (at, false),
    }
}

fn value_at(text: &[u8], at: usize, style: Style) -> Option<(Range<usize>, bool)> {
    let prefix = match text.get(at..)? {
        [b'b' | b'r' | b'f' | b'u' | b'L' | b'@' | b'$', b'"' | b'\'', ..] => 1,
        _ => 0,
    };
    let (start, quoted) = skip_quote(text, at + prefix);
    if !quoted {
        return bare_value(text, at, style).map(|value| (value, false));
    }
    let escaped = text[at + prefix] == b'\\';
    let quote = text[start - 1];
    let end = quoted_end(text, start, quote, escaped);
    (end > start).then_some((start..end, true))
}

fn quoted_end(text: &[u8], start: usize, quote: u8, escaped: bool) -> usize {
    let limit = (start + VALUE_MAX).min(text.len());
    let mut at = start;
    while at < limit {
        match text[at] {
            b'\n' => return at,
            b'\\' if escaped && text.get(at + 1) == Some(&quote) => return at,
            b'\\' => at += 2,
            byte if byte == quote => return at,
            _ => at += 1,
        }
    }
    at.min(limit)
}

fn bare_value(text: &[u8], start: usize, style: Style) -> Option<Range<usize>> {
    let limit = (start + VALUE_MAX).min(text.len());
    let ends = |at: usize, byte: u8| {
        byte.is_ascii_whitespace()
            || matches!(byte, b'"' | b'\'' | b'`' | b'<' | 0)
            || byte == b'&' && ends_value(&text[at + 1..limit])
    };
    let length = (start..limit).take_while(|at| !ends(*at, text[*at])).count();
    let mut end = start + length;
    while end > start && matches!(text[end - 1], b',' | b';' | b')' | b'}' | b']' | b'\\') {
        end -= 1;
    }
    let is_next_flag = style == Style::Space && text[start..end].starts_with(b"-");
    (end > start && !is_next_flag).then_some(start..end)
}

/// Whether an ampersand before `rest` ends a value: the next field of a query, a background command or
/// an entity of HTML follows. Otherwise it is a character of the value.
fn ends_value(rest: &[u8]) -> bool {
    let word = rest.iter().take(NAME_MAX).take_while(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%')
    });
    let word = word.count();
    let entity = [&b"amp;"[..], b"quot;", b"lt;", b"gt;", b"apos;", b"#"];
    word > 0 && rest.get(word) == Some(&b'=')
        || rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'&')
        || entity.iter().any(|entity| rest.starts_with(entity))
}

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// Nothing secret.
    Plain,
    /// A password: short values count too.
    Password,
    /// A token, a key or a secret.
    Token,
}

/// Judges a name by its last word: `db_password`, `apiToken`, `CLIENT-SECRET`, but neither
/// `password_hash` nor `token_type`.
pub(crate) fn name_kind(name: &[u8]) -> NameKind {
    let words = words(name);
    let mut words = words.as_slice();
    while let [rest @ .., last] = words
        && !rest.is_empty()
        && (QUALIFIERS.contains(&last.as_str()) || last.bytes().all(|byte| byte.is_ascii_digit()))
    {
        words = rest;
    }
    let Some((last, before)) = words.split_last() else {
        return NameKind::Plain;
    };
    if before.last().is_some_and(|word| NOT_SECRET_BEFORE.contains(&word.as_str())) {
        return NameKind::Plain;
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| last.ends_with(end));
    if ends(&["password", "passwd", "passphrase", "passwort", "passcode"])
        || ends(&["pwd"]) && name.len() > 3
        || ends(&["pass"]) && !NOT_PASSWORDS.contains(&last.as_str())
    {
        return NameKind::Password;
    }
    let key_of = before.last().is_some_and(|word| KEY_OF.contains(&word.as_str()));
    let key = last == "key" && key_of
        || ends(&["apikey", "accesskey", "secretkey", "privatekey", "authkey", "signingkey"]);
    let secret = ends(&["secret", "secrets", "token", "credential", "credentials"]);
    if key || secret || last == "creds" || last == "auth" && !before.is_empty() {
        return NameKind::Token;
    }
    NameKind::Plain
}

/// Words that may follow the one that counts.
const QUALIFIERS: [&str; 19] = [
    "prod",
    "production",
    "dev",
    "development",
    "staging",
    "stage",
    "test",
    "testing",
    "live",
    "local",
    "old",
    "new",
    "base",
    "b64",
    "value",
    "default",
    "primary",
    "secondary",
    "v",
];

/// Words before the last one that make it something else.
const NOT_SECRET_BEFORE: [&str; 22] = [
    "next",
    "csrf",
    "xsrf",
    "page",
    "continuation",
    "cancel",
    "cancellation",
    "syntax",
    "parse",
    "eof",
    "start",
    "end",
    "current",
    "previous",
    "prev",
    "sync",
    "lex",
    "public",
    "pad",
    "bos",
    "eos",
    "unk",
];

const NOT_PASSWORDS: [&str; 8] =
    ["bypass", "compass", "trespass", "surpass", "underpass", "overpass", "renderpass", "subpass"];

/// What a key must be the key of to count.
const KEY_OF: [&str; 35] = [
    "api",
    "access",
    "secret",
    "private",
    "signing",
    "encryption",
    "auth",
    "master",
    "service",
    "account",
    "app",
    "application",
    "client",
    "deploy",
    "ssh",
    "hmac",
    "jwt",
    "session",
    "cookie",
    "storage",
    "shared",
    "webhook",
    "admin",
    "server",
    "integration",
    "license",
    "root",
    "aes",
    "crypto",
    "decryption",
    "cipher",
    "authentication",
    "functions",
    "subscription",
    "write",
];

/// The words of a name in lower case: split at signs, at changes from letters to digits and where
/// capitals begin.
pub(crate) fn words(name: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = b'_';
    for (index, &byte) in name.iter().enumerate() {
        let next_is_lower = name.get(index + 1).is_some_and(u8::is_ascii_lowercase);
        let hump = byte.is_ascii_uppercase()
            && (!previous.is_ascii_uppercase() || next_is_lower && previous != b'_');
        let digits = byte.is_ascii_digit() != previous.is_ascii_digit();
        if byte.is_ascii_alphanumeric() {
            let begins = words.is_empty() || !previous.is_ascii_alphanumeric() || hump || digits;
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(char::from(byte.to_ascii_lowercase()));
            }
        }
        previous = byte;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(line: &str, word: &str) -> Option<(String, String)> {
        let at = line.find(word).expect("the word is in the line");
        let name = name_around(line.as_bytes(), &(at..at + word.len()));
        let found = parse(line.as_bytes(), name)?;
        Some((line[found.name].to_owned(), line[found.value].to_owned()))
    }

    #[test]
    fn notations() {
        let cases = [
            ("export DB_PASSWORD=a1b2", "DB_PASSWORD", "a1b2"),
            ("db.password: a1b2 # note", "db.password", "a1b2"),
            (r#"{"dbPassword": "a1 b2", "x": 1}"#, "dbPassword", "a1 b2"),
            (r#"{\"password\":\"a1b2\"}"#, "password", "a1b2"),
            ("<password>a1b2</password>", "password", "a1b2"),
            ("<add key=\"Password\" value=\"a1b2\"/>", "Password", "a1b2"),
            ("- name: DB_PASSWORD\n  value: a1b2", "DB_PASSWORD", "a1b2"),
            ("define('DB_PASSWORD', 'a1b2');", "DB_PASSWORD", "a1b2"),
            ("env[\"PASSWORD\"] = \"a1b2\"", "PASSWORD", "a1b2"),
            ("tool --password a1b2 --verbose", "--password", "a1b2"),
            ("tool --password=a1b2", "--password", "a1b2"),
            ("PASSWORD := 'a1b2'", "PASSWORD", "a1b2"),
            ("password => \"a\\\"b\"", "password", "a\\\"b"),
            ("https://x/?password=a1b2&y=1", "password", "a1b2"),
            ("password: a1&b2", "password", "a1&b2"),
            ("password=a1&b2&c=3", "password", "a1&b2"),
            ("password=a1b2 && run", "password", "a1b2"),
            ("password=a1b2&& run", "password", "a1b2"),
            ("password=a1b2&quot;, x", "password", "a1b2"),
            ("{\n  \"password\":\n    \"a1 b2\"\n}", "password", "a1 b2"),
            ("{\"password\" :\r\n\r\n\t\"a1b2\"}", "password", "a1b2"),
            ("let password =\n    'a1b2';", "password", "a1b2"),
            ("define(\n'DB_PASSWORD',\n'a1b2')", "DB_PASSWORD", "a1b2"),
        ];
        for (line, name, value) in cases {
            let word = if line.contains("password") {
                "password"
            } else {
                ["PASSWORD", "Password"].into_iter().find(|w| line.contains(w)).unwrap()
            };
            assert_eq!(value_of(line, word), Some((name.into(), value.into())), "{line}");
        }
    }

    #[test]
    fn no_value() {
        for line in [
            "the password is long",
            "Password::new()",
            "--password --verbose",
            "password",
            "password:\n  length: 3",
            "password:\n",
        ] {
            let word = if line.contains("password") { "password" } else { "Password" };
            assert_eq!(value_of(line, word), None, "{line}");
        }
    }

    #[test]
    fn kinds_of_names() {
        for name in
            ["db_password", "dbPassword", "PGPASS", "smtp-pass", "DB_PASSWORD_PROD", "pwd2x"]
        {
            let expected = if name == "pwd2x" { NameKind::Plain } else { NameKind::Password };
            assert_eq!(name_kind(name.as_bytes()), expected, "{name}");
        }
        for name in ["API_KEY", "apiKey", "X-Api-Key", "clientSecret", "AUTH_TOKEN_2", "npm.auth"] {
            assert_eq!(name_kind(name.as_bytes()), NameKind::Token, "{name}");
        }
        for name in ["key", "password_hash", "token_type", "publicKey", "next_token", "bypass"] {
            assert_eq!(name_kind(name.as_bytes()), NameKind::Plain, "{name}");
        }
    }

    #[test]
    fn words_of_names() {
        assert_eq!(words(b"APIKeyV2"), ["api", "key", "v", "2"]);
        assert_eq!(words(b"my-db.passWord_x"), ["my", "db", "pass", "word", "x"]);
    }
}
