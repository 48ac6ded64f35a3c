//! [`Redactor`]: masking and scanning of whole texts.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::engine::{self, Candidate, Purpose, Search};
use crate::fast;
use crate::judge;
use crate::known::Known;
use crate::layers;
use crate::manifests;
use crate::rules::is_shape;

/// Every mask begins so.
const OPEN: &str = "«redacted:";
const CLOSE: &str = "»";

/// Words in a comment that allow the secrets of their line: ours, and those of two well-known
/// scanners.
const ALLOW_WORDS: [&str; 3] = ["wgx:allow-secret", "gitleaks:allow", "pragma: allowlist secret"];

/// Finds and masks secrets. Cheap to make and to clone.
#[derive(Clone, Debug)]
pub struct Redactor {
    key: [u8; 32],
    /// Masks of secrets that could be guessed carry no number that a guess could be tested with.
    guessable_hidden: bool,
    known: Option<Arc<Known>>,
    allowed: Arc<BTreeSet<[u8; 32]>>,
}

/// A text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// Each secret replaced by `«redacted:RULE:8-HEX»`; the hex digits are a keyed hash, equal for
    /// equal secrets under one key.
    pub text: String,
    /// What was masked, with places in the text that was given.
    pub findings: Vec<Finding>,
}

/// Bytes without their secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedBytes {
    /// As [`Masked::text`]; bytes that are no secret are unchanged, valid UTF-8 or not.
    pub bytes: Vec<u8>,
    /// As [`Masked::findings`].
    pub findings: Vec<Finding>,
}

/// A secret in a text. It never holds the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of the rule.
    pub rule: &'static str,
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
    /// Byte range in the text.
    pub range: Range<usize>,
    /// What it is and under which encodings it lies, as a lower-case fragment.
    pub reason: String,
}

/// An entry of an allow-list is not the SHA-256 of anything.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{entry}` in the list of allowed secrets is not a SHA-256 in 64 hex digits")]
pub struct AllowListError {
    /// The entry as given.
    pub entry: String,
}

impl Redactor {
    /// A redactor whose masks depend on `key`: with one key per store, equal secrets get equal
    /// masks there, and nobody without the key can test guesses against a mask.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, guessable_hidden: false, known: None, allowed: Arc::default() }
    }

    /// A redactor for texts that are handed on: the same secret gets the same mask on every machine
    /// and in every run. As anybody may make such masks too, a secret that could be guessed (a
    /// password, not a token that a machine made) always gets the number `00000000`.
    pub fn for_merges() -> Self {
        Self { guessable_hidden: true, ..Self::new(*b"masks of merges hide no guess/v1") }
    }

    /// Also masks the values of these variables wherever they appear, if their names look secret
    /// ([`crate::is_secret_name`]) and they have at least 8 bytes.
    #[must_use]
    pub fn with_known_values<'a>(
        mut self,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        self.known = Known::new(variables.into_iter()).map(Arc::new);
        self
    }

    /// Lets [`Redactor::scan`] pass over the values with these SHA-256 digests (64 hex digits
    /// each). Masking is not affected.
    pub fn with_allowed<'a>(
        mut self,
        digests: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, AllowListError> {
        let parsed: Result<BTreeSet<_>, _> = digests.into_iter().map(parse_digest).collect();
        self.allowed = Arc::new(parsed?);
        Ok(self)
    }

    /// Masks the secrets of a text. Masked text comes back unchanged.
    pub fn mask(&self, text: &str) -> Masked {
        let masked = self.mask_bytes(text.as_bytes());
        // Secrets begin and end beside ASCII, so the text stays valid; the check is cheap.
        let text = String::from_utf8(masked.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Masked { text, findings: masked.findings }
    }

    /// Masks the secrets of arbitrary bytes.
    pub fn mask_bytes(&self, bytes: &[u8]) -> MaskedBytes {
        self.mask_within(bytes, layers::budget(bytes.len())).0
    }

    /// As [`Redactor::mask_bytes`] for a piece of a stream, of which so many bytes may still be unpacked.
    /// Also says how many were.
    pub(crate) fn mask_within(&self, bytes: &[u8], budget: usize) -> (MaskedBytes, usize) {
        let (mut found, unpacked) = self.search_within(bytes, Purpose::Mask, budget);
        let findings = describe(bytes, &found);
        let mut bytes = bytes.to_vec();
        // Every round covers at least one more byte with a mask, so this ends; almost always after
        // one.
        while !found.is_empty() {
            bytes = self.replace(&bytes, &found);
            found = self.search_within(&bytes, Purpose::Mask, budget).0;
        }
        (MaskedBytes { bytes, findings }, unpacked)
    }

    /// What a person should look at: fewer doubts than [`Redactor::mask`]. Lines with
    /// `wgx:allow-secret`, `gitleaks:allow` or `pragma: allowlist secret` and allowed values are
    /// passed over.
    pub fn scan(&self, text: &str) -> Vec<Finding> {
        self.scan_bytes(text.as_bytes())
    }

    /// [`Redactor::scan`] of bytes that may not be UTF-8.
    pub fn scan_bytes(&self, bytes: &[u8]) -> Vec<Finding> {
        let mut found = self.search(bytes, Purpose::Report);
        found.retain(|candidate| {
            let value: [u8; 32] = Sha256::digest(&bytes[candidate.secret.clone()]).into();
            !self.allowed.contains(&value) && !is_allowed_line(bytes, &candidate.secret)
        });
        describe(bytes, &found)
    }

    pub(crate) fn search(&self, bytes: &[u8], purpose: Purpose) -> Vec<Candidate> {
        self.search_within(bytes, purpose, layers::budget(bytes.len())).0
    }

    /// What is found while at most `budget` bytes are unpacked, and how many were.
    pub(crate) fn search_within(
        &self,
        bytes: &[u8],
        purpose: Purpose,
        budget: usize,
    ) -> (Vec<Candidate>, usize) {
        let left = Cell::new(budget);
        let search = Search { purpose, known: self.known.as_deref(), depth: 0, budget: &left };
        let found = engine::find(bytes, search, &masks_in(bytes));
        (found, budget - left.get())
    }

    pub(crate) fn search_fast(&self, bytes: &[u8]) -> Vec<Candidate> {
        fast::find(bytes, self.known.as_deref())
    }

    /// The mask of a secret that a rule found.
    pub(crate) fn mask_of(&self, rule: &str, secret: &[u8]) -> String {
        // What a manifest encodes looks random and need not be.
        let guessable = rule == manifests::RULE || !judge::is_unguessable(secret);
        if self.guessable_hidden && is_shape(rule) && guessable {
            return format!("{OPEN}{rule}:00000000{CLOSE}");
        }
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(secret);
        let digest = mac.finalize().into_bytes();
        let [a, b, c, d] = [digest[0], digest[1], digest[2], digest[3]];
        format!("{OPEN}{rule}:{a:02x}{b:02x}{c:02x}{d:02x}{CLOSE}")
    }

    pub(crate) fn replace(&self, bytes: &[u8], found: &[Candidate]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + found.len() * 32);
        let mut at = 0;
        for candidate in found {
            out.extend_from_slice(&bytes[at..candidate.secret.start]);
            let secret = &bytes[candidate.secret.clone()];
            out.extend_from_slice(self.mask_of(candidate.rule, secret).as_bytes());
            at = candidate.secret.end;
        }
        out.extend_from_slice(&bytes[at..]);
        out
    }
}

