//! Colours of terminals as classes: bytes of a log become pieces of text with their style.
//!
//! Select Graphic Rendition (ECMA-48, 8.3.117) is understood for the sixteen colours, bold, faint, italic and underlined;
//! every other sequence is dropped. A carriage return starts its line again, as on a terminal.

use maud::{Markup, html};

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    bold: bool,
    faint: bool,
    italic: bool,
    underlined: bool,
    /// 0 to 15.
    colour: Option<u8>,
}

/// A piece of text in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How it looks.
    pub style: Style,
    /// Its text, without controls but tabs.
    pub text: String,
}

/// Reads a log line by line; the style goes on from one line to the next.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    style: Style,
}

impl Style {
    /// Its classes, parted by blanks; empty for plain text.
    pub fn classes(self) -> String {
        let mut classes: Vec<String> = Vec::new();
        for (is_set, name) in
            [(self.bold, "b"), (self.faint, "f"), (self.italic, "i"), (self.underlined, "u")]
        {
            if is_set {
                classes.push(name.to_owned());
            }
        }
        classes.extend(self.colour.map(|colour| format!("c{colour}")));
        classes.join(" ")
    }

    fn apply(&mut self, codes: &str) {
        let mut codes = codes.split([';', ':']).map(|code| code.parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.faint = true,
                3 => self.italic = true,
                4 => self.underlined = true,
                22 => (self.bold, self.faint) = (false, false),
                23 => self.italic = false,
                24 => self.underlined = false,
                30..=37 => self.colour = Some((code - 30) as u8),
                90..=97 => self.colour = Some((code - 90 + 8) as u8),
                39 => self.colour = None,
                38 | 48 => {
                    let chosen = match codes.next() {
                        Some(5) => codes.next().map(of_256),
                        Some(2) => {
                            let mut part = || codes.next().unwrap_or(0).min(255) as u8;
                            Some(Some(of_rgb(part(), part(), part())))
                        }
                        _ => None,
                    };
                    if let (38, Some(colour)) = (code, chosen) {
                        self.colour = colour;
                    }
                }
                _ => {}
            }
        }
    }
}

/// The nearest of the sixteen for a colour of the 256.
fn of_256(code: u16) -> Option<u8> {
    Some(match code {
        0..=15 => code as u8,
        16..=231 => {
            let code = code - 16;
            let level = |part: u16| [0, 95, 135, 175, 215, 255][usize::from(part % 6)];
            of_rgb(level(code / 36), level(code / 6), level(code))
        }
        232..=243 => 8,
        244..=255 => 7,
        _ => return None,
    })
}

fn of_rgb(red: u8, green: u8, blue: u8) -> u8 {
    let most = red.max(green).max(blue);
    if most < 64 {
        return 8;
    }
    let is_on = |part: u8| u8::from(u16::from(part) * 2 > u16::from(most));
    let base = is_on(red) | is_on(green) << 1 | is_on(blue) << 2;
    if most > 192 { base + 8 } else { base }
}

impl Reader {
    /// The pieces of a line (without its line feed).
    pub fn line(&mut self, line: &str) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = line.strip_suffix('\r').unwrap_or(line);
        while let Some(first) = rest.chars().next() {
            match first {
                '\u{1b}' => rest = self.escape(&rest[1..]),
                '\r' => {
                    pieces.clear();
                    rest = &rest[1..];
                }
                '\u{8}' => {
                    if let Some(last) = pieces.last_mut() {
                        last.text.pop();
                    }
                    rest = &rest[1..];
                }
                control if control.is_control() && control != '\t' => {
                    rest = &rest[control.len_utf8()..];
                }
                _ => {
                    let end =
                        rest.find(|c: char| c.is_control() && c != '\t').unwrap_or(rest.len());
                    self.push(&mut pieces, &rest[..end]);
                    rest = &rest[end..];
                }
            }
        }
        pieces
    }

    fn push(&self, pieces: &mut Vec<Piece>, text: &str) {
        match pieces.last_mut() {
            Some(last) if last.style == self.style => last.text.push_str(text),
            _ => pieces.push(Piece { style: self.style, text: text.to_owned() }),
        }
    }

    /// What follows an escape sequence whose escape character is gone.
    fn escape<'t>(&mut self, rest: &'t str) -> &'t str {
        let Some(kind) = rest.chars().next() else { return rest };
        match kind {
            '[' => {
                let body = &rest[1..];
                let end = body.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
                let Some(end) = end else { return "" };
                if body.as_bytes()[end] == b'm' {
                    self.style.apply(&body[..end]);
                }
                &body[end + 1..]
            }
            // Operating system command, and its like: up to BEL or ESC \.
            ']' | 'P' | 'X' | '^' | '_' => {
                let body = &rest[1..];
                match body.find(['\u{7}', '\u{1b}']) {
                    Some(end) if body.as_bytes()[end] == 7 => &body[end + 1..],
                    Some(end) => body[end + 1..].strip_prefix('\\').unwrap_or(&body[end..]),
                    None => "",
                }
            }
            '(' | ')' | '*' | '+' | '#' => {
                let mut after = rest.chars();
                after.next();
                after.next();
                after.as_str()
            }
            _ => &rest[kind.len_utf8()..],
        }
    }
}

