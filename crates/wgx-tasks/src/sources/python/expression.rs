//! Expressions, as far as literals, names, calls, indexes, sums and simple comprehensions go.

use super::token::{Text, Token};

/// Deepest nesting; everything below is unknown.
const MAX_DEPTH: usize = 40;
/// Most links of one chain of sums, calls and attributes.
const MAX_LINKS: usize = 100;

#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources) enum Expression {
    Text(String),
    Format(Vec<(String, Option<String>)>),
    Number(String),
    /// A dotted name; `True`, `False` and `None` too.
    Name(String),
    List(Vec<Self>),
    Tuple(Vec<Self>),
    Dict(Vec<(Self, Self)>),
    Star(Box<Self>),
    Call(Box<Self>, Vec<Argument>),
    /// An attribute of something that is not a plain name.
    Attribute(Box<Self>, String),
    Index(Box<Self>, Box<Self>),
    Slice(Box<Self>, Box<Self>),
    Sum(Box<Self>, Box<Self>),
    /// Item, variable and what is iterated.
    Comprehension(Box<Self>, String, Box<Self>),
    Unknown,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources) struct Argument {
    pub(in crate::sources) name: Option<String>,
    pub(in crate::sources) value: Expression,
}

impl Expression {
    /// The dotted name of this expression or of what it calls.
    pub(in crate::sources) fn callee(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Call(callee, _) => callee.callee(),
            _ => None,
        }
    }

    /// The arguments of a call; empty for everything else.
    pub(in crate::sources) fn arguments(&self) -> &[Argument] {
        match self {
            Self::Call(_, arguments) => arguments,
            _ => &[],
        }
    }

    /// The named argument of a call.
    pub(in crate::sources) fn argument(&self, name: &str) -> Option<&Self> {
        let mut arguments = self.arguments().iter();
        let found = arguments.find(|argument| argument.name.as_deref() == Some(name));
        found.map(|argument| &argument.value)
    }
}

