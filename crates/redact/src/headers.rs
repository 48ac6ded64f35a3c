//! Headers of HTTP that carry credentials: Authorization of every scheme, cookies, signatures of addresses.

use std::ops::Range;

use crate::assignment::{Assignment, Style};
use crate::engine::{Candidate, Purpose, Rank};
use crate::judge;
use crate::shapes::{looks_random, shape, token_at};

/// Longest header value that is looked at, in bytes.
const VALUE_MAX: usize = 4096;

/// Schemes whose credentials are one token.
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"token", b"apikey", b"negotiate", b"ntlm"];

/// Whether a name is that of a header with credentials.
pub(crate) fn is_header(name: &[u8]) -> bool {
    let ends = |end: &[u8]| {
        name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    ends(b"authorization") || ends(b"auth") || ends(b"cookie")
}

/// The value of a header: what is quoted, or the rest of the line up to an escape or to the quote that
/// the header began with.
fn value_of(text: &[u8], given: &Assignment) -> Range<usize> {
    if given.quoted || given.style != Style::Loose {
        return given.value.clone();
    }
    let start = given.value.start;
    let rest = &text[start..(start + VALUE_MAX).min(text.len())];
    let opened = text[..given.name.start].last().copied();
    let opened = opened.filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let stops = |byte: &u8| {
        matches!(byte, b'\n' | b'\r' | b'`' | b'\\' | b'<' | 0x1b | 0) || opened == Some(*byte)
    };
    let length = rest.iter().position(stops).unwrap_or(rest.len());
    start..start + rest[..length].trim_ascii_end().len()
}

/// `Authorization: SCHEME CREDENTIALS`, `Authorization: SCHEME name="value", …` and the credentials
/// alone.
pub(crate) fn authorization(
    text: &[u8],
    given: &Assignment,
    purpose: Purpose,
) -> Option<Candidate> {
    let value = value_of(text, given);
    let scheme = token_at(text, value.start);
    let scheme = scheme.start..scheme.end.min(value.end);
    let blank = text[scheme.end..value.end].iter().take_while(|byte| **byte == b' ').count();
    let rest = scheme.end + blank..value.end;
    let name = text[scheme.clone()].to_ascii_lowercase();
    let secret = if SCHEMES.contains(&name.as_slice()) {
        let token = token_at(text, rest.start);
        let token = token.start..token.end.min(rest.end);
        let enough = match purpose {
            Purpose::Mask => token.len() >= 4,
            Purpose::Report => token.len() >= 12 && looks_random(&text[token.clone()]),
        };
        (blank > 0 && enough).then_some(token)?
    } else {
        unknown_scheme(text, (scheme, rest), purpose)?
    };
    (!judge::is_placeholder(&text[secret.clone()]))
        .then(|| shape("authorization-header", Rank::Shape, given.name.start, secret))
}

/// Credentials under a scheme that has no name here, or without one. Words are no credentials:
/// "authorization: denied for bob".
fn unknown_scheme(
    text: &[u8],
    (first, rest): (Range<usize>, Range<usize>),
    purpose: Purpose,
) -> Option<Range<usize>> {
    let credentials = if rest.is_empty() { first } else { rest };
    let value = &text[credentials.clone()];
    let parts = value.split(|byte| matches!(byte, b' ' | b',' | b'=' | b'"' | b'&'));
    let random = |part: &[u8]| match purpose {
        Purpose::Mask => {
            part.len() >= 8 && part.iter().any(u8::is_ascii_digit) && !judge::is_code_like(part)
        }
        Purpose::Report => part.len() >= 16 && looks_random(part) && !judge::is_code_like(part),
    };
    let single = !value.contains(&b' ');
    let parameters = value.contains(&b'=');
    ((single || parameters) && parts.into_iter().any(random)).then_some(credentials)
}

/// `Cookie: a=VALUE; b=VALUE` and `Set-Cookie: a=VALUE; Path=/`.
pub(crate) fn cookies(
    text: &[u8],
    given: &Assignment,
    (name, purpose): (&[u8], Purpose),
    found: &mut Vec<Candidate>,
) {
    let name = name.strip_prefix(b"--").unwrap_or(name);
    if !matches!(name, b"cookie" | b"set-cookie") || given.style == Style::Tight {
        return;
    }
    let value = value_of(text, given);
    let pairs = if name == b"set-cookie" { 1 } else { usize::MAX };
    let mut at = value.start;
    for pair in text[value].split(|byte| *byte == b';').take(pairs) {
        let start = at;
        at += pair.len() + 1;
        let Some(sign) = memchr::memchr(b'=', pair) else { continue };
        let secret = &pair[sign + 1..];
        let worth = match purpose {
            Purpose::Mask => secret.len() >= 4 && !secret.starts_with(b"$"),
            Purpose::Report => {
                secret.len() >= 16 && looks_random(secret) && !judge::is_code_like(secret)
            }
        };
        if worth && !judge::is_placeholder(secret) {
            let secret = start + sign + 1..start + pair.len();
            found.push(shape("cookie-header", Rank::Shape, given.name.start, secret));
        }
    }
}

/// The signature that makes an address or a request valid: `?X-Amz-Signature=…`, `Signature=…`.
pub(crate) fn signature(text: &[u8], given: &Assignment, purpose: Purpose) -> Option<Candidate> {
    let before = text[..given.name.start].last();
    let in_query = matches!(before, Some(b'?' | b'&'));
    let in_header = matches!(before, Some(b' ' | b',')) && purpose == Purpose::Mask;
    let value = &text[given.value.clone()];
    let fits = given.style == Style::Tight
        && (in_query || in_header)
        && value.len() >= 24
        && looks_random(value)
        && !judge::is_placeholder(value);
    fits.then(|| shape("secret-assignment", Rank::Name, given.name.start, given.value.clone()))
}
