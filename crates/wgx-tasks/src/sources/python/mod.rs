//! A small tolerant reader of Python source for nox and invoke: logical lines, literals, constants.
//!
//! It executes nothing; what is not a literal or a constant of literals is unknown.

mod expression;
mod token;
mod value;

pub(super) use expression::{Expression, parse_expression};
pub(super) use token::{Line, Text, Token, lines};
pub(super) use value::{Constants, Value};

/// A decorator or a function head as far as discovery needs it.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) line: u32,
    /// Decorators from top to bottom.
    pub(super) decorators: Vec<Expression>,
    /// Tokens between the parentheses of the head.
    pub(super) parameters: &'a [Token],
    pub(super) docstring: Option<String>,
    /// Whether it stands inside another function or class.
    pub(super) nested: bool,
    /// Whether it stands in a loop.
    pub(super) looped: bool,
}

/// A statement that discovery looks at.
#[derive(Debug)]
pub(super) enum Statement<'a> {
    /// A function with its decorators.
    Function(Function<'a>),
    /// Any other logical line that is not inside a function or class.
    Line(&'a Line),
}

/// Functions and module-level lines in their order; the block of `if __name__ == "__main__"` is left out.
pub(super) fn statements(lines: &[Line]) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut blocks: Vec<(usize, Block)> = Vec::new();
    let mut decorators = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        while blocks.last().is_some_and(|(indent, _)| *indent >= line.indent) {
            blocks.pop();
        }
        let inside = |kind: Block| blocks.iter().any(|(_, block)| *block == kind);
        if inside(Block::Main) {
            continue;
        }
        if line.tokens.first().is_some_and(|token| token.is("@")) {
            decorators.push(parse_expression(&line.tokens[1..]));
            continue;
        }
        let (nested, looped) = (inside(Block::Scope), inside(Block::Loop));
        if let Some((name, parameters)) = function_head(&line.tokens) {
            let docstring = docstring(lines.get(index + 1), line.indent);
            let decorators = std::mem::take(&mut decorators);
            let number = line.number;
            statements.push(Statement::Function(Function {
                name,
                line: number,
                decorators,
                parameters,
                docstring,
                nested,
                looped,
            }));
        } else if !nested {
            decorators.clear();
            statements.push(Statement::Line(line));
        }
        if let Some(block) = block_of(&line.tokens) {
            blocks.push((line.indent, block));
        }
    }
    statements
}

#[derive(Clone, Copy, PartialEq)]
enum Block {
    Scope,
    Loop,
    Main,
    Other,
}

fn block_of(tokens: &[Token]) -> Option<Block> {
    if !tokens.last()?.is(":") {
        return None;
    }
    let first = tokens.first()?.name()?;
    Some(match first {
        "def" | "class" | "async" => Block::Scope,
        "for" | "while" => Block::Loop,
        "if" if tokens.get(1).and_then(Token::name) == Some("__name__") => Block::Main,
        _ => Block::Other,
    })
}

fn function_head(tokens: &[Token]) -> Option<(&str, &[Token])> {
    let start = usize::from(tokens.first()?.name()? == "async");
    if tokens.get(start)?.name()? != "def" {
        return None;
    }
    let name = tokens.get(start + 1)?.name()?;
    let open = tokens.iter().position(|token| token.is("("))?;
    let mut depth = 0;
    let close = tokens[open..].iter().position(|token| {
        depth += i32::from(token.opens()) - i32::from(token.closes());
        depth == 0
    })?;
    Some((name, &tokens[open + 1..open + close]))
}

fn docstring(next: Option<&Line>, indent: usize) -> Option<String> {
    let line = next.filter(|line| line.indent > indent)?;
    match line.tokens.first()? {
        Token::Text(Text::Plain(text)) => Some(text.clone()),
        _ => None,
    }
}

/// The module names that an import statement binds: local name and what it stands for
/// (`module` or `module:attribute`; leading dots are kept).
pub(super) fn imports(tokens: &[Token]) -> Vec<(String, String)> {
    let words: Vec<&str> =
        tokens.iter().filter(|token| !token.is("(") && !token.is(")")).map(Token::word).collect();
    match words.as_slice() {
        ["import", rest @ ..] => {
            let bound = |name: &str, alias: Option<&str>| {
                let top = name.split('.').next().unwrap_or(name);
                match alias {
                    Some(alias) => (alias.to_owned(), name.to_owned()),
                    None => (top.to_owned(), top.to_owned()),
                }
            };
            clauses(rest).into_iter().map(|(name, alias)| bound(&name, alias)).collect()
        }
        ["from", rest @ ..] => {
            let Some(at) = rest.iter().position(|word| *word == "import") else {
                return Vec::new();
            };
            let module = rest[..at].concat();
            let bound = |(name, alias): (String, Option<&str>)| {
                (alias.unwrap_or(&name).to_owned(), format!("{module}:{name}"))
            };
            clauses(&rest[at + 1..]).into_iter().map(bound).collect()
        }
        _ => Vec::new(),
    }
}

/// `a.b as c, d` as names and aliases.
fn clauses<'a>(words: &[&'a str]) -> Vec<(String, Option<&'a str>)> {
    let clause = |words: &[&'a str]| {
        let end = words.iter().position(|word| *word == "as").unwrap_or(words.len());
        (words[..end].concat(), words.get(end + 1).copied())
    };
    words.split(|word| *word == ",").filter(|words| !words.is_empty()).map(clause).collect()
}
