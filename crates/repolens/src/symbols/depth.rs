//! Texts that the scanners of two grammars must not see.
//!
//! A scanner keeps its state in 1,024 bytes. Those of YAML (0.7.2) and Python (0.25.0) ask whether there is room before
//! they write an entry, and not how much: from 254 open blocks (YAML) or about 383 levels of indentation with 255 open
//! strings (Python) on they write behind the end. Every open block begins in a column of its own, or two share one, so
//! columns bound the depth.

/// Columns in which a block of YAML may begin; twice as many blocks can be open.
const YAML_COLUMNS: usize = 120;
/// Widest indentation of Python; a tab counts eight.
const PYTHON_COLUMNS: usize = 300;

/// Whether no block begins further right than the scanner bears: neither the first word of a line, nor what stands
/// before or behind a `-`, a `?` or a `:`.
pub(super) fn yaml(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.as_bytes();
        if line.len() < YAML_COLUMNS {
            return true;
        }
        let indent = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let far = &line[YAML_COLUMNS - 2..];
        let is_mark = |at: usize| {
            matches!(far[at], b'-' | b'?' | b':')
                && far.get(at + 1).is_none_or(u8::is_ascii_whitespace)
        };
        indent < YAML_COLUMNS && !(0..far.len()).any(is_mark)
    })
}

/// Whether no line is indented further than the scanner bears.
pub(super) fn python(text: &str) -> bool {
    text.lines().all(|line| {
        let blanks = line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | 0x0C));
        blanks.map(|byte| if byte == b'\t' { 8 } else { 1 }).sum::<usize>() <= PYTHON_COLUMNS
    })
}

#[cfg(test)]
mod tests {
    use super::super::Syntax;

    #[test]
    fn texts_that_would_break_a_scanner_are_not_parsed() {
        let nested: String =
            (0..600).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
        let keys: String = (0..600).map(|depth| format!("{}k:\n", " ".repeat(depth))).collect();
        for (language, text) in [
            ("yaml", "- ".repeat(20_000)),
            ("yaml", format!("{}\n{}", "- ".repeat(59), "a: ".repeat(500))),
            ("yaml", keys),
            ("yaml", "? ".repeat(400)),
            ("python", nested),
        ] {
            assert!(Syntax::parse(language, &text).is_none(), "{language}");
        }
        let deep: String = (0..110).map(|depth| format!("{}k:\n", " ".repeat(depth))).collect();
        for (language, text) in [
            ("yaml", "- ".repeat(58)),
            ("yaml", deep),
            ("yaml", format!("key: {}", "long words ".repeat(40))),
            ("python", "def f():\n    return [\n                        1]\n".to_owned()),
        ] {
            assert!(Syntax::parse(language, &text).is_some(), "{language}");
        }
    }
}
