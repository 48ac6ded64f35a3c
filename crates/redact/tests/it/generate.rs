//! Secrets made from descriptions of their formats, so that none lies in the tree.

/// A small deterministic generator (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn from(&mut self, alphabet: &str, count: usize) -> String {
        let bytes = alphabet.as_bytes();
        let pick =
            |random: &mut Self| char::from(bytes[(random.next() % bytes.len() as u64) as usize]);
        (0..count).map(|_| pick(self)).collect()
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// Fills `{an:36}`-like fields: `an` letters and digits, `hex`, `low` lower case and digits, `up`
/// upper case and digits, `dig`, `b32`, `b64`, `url` (base64url), `pw` (letters, digits, signs),
/// `let` letters, `uuid`.
pub(crate) fn fill(format: &str, random: &mut Random) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        let (field, tail) = after.split_once('}').expect("a field ends");
        out.push_str(before);
        let (kind, count) = field.split_once(':').unwrap_or((field, "1"));
        out.push_str(&one(kind, count.parse().expect("a count"), random));
        rest = tail;
    }
    out + rest
}

fn one(kind: &str, count: usize, random: &mut Random) -> String {
    let alphabet = match kind {
        "an" => [LOWER, UPPER, DIGITS].concat(),
        "hex" => "0123456789abcdef".to_owned(),
        "low" => [LOWER, DIGITS].concat(),
        "up" => [UPPER, DIGITS].concat(),
        "let" => [LOWER, UPPER].concat(),
        "dig" => "123456789".to_owned(),
        "b32" => [UPPER, "234567"].concat(),
        "b64" => [LOWER, UPPER, DIGITS, "+/"].concat(),
        "url" => [LOWER, UPPER, DIGITS, "_-"].concat(),
        "pw" => return password(count, random),
        "uuid" => return uuid(random),
        other => panic!("no field {other}"),
    };
    random.from(&alphabet, count)
}

/// A password as generators make them: at least two digits and a sign between letters.
fn password(length: usize, random: &mut Random) -> String {
    let letters = [LOWER, UPPER].concat();
    let unit = |random: &mut Random| {
        format!(
            "{}{}{}{}",
            random.from(&letters, 2),
            random.from(DIGITS, 1),
            random.from(&letters, 1),
            random.from("!#%+_~^", 1)
        )
    };
    let mut text: String = (0..length.div_ceil(5)).map(|_| unit(random)).collect();
    text.truncate(length);
    text
}

fn uuid(random: &mut Random) -> String {
    let mut part = |count| random.from("0123456789abcdef", count);
    format!("{}-{}-4{}-a{}-{}", part(8), part(4), part(3), part(3), part(12))
}
