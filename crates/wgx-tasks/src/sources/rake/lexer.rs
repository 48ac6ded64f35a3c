//! Tokens of Ruby source, as far as finding task declarations needs them.

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name, constant or keyword; `A::B` is one token.
    Name(String),
    Symbol(String),
    /// `name:` before a value.
    Label(String),
    /// A string; interpolations stay as `#{…}`.
    Text(String),
    /// `%w[]` and `%i[]`.
    Words(Vec<String>),
    /// An operator or bracket.
    Punct(&'static str),
    Newline,
    /// Numbers, regular expressions and everything else that is a value.
    Value,
}

/// A token and its line, from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: u32,
}

impl Token {
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Name(found) if found == name)
    }

    pub(super) fn is(&self, punct: &str) -> bool {
        matches!(&self.kind, Kind::Punct(found) if *found == punct)
    }
}

const PUNCTUATION: [&str; 36] = [
    "<=>", "===", "**=", "&&=", "||=", "...", "=>", "==", "=~", "!=", "!~", "<=", ">=", "&&", "||",
    "<<", ">>", "+=", "-=", "*=", "..", "&.", "->", "(", ")", "[", "]", "{", "}", ",", ".", ";",
    "|", "=", "&", "!",
];

/// Splits Ruby source into tokens; comments are left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, line: 1, tokens: Vec::new(), heredocs: Vec::new() };
    while lexer.at < text.len() {
        let before = lexer.at;
        if lexer.step().is_none() {
            break;
        }
        if lexer.at == before {
            lexer.skip_char();
        }
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    tokens: Vec<Token>,
    /// Heredocs that begin on this line: token, end word, whether indented.
    heredocs: Vec<(usize, String)>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_char(&mut self) {
        let width = self.rest().chars().next().map_or(1, char::len_utf8);
        self.at += width;
    }

    fn push(&mut self, kind: Kind) {
        self.tokens.push(Token { kind, line: self.line });
    }

    /// One token; `None` at `__END__`.
    fn step(&mut self) -> Option<()> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let at_line_start = self.at == 0 || self.text[..self.at].ends_with('\n');
        if at_line_start && rest.starts_with("=begin") {
            self.block_comment();
            return Some(());
        }
        if at_line_start && rest.starts_with("__END__") {
            return None;
        }
        match first {
            '\n' => self.newline(),
            '\\' if rest.starts_with("\\\n") => {
                self.at += 2;
                self.line += 1;
            }
            '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' | '`' => self.string(first),
            ':' => self.colon(),
            '%' if self.percent() => {}
            '/' if self.regex_may_begin() => {
                self.at += 1;
                self.delimited('/', '/', true);
                self.push(Kind::Value);
            }
            '<' if self.heredoc() => {}
            char if char.is_whitespace() => self.skip_char(),
            char if char.is_ascii_digit() => {
                let more = |char: char| char.is_ascii_alphanumeric() || char == '_';
                self.at += rest.find(|char| !more(char)).unwrap_or(rest.len());
                self.push(Kind::Value);
            }
            char if is_word(char) || matches!(char, '@' | '$') => self.word(),
            '?' if self.character() => {}
            _ => self.punctuation(),
        }
        Some(())
    }

    fn newline(&mut self) {
        self.push(Kind::Newline);
        self.at += 1;
        self.line += 1;
        for (token, end) in std::mem::take(&mut self.heredocs) {
            self.heredoc_body(token, &end);
        }
    }

    fn block_comment(&mut self) {
        let rest = self.rest();
        let end = rest.find("\n=end").map_or(rest.len(), |end| end + 1);
        let lines = rest[..end].matches('\n').count();
        self.line += u32::try_from(lines).unwrap_or(0);
        self.at += end;
        let rest = self.rest();
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    fn string(&mut self, quote: char) {
        self.at += 1;
        let line = self.line;
        let text = self.delimited(quote, quote, quote != '\'');
        let label = quote != '`' && self.rest().starts_with(": ");
        if label {
            self.at += 1;
        }
        self.tokens.push(Token {
            kind: match (quote, label) {
                ('`', _) => Kind::Value,
                (_, true) => Kind::Label(text),
                (_, false) => Kind::Text(text),
            },
            line,
        });
    }

    /// Reads up to the closing delimiter; nested pairs and interpolations belong to the text.
    fn delimited(&mut self, open: char, close: char, interpolates: bool) -> String {
        let mut text = String::new();
        let mut depth = 0usize;
        let mut braces = 0usize;
        while let Some(char) = self.rest().chars().next() {
            self.at += char.len_utf8();
            if char == '\n' {
                self.line += 1;
            }
            if char == '\\' {
                let escaped = self.rest().chars().next();
                self.at += escaped.map_or(0, char::len_utf8);
                text.extend(escaped.map(unescape));
                continue;
            }
            if interpolates && char == '#' && self.rest().starts_with('{') {
                braces += 1;
                self.at += 1;
                text.push_str("#{");
                continue;
            }
            if braces > 0 {
                match char {
                    '{' => braces += 1,
                    '}' => braces -= 1,
                    _ => {}
                }
            } else if char == close && depth == 0 {
                return text;
            } else if char == close {
                depth -= 1;
            } else if char == open && open != close {
                depth += 1;
            }
            text.push(char);
        }
        text
    }

    fn colon(&mut self) {
        let rest = self.rest();
        if rest.starts_with("::") {
            self.at += 2;
            return;
        }
        let after = &rest[1..];
        if let Some(quote) = after.chars().next().filter(|char| matches!(char, '"' | '\'')) {
            self.at += 2;
            let text = self.delimited(quote, quote, quote == '"');
            self.push(Kind::Symbol(text));
            return;
        }
        let end = after.find(|char: char| !is_word(char)).unwrap_or(after.len());
        if end == 0 {
            self.at += 1;
            self.push(Kind::Punct(":"));
            return;
        }
        let mut name = &after[..end];
        if after[end..].starts_with(['?', '!']) && !after[end..].starts_with("!=") {
            name = &after[..=end];
        }
        self.at += 1 + name.len();
        self.push(Kind::Symbol(name.to_owned()));
    }

    /// `%w[…]`, `%i[…]`, `%q(…)`, `%Q(…)`, `%(…)`, `%r{…}`, `%x(…)`.
    fn percent(&mut self) -> bool {
        let mut chars = self.rest().chars().skip(1);
        let Some(first) = chars.next() else {
            return false;
        };
        let letter = first.is_ascii_alphabetic().then_some(first);
        let Some(open) = (if letter.is_some() { chars.next() } else { Some(first) }) else {
            return false;
        };
        let close = match open {
            '[' => ']',
            '(' => ')',
            '{' => '}',
            '<' => '>',
            '|' | '!' | '/' | '-' if letter.is_some() => open,
            _ => return false,
        };
        if letter.is_some_and(|letter| !"wWiIqQrxs".contains(letter)) {
            return false;
        }
        if letter.is_none() && !self.regex_may_begin() {
            return false;
        }
        self.at += 1 + usize::from(letter.is_some()) + open.len_utf8();
        let line = self.line;
        let text = self.delimited(open, close, letter != Some('q'));
        let kind = match letter {
            Some('w' | 'W' | 'i' | 'I') => {
                Kind::Words(text.split_whitespace().map(str::to_owned).collect())
            }
            Some('r' | 'x') => Kind::Value,
            _ => Kind::Text(text),
        };
        self.tokens.push(Token { kind, line });
        true
    }

    /// Whether a slash begins a regular expression here: not after a value.
    fn regex_may_begin(&self) -> bool {
        match self.tokens.last().map(|token| &token.kind) {
            None | Some(Kind::Newline | Kind::Label(_)) => true,
            Some(Kind::Punct(punct)) => !matches!(*punct, ")" | "]" | "}"),
            Some(Kind::Name(name)) => {
                let spaced = self.text[..self.at].ends_with(' ');
                let keyword = matches!(
                    name.as_str(),
                    "if" | "unless" | "when" | "and" | "or" | "not" | "return"
                );
                keyword || (spaced && !self.rest()[1..].starts_with([' ', '=']))
            }
            _ => false,
        }
    }

    /// `<<~WORD`, `<<-WORD`, `<<WORD` with or without quotes.
    fn heredoc(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix("<<") else {
            return false;
        };
        let marked = rest.strip_prefix(['~', '-']);
        let body = marked.unwrap_or(rest);
        let (word, width) = match body.chars().next() {
            Some(quote @ ('"' | '\'')) => match body[1..].split_once(quote) {
                Some((word, _)) => (word, word.len() + 2),
                None => return false,
            },
            Some(char) if char.is_ascii_uppercase() || (marked.is_some() && is_word(char)) => {
                let end = body.find(|char: char| !is_word(char)).unwrap_or(body.len());
                (&body[..end], end)
            }
            _ => return false,
        };
        self.heredocs.push((self.tokens.len(), word.to_owned()));
        self.at += 2 + usize::from(marked.is_some()) + width;
        self.push(Kind::Text(String::new()));
        true
    }

    fn heredoc_body(&mut self, token: usize, end: &str) {
        let mut text = String::new();
        while self.at < self.text.len() {
            let rest = self.rest();
            let width = rest.find('\n').map_or(rest.len(), |end| end + 1);
            let line = &rest[..width];
            self.at += width;
            self.line += 1;
            if line.trim() == end {
                break;
            }
            text.push_str(line);
        }
        if let Some(token) = self.tokens.get_mut(token) {
            token.kind = Kind::Text(text);
        }
    }

    fn word(&mut self) {
        let rest = self.rest();
        if rest.starts_with('$') && !rest[1..].starts_with(is_word) {
            // A special variable such as `$'`.
            self.at += 1;
            self.skip_char();
            return self.push(Kind::Value);
        }
        let sigils = rest.len() - rest.trim_start_matches(['@', '$']).len();
        let mut end = sigils;
        loop {
            let tail = &rest[end..];
            let word = tail.find(|char: char| !is_word(char)).unwrap_or(tail.len());
            end += word;
            let constant = rest[end..].starts_with("::")
                && rest[end + 2..].starts_with(|char: char| char.is_ascii_uppercase());
            if word == 0 || !constant {
                break;
            }
            end += 2;
        }
        if end == 0 {
            return self.skip_char();
        }
        if rest[end..].starts_with(['?', '!']) && !rest[end + 1..].starts_with('=') {
            end += 1;
        }
        let name = rest[..end].to_owned();
        self.at += end;
        let after = self.rest();
        let ternary = self
            .tokens
            .iter()
            .rev()
            .take_while(|token| token.kind != Kind::Newline)
            .any(|token| token.is("?"));
        if after.starts_with(':') && !after.starts_with("::") && !ternary {
            self.at += 1;
            self.push(Kind::Label(name));
        } else {
            self.push(Kind::Name(name));
        }
    }

    /// `?x`.
    fn character(&mut self) -> bool {
        let mut chars = self.rest().chars().skip(1);
        let value = chars.next().is_some_and(char::is_alphanumeric)
            && chars.next().is_none_or(|char| !is_word(char))
            && self.regex_may_begin();
        if value {
            self.at += 2;
            self.push(Kind::Value);
        }
        value
    }

    fn punctuation(&mut self) {
        let rest = self.rest();
        match PUNCTUATION.iter().find(|punct| rest.starts_with(**punct)) {
            Some(punct) => {
                self.at += punct.len();
                self.push(Kind::Punct(punct));
            }
            None => {
                let question = rest.starts_with('?');
                self.skip_char();
                self.push(Kind::Punct(if question { "?" } else { "op" }));
            }
        }
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn unescape(char: char) -> char {
    match char {
        'n' => '\n',
        't' => '\t',
        other => other,
    }
}
