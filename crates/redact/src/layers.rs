//! Text inside text: base64, hexadecimal, gzip, URL escapes, JSON escapes and UTF-16, opened to a
//! bounded depth and size; what is too large to be opened is masked whole.

use std::io::Read as _;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::engine::{Candidate, Purpose, Rank, Search, find as find_in};
use crate::rules::why_of;

/// Shorter encoded runs cannot hold a secret with the name that would give it away.
const RUN_MIN: usize = 24;

/// Largest text that a compressed stretch is unpacked to, in bytes.
const UNPACKED_MAX: usize = 8 * 1024 * 1024;

/// Longest stretch around an escape that is decoded at once, in bytes.
const STRETCH_MAX: usize = 64 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How many bytes one search of a text of `bytes` bytes unpacks. The length is rounded up, as every
/// round of masking shortens the text: few rounds have a smaller budget than the one before.
pub(crate) fn budget(bytes: usize) -> usize {
    let rounded = bytes.checked_next_power_of_two().unwrap_or(bytes);
    UNPACKED_MAX.saturating_add(rounded.saturating_mul(4))
}

/// Finds what lies under an encoding; ranges are those of the encoded text.
pub(crate) fn find(
    text: &[u8],
    search: Search<'_>,
    masked: &[Range<usize>],
    found: &mut Vec<Candidate>,
) {
    if text.starts_with(&[0x1f, 0x8b]) {
        let unpacked = Unpacked::new(text, search);
        found.extend(unpacked.and_then(|unpacked| unpacked.find(search, 0..text.len())));
        return;
    }
    runs(text, search, masked, found);
    escapes(text, search, masked, found);
    wide(text, search, found);
}

/// A candidate for the whole encoded stretch, when its decoded text holds a secret.
fn whole(
    decoded: &[u8],
    search: Search<'_>,
    range: Range<usize>,
    layer: &'static str,
) -> Option<Candidate> {
    let inner = find_in(decoded, search, &[]).into_iter().next()?;
    let mut layers = vec![layer];
    layers.extend(inner.layers);
    Some(Candidate { secret: range.clone(), context: range.start, layers, ..inner })
}

/// What a compressed stretch holds, up to what may be unpacked.
struct Unpacked {
    text: Vec<u8>,
    /// There is more in it.
    cut: bool,
}

impl Unpacked {
    fn new(packed: &[u8], search: Search<'_>) -> Option<Self> {
        let left = search.budget.get();
        let limit = left.min(UNPACKED_MAX);
        let mut text = Vec::new();
        let decoder = flate2::read::GzDecoder::new(packed);
        // A cut-off stream still yields what came before the cut. One more byte shows whether there
        // is more.
        let _ = decoder.take(limit as u64 + 1).read_to_end(&mut text);
        let cut = text.len() > limit;
        text.truncate(limit);
        search.budget.set(left - text.len());
        (cut || !text.is_empty()).then_some(Self { text, cut })
    }

    /// A candidate for the whole stretch: for what it holds, or because nobody saw all of it.
    fn find(&self, search: Search<'_>, range: Range<usize>) -> Option<Candidate> {
        let unseen = self.cut && search.purpose == Purpose::Mask;
        whole(&self.text, search, range.clone(), "gzip").or_else(|| {
            unseen.then(|| Candidate {
                rule: "packed-text",
                why: why_of("packed-text"),
                context: range.start,
                secret: range,
                rank: Rank::Doubt,
                layers: vec!["gzip"],
            })
        })
    }
}

fn in_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-')
}

/// Long runs of base64 or hexadecimal digits. Only every `RUN_MIN`th byte is looked at until one
/// lies in a run.
fn runs(text: &[u8], search: Search<'_>, masked: &[Range<usize>], found: &mut Vec<Candidate>) {
    let mut at = RUN_MIN - 1;
    let mut floor = 0;
    while at < text.len() {
        if !in_run(text[at]) {
            at += RUN_MIN;
            continue;
        }
        let left = text[floor..at].iter().rev().take_while(|byte| in_run(**byte)).count();
        let right = text[at..].iter().take_while(|byte| in_run(**byte)).count();
        let run = at - left..at + right;
        let free = !masked.iter().any(|mask| mask.start < run.end && run.start < mask.end);
        if run.len() >= RUN_MIN && free {
            found.extend(decoded_run(text, run.clone(), search));
        }
        floor = run.end;
        at = run.end + RUN_MIN;
    }
}

