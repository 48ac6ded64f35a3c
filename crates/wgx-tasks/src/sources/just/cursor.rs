//! Walking over the text of a justfile: blanks, names, strings of all kinds, expressions.

/// A position in a justfile.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

/// Deepest nesting of delimiters and format strings inside one expression.
const MAX_NESTING: usize = 64;

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// Line from 1.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// Byte offset.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The text between an earlier offset and here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn looking_at(&self, word: &str) -> bool {
        self.rest().starts_with(word)
    }

    /// Passes bytes, which must end where a character does.
    pub(super) fn advance(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.text.len());
        let passed = self.text.as_bytes().get(self.at..end).unwrap_or_default();
        let newlines = memchr::memchr_iter(b'\n', passed).count();
        self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.at = end;
    }

    /// Passes one character.
    pub(super) fn bump(&mut self) {
        let width = self.rest().chars().next().map_or(1, char::len_utf8);
        self.advance(width);
    }

    pub(super) fn accept(&mut self, word: &str) -> bool {
        let found = self.looking_at(word);
        if found {
            self.advance(word.len());
        }
        found
    }

    /// Passes blanks and continued line ends.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.advance(1),
                Some(b'\\') if self.looking_at("\\\n") => self.advance(2),
                Some(b'\\') if self.looking_at("\\\r\n") => self.advance(3),
                _ => return,
            }
        }
    }

    /// Passes blanks, comments and line ends: what separates tokens inside delimiters.
    pub(super) fn skip_space(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'\n' | b'\r') => self.advance(1),
                Some(b'#') => {
                    self.comment();
                }
                _ => return,
            }
        }
    }

    /// Passes the rest of the line, its end included, and gives it without the end.
    pub(super) fn take_line(&mut self) -> &'a str {
        let rest = self.rest();
        let end = memchr::memchr(b'\n', rest.as_bytes());
        self.advance(end.map_or(rest.len(), |end| end + 1));
        let line = end.map_or(rest, |end| &rest[..end]);
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// A comment up to the end of the line, `#` included.
    pub(super) fn comment(&mut self) -> Option<&'a str> {
        if self.peek() != Some(b'#') {
            return None;
        }
        let rest = self.rest();
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.advance(end);
        Some(rest[..end].trim_end())
    }

    /// Whether only blanks or a comment are left on this line.
    pub(super) fn at_line_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n' | b'#')) || self.looking_at("\r\n")
    }

    /// A name: letters, digits, `_` and `-`, not beginning with a digit or `-`.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let first = rest.bytes().next()?;
        if !first.is_ascii_alphabetic() && first != b'_' {
            return None;
        }
        let more = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let end = rest.bytes().position(|byte| !more(byte)).unwrap_or(rest.len());
        self.advance(end);
        Some(&rest[..end])
    }

    /// A name or several joined by `::`.
    pub(super) fn path(&mut self) -> Option<Vec<&'a str>> {
        let mut parts = vec![self.name()?];
        while self.accept("::") {
            parts.push(self.name()?);
        }
        Some(parts)
    }

    /// Whether a string or backtick starts here, its prefix (`x`, `f`) included.
    pub(super) fn at_string(&self) -> bool {
        let rest = self.rest();
        let body = rest.strip_prefix(['x', 'f']).unwrap_or(rest);
        body.starts_with(['\'', '"'])
    }

    /// Passes a string with its prefix or a backtick; `false` when it does not end.
    pub(super) fn skip_string(&mut self, depth: usize) -> bool {
        let format = self.peek() == Some(b'f');
        if matches!(self.peek(), Some(b'f' | b'x')) {
            self.advance(1);
        }
        let Some(delimiter) = ["'''", "\"\"\"", "```", "'", "\"", "`"]
            .into_iter()
            .find(|delimiter| self.looking_at(delimiter))
        else {
            return false;
        };
        self.advance(delimiter.len());
        let escapes = delimiter.starts_with('"');
        loop {
            let Some(byte) = self.peek() else {
                return false;
            };
            if escapes && byte == b'\\' {
                self.advance(1);
                self.bump();
            } else if self.accept(delimiter) {
                return true;
            } else if format && self.accept("{{{{") {
            } else if format && self.looking_at("{{") {
                self.advance(2);
                if depth >= MAX_NESTING || !self.skip_until("}}", depth + 1) {
                    return false;
                }
            } else {
                self.bump();
            }
        }
    }

    /// Passes an expression up to and including `end` outside of strings and delimiters.
    pub(super) fn skip_until(&mut self, end: &str, depth: usize) -> bool {
        let mut open = 0usize;
        loop {
            if open == 0 && self.accept(end) {
                return true;
            }
            let Some(byte) = self.peek() else {
                return false;
            };
            match byte {
                b'(' | b'[' | b'{' => open += 1,
                b')' | b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            if !self.skip_atom(byte, depth) {
                return false;
            }
        }
    }

    /// Passes one string, name, comment or character of an expression.
    fn skip_atom(&mut self, byte: u8, depth: usize) -> bool {
        match byte {
            b'\'' | b'"' | b'`' => return self.skip_string(depth),
            b'x' | b'f' if self.at_string() => return self.skip_string(depth),
            b'#' => {
                self.comment();
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.name();
            }
            _ => self.bump(),
        }
        true
    }

    /// Passes an expression up to the end of its line; line ends inside delimiters and strings belong
    /// to it, and so does a line that an operator leaves open.
    pub(super) fn skip_expression(&mut self) -> bool {
        let mut open = 0usize;
        loop {
            self.skip_blanks();
            let Some(byte) = self.peek() else {
                return open == 0;
            };
            match byte {
                b'\n' | b'\r' | b'#' if open == 0 => return true,
                b'(' | b'[' | b'{' => open += 1,
                b')' | b']' | b'}' if open == 0 => return false,
                b')' | b']' | b'}' => open -= 1,
                _ => {}
            }
            if !self.skip_atom(byte, 0) {
                return false;
            }
        }
    }

    /// Passes one value (what may stand as a default without parentheses).
    pub(super) fn skip_value(&mut self) -> bool {
        while self.accept("!") {
            self.skip_blanks();
        }
        match self.peek() {
            Some(b'(') => {
                self.advance(1);
                self.skip_until(")", 0)
            }
            Some(b'[') => {
                self.advance(1);
                self.skip_until("]", 0)
            }
            Some(b'\'' | b'"' | b'`') => self.skip_string(0),
            Some(b'x' | b'f') if self.at_string() => self.skip_string(0),
            _ => {
                let named = self.name().is_some();
                named && (!self.accept("(") || self.skip_until(")", 0))
            }
        }
    }
}

