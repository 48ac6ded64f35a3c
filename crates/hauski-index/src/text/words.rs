//! Cuts text into words and names. A *run* is what stands between blanks and brackets (`src/text/mod.rs`, `E0308`,
//! `camelCase`, `well-known`); its words and the names in it are spans of the original bytes.

use std::ops::Range;

/// A word, in bytes of the text. Humps of `camelCase` are not cut here.
pub(super) type Span = Range<usize>;

/// What is told about a text while it is read.
pub(super) trait Reader {
    /// The next word.
    fn word(&mut self, span: Span);
    /// A name that holds more than one word or more than letters: an identifier, a path, a version. After its words.
    fn name(&mut self, span: Span);
}

/// Longest name in bytes; what is longer is found by its words and its shorter names.
pub(super) const MAX_NAME: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    /// Scripts without blanks between words: read in pairs.
    Ideograph,
    /// Belongs to the word before it.
    Mark,
    Apostrophe,
    /// `_`: holds identifiers together.
    Underscore,
    /// `-`
    Hyphen,
    /// `. / : @ \` between words.
    Joiner,
    Comma,
    /// `+` and `#`, as in `c++` and `c#`.
    Suffix,
    /// Shows nothing (soft hyphen, zero-width characters): inside words it is skipped.
    Invisible,
    Gap,
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' => Class::Letter,
        '0'..='9' => Class::Digit,
        '_' => Class::Underscore,
        '-' | '\u{2010}' | '\u{2011}' => Class::Hyphen,
        '.' | '/' | ':' | '@' | '\\' => Class::Joiner,
        ',' => Class::Comma,
        '\'' | '\u{2019}' => Class::Apostrophe,
        '+' | '#' => Class::Suffix,
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => Class::Invisible,
        c if c.is_ascii() => Class::Gap,
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => Class::Mark,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Class::Ideograph,
        c if c.is_alphabetic() => Class::Letter,
        c if c.is_numeric() => Class::Digit,
        _ => Class::Gap,
    }
}

/// Reads a text from its beginning to its end.
pub(super) fn read(text: &str, reader: &mut impl Reader) {
    let mut at = 0;
    let mut run = Run::default();
    while let Some(c) = text[at..].chars().next() {
        let class = class(c);
        match class {
            Class::Letter | Class::Digit => at = run.read(text, at, reader),
            Class::Ideograph => at = ideographs(text, at, reader),
            _ => at += c.len_utf8(),
        }
    }
}

/// Pairs of neighbours; a lone character stands for itself.
fn ideographs(text: &str, start: usize, reader: &mut impl Reader) -> usize {
    let mut before: Option<usize> = None;
    let mut pairs = 0;
    let mut at = start;
    for c in text[start..].chars() {
        if !matches!(class(c), Class::Ideograph | Class::Mark) {
            break;
        }
        let end = at + c.len_utf8();
        if class(c) == Class::Ideograph {
            if let Some(from) = before {
                reader.word(from..end);
                pairs += 1;
            }
            before = Some(at);
        }
        at = end;
    }
    if pairs == 0 {
        reader.word(start..at);
    }
    at
}

/// One run at a time; kept to reuse its memory.
#[derive(Default)]
struct Run {
    words: Vec<Span>,
    /// Words joined by `_` alone.
    identifiers: Vec<(Span, bool)>,
}

impl Run {
    /// Reads the run that begins at `start` with a letter or a digit; returns where it ends.
    fn read(&mut self, text: &str, start: usize, reader: &mut impl Reader) -> usize {
        self.words.clear();
        self.identifiers.clear();
        let mut at = start;
        let (mut hyphens, mut joiners) = (false, false);
        let mut kebab_start = start;
        loop {
            let (word, mixed) = word_at(text, at);
            let end = word.end;
            match self.identifiers.last_mut() {
                Some((identifier, is_name))
                    if text[identifier.end..word.start].bytes().all(|b| b == b'_') =>
                {
                    identifier.end = end;
                    *is_name = true;
                }
                _ => self.identifiers.push((word.clone(), mixed)),
            }
            self.words.push(word);
            let Some((next, glue)) = bridge(text, end) else {
                at = end;
                break;
            };
            match glue {
                Class::Hyphen => hyphens = true,
                Class::Joiner => {
                    self.kebab(kebab_start..end, hyphens, reader);
                    kebab_start = next;
                    (hyphens, joiners) = (false, true);
                }
                _ => {}
            }
            at = next;
        }
        if joiners {
            self.kebab(kebab_start..at, hyphens, reader);
        }
        for word in &self.words {
            reader.word(word.clone());
        }
        for (identifier, is_name) in &self.identifiers {
            if *is_name && identifier.len() <= MAX_NAME && *identifier != (start..at) {
                reader.name(identifier.clone());
            }
        }
        let end = suffix(text, start..at, self.words.len());
        let whole_is_name = end > at
            || self.words.len() > 1
            || self.identifiers.first().is_some_and(|(_, is_name)| *is_name);
        if whole_is_name && end - start <= MAX_NAME {
            reader.name(start..end);
        }
        end
    }