fn decoded_run(text: &[u8], run: Range<usize>, search: Search<'_>) -> Option<Candidate> {
    let digits = &text[run.clone()];
    if digits.len() >= 32
        && digits.len().is_multiple_of(2)
        && digits.iter().all(u8::is_ascii_hexdigit)
    {
        return inside(&decode_hex(digits), search, run, "hex");
    }
    // The first characters show whether there is text inside; most runs are names and paths.
    if !is_inner(&decode_base64(&digits[..16])?) {
        return None;
    }
    let decoded = decode_base64(digits)?;
    let padding = text[run.end..].iter().take(2).take_while(|byte| **byte == b'=').count();
    inside(&decoded, search, run.start..run.end + padding, "base64")
}

fn inside(
    decoded: &[u8],
    search: Search<'_>,
    range: Range<usize>,
    layer: &'static str,
) -> Option<Candidate> {
    let packed = decoded.starts_with(&[0x1f, 0x8b]);
    if let Some(unpacked) = packed.then(|| Unpacked::new(decoded, search)).flatten() {
        let inner = unpacked.find(search, range)?;
        let layers = [layer].into_iter().chain(inner.layers).collect();
        return Some(Candidate { layers, ..inner });
    }
    is_inner(decoded).then(|| whole(decoded, search, range, layer)).flatten()
}

fn decode_base64(digits: &[u8]) -> Option<Vec<u8>> {
    let mut standard = digits.to_vec();
    for digit in &mut standard {
        match digit {
            b'-' => *digit = b'+',
            b'_' => *digit = b'/',
            _ => {}
        }
    }
    // A run may have lost its last characters to a line end; whole groups still decode.
    if standard.len() % 4 == 1 {
        standard.pop();
    }
    BASE64.decode(&standard).ok()
}

fn decode_hex(digits: &[u8]) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    digits.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

/// Text, UTF-16 text or the start of a gzip stream.
fn is_inner(decoded: &[u8]) -> bool {
    let printable =
        |byte: u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    let wide = decoded.len() >= 8
        && decoded
            .iter()
            .enumerate()
            .all(|(index, byte)| if index % 2 == 0 { printable(*byte) } else { *byte == 0 });
    let text = decoded.iter().all(|byte| printable(*byte) || *byte >= 0x80)
        && decoded.iter().filter(|byte| byte.is_ascii()).count() * 4 >= decoded.len() * 3;
    wide || text || decoded.starts_with(&[0x1f, 0x8b])
}

/// Decoded text with the place of each byte in the text it came from.
struct Mapped {
    text: Vec<u8>,
    /// One more entry than `text` has bytes: the last one is the end.
    places: Vec<usize>,
}

impl Mapped {
    fn with_capacity(bytes: usize) -> Self {
        Self { text: Vec::with_capacity(bytes), places: Vec::with_capacity(bytes + 1) }
    }

    fn push(&mut self, byte: u8, place: usize) {
        self.text.push(byte);
        self.places.push(place);
    }

    /// Candidates that only the decoded text shows, in places of the original text.
    fn find(self, search: Search<'_>, layer: &'static str, found: &mut Vec<Candidate>) {
        for inner in find_in(&self.text, search, &[]) {
            let place = |at: usize| self.places[at];
            let (start, end) = (place(inner.secret.start), place(inner.secret.end));
            let context = place(inner.context);
            if end - context == inner.secret.end - inner.context {
                continue;
            }
            let layers = [layer].into_iter().chain(inner.layers.iter().copied()).collect();
            found.push(Candidate { secret: start..end, context, layers, ..inner });
        }
    }
}

/// Lines with URL or JSON escapes or colours, decoded and searched once each.
fn escapes(text: &[u8], search: Search<'_>, masked: &[Range<usize>], found: &mut Vec<Candidate>) {
    let mut done = 0;
    for at in memchr::memchr3_iter(b'\\', b'%', 0x1b, text) {
        if at < done || escape_at(text, at).is_none() {
            continue;
        }
        let stretch = stretch_around(text, at, done);
        done = stretch.end;
        if masked.iter().any(|mask| stretch.contains(&mask.start)) {
            between_masks(text, stretch, masked)
                .for_each(|part| unescape(text, part, search, found));
        } else {
            unescape(text, stretch, search, found);
        }
    }
}

