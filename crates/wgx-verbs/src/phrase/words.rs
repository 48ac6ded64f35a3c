//! Words: folding of case and umlauts, splitting of sentences and identifiers, stems and bounded edit
//! distance.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, German umlauts as two letters, other marks removed.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len() + 4);
    for letter in text.nfc().flat_map(char::to_lowercase) {
        match letter {
            'ä' => folded.push_str("ae"),
            'ö' => folded.push_str("oe"),
            'ü' => folded.push_str("ue"),
            'ß' => folded.push_str("ss"),
            '’' => folded.push('\''),
            other => folded.extend(other.nfd().filter(|part| !is_combining_mark(*part))),
        }
    }
    folded
}

/// The folded words of a sentence. Apostrophes, `c++` and `c#` stay whole; camelCase is split.
pub(crate) fn sentence(text: &str) -> Vec<String> {
    let text = join_numbers(text);
    let inside = |c: char| {
        c.is_alphanumeric() || matches!(c, '\'' | '’' | '+' | '#') || is_combining_mark(c)
    };
    text.split(|c| !inside(c))
        .flat_map(|chunk| {
            let chunk = chunk.trim_matches(['\'', '’', '#']);
            if chunk.ends_with("++") { vec![fold(chunk)] } else { camel(chunk.trim_matches('+')) }
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// `3.12` as `312`, as names write it.
fn join_numbers(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
    let joins = |at: usize| letters[at] == '.' && at > 0 && is_digit(at - 1) && is_digit(at + 1);
    (0..letters.len()).filter(|at| !joins(*at)).map(|at| letters[at]).collect()
}

/// The folded words of an identifier: camelCase, kebab, snake and namespaces.
pub(crate) fn identifier(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .flat_map(camel)
        .filter(|word| !word.is_empty())
        .collect()
}

/// Splits `typeCheck` and `HTTPServer` at their humps; digits stay with their letters (`e2e`).
fn camel(word: &str) -> Vec<String> {
    let letters: Vec<(usize, char)> = word.char_indices().collect();
    let mut parts = Vec::new();
    let mut begin = 0;
    for position in 1..letters.len() {
        let (at, letter) = letters[position];
        let before = letters[position - 1].1;
        let next_is_lower = letters.get(position + 1).is_some_and(|(_, c)| c.is_lowercase());
        let hump = letter.is_uppercase() && before.is_lowercase();
        // `CRDs` is one word.
        let is_plural = letters.get(position + 1).is_some_and(|(_, c)| *c == 's')
            && letters.get(position + 2).is_none_or(|(_, c)| c.is_uppercase());
        let acronym_ends =
            letter.is_uppercase() && before.is_uppercase() && next_is_lower && !is_plural;
        if hump || acronym_ends {
            parts.push(fold(&word[begin..at]));
            begin = at;
        }
    }
    parts.push(fold(&word[begin..]));
    parts
}

/// The Snowball stemmer of a language file.
pub(crate) fn stemmer(name: &str) -> Stemmer {
    Stemmer::create(match name {
        "german" => Algorithm::German,
        _ => Algorithm::English,
    })
}

/// Whether two words differ by a typing mistake: one edit (insert, delete, replace, swap) from five
/// letters on, two from nine letters on, and never in the first letter; another letter than a
/// neighbour on the keyboard counts twice; of four
/// letters only the last two may be swapped.
pub(crate) fn is_typo(typed: &str, meant: &str) -> bool {
    let length = typed.len().min(meant.len());
    if typed.len() == 4 && meant.len() == 4 {
        let (typed, meant) = (typed.as_bytes(), meant.as_bytes());
        return typed[..2] == meant[..2]
            && typed[2] == meant[3]
            && typed[3] == meant[2]
            && typed[2] != typed[3];
    }
    let allowed = match length {
        0..5 => return false,
        5..9 => 1,
        _ => 2,
    };
    typed.as_bytes()[0] == meant.as_bytes()[0]
        && typed.len().abs_diff(meant.len()) <= allowed
        && distance(typed.as_bytes(), meant.as_bytes()) <= allowed
}

/// What one letter in place of another costs: a neighbour on the keyboard is a slip of the finger, any other
/// letter more likely another word (`slack` and `stack`).
fn replacement(typed: u8, meant: u8) -> usize {
    // German and English keyboards differ in `y` and `z`.
    const ROWS: [&[u8]; 4] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm", b"qwertzuiop"];
    let place = |letter: u8, rows: &[&[u8]]| {
        let found = |(at, row): (usize, &&[u8])| Some((at, row.iter().position(|l| *l == letter)?));
        rows.iter().enumerate().find_map(found)
    };
    let beside = |rows: &[&[u8]]| {
        place(typed, rows).zip(place(meant, rows)).is_some_and(|((row, at), (other, there))| {
            row.abs_diff(other) <= 1 && at.abs_diff(there) <= 1
        })
    };
    match typed == meant {
        true => 0,
        false if beside(&ROWS[..3]) || beside(&ROWS[3..]) => 1,
        false => 2,
    }
}

/// Optimal string alignment distance.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let width = right.len() + 1;
    let mut before_last: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for i in 1..=left.len() {
        let mut row = vec![i; width];
        for j in 1..width {
            let replace = last[j - 1] + replacement(left[i - 1], right[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_and_their_spellings_are_one() {
        assert_eq!(fold("Prüfe"), fold("pruefe"));
        assert_eq!(fold("u\u{308}ber"), "ueber");
        assert_eq!(fold("Café"), "cafe");
    }

    #[test]
    fn identifiers_split_at_humps_and_marks() {
        assert_eq!(identifier("docs:buildHTMLPages"), ["docs", "build", "html", "pages"]);
        assert_eq!(identifier("listCRDs"), ["list", "crds"]);
        assert_eq!(sentence("APIs and HTTPServer"), ["apis", "and", "http", "server"]);
        assert_eq!(identifier("test_e2e.fast"), ["test", "e2e", "fast"]);
        assert_eq!(sentence("don't lint C++!"), ["don't", "lint", "c++"]);
    }

    #[test]
    fn a_typo_is_small_and_keeps_the_first_letter() {
        assert!(is_typo("fromat", "format"));
        assert!(is_typo("abhaengikeitn", "abhaengigkeiten"));
        assert!(!is_typo("test", "rest"));
        assert!(!is_typo("house", "mouse"));
        assert!(is_typo("fotmat", "format"));
        assert!(!is_typo("slack", "stack"));
    }
}
