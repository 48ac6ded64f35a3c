//! Rules that are code: private key blocks, addresses with passwords, headers, secret names.

use std::ops::Range;

use crate::args::is_secret_name;
use crate::assignment::{self, Assignment, NameKind, Style};
use crate::engine::{Candidate, Purpose, Rank, anchored, candidate};
use crate::headers;
use crate::judge;
use crate::rules::{table, why_of};

/// Longest private key block in bytes; RSA keys of 16,384 bits stay below 14,000.
pub(crate) const KEY_BLOCK_MAX: usize = 64 * 1024;

pub(crate) fn shape(
    id: &'static str,
    rank: Rank,
    context: usize,
    secret: Range<usize>,
) -> Candidate {
    Candidate { rule: id, why: why_of(id), secret, context, rank, layers: Vec::new() }
}

/// A PEM or PGP private key block that begins at `start`. The block may stand on one line with `\n`
/// between its lines, and may lack its end.
pub(crate) fn private_key(text: &[u8], start: usize) -> Option<Candidate> {
    let limit = (start + KEY_BLOCK_MAX).min(text.len());
    let block = &text[start..limit];
    let head_end = 10 + memchr::memmem::find(block.get(10..100.min(block.len()))?, b"-----")? + 5;
    memchr::memmem::find(&block[..head_end], b"PRIVATE KEY")?;
    let body_end = memchr::memmem::find(&block[head_end..], b"-----END")
        .map_or_else(|| head_end + unterminated(&block[head_end..]), |at| head_end + at);
    let body = &block[head_end..body_end];
    let material = body.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    if material < 48 || judge::is_placeholder(&body[..body.len().min(400)]) {
        return None;
    }
    let tail = &block[body_end..];
    let end = tail.strip_prefix(b"-----END").and_then(|rest| memchr::memmem::find(rest, b"-----"));
    let end = body_end + end.map_or(0, |at| b"-----END".len() + at + 5);
    Some(shape("private-key", Rank::Shape, start, start..start + end))
}

/// Length of what looks like the inside of a block whose end is missing.
fn unterminated(body: &[u8]) -> usize {
    let inside = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b'\n' | b'\r')
    };
    body.iter().position(|byte| !inside(byte)).unwrap_or(body.len())
}

/// Longest user, password and host of an address, in bytes.
pub(crate) const AUTHORITY_MAX: usize = 600;

/// Whether a byte cannot stand in the user, password or host of an address.
pub(crate) fn ends_authority(byte: &u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | 0)
}

/// `scheme://user:password@host` and `scheme://token@host`; `at` is the position of `://`.
pub(crate) fn address(text: &[u8], at: usize, purpose: Purpose) -> Option<Candidate> {
    let is_scheme = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-');
    let scheme = text[..at].iter().rev().take(20).take_while(is_scheme).count();
    let start = at + 3;
    let limit = (start + AUTHORITY_MAX).min(text.len());
    let length = text[start..limit].iter().position(ends_authority).unwrap_or(limit - start);
    let authority = &text[start..start + length];
    let sign = memchr::memrchr(b'@', authority)?;
    let (user, host) = (&authority[..sign], &authority[sign + 1..]);
    let colon = memchr::memchr(b':', user);
    let secret = colon.map_or(0, |colon| colon + 1)..sign;
    let value = &user[secret.clone()];
    let named = colon.map(|colon| &user[..colon]);
    let fits = scheme > 0 && !host.is_empty() && address_secret(value, named, host, purpose);
    let secret = start + secret.start..start + secret.end;
    fits.then(|| shape("url-password", Rank::Shape, at - scheme, secret))
}

fn address_secret(value: &[u8], user: Option<&[u8]>, host: &[u8], purpose: Purpose) -> bool {
    let Some(user) = user else {
        return value.len() >= 20 && looks_random(value);
    };
    if purpose == Purpose::Mask {
        return !value.is_empty() && !value.starts_with(b"$") && !value.starts_with(b"<");
    }
    let host = String::from_utf8_lossy(host).to_ascii_lowercase();
    const TEST_HOSTS: [&str; 9] =
        ["localhost", "127.", "example.", "host", "[::1]", "0.0.0.0", "{", "$", "%"];
    let test_host =
        TEST_HOSTS.iter().any(|start| host.starts_with(start)) || host.contains("example");
    let harmless = value == user
        || test_host && !looks_random(value)
        || judge::is_placeholder(value)
        || judge::is_weak(value)
        || is_plain_word(value);
    value.len() >= 5 && !harmless
}

fn is_plain_word(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_lowercase) && value.len() < 12
}

/// A value that is reported has a digit, or at least this many bytes: random text of that length hardly
/// ever lacks one, but a rule that knows the format decides.
const LONG: usize = 12;

/// Everything that a name with a secret word in it gives away.
pub(crate) fn named(text: &[u8], name: Range<usize>, purpose: Purpose, found: &mut Vec<Candidate>) {
    if text[name.clone()].eq_ignore_ascii_case(b"bearer") {
        found.extend(bearer(text, name));
        return;
    }
    let Some(assignment) = assignment::parse(text, name) else {
        return;
    };
    let value = &text[assignment.value.clone()];
    let plain = value.len() < LONG && !value.iter().any(u8::is_ascii_digit);
    if purpose == Purpose::Report && plain && !headers::is_header(&text[assignment.name.clone()]) {
        return;
    }
    let word = text[assignment.name.clone()].to_ascii_lowercase();
    if word.ends_with(b"cookie") {
        headers::cookies(text, &assignment, (&word, purpose), found);
    }
    if word.ends_with(b"authorization") || word.ends_with(b"auth") {
        found.extend(headers::authorization(text, &assignment, purpose));
        found.extend(registry_login(text, &assignment));
    }
    if word.ends_with(b"signature") {
        found.extend(headers::signature(text, &assignment, purpose));
    }
    found.extend(near(text, &assignment, &word));
    found.extend(secret_value(text, &assignment, purpose));
}