fn between_masks(
    text: &[u8],
    stretch: Range<usize>,
    masked: &[Range<usize>],
) -> impl Iterator<Item = Range<usize>> {
    let inside = masked
        .iter()
        .filter(move |mask| mask.start >= stretch.start && mask.end <= stretch.end.min(text.len()));
    let mut cuts = vec![stretch.start];
    cuts.extend(inside.flat_map(|mask| [mask.start, mask.end]));
    cuts.push(stretch.end);
    let parts: Vec<_> = cuts.chunks_exact(2).map(|cut| cut[0]..cut[1].max(cut[0])).collect();
    parts.into_iter()
}

fn stretch_around(text: &[u8], at: usize, floor: usize) -> Range<usize> {
    let from = floor.max(at.saturating_sub(STRETCH_MAX));
    let start = memchr::memrchr(b'\n', &text[from..at]).map_or(from, |line| from + line + 1);
    let limit = (at + STRETCH_MAX).min(text.len());
    let mut end = at;
    // A line end that is itself escaped does not end the stretch.
    while let Some(line) = memchr::memchr(b'\n', &text[end..limit]) {
        end += line;
        let before = &text[..end];
        if !before.strip_suffix(b"\r").unwrap_or(before).ends_with(b"\\") {
            return start..end;
        }
        end += 1;
    }
    start..limit
}

fn unescape(text: &[u8], stretch: Range<usize>, search: Search<'_>, found: &mut Vec<Candidate>) {
    let mut mapped = Mapped::with_capacity(stretch.len());
    let mut url = false;
    let mut at = stretch.start;
    while at < stretch.end {
        match escape_at(text, at) {
            Some((byte, width)) if at + width <= stretch.end => {
                url |= text[at] == b'%';
                if let Some(byte) = byte {
                    mapped.push(byte, at);
                }
                at += width;
            }
            _ => {
                mapped.push(text[at], at);
                at += 1;
            }
        }
    }
    mapped.places.push(stretch.end);
    mapped.find(search, if url { "url" } else { "escape" }, found);
}

/// The byte that an escape stands for (none for an escaped line end and for a colour) and the escape's
/// length.
fn escape_at(text: &[u8], at: usize) -> Option<(Option<u8>, usize)> {
    let digits = |from: usize, count: usize| {
        let digits = std::str::from_utf8(text.get(from..from + count)?).ok()?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        u8::try_from(value).ok().filter(|byte| byte.is_ascii_graphic() || *byte == b' ')
    };
    match text.get(at..)? {
        [b'%', ..] => Some((Some(digits(at + 1, 2)?), 3)),
        [b'\\', b'u' | b'U', ..] => Some((Some(digits(at + 2, 4)?), 6)),
        [b'\\', b'x', ..] => Some((Some(digits(at + 2, 2)?), 4)),
        [b'\\', b'/', ..] => Some((Some(b'/'), 2)),
        [0x1b, b'[', rest @ ..] => Some((None, colour_length(rest)? + 2)),
        [b'\\', b'\n', ..] => Some((None, 2)),
        [b'\\', b'\r', b'\n', ..] => Some((None, 3)),
        _ => None,
    }
}

/// Length of what follows the start of a control sequence that sets colours (SGR).
fn colour_length(rest: &[u8]) -> Option<usize> {
    let in_sequence = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
    let digits = rest.iter().take(40).take_while(in_sequence).count();
    (rest.get(digits) == Some(&b'm')).then_some(digits + 1)
}

/// UTF-16 of either byte order: printable bytes with a NUL after each.
fn wide(text: &[u8], search: Search<'_>, found: &mut Vec<Candidate>) {
    let mut done = 0;
    for nul in memchr::memchr_iter(0, text) {
        if nul == 0 || nul - 1 < done {
            continue;
        }
        let mut mapped = Mapped::with_capacity(0);
        let mut at = nul - 1;
        let is_text = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        while at < text.len() && is_text(text[at]) && text.get(at + 1).is_none_or(|byte| *byte == 0)
        {
            mapped.push(text[at], at);
            at += 2;
        }
        done = at.max(nul);
        if mapped.text.len() >= RUN_MIN / 2 {
            mapped.places.push(at.min(text.len()));
            mapped.find(search, "utf-16", found);
        }
    }
}
