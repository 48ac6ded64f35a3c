//! Signed notes as C2SP's signed-note defines them: a text, an empty line, and signature lines
//! `— NAME BASE64(key id, signature)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signature;

use crate::key::{KeyId, SigningKey, VerifierKey};

const DASH: &str = "\u{2014} ";

/// A note, split but not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note<'t> {
    /// The signed text, its last line feed included.
    pub(crate) text: &'t str,
    pub(crate) signatures: Vec<NoteSignature<'t>>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoteSignature<'t> {
    pub(crate) name: &'t str,
    pub(crate) key: KeyId,
    signature: [u8; 64],
}

impl<'t> Note<'t> {
    /// Splits a note; `None` when it is not one.
    pub(crate) fn parse(note: &'t str) -> Option<Self> {
        let at = note.rfind("\n\n")?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        if lines.is_empty() || !lines.ends_with('\n') || has_control(text) {
            return None;
        }
        let signatures = lines.lines().map(NoteSignature::parse).collect::<Option<Vec<_>>>()?;
        (1..=16).contains(&signatures.len()).then_some(Self { text, signatures })
    }

    /// Whether `key` signed the text.
    pub(crate) fn is_signed_by(&self, key: &VerifierKey) -> bool {
        self.signatures.iter().any(|line| {
            line.key == key.id
                && line.name == key.name
                && key
                    .public
                    .verify_strict(self.text.as_bytes(), &Signature::from_bytes(&line.signature))
                    .is_ok()
        })
    }
}

impl<'t> NoteSignature<'t> {
    fn parse(line: &'t str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        if name.is_empty() || name.contains('+') || name.contains(char::is_whitespace) {
            return None;
        }
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key, signature) = bytes.split_first_chunk::<4>()?;
        Some(Self { name, key: *key, signature: signature.try_into().ok()? })
    }
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

/// Signs a text, which ends with a line feed, with every one of the keys.
pub(crate) fn sign(text: &str, keys: &[&SigningKey]) -> String {
    let mut note = format!("{text}\n");
    for key in keys {
        let verifier = key.verifier();
        let mut bytes = verifier.id.to_vec();
        bytes.extend(key.sign(text.as_bytes()));
        note.push_str(DASH);
        note.push_str(&verifier.name);
        note.push(' ');
        STANDARD.encode_string(bytes, &mut note);
        note.push('\n');
    }
    note
}
