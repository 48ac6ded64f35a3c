//! Foreign text on its way to a terminal: nothing in it may move the cursor, change colours,
//! retitle the window or reorder what is shown.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with every control made visible as `\u{…}`: C0 but tab and line feed, DEL, C1 (so every
/// escape sequence and OSC), bidirectional controls, zero-width and invisible characters, line and
/// paragraph separators, tags.
///
/// Applied twice it changes nothing more.
pub fn escape_ctl(text: &str) -> Cow<'_, str> {
    escape(text, is_control)
}

/// As [`escape_ctl`], but for text that must stay on one line and in its column: tab and line feed
/// are escaped too.
pub fn escape_ctl_line(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_control(c) || matches!(c, '\n' | '\t'))
}

/// Whether a character is one that [`escape_ctl`] makes visible.
pub fn is_control(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control() && !matches!(c, '\n' | '\t');
    }
    match c {
        '\u{80}'..='\u{9f}' => true,
        // Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul and Khmer fillers.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

fn escape(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&is_bad) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_bad(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequences_become_visible() {
        assert_eq!(escape_ctl("a\u{1b}[31mred\u{1b}[0m"), "a\\u{1b}[31mred\\u{1b}[0m");
        assert_eq!(escape_ctl("\u{1b}]0;title\u{7}"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(escape_ctl("\u{9b}31m a\rb"), "\\u{9b}31m a\\u{d}b");
        assert_eq!(escape_ctl("user\u{202e}nimda"), "user\\u{202e}nimda");
        assert_eq!(escape_ctl("zero\u{200b}width"), "zero\\u{200b}width");
    }

    #[test]
    fn text_stays_as_it_is() {
        let text = "Prüfung ✓ 日本語 עברית\n\tnext";
        assert!(matches!(escape_ctl(text), Cow::Borrowed(same) if same == text));
        assert_eq!(escape_ctl_line("a\n\tb"), "a\\u{a}\\u{9}b");
    }

    proptest! {
        #[test]
        fn no_control_survives(text in "(?s).{0,64}") {
            let escaped = escape_ctl(&text);
            prop_assert!(!escaped.chars().any(is_control));
            prop_assert!(!escape_ctl_line(&text).chars().any(char::is_control));
            prop_assert_eq!(escape_ctl(&escaped), escaped.as_ref());
        }

        #[test]
        fn controls_anywhere_are_escaped(
            before in "[a-z]{0,4}", code in 0_u32..0xe1000, after in "[a-z]{0,4}",
        ) {
            let Some(c) = char::from_u32(code) else { return Ok(()) };
            let escaped = escape_ctl(&format!("{before}{c}{after}")).into_owned();
            let control = c.is_control() && !matches!(c, '\n' | '\t');
            let visible = escaped.contains(r"\u{");
            prop_assert!(!control || visible);
            prop_assert!(escaped.starts_with(&before) && escaped.ends_with(&after));
        }
    }
}