    /// A part of a path that is itself held together by hyphens.
    fn kebab(&self, span: Span, hyphens: bool, reader: &mut impl Reader) {
        if hyphens && span.len() <= MAX_NAME {
            reader.name(span);
        }
    }
}

/// The word at a letter or digit: letters, digits and marks, an apostrophe between letters, a point or a comma between
/// digits. Says also whether letters and digits are mixed or a hump is inside.
fn word_at(text: &str, start: usize) -> (Span, bool) {
    let mut end = start;
    let (mut digits, mut letters, mut hump) = (false, false, false);
    let mut before = ' ';
    let mut only_digits = true;
    let mut rest = text[start..].chars();
    while let Some(c) = rest.next() {
        match class(c) {
            Class::Letter => {
                letters = true;
                only_digits = false;
                hump |= c.is_uppercase() && before.is_lowercase();
            }
            Class::Digit => digits = true,
            Class::Mark | Class::Invisible => {}
            Class::Apostrophe
                if class(before) == Class::Letter
                    && rest.clone().next().is_some_and(|next| class(next) == Class::Letter) => {}
            Class::Joiner | Class::Comma
                if only_digits
                    && matches!(c, '.' | ',')
                    && rest.clone().next().is_some_and(|next| class(next) == Class::Digit) => {}
            _ => break,
        }
        before = c;
        end += c.len_utf8();
    }
    (start..end, (digits && letters) || hump)
}

/// What leads from the end of one word to the next one in the same run: where that begins, and the strongest sign between.
fn bridge(text: &str, end: usize) -> Option<(usize, Class)> {
    let mut glue: Option<Class> = None;
    let mut at = end;
    for c in text[end..].chars() {
        let class = class(c);
        match class {
            Class::Letter | Class::Digit => return glue.map(|glue| (at, glue)),
            Class::Underscore => glue = glue.or(Some(class)),
            Class::Hyphen if glue.is_none() => glue = Some(class),
            Class::Joiner if glue.is_none_or(|g| g == Class::Joiner || g == Class::Underscore) => {
                glue = Some(class);
            }
            _ => return None,
        }
        at += c.len_utf8();
        if at - end > 3 {
            return None;
        }
    }
    None
}

/// `c++`, `c#`, `f#`: signs that belong to a short name.
fn suffix(text: &str, run: Span, words: usize) -> usize {
    if words != 1 || run.len() > 3 {
        return run.end;
    }
    let signs = text[run.end..].bytes().take_while(|b| matches!(b, b'+' | b'#')).count();
    let after = text[run.end + signs..].chars().next();
    let ends = after.is_none_or(|c| !matches!(class(c), Class::Letter | Class::Digit));
    if (1..=2).contains(&signs) && ends { run.end + signs } else { run.end }
}

