//! Whether a value looks like a secret or like a placeholder, a hash, a name or a piece of code.

/// Shannon entropy in bits per byte.
pub(crate) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let total = value.len() as f64;
    let term = |count: u32| {
        let share = f64::from(count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(|count| term(*count)).sum()
}

/// Words that stand in placeholders and hardly ever in random text.
const PLACEHOLDER_WORDS: [&str; 19] = [
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "your_",
    "your-",
    "yourtoken",
    "yourpass",
    "dummy",
    "sample",
    "redacted",
    "notreal",
    "not-real",
    "not_real",
    "insert",
    "replace",
    "deadbeef",
    "foobar",
];

/// Runs that keyboards and counting make; hex digits and letters counted up.
const COUNTED: [&str; 6] =
    ["123456789", "987654321", "abcdefghi", "0123456", "qwertyui", "aabbccdd"];

/// Whether a value of any rule only stands for a secret: `xxxx`, `example`, `${VAR}`, `<token>`.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let text = String::from_utf8_lossy(&lower);
    is_reference(&text)
        || PLACEHOLDER_WORDS.iter().chain(&COUNTED).any(|word| text.contains(word))
        || has_filler(&lower)
}

/// Filler characters: six of anything in a row, or four of `x`, `*`, `.`, `#` or `_` where they are a quarter of the value
/// or more. By chance alone, one random token of 20 signs in 60,000 has four times `x` in either case.
fn has_filler(value: &[u8]) -> bool {
    let mut run = 0;
    let mut previous = 0;
    value.iter().any(|&byte| {
        run = if byte == previous { run + 1 } else { 1 };
        previous = byte;
        run >= 6
            || run >= 4
                && run * 4 >= value.len()
                && matches!(byte, b'x' | b'*' | b'.' | b'#' | b'_')
    })
}

/// A reference to a secret that lies elsewhere.
fn is_reference(lower: &str) -> bool {
    let starts = [
        "$",
        "{{",
        "%(",
        "#{",
        "<",
        "{",
        "[",
        "%s",
        "@",
        "env.",
        "env:",
        "env[",
        "process.env",
        "os.environ",
        "os.getenv",
        "getenv",
        "secrets.",
        "vars.",
        "var.",
        "vault:",
        "op://",
        "secret://",
        "ref+",
        "arn:",
        "file:",
        "!",
        "enc[",
        "encrypted:",
        "config.",
        "settings.",
        "self.",
        "this.",
        "&",
        "*",
        "../",
        "./",
        "~/",
        "sha256:",
        "sha512-",
        "sha256-",
        "sha384-",
        "sha1-",
        "md5:",
    ];
    starts.iter().any(|start| lower.starts_with(start))
        || ["${", "{{", "<%", "$("].iter().any(|inside| lower.contains(inside))
        || lower.starts_with('%') && lower.ends_with('%')
}

/// Passwords that stand in every tutorial and guard nothing.
const WEAK: [&str; 24] = [
    "admin",
    "guest",
    "hunter2",
    "letmein",
    "minioadmin",
    "mysecret",
    "mypassword",
    "mypass",
    "none",
    "null",
    "pass",
    "passw0rd",
    "passwd",
    "password",
    "p@ssw0rd",
    "postgres",
    "root",
    "s3cr3t",
    "s3cret",
    "secret",
    "test",
    "token",
    "true",
    "user",
];

/// Whether the value is a well-known weak password, digits and signs at its end aside.
pub(crate) fn is_weak(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    let parts = stem.split(['-', '_', '.', ' ']);
    WEAK.contains(&text.as_str())
        || WEAK.contains(&stem)
        || parts.clone().count() > 1 && parts.clone().any(|part| WEAK.contains(&part))
}

/// Whether a value holds more chance than anybody could try: random characters, not words.
pub(crate) fn is_unguessable(value: &[u8]) -> bool {
    let classes = classes(value);
    let bits = entropy(value) * value.len() as f64;
    value.len() >= 16 && classes.switches >= 3 && bits >= 56.0
}

/// What kinds of characters a value has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Classes {
    pub(crate) lower: usize,
    pub(crate) upper: usize,
    pub(crate) digits: usize,
    pub(crate) signs: usize,
    /// How often letters and digits follow each other.
    pub(crate) switches: usize,
}

pub(crate) fn classes(value: &[u8]) -> Classes {
    let mut classes = Classes::default();
    let mut previous_digit = None;
    for byte in value {
        match byte {
            b'a'..=b'z' => classes.lower += 1,
            b'A'..=b'Z' => classes.upper += 1,
            b'0'..=b'9' => classes.digits += 1,
            _ => classes.signs += 1,
        }
        if byte.is_ascii_alphanumeric() {
            let digit = byte.is_ascii_digit();
            classes.switches += usize::from(previous_digit.is_some_and(|was| was != digit));
            previous_digit = Some(digit);
        }
    }
    classes
}

