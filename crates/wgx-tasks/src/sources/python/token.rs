//! Tokens and logical lines.

/// A logical line: brackets and backslashes join physical ones.
#[derive(Debug)]
pub(in crate::sources) struct Line {
    /// Columns before the first token; a tab reaches to the next multiple of eight.
    pub(in crate::sources) indent: usize,
    /// Number of its first physical line, from 1.
    pub(in crate::sources) number: u32,
    pub(in crate::sources) tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources) enum Token {
    Name(String),
    Number(String),
    Text(Text),
    /// One operator character, or `**`, `==`, `!=`, `<=`, `>=`, `+=`, `->`, `:=`.
    Operator(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources) enum Text {
    Plain(String),
    /// Literal pieces and the source of expressions between them.
    Format(Vec<(String, Option<String>)>),
    Bytes,
}

impl Token {
    pub(in crate::sources) fn is(&self, operator: &str) -> bool {
        matches!(self, Self::Operator(own) if own == operator)
    }

    pub(in crate::sources) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(in crate::sources) fn opens(&self) -> bool {
        self.is("(") || self.is("[") || self.is("{")
    }

    pub(in crate::sources) fn closes(&self) -> bool {
        self.is(")") || self.is("]") || self.is("}")
    }

    /// A name, number or operator as text; empty for strings.
    pub(in crate::sources) fn word(&self) -> &str {
        match self {
            Self::Name(word) | Self::Number(word) | Self::Operator(word) => word,
            Self::Text(_) => "",
        }
    }
}

/// Splits a source into logical lines; blank ones and comments are left out.
pub(in crate::sources) fn lines(source: &str) -> Vec<Line> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut reader =
        Reader { source, at: 0, number: 1, depth: 0, lines: Vec::new(), current: None };
    reader.run();
    reader.lines
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    number: u32,
    depth: usize,
    lines: Vec<Line>,
    current: Option<Line>,
}

impl Reader<'_> {
    fn run(&mut self) {
        let mut indent = 0;
        while let Some(char) = self.rest().chars().next() {
            match char {
                '\n' => {
                    self.at += 1;
                    self.number += 1;
                    if self.depth == 0 {
                        self.end_line();
                        indent = 0;
                    }
                }
                ' ' | '\r' | '\u{c}' => {
                    indent += usize::from(char == ' ');
                    self.at += 1;
                }
                '\t' => {
                    indent = (indent / 8 + 1) * 8;
                    self.at += 1;
                }
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '\\' => {
                    self.at += 1;
                    let newline = if self.rest().starts_with("\r\n") {
                        2
                    } else {
                        usize::from(self.rest().starts_with('\n'))
                    };
                    self.at += newline;
                    self.number += u32::from(newline > 0);
                }
                ';' if self.depth == 0 => {
                    self.at += 1;
                    self.end_line();
                }
                _ => {
                    let number = self.number;
                    let token = self.token(char);
                    self.track(&token);
                    let line =
                        self.current.get_or_insert(Line { indent, number, tokens: Vec::new() });
                    push(&mut line.tokens, token);
                }
            }
        }
        self.end_line();
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn end_line(&mut self) {
        self.lines.extend(self.current.take());
    }

    fn track(&mut self, token: &Token) {
        if token.opens() {
            self.depth += 1;
        } else if token.closes() {
            self.depth = self.depth.saturating_sub(1);
        }
    }

    fn token(&mut self, first: char) -> Token {
        if let Some((prefix, quote)) = string_start(self.rest()) {
            return self.string(prefix, quote);
        }
        let word = |char: char| char.is_alphanumeric() || char == '_';
        if first.is_ascii_digit() {
            let length = self
                .rest()
                .find(|char: char| !word(char) && char != '.')
                .unwrap_or(self.rest().len());
            return Token::Number(self.take(length));
        }
        if word(first) {
            let length = self.rest().find(|char: char| !word(char)).unwrap_or(self.rest().len());
            return Token::Name(self.take(length));
        }
        let pairs = ["**", "==", "!=", "<=", ">=", "+=", "->", ":="];
        let length = if pairs.iter().any(|pair| self.rest().starts_with(pair)) {
            2
        } else {
            first.len_utf8()
        };
        Token::Operator(self.take(length))
    }

    fn take(&mut self, length: usize) -> String {
        let text = self.rest()[..length].to_owned();
        self.at += length;
        text
    }

    /// A string with its prefix; an unterminated one ends at the line's or the file's end.
    fn string(&mut self, prefix: usize, quote: char) -> Token {
        let flags = self.take(prefix).to_lowercase();
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let is_triple = self.rest().starts_with(&triple);
        self.at += if is_triple { 3 } else { 1 };
        let mut body = String::new();
        while let Some(char) = self.rest().chars().next() {
            if is_triple && self.rest().starts_with(&triple) {
                self.at += 3;
                break;
            }
            if !is_triple && (char == quote || char == '\n') {
                self.at += usize::from(char == quote);
                break;
            }
            self.at += char.len_utf8();
            self.number += u32::from(char == '\n');
            body.push(char);
            if char == '\\'
                && let Some(escaped) = self.rest().chars().next()
            {
                self.at += escaped.len_utf8();
                self.number += u32::from(escaped == '\n');
                body.push(escaped);
            }
        }
        let raw = flags.contains('r');
        let unescaped = |text: &str| if raw { text.to_owned() } else { unescape(text) };
        Token::Text(if flags.contains('b') {
            Text::Bytes
        } else if flags.contains('f') {
            Text::Format(
                pieces(&body).into_iter().map(|(text, expr)| (unescaped(&text), expr)).collect(),
            )
        } else {
            Text::Plain(unescaped(&body))
        })
    }
}

/// Neighbouring plain strings are one string.
fn push(tokens: &mut Vec<Token>, token: Token) {
    if let (Some(Token::Text(Text::Plain(before))), Token::Text(Text::Plain(next))) =
        (tokens.last_mut(), &token)
    {
        before.push_str(next);
    } else {
        tokens.push(token);
    }
}

/// Length of the prefix and the quote, where a string begins.
fn string_start(text: &str) -> Option<(usize, char)> {
    let prefix = text.bytes().take(3).take_while(|byte| b"rRbBuUfFtT".contains(byte)).count();
    let quote = text.as_bytes().get(prefix).filter(|byte| matches!(byte, b'"' | b'\''))?;
    (prefix <= 2).then_some((prefix, char::from(*quote)))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('\n') | None => {}
            Some(quoted @ ('\\' | '\'' | '"')) => plain.push(quoted),
            Some(other) => plain.extend(['\\', other]),
        }
    }
    plain
}

/// Literal text and the expression after it; `{{` and `}}` are braces.
fn pieces(body: &str) -> Vec<(String, Option<String>)> {
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), body);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let brace = &rest[at..=at];
        if after.starts_with(brace) {
            literal.push_str(brace);
            rest = &after[1..];
        } else if let (true, Some(end)) = (brace == "{", after.find('}')) {
            pieces.push((std::mem::take(&mut literal), Some(after[..end].to_owned())));
            rest = &after[end + 1..];
        } else {
            rest = after;
        }
    }
    literal.push_str(rest);
    pieces.push((literal, None));
    pieces
}
