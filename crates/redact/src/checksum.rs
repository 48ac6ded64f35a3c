//! Checksums and structures that tell a real secret from something of its shape.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a rule asks to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// The last six characters are the CRC-32 of the ones after the prefix, in base 62 (GitHub,
    /// npm).
    Github,
    /// Header and payload are base64url of JSON objects and the header names an algorithm (RFC
    /// 7519).
    Jwt,
    /// Bech32 with the checksum of BIP 173 (age).
    Age,
}

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Right: no further proof is needed.
    Confirmed,
    /// Neither proven nor refuted: entropy decides.
    Open,
    /// Not a secret of this kind.
    Refuted,
}

impl Check {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "github" => Some(Self::Github),
            "jwt" => Some(Self::Jwt),
            "age" => Some(Self::Age),
            _ => None,
        }
    }

    /// Judges a secret in full, prefix included.
    pub(crate) fn judge(self, secret: &[u8]) -> Verdict {
        match self {
            // A wrong checksum stays open: a token with a typing mistake is still most of a token.
            Self::Github if crc_fits(secret) => Verdict::Confirmed,
            Self::Github => Verdict::Open,
            Self::Jwt if is_jwt(secret) => Verdict::Confirmed,
            Self::Age if bech32_fits(secret) => Verdict::Confirmed,
            Self::Jwt | Self::Age => Verdict::Refuted,
        }
    }
}

fn crc_fits(secret: &[u8]) -> bool {
    let Some(prefix) = secret.iter().position(|byte| *byte == b'_') else {
        return false;
    };
    let body = &secret[prefix + 1..];
    if body.len() < 12 {
        return false;
    }
    let (payload, given) = body.split_at(body.len() - 6);
    let mut crc = flate2::Crc::new();
    crc.update(payload);
    base62(crc.sum()) == given
}

/// Six digits of base 62, most significant first, digits before upper before lower case.
fn base62(mut number: u32) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits
}

fn is_jwt(secret: &[u8]) -> bool {
    let mut parts = secret.split(|byte| *byte == b'.');
    let header = parts.next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let payload = parts.next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let object = |json: &[u8]| json.starts_with(b"{") && json.ends_with(b"}");
    match (header, payload) {
        (Some(header), Some(payload)) => {
            let names_algorithm = header.windows(5).any(|window| window == b"\"alg\"");
            object(&header) && object(&payload) && names_algorithm
        }
        _ => false,
    }
}

fn bech32_fits(secret: &[u8]) -> bool {
    const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let lower = secret.to_ascii_lowercase();
    let Some(separator) = lower.iter().rposition(|byte| *byte == b'1') else {
        return false;
    };
    let (prefix, data) = (&lower[..separator], &lower[separator + 1..]);
    let expanded = prefix.iter().map(|byte| byte >> 5);
    let expanded = expanded.chain([0]).chain(prefix.iter().map(|byte| byte & 31));
    let mut sum = 1;
    for value in expanded {
        sum = polymod(sum, value);
    }
    for byte in data {
        let Some(value) = CHARSET.iter().position(|c| c == byte) else {
            return false;
        };
        sum = polymod(sum, value as u8);
    }
    sum == 1
}

/// One step of the checksum polynomial of BIP 173.
fn polymod(sum: u32, value: u8) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = sum >> 25;
    let shifted = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
    (0..5).fold(shifted, |acc, bit| if top >> bit & 1 == 1 { acc ^ GENERATOR[bit] } else { acc })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bip173_vectors() {
        assert!(bech32_fits(b"A12UEL5L"));
        assert!(bech32_fits(b"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"));
        assert!(!bech32_fits(b"A1G7SGD8"));
        assert!(!bech32_fits(b"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxx"));
    }

    #[test]
    fn base62_pads_to_six_digits() {
        assert_eq!(&base62(0), b"000000");
        assert_eq!(&base62(61), b"00000z");
        assert_eq!(&base62(62), b"000010");
        assert_eq!(&base62(u32::MAX), b"4gfFC3");
    }

    #[test]
    fn a_jwt_needs_an_algorithm() {
        let token = |header: &str| {
            let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
            format!("{}.{}.c2lnbmF0dXJl", encode(header), encode("{\"sub\":\"1\"}"))
        };
        assert_eq!(Check::Jwt.judge(token("{\"alg\":\"HS256\"}").as_bytes()), Verdict::Confirmed);
        assert_eq!(Check::Jwt.judge(token("{\"kid\":\"HS256\"}").as_bytes()), Verdict::Refuted);
    }
}