/// The humps of `camelCase`, `HTTPServer` and `sha256`, in bytes of the word; nothing when there is only one. `APIs` and
/// `IDs` are one word.
pub(super) fn humps(word: &str, mut each: impl FnMut(&str)) {
    let mut start = 0;
    let mut chars = word.char_indices().peekable();
    let mut before: Option<char> = None;
    while let Some((at, c)) = chars.next() {
        if let Some(last) = before {
            let next_is_lower = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
            let plural = chars
                .peek()
                .is_some_and(|(next_at, next)| *next == 's' && next_at + 1 == word.len());
            let cut = (last.is_lowercase() && c.is_uppercase())
                || (last.is_uppercase() && c.is_uppercase() && next_is_lower && !plural)
                || (last.is_alphabetic() && c.is_numeric())
                || (last.is_numeric() && c.is_alphabetic());
            if cut {
                each(&word[start..at]);
                start = at;
            }
        }
        before = Some(c);
    }
    if start > 0 {
        each(&word[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen<'a> {
        text: &'a str,
        words: Vec<&'a str>,
        names: Vec<&'a str>,
    }

    impl Reader for Seen<'_> {
        fn word(&mut self, span: Span) {
            self.words.push(&self.text[span]);
        }
        fn name(&mut self, span: Span) {
            self.names.push(&self.text[span]);
        }
    }

    fn seen(text: &str) -> (String, String) {
        let mut seen = Seen { text, ..Seen::default() };
        read(text, &mut seen);
        (seen.words.join("|"), seen.names.join("|"))
    }

    fn both(words: &str, names: &str) -> (String, String) {
        (words.to_owned(), names.to_owned())
    }

    #[test]
    fn prose_is_words() {
        assert_eq!(seen("Don't stop (yet), it's 1.5 km."), both("Don't|stop|yet|it's|1.5|km", ""));
        assert_eq!(seen("well-known IL-6"), both("well|known|IL|6", "well-known|IL-6"));
    }

    #[test]
    fn code_keeps_whole_names() {
        assert_eq!(seen("parse_config(x)"), both("parse|config|x", "parse_config"));
        assert_eq!(
            seen("self.inner.get_term()"),
            both("self|inner|get|term", "get_term|self.inner.get_term")
        );
        assert_eq!(seen("src/text/mod.rs:12"), both("src|text|mod|rs|12", "src/text/mod.rs:12"));
        assert_eq!(seen("error[E0308]: v0.27.1"), both("error|E0308|v0|27.1", "E0308|v0|v0.27.1"));
        assert_eq!(seen("HashMap C++ C# 1.2.3"), both("HashMap|C|C|1.2.3", "HashMap|C++|C#"));
    }

    #[test]
    fn scripts_without_blanks_are_read_in_pairs() {
        assert_eq!(seen("検索エンジン"), both("検索|索エ|エン|ンジ|ジン", ""));
    }

    #[test]
    fn humps_are_cut() {
        let cut = |word: &str| {
            let mut parts = Vec::new();
            humps(word, |part| parts.push(part.to_owned()));
            parts.join("|")
        };
        assert_eq!(cut("parseHTTPRequest"), "parse|HTTP|Request");
        assert_eq!(cut("sha256"), "sha|256");
        assert_eq!(cut("APIs"), "");
        assert_eq!(cut("Parser"), "");
    }

    #[derive(Default)]
    struct Spans {
        words: Vec<Span>,
        names: Vec<Span>,
    }

    impl Reader for Spans {
        fn word(&mut self, span: Span) {
            self.words.push(span);
        }
        fn name(&mut self, span: Span) {
            self.names.push(span);
        }
    }

    /// Texts with many of the signs that decide something.
    fn texts() -> impl proptest::strategy::Strategy<Value = String> {
        proptest::string::string_regex(
            "([a-zA-ZäÖß0-9_.:/@\\\\+#,'’\\- ]|検|索|\u{ad}|\u{301}|\\PC){0,60}",
        )
        .expect("is a pattern")
    }

    proptest::proptest! {
        /// Words and names lie on borders of characters inside the text; words follow each other.
        #[test]
        fn spans_hold(text in texts()) {
            let mut spans = Spans::default();
            read(&text, &mut spans);
            for span in spans.words.iter().chain(&spans.names) {
                proptest::prop_assert!(!span.is_empty() && text.get(span.clone()).is_some());
            }
            proptest::prop_assert!(spans.words.windows(2).all(|pair| pair[0].start < pair[1].start && pair[0].end <= pair[1].end));
            proptest::prop_assert!(spans.names.iter().all(|name| name.len() <= MAX_NAME));
        }

        /// No letter and no digit is in no word.
        #[test]
        fn nothing_is_lost(text in texts()) {
            let mut spans = Spans::default();
            read(&text, &mut spans);
            for (at, c) in text.char_indices().filter(|(_, c)| matches!(class(*c), Class::Letter | Class::Digit | Class::Ideograph)) {
                proptest::prop_assert!(spans.words.iter().any(|word| word.contains(&at)), "{c:?} at {at}");
            }
        }

        #[test]
        fn humps_are_the_word(word in "\\PC{0,20}") {
            let mut parts = String::new();
            humps(&word, |part| parts.push_str(part));
            proptest::prop_assert!(parts.is_empty() || parts == word);
        }
    }
}