/// Lines of a log, numbered from `first`.
pub fn lines<'t>(
    reader: &mut Reader,
    first: usize,
    lines: impl Iterator<Item = &'t str>,
) -> Markup {
    html! {
        @for (at, line) in lines.enumerate() {
            span.line data-n=(first + at) {
                @for piece in reader.line(line) {
                    @let classes = piece.style.classes();
                    @if classes.is_empty() { (piece.text) } @else { span class=(classes) { (piece.text) } }
                }
                "\n"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(line: &str) -> Vec<(String, String)> {
        let pieces = Reader::default().line(line);
        pieces.into_iter().map(|piece| (piece.style.classes(), piece.text)).collect()
    }

    fn owned(pieces: &[(&str, &str)]) -> Vec<(String, String)> {
        pieces.iter().map(|(style, text)| ((*style).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn colours_become_classes() {
        for (line, wanted) in [
            ("plain", &[("", "plain")][..]),
            ("\u{1b}[31mred\u{1b}[0m not", &[("c1", "red"), ("", " not")]),
            ("\u{1b}[1;92mgood\u{1b}[22m\u{1b}[39m.", &[("b c10", "good"), ("", ".")]),
            ("\u{1b}[38;5;196mr\u{1b}[38;2;0;0;250mb", &[("c9", "r"), ("c12", "b")]),
            ("\u{1b}[48;5;1mback", &[("", "back")]),
            ("10 %\r20 %\r30 %", &[("", "30 %")]),
            ("windows\r", &[("", "windows")]),
            ("ab\u{8}c", &[("", "ac")]),
            ("\u{1b}]8;;https://evil.example\u{7}link\u{1b}]8;;\u{1b}\\!", &[("", "link!")]),
            ("\u{1b}[2K\u{1b}[1Gup\u{1b}(B.", &[("", "up.")]),
            ("cut \u{1b}[31", &[("", "cut ")]),
            ("\u{9b}31mC1", &[("", "31mC1")]),
        ] {
            assert_eq!(shown(line), owned(wanted), "{line:?}");
        }
    }

    #[test]
    fn the_style_goes_on_into_the_next_line() {
        let mut reader = Reader::default();
        reader.line("\u{1b}[33mone");
        assert_eq!(reader.line("two")[0].style.classes(), "c3");
    }

    #[test]
    fn markup_in_a_log_is_text() {
        let shown = lines(&mut Reader::default(), 1, ["<img src=x onerror=alert(1)>"].into_iter());
        assert!(shown.0.contains("&lt;img src=x"), "{}", shown.0);
    }

    proptest! {
        #[test]
        fn no_control_is_left_and_nothing_visible_is_lost(line in "[ -~äß€\u{1b}\\[\\]0-9;m\r\u{7}\u{8}]{0,60}") {
            let pieces = Reader::default().line(&line);
            for piece in &pieces {
                prop_assert!(!piece.text.chars().any(|c| c.is_control() && c != '\t'));
            }
            if !line.chars().any(char::is_control) {
                let text: String = pieces.into_iter().map(|piece| piece.text).collect();
                prop_assert_eq!(text, line);
            }
        }
    }
}
