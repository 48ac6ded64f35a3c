//! The text of a key: `hk_<env>_<8 characters id>_<43 characters secret><6 characters checksum>`.
//!
//! The id finds the key, the checksum tells a typing mistake from an unknown key.

use std::fmt;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_CHARS: usize = 8;
/// 43 digits of base 62 hold 256 bits.
const SECRET_CHARS: usize = 43;
const SUM_CHARS: usize = 6;
/// The environment of keys made here.
pub(crate) const ENV: &str = "live";

/// A whole key. It has no `Display` and its `Debug` is masked: it goes to its owner and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    text: String,
    id_at: usize,
}

impl Token {
    /// A new random key.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let (id, secret) = (random(ID_CHARS)?, random(SECRET_CHARS)?);
        let mut text = format!("hk_{ENV}_{id}_{secret}");
        text.push_str(&checksum(&text));
        Ok(Self { text, id_at: "hk_".len() + ENV.len() + 1 })
    }

    /// Reads what a client sent; `None` when it cannot be a key of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (env, rest) = text.strip_prefix("hk_")?.split_once('_')?;
        let (id, secret) = rest.split_once('_')?;
        let is_env = (2..=12).contains(&env.len()) && env.bytes().all(|b| b.is_ascii_lowercase());
        let is_base62 = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric());
        let lengths = (id.len(), secret.len()) == (ID_CHARS, SECRET_CHARS + SUM_CHARS);
        if !(is_env && lengths && is_base62(id) && is_base62(secret)) {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - SUM_CHARS);
        let token = Self { text: text.to_owned(), id_at: "hk_".len() + env.len() + 1 };
        (checksum(body) == sum).then_some(token)
    }

    /// The part by which it is found.
    pub(crate) fn id(&self) -> &str {
        &self.text[self.id_at..self.id_at + ID_CHARS]
    }

    /// Everything, for the one answer that shows it and for its HMAC.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(ENV, self.id()))
    }
}

/// As much of a key as may be shown.
pub(crate) fn masked(env: &str, id: &str) -> String {
    format!("hk_{env}_{id}_…")
}

/// CRC-32 in base 62, padded with zeros.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; SUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Random text of base 62. Bytes from 248 on are thrown away, so every character is equally likely.
pub(crate) fn random(chars: usize) -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(chars);
    let mut bytes = [0; 64];
    while text.len() < chars {
        getrandom::fill(&mut bytes)?;
        let digits = bytes.iter().filter(|byte| **byte < 248);
        let digits = digits.map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        text.extend(digits.take(chars - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_reads_back_and_hides_in_debug() {
        let token = Token::generate().unwrap();
        let read = Token::parse(token.reveal()).unwrap();
        assert_eq!(read, token);
        assert_eq!(token.reveal().len(), "hk_live_".len() + 8 + 1 + 43 + 6);
        let shown = format!("{token:?}");
        assert_eq!(shown, format!("hk_live_{}_…", token.id()));
        assert!(!token.reveal().contains(&shown));
    }

    #[test]
    fn every_single_typing_mistake_is_noticed() {
        let token = Token::generate().unwrap();
        for at in 0..token.reveal().len() {
            let mut wrong = token.reveal().as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(Token::parse(&wrong), None, "position {at}");
        }
    }

    #[test]
    fn the_redactor_finds_a_key() {
        let token = Token::generate().unwrap();
        let text = format!("key {} end", token.reveal());
        let masked = redact::Redactor::new([7; 32]).mask(&text);
        assert!(!masked.text.contains(token.reveal()), "{}", masked.text);
    }
}