fn parse_digest(entry: &str) -> Result<[u8; 32], AllowListError> {
    let error = || AllowListError { entry: entry.to_owned() };
    if entry.len() != 64 || !entry.is_ascii() {
        return Err(error());
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        let digits = &entry[index * 2..index * 2 + 2];
        *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
    }
    Ok(digest)
}

/// Whether the lines of a finding hold an allowing comment.
fn is_allowed_line(bytes: &[u8], secret: &Range<usize>) -> bool {
    let start = memchr::memrchr(b'\n', &bytes[..secret.start]).map_or(0, |at| at + 1);
    let end = memchr::memchr(b'\n', &bytes[secret.end..]).map_or(bytes.len(), |at| secret.end + at);
    let line = &bytes[start..end];
    ALLOW_WORDS.iter().any(|word| memchr::memmem::find(line, word.as_bytes()).is_some())
}

/// The masks that a text already holds. Only whole masks of the exact form count, so nothing can
/// hide inside one.
pub(crate) fn masks_in(bytes: &[u8]) -> Vec<Range<usize>> {
    let starts = memchr::memmem::find_iter(bytes, OPEN.as_bytes());
    starts.filter_map(|start| Some(start..start + mask_length(&bytes[start..])?)).collect()
}

fn mask_length(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(OPEN.as_bytes())?;
    let in_rule = |byte: &&u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || **byte == b'-';
    let rule = rest.iter().take(41).take_while(in_rule).count();
    let hex = rest.get(rule..rule + 9)?.strip_prefix(b":")?;
    let is_hex = hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let closed = rest.get(rule + 9..)?.starts_with(CLOSE.as_bytes());
    let whole = is_hex && closed && (1..=40).contains(&rule);
    whole.then_some(OPEN.len() + rule + 9 + CLOSE.len())
}

fn describe(bytes: &[u8], found: &[Candidate]) -> Vec<Finding> {
    let mut line = 1;
    let mut counted = 0;
    let mut findings = Vec::with_capacity(found.len());
    for candidate in found {
        let start = candidate.secret.start;
        line += memchr::memchr_iter(b'\n', &bytes[counted..start]).count() as u32;
        counted = start;
        let line_start = memchr::memrchr(b'\n', &bytes[..start]).map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&bytes[line_start..start]).chars().count() as u32 + 1;
        let reason = reason(candidate);
        let range = candidate.secret.clone();
        findings.push(Finding { rule: candidate.rule, line, column, range, reason });
    }
    findings
}

fn reason(candidate: &Candidate) -> String {
    match candidate.layers.as_slice() {
        [] => candidate.why.to_owned(),
        layers => format!("{}, inside {}", candidate.why, layers.join(" inside ")),
    }
}