/// The value of a string literal as written (`'a'`, `"a\n"`, `'''…'''`, `x'…'`); `None` when it holds
/// something that only just can compute.
pub(super) fn cook(literal: &str) -> Option<String> {
    let literal = literal.trim();
    let (shell, body) = match literal.strip_prefix('x') {
        Some(body) => (true, body),
        None => (false, literal),
    };
    let delimiter =
        ["'''", "\"\"\"", "'", "\""].into_iter().find(|delimiter| body.starts_with(delimiter))?;
    let inner = body.strip_prefix(delimiter)?.strip_suffix(delimiter)?;
    if shell && (inner.contains('$') || inner.starts_with('~')) {
        return None;
    }
    let text = if delimiter.len() == 3 { unindent(inner) } else { inner.to_owned() };
    if delimiter.starts_with('"') { Some(unescape(&text)) } else { Some(text) }
}

/// Removes the first line end and the indentation that all lines share.
fn unindent(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let filled = || text.lines().filter(|line| !line.trim().is_empty());
    let indent = |line: &str| line.len() - line.trim_start().len();
    let shared = filled().map(indent).min().unwrap_or(0);
    let lines: Vec<&str> =
        text.split('\n').map(|line| line.get(shared..).unwrap_or_default()).collect();
    lines.join("\n")
}

fn unescape(text: &str) -> String {
    let mut cooked = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            cooked.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => cooked.push('\n'),
            Some('r') => cooked.push('\r'),
            Some('t') => cooked.push('\t'),
            Some('\n') => {}
            Some('u') => cooked.extend(unicode_escape(&mut chars)),
            Some(other) => cooked.push(other),
            None => {}
        }
    }
    cooked
}

/// The hexadecimal digits in braces after `\u`.
fn unicode_escape(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let rest = chars.as_str().strip_prefix('{')?;
    let (digits, after) = rest.split_once('}')?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    *chars = after.chars();
    char::from_u32(code)
}