/// Parses tokens as one expression; what is left over makes it unknown.
pub(in crate::sources) fn parse_expression(tokens: &[Token]) -> Expression {
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let items = parser.items();
    match items.as_slice() {
        [only] if !tokens.last().is_some_and(|token| token.is(",")) => only.clone(),
        [] => Expression::Unknown,
        _ => Expression::Tuple(items),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self, operator: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is(operator))
    }

    fn eat(&mut self, operator: &str) -> bool {
        let found = self.peek(operator);
        self.at += usize::from(found);
        found
    }

    fn keyword(&self) -> Option<&str> {
        self.tokens.get(self.at).and_then(Token::name)
    }

    fn at_end(&self) -> bool {
        self.tokens
            .get(self.at)
            .is_none_or(|token| token.closes() || token.is(",") || token.is(":") || token.is("="))
    }

    /// Expressions separated by commas, up to a closing bracket.
    fn items(&mut self) -> Vec<Expression> {
        let mut items = Vec::new();
        while self.at < self.tokens.len() && !self.tokens[self.at].closes() {
            let before = self.at;
            let item = self.expression();
            items.push(self.comprehension(item));
            if !self.eat(",") && !self.tokens.get(self.at).is_none_or(Token::closes) {
                self.skip();
                self.at += usize::from(self.at == before);
                if let Some(last) = items.last_mut() {
                    *last = Expression::Unknown;
                }
                self.eat(",");
            }
        }
        items
    }

    fn comprehension(&mut self, item: Expression) -> Expression {
        if self.keyword() != Some("for") {
            return item;
        }
        let start = self.at + 1;
        let variable = self.tokens.get(start).and_then(Token::name).map(str::to_owned);
        let is_simple = self.tokens.get(start + 1).and_then(Token::name) == Some("in");
        if let (Some(variable), true) = (variable, is_simple) {
            self.at = start + 2;
            let iterated = self.expression();
            if self.tokens.get(self.at).is_none_or(Token::closes) {
                return Expression::Comprehension(Box::new(item), variable, Box::new(iterated));
            }
        }
        self.skip();
        Expression::Unknown
    }

    /// Goes to the next comma or closing bracket of this level.
    fn skip(&mut self) {
        let mut depth = 0usize;
        while let Some(token) = self.tokens.get(self.at) {
            if depth == 0 && (token.closes() || token.is(",")) {
                return;
            }
            depth += usize::from(token.opens());
            depth -= usize::from(token.closes());
            self.at += 1;
        }
    }

    fn expression(&mut self) -> Expression {
        self.depth += 1;
        let found = if self.depth > MAX_DEPTH {
            self.skip();
            Expression::Unknown
        } else {
            self.sum()
        };
        self.depth -= 1;
        found
    }

    fn sum(&mut self) -> Expression {
        let mut left = self.postfix();
        for _ in 0..MAX_LINKS {
            if !self.eat("+") {
                break;
            }
            let right = self.postfix();
            left = Expression::Sum(Box::new(left), Box::new(right));
        }
        if self.at_end() || self.keyword() == Some("for") {
            return left;
        }
        // Conditions, comparisons and other operators are not evaluated.
        self.skip();
        Expression::Unknown
    }

    fn postfix(&mut self) -> Expression {
        let mut value = self.primary();
        for _ in 0..MAX_LINKS {
            if self.eat(".") {
                let attribute = self.keyword().unwrap_or_default().to_owned();
                self.at += 1;
                value = match value {
                    Expression::Name(name) => Expression::Name(format!("{name}.{attribute}")),
                    value => Expression::Attribute(Box::new(value), attribute),
                };
            } else if self.eat("(") {
                let arguments = self.arguments();
                self.eat(")");
                value = Expression::Call(Box::new(value), arguments);
            } else if self.eat("[") {
                value = self.subscript(value);
            } else {
                return value;
            }
        }
        self.skip();
        Expression::Unknown
    }

    fn subscript(&mut self, value: Expression) -> Expression {
        let zero = || Expression::Number("0".into());
        let start = if self.peek(":") { zero() } else { self.expression() };
        let found = if self.eat(":") {
            let open_ended = self.peek("]");
            if !open_ended {
                self.skip();
            }
            if open_ended {
                Expression::Slice(Box::new(value), Box::new(start))
            } else {
                Expression::Unknown
            }
        } else if self.peek("]") {
            Expression::Index(Box::new(value), Box::new(start))
        } else {
            self.skip_all();
            Expression::Unknown
        };
        self.eat("]");
        found
    }

    fn skip_all(&mut self) {
        while self.at < self.tokens.len() && !self.tokens[self.at].closes() {
            let before = self.at;
            self.skip();
            self.eat(",");
            self.at += usize::from(self.at == before);
        }
    }

    fn arguments(&mut self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        while self.at < self.tokens.len() && !self.tokens[self.at].closes() {
            let before = self.at;
            let is_named = self.tokens.get(self.at + 1).is_some_and(|token| token.is("="));
            let name = self.keyword().filter(|_| is_named).map(str::to_owned);
            self.at += if name.is_some() { 2 } else { 0 };
            let value = self.expression();
            let value = self.comprehension(value);
            arguments.push(Argument { name, value });
            if !self.eat(",") && !self.tokens.get(self.at).is_none_or(Token::closes) {
                self.skip();
                self.eat(",");
                self.at += usize::from(self.at == before);
            }
        }
        arguments
    }

    fn primary(&mut self) -> Expression {
        let Some(token) = self.tokens.get(self.at) else {
            return Expression::Unknown;
        };
        if token.closes() {
            return Expression::Unknown;
        }
        self.at += 1;
        match token {
            Token::Name(name) if matches!(name.as_str(), "not" | "lambda" | "await" | "if") => {
                self.skip();
                Expression::Unknown
            }
            Token::Name(name) => Expression::Name(name.clone()),
            Token::Number(number) => Expression::Number(number.clone()),
            Token::Text(Text::Plain(text)) => Expression::Text(text.clone()),
            Token::Text(Text::Format(pieces)) => Expression::Format(pieces.clone()),
            Token::Text(Text::Bytes) => Expression::Unknown,
            Token::Operator(operator) => match operator.as_str() {
                "[" => self.bracketed("]", Expression::List),
                "(" => self.parenthesised(),
                "{" => self.braced(),
                "*" => Expression::Star(Box::new(self.expression())),
                "-" => match self.tokens.get(self.at) {
                    Some(Token::Number(number)) => {
                        self.at += 1;
                        Expression::Number(format!("-{number}"))
                    }
                    _ => {
                        self.skip();
                        Expression::Unknown
                    }
                },
                _ => {
                    self.skip();
                    Expression::Unknown
                }
            },
        }
    }

    fn bracketed(&mut self, close: &str, make: fn(Vec<Expression>) -> Expression) -> Expression {
        self.depth += 1;
        let mut items = if self.depth > MAX_DEPTH { Vec::new() } else { self.items() };
        if self.depth > MAX_DEPTH {
            self.skip_all();
        }
        self.depth -= 1;
        self.eat(close);
        if let [Expression::Comprehension(..)] = items.as_slice() {
            return items.remove(0);
        }
        make(items)
    }

    fn parenthesised(&mut self) -> Expression {
        let start = self.at;
        let found = self.bracketed(")", Expression::Tuple);
        let had_comma = self.at >= start + 2 && self.tokens[self.at - 2].is(",");
        match found {
            Expression::Tuple(mut items) if items.len() == 1 && !had_comma => items.remove(0),
            found => found,
        }
    }

    fn braced(&mut self) -> Expression {
        let mut entries = Vec::new();
        let mut items = Vec::new();
        while self.at < self.tokens.len() && !self.tokens[self.at].closes() {
            let before = self.at;
            let key = if self.eat("**") { Expression::Unknown } else { self.expression() };
            if self.eat(":") {
                let value = self.expression();
                entries.push((key, value));
            } else {
                items.push(key);
            }
            if !self.eat(",") {
                self.skip();
                self.eat(",");
                self.at += usize::from(self.at == before);
            }
        }
        self.eat("}");
        if items.is_empty() { Expression::Dict(entries) } else { Expression::List(items) }
    }
}
