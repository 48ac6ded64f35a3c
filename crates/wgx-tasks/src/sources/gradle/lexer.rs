//! Words, strings and signs of a Groovy or Kotlin build script; comments are left out.

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word (letters, digits, `_`, `-` inside backticks).
    Word(String),
    /// A string; `fixed` when nothing is put into it.
    Text {
        /// What it holds.
        text: String,
        /// Whether it holds no `$` expression.
        fixed: bool,
    },
    /// Any other character.
    Sign(char),
    /// The end of a line.
    Newline,
}

/// A token and its line from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) line: u32,
}

/// Splits a script.
pub(super) fn tokens(text: &str) -> Vec<Placed> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: u32,
    tokens: Vec<Placed>,
}

impl Lexer {
    fn step(&mut self) {
        let line = self.line;
        let rest = &self.chars[self.at..];
        let token = match rest {
            ['/', '/', ..] | ['#', '!', ..] => return self.skip_line(),
            ['/', '*', ..] => return self.skip_comment(),
            ['\n', ..] => {
                self.line += 1;
                self.at += 1;
                Token::Newline
            }
            [quote @ ('"' | '\''), ..] => self.text(*quote),
            ['`', ..] => self.quoted_word(),
            [first, ..] if first.is_alphanumeric() || *first == '_' => self.word(),
            [first, ..] => {
                let first = *first;
                self.at += 1;
                if first.is_whitespace() {
                    return;
                }
                Token::Sign(first)
            }
            [] => return,
        };
        self.tokens.push(Placed { token, line });
    }

    fn skip_line(&mut self) {
        while self.at < self.chars.len() && self.chars[self.at] != '\n' {
            self.at += 1;
        }
    }

    fn skip_comment(&mut self) {
        self.at += 2;
        while self.at < self.chars.len() {
            if self.chars[self.at..].starts_with(&['*', '/']) {
                self.at += 2;
                return;
            }
            self.line += u32::from(self.chars[self.at] == '\n');
            self.at += 1;
        }
    }

    fn word(&mut self) -> Token {
        let rest = &self.chars[self.at..];
        let length =
            rest.iter().position(|c| !c.is_alphanumeric() && *c != '_').unwrap_or(rest.len());
        self.at += length;
        Token::Word(rest[..length].iter().collect())
    }

    fn quoted_word(&mut self) -> Token {
        let rest = &self.chars[self.at + 1..];
        let length = rest.iter().position(|c| matches!(c, '`' | '\n')).unwrap_or(rest.len());
        let word = rest[..length].iter().collect();
        self.at = (self.at + length + 2).min(self.chars.len());
        Token::Word(word)
    }

    fn text(&mut self, quote: char) -> Token {
        let long = self.chars[self.at..].starts_with(&[quote; 3]);
        let marks = if long { 3 } else { 1 };
        self.at += marks;
        let mut text = String::new();
        let mut fixed = true;
        while let Some(&c) = self.chars.get(self.at) {
            if c == quote && (!long || self.chars[self.at..].starts_with(&[quote; 3])) {
                self.at += marks;
                break;
            }
            if c == '\n' {
                if !long {
                    break;
                }
                self.line += 1;
            }
            self.at += 1;
            if c == '\\' {
                text.extend(self.chars.get(self.at).map(|next| escaped(*next)));
                self.line += u32::from(self.chars.get(self.at) == Some(&'\n'));
                self.at += 1;
                continue;
            }
            fixed &= c != '$' || quote == '\'';
            text.push(c);
        }
        Token::Text { text, fixed }
    }
}

fn escaped(next: char) -> char {
    match next {
        'n' => '\n',
        't' => '\t',
        other => other,
    }
}