fn bearer(text: &[u8], name: Range<usize>) -> Option<Candidate> {
    let blank = text[name.end..].iter().take_while(|byte| **byte == b' ').count();
    let secret = token_at(text, name.end + blank);
    let value = &text[secret.clone()];
    let fits = blank > 0 && value.len() >= 16 && looks_random(value);
    (fits && !judge::is_placeholder(value))
        .then(|| shape("authorization-header", Rank::Shape, name.start, secret))
}

/// Credentials as RFC 7235 writes them.
pub(crate) fn token_at(text: &[u8], start: usize) -> Range<usize> {
    let in_token = |byte: &&u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b':')
    };
    let rest = text.get(start..).unwrap_or_default();
    start..start + rest.iter().take(4096).take_while(in_token).count()
}

/// `"auth": "BASE64"` of a registry configuration, where the decoded text is `user:password`.
fn registry_login(text: &[u8], given: &Assignment) -> Option<Candidate> {
    use base64::Engine as _;
    let value = &text[given.value.clone()];
    let decoded = base64::engine::general_purpose::STANDARD.decode(value).ok()?;
    let login = std::str::from_utf8(&decoded).ok()?;
    let (user, password) = login.split_once(':')?;
    let printable = login.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = printable && !user.is_empty() && password.len() >= 4;
    (fits && !judge::is_placeholder(password.as_bytes()) && !judge::is_weak(password.as_bytes()))
        .then(|| shape("registry-login", Rank::Shape, given.name.start, given.value.clone()))
}

/// The value of a secret name in the format of a service whose name is part of it.
fn near(text: &[u8], given: &Assignment, lower_name: &[u8]) -> Option<Candidate> {
    let table = table();
    let rules = table.near.iter().map(|index| &table.rules[*index]);
    let mut matching = rules.filter(|rule| {
        let holds = |word: &str| memchr::memmem::find(lower_name, word.as_bytes()).is_some();
        rule.words.iter().any(|word| holds(word))
    });
    matching.find_map(|rule| {
        let (_, secret) = anchored(rule, text, given.value.start)?;
        Some(candidate(rule, given.name.start, secret))
    })
}

fn secret_value(text: &[u8], given: &Assignment, purpose: Purpose) -> Option<Candidate> {
    let name = &text[given.name.clone()];
    let kind = assignment::name_kind(name);
    let value = &text[given.value.clone()];
    let fits = match purpose {
        Purpose::Mask => hides(given, kind, name, value),
        Purpose::Report => reports(given, kind, value),
    };
    let rule = if given.flag { "secret-flag" } else { "secret-assignment" };
    fits.then(|| shape(rule, Rank::Name, given.name.start, given.value.clone()))
}

/// For stored text: anything that a secret name is given, code aside.
fn hides(given: &Assignment, kind: NameKind, name: &[u8], value: &[u8]) -> bool {
    let tight = given.flag || given.style == Style::Tight;
    let secret =
        kind != NameKind::Plain || tight && std::str::from_utf8(name).is_ok_and(is_secret_name);
    if !secret || value.len() < 4 || stands_for_another(value) {
        return false;
    }
    let expression = value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{'))
        || memchr::memmem::find(value, b"::").is_some();
    tight || given.quoted || !(expression || judge::is_code_like(value))
}

/// A reference or an empty word, which is no secret even where a log says it is one.
fn stands_for_another(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let words = [&b"true"[..], b"false", b"null", b"none", b"[redacted]", b"<redacted>"];
    words.contains(&lower.as_slice())
        || value.starts_with(b"$") && !value.starts_with(b"$2")
        || value.iter().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.'))
}

/// For a person: a value that looks random enough to be real.
fn reports(given: &Assignment, kind: NameKind, value: &[u8]) -> bool {
    let least = match kind {
        NameKind::Plain => return false,
        NameKind::Password => 7,
        NameKind::Token => 12,
    };
    if value.len() < least || value.len() > 512 || judge::is_placeholder(value) {
        return false;
    }
    if judge::is_weak(value) || judge::is_uuid(value) || !value.is_ascii() {
        return false;
    }
    if kind == NameKind::Password && given.quoted {
        return is_password(value);
    }
    let call = !given.quoted && value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{' | b'<'));
    looks_random(value) && !call && !judge::is_code_like(value)
}

/// A quoted password: letters with digits or signs in one word, not the name of something.
pub(crate) fn is_password(value: &[u8]) -> bool {
    let classes = judge::classes(value);
    let letters = classes.lower + classes.upper;
    let mixed = letters >= 2 && classes.digits >= 1 || looks_random(value);
    mixed && judge::entropy(value) >= 2.5 && !judge::is_code_like(value)
}

/// Letters and digits that keep changing places, as many different ones as random text has.
pub(crate) fn looks_random(value: &[u8]) -> bool {
    let classes = judge::classes(value);
    let letters = classes.lower + classes.upper;
    let floor = if value.len() >= 20 { 3.2 } else { 2.7 };
    let mixed_case = classes.lower > 0 && classes.upper > 0 || classes.signs > 0;
    let switching = classes.switches >= 3 || classes.switches >= 2 && mixed_case;
    letters >= 1 && classes.digits >= 1 && switching && judge::entropy(value) >= floor
}