/// A UUID: an identifier, and a secret only where a rule says so.
pub(crate) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Something that programmers write where a value could stand: a path, an address, a name made of
/// words, a version, a date.
pub(crate) fn is_code_like(value: &[u8]) -> bool {
    let contains = |part: &str| memchr::memmem::find(value, part.as_bytes()).is_some();
    let pair = |open: u8, close: u8| {
        memchr::memchr(open, value).is_some_and(|at| value[at..].contains(&close))
    };
    let call = pair(b'(', b')') || pair(b'[', b']') || pair(b'{', b'}') || pair(b'<', b'>');
    let letters = value.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let field = letters > 0 && value[letters..].starts_with(b"=") && value.len() > letters + 3;
    let operators = ["::", "->", "=>", "&&", "||", "://", " ", "=="];
    call || field
        || operators.iter().any(|part| contains(part))
        || value.first().is_some_and(|byte| matches!(byte, b'/' | b'.' | b'-'))
        || is_words(value)
        || is_file_name(value)
        || is_requirement(value)
}

/// A version that a package is asked for, as manifests and lock files write it: `^3.0.0`, `npm:^7.0.3`,
/// `>=1.2.x`, `workspace:~2.0.0-rc.1`.
fn is_requirement(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let text = text.split_once(':').map_or(text, |(protocol, rest)| {
        let is_protocol =
            !protocol.is_empty() && protocol.bytes().all(|byte| byte.is_ascii_lowercase());
        if is_protocol { rest } else { text }
    });
    let text = text.trim_start_matches(['^', '~', '<', '>', '=', 'v']);
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = numbers.split('.');
    let is_number = |part: &str| {
        !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let tag = &text[numbers.len()..];
    numbers.contains('.')
        && parts.next().is_some_and(is_number)
        && parts.all(|part| is_number(part) || matches!(part, "x" | "*"))
        && tag.len() <= 16
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte))
}

/// Words joined by signs or by case, each word letters only or digits only: `auth_token_2`,
/// `com.example.Thing`, `kSecretKey1`.
fn is_words(value: &[u8]) -> bool {
    let classes = classes(value);
    if classes.switches > 2 {
        return false;
    }
    value.split(|byte| matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b',' | b'\\' | b'@')).all(
        |part| {
            let letters = part.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
            let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
            letters + digits == part.len() && (letters == part.len() || reads_like_words(part))
        },
    )
}

/// Letters that alternate between vowels and consonants as words do, with few changes of case.
fn reads_like_words(part: &[u8]) -> bool {
    let letters: Vec<u8> = part.iter().copied().filter(u8::is_ascii_alphabetic).collect();
    if letters.is_empty() || part.len() <= 6 {
        return true;
    }
    let digits = part.len() - letters.len();
    let vowels = letters.iter().filter(|byte| b"aeiouyAEIOUY".contains(byte)).count();
    let case_changes = letters
        .windows(2)
        .filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase());
    let changes = case_changes.count();
    digits <= 3
        && vowels * 5 >= letters.len()
        && vowels * 5 <= letters.len() * 3
        && changes * 3 <= letters.len()
}

fn is_file_name(value: &[u8]) -> bool {
    const ENDS: [&str; 14] = [
        ".json", ".yml", ".yaml", ".toml", ".txt", ".pem", ".key", ".crt", ".py", ".rs", ".js",
        ".ts", ".md", ".html",
    ];
    ENDS.iter().any(|end| value.to_ascii_lowercase().ends_with(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for text in ["xxxxxxxxxxxx", "${TOKEN}", "<token>", "YOUR_KEY_HERE", "changeme", "****"] {
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        for text in ["k3Jd9sLq0Zp", "AKd83hfQQ2nbw"] {
            assert!(!is_placeholder(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn names_and_paths_are_code() {
        for text in ["my_token_name", "TokenKind", "src/lib.rs", "next_token(1)", "com.acme.Key2"] {
            assert!(is_code_like(text.as_bytes()), "{text}");
        }
        for text in ["k3Jd9sLq0Zp", "Tr0ub4dor&3xQ", "9f8a7d6c5b4e"] {
            assert!(!is_code_like(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn versions_that_are_asked_for_are_no_passwords() {
        for text in ["npm:^3.0.0", "^7.0.3", ">=1.2.x", "workspace:~2.0.0-rc.1", "v1.2.3+build"] {
            assert!(is_code_like(text.as_bytes()), "{text}");
        }
        for text in ["npm:k3Jd9sLq0Zp", "Xk^3.0.0pQ9", "3.0.0-8f7a6b5c4d3e2f1a0b9c", "19.x7Qw2Lp"] {
            assert!(!is_requirement(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn entropy_of_uniform_text() {
        assert!((entropy(b"abcd") - 2.0).abs() < 1e-9);
        assert!(entropy(b"aaaa").abs() < 1e-9);
    }
}
