//! The items of one justfile, from its text alone. Grammar: just's own `GRAMMAR.md`, version 1.59; a
//! faulty line costs that item, never the rest of the file.

use super::cursor::{Cursor, cook};

/// One justfile.
#[derive(Debug, Default)]
pub(super) struct Justfile {
    /// Its items in order, each with its attributes.
    pub(super) items: Vec<(Attributes, Item)>,
    /// Lines that just itself would refuse.
    pub(super) faults: Vec<Fault>,
    /// Variables whose value is one plain string.
    pub(super) literals: Vec<(String, String)>,
    /// `set allow-duplicate-recipes`.
    pub(super) allow_duplicate_recipes: bool,
}

/// A line that does not parse.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u32,
    pub(super) reason: &'static str,
}

/// What matters for listing.
#[derive(Debug)]
pub(super) enum Item {
    Recipe(Recipe),
    Alias(Alias),
    Import(Import),
    Module(Module),
}

/// A recipe.
#[derive(Debug, Default)]
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) line: u32,
    /// The comment before it.
    pub(super) doc: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    /// Paths of the recipes it depends on.
    pub(super) dependencies: Vec<Vec<String>>,
    /// The lines of its body.
    pub(super) body: Vec<String>,
}

/// A parameter of a recipe.
#[derive(Debug, Default)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) default: Option<String>,
    pub(super) variadic: bool,
    pub(super) required: bool,
}

/// `alias NAME := TARGET`.
#[derive(Debug)]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) target: Vec<String>,
}

/// `import 'PATH'`.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) line: u32,
    pub(super) optional: bool,
    /// `None` when only just can compute it.
    pub(super) path: Option<String>,
}

/// `mod NAME 'PATH'`.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) optional: bool,
    /// `Some(None)` when only just can compute it.
    pub(super) path: Option<Option<String>>,
}

/// The attributes before an item.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub(super) private: bool,
    pub(super) groups: Vec<String>,
    /// `Some(None)` for `[doc]`, which takes the comment away.
    pub(super) doc: Option<Option<String>>,
    /// Operating systems that it is for; empty for all.
    pub(super) systems: Vec<String>,
    /// Parameters that are options with a value of their own (`[arg('x', long, value='y')]`).
    pub(super) flags: Vec<String>,
}

const SYSTEMS: [&str; 9] =
    ["android", "dragonfly", "freebsd", "linux", "macos", "netbsd", "openbsd", "unix", "windows"];

impl Attributes {
    /// Whether the item exists on this operating system.
    pub(super) fn is_enabled(&self) -> bool {
        let here =
            |system: &String| system == std::env::consts::OS || (system == "unix" && cfg!(unix));
        self.systems.is_empty() || self.systems.iter().any(here)
    }
}

/// Parses one justfile.
pub(super) fn parse(text: &str) -> Justfile {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser { cursor: Cursor::new(text), file: Justfile::default(), comment: None };
    while !parser.cursor.at_end() {
        let before = parser.cursor.offset();
        if let Err(reason) = parser.item() {
            let line = parser.cursor.line();
            parser.file.faults.push(Fault { line, reason });
            parser.comment = None;
            parser.cursor.take_line();
            parser.body();
        }
        if parser.cursor.offset() == before {
            parser.cursor.bump();
        }
    }
    parser.file
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    file: Justfile,
    /// A comment on the line before, which becomes the description.
    comment: Option<String>,
}

type Parsed<T> = Result<T, &'static str>;

/// What follows a keyword: `None` when the word turns out to be the name of a recipe or variable.
type Keyword = Option<Parsed<Option<Item>>>;

impl<'a> Parser<'a> {
    /// One line or item from the beginning of a line.
    fn item(&mut self) -> Parsed<()> {
        let start = self.cursor.offset();
        self.cursor.skip_blanks();
        let indented = !self.cursor.since(start).is_empty();
        match self.cursor.peek() {
            None => Ok(()),
            Some(b'\n' | b'\r') => {
                self.cursor.take_line();
                self.comment = None;
                Ok(())
            }
            Some(b'#') => {
                let first = self.cursor.line() == 1;
                let comment = self.cursor.take_line();
                let text = comment.strip_prefix('#').unwrap_or(comment).trim();
                let shebang = first && comment.starts_with("#!");
                self.comment = (!text.is_empty() && !shebang).then(|| text.to_owned());
                Ok(())
            }
            Some(_) if indented => Err("an indented line outside of a recipe"),
            Some(b'[') => {
                let attributes = self.attributes()?;
                while self.cursor.peek() == Some(b'#') {
                    self.cursor.take_line();
                }
                self.declaration(attributes)
            }
            Some(_) => self.declaration(Attributes::default()),
        }
    }

    fn declaration(&mut self, attributes: Attributes) -> Parsed<()> {
        let doc = self.comment.take();
        self.cursor.accept("@");
        let line = self.cursor.line();
        let start = self.cursor.clone();
        let Some(name) = self.cursor.name() else {
            return Err("neither a recipe, a setting nor an assignment");
        };
        let keyword = match name {
            "alias" => self.alias(),
            "import" => self.import(line),
            "mod" => self.module(line),
            "set" => self.setting(),
            "export" | "eager" | "unexport" => self.export(name),
            _ => None,
        };
        if let Some(item) = keyword {
            self.file.items.extend(item?.map(|item| (attributes, item)));
            return self.line_end();
        }
        self.cursor = start;
        self.cursor.name();
        if self.assignment(name)? {
            return self.line_end();
        }
        let mut recipe = Recipe { name: name.to_owned(), line, doc, ..Recipe::default() };
        self.recipe(&mut recipe, &attributes)?;
        self.file.items.push((attributes, Item::Recipe(recipe)));
        Ok(())
    }

    /// `alias NAME := TARGET`; `None` when the word is a recipe's name.
    fn alias(&mut self) -> Keyword {
        self.cursor.skip_blanks();
        let name = self.cursor.name()?.to_owned();
        self.cursor.skip_blanks();
        if !self.cursor.accept(":=") {
            return None;
        }
        self.cursor.skip_blanks();
        let Some(target) = self.cursor.path() else {
            return Some(Err("an alias needs the name of a recipe"));
        };
        let target = target.into_iter().map(str::to_owned).collect();
        Some(Ok(Some(Item::Alias(Alias { name, target }))))
    }

    fn import(&mut self, line: u32) -> Keyword {
        let optional = self.cursor.accept("?");
        self.cursor.skip_blanks();
        if !self.cursor.at_string() {
            return optional.then_some(Err("an import needs the path of a file"));
        }
        let path = match self.string() {
            Ok(path) => path,
            Err(reason) => return Some(Err(reason)),
        };
        Some(Ok(Some(Item::Import(Import { line, optional, path }))))
    }

    fn module(&mut self, line: u32) -> Keyword {
        let optional = self.cursor.accept("?");
        self.cursor.skip_blanks();
        let name = self.cursor.name()?.to_owned();
        self.cursor.skip_blanks();
        let path = if self.cursor.at_string() {
            match self.string() {
                Ok(path) => Some(path),
                Err(reason) => return Some(Err(reason)),
            }
        } else if self.cursor.at_line_end() {
            None
        } else {
            return None;
        };
        Some(Ok(Some(Item::Module(Module { name, line, optional, path }))))
    }

    fn setting(&mut self) -> Keyword {
        self.cursor.skip_blanks();
        let name = self.cursor.name()?;
        self.cursor.skip_blanks();
        let value = if self.cursor.accept(":=") {
            self.cursor.skip_blanks();
            let start = self.cursor.offset();
            if !self.cursor.skip_expression() {
                return Some(Err("the value of a setting does not end"));
            }
            self.cursor.since(start).trim()
        } else if self.cursor.at_line_end() {
            "true"
        } else {
            return None;
        };
        if name == "allow-duplicate-recipes" {
            self.file.allow_duplicate_recipes = value == "true";
        }
        Some(Ok(None))
    }

    /// `export NAME := VALUE`, `eager NAME := VALUE`, `unexport NAME`.
    fn export(&mut self, keyword: &str) -> Keyword {
        self.cursor.skip_blanks();
        let name = self.cursor.name()?;
        self.cursor.skip_blanks();
        if keyword == "unexport" {
            return self.cursor.at_line_end().then_some(Ok(None));
        }
        match self.assignment(name) {
            Ok(true) => Some(Ok(None)),
            Ok(false) => None,
            Err(reason) => Some(Err(reason)),
        }
    }

    /// The rest of `NAME := VALUE` or of `NAME(PARAMETERS) := VALUE`.
    fn assignment(&mut self, name: &str) -> Parsed<bool> {
        let start = self.cursor.clone();
        if self.cursor.accept("(") && !self.cursor.skip_until(")", 0) {
            return Err("the parameters of a function do not end");
        }
        self.cursor.skip_blanks();
        if !self.cursor.accept(":=") {
            self.cursor = start;
            return Ok(false);
        }
        self.cursor.skip_blanks();
        let from = self.cursor.offset();
        if !self.cursor.skip_expression() {
            return Err("the value of a variable does not end");
        }
        if let Some(value) = constant(self.cursor.since(from), &self.file.literals) {
            self.file.literals.push((name.to_owned(), value));
        }
        Ok(true)
    }

    fn string(&mut self) -> Parsed<Option<String>> {
        let start = self.cursor.offset();
        if !self.cursor.skip_string(0) {
            return Err("a string does not end");
        }
        Ok(cook(self.cursor.since(start)))
    }

    /// Nothing but a comment may follow on the line.
    fn line_end(&mut self) -> Parsed<()> {
        self.cursor.skip_blanks();
        if !self.cursor.at_line_end() {
            return Err("something follows where the line should end");
        }
        self.cursor.take_line();
        Ok(())
    }

    /// The rest of a recipe after its name.
    fn recipe(&mut self, recipe: &mut Recipe, attributes: &Attributes) -> Parsed<()> {
        loop {
            self.cursor.skip_blanks();
            if self.cursor.accept(":") {
                break;
            }
            let parameter = self.parameter(attributes)?;
            recipe.parameters.push(parameter);
        }
        if self.cursor.peek() == Some(b'=') {
            return Err("an assignment in place of a recipe");
        }
        recipe.dependencies = self.dependencies()?;
        self.line_end()?;
        recipe.body = self.body();
        Ok(())
    }

    fn parameter(&mut self, attributes: &Attributes) -> Parsed<Parameter> {
        let plus = self.cursor.accept("+");
        let star = !plus && self.cursor.accept("*");
        self.cursor.skip_blanks();
        self.cursor.accept("$");
        let Some(name) = self.cursor.name() else {
            return Err("a recipe needs a colon after its parameters");
        };
        let mut parameter = Parameter {
            name: name.to_owned(),
            variadic: plus || star,
            required: !star && !attributes.flags.iter().any(|flag| flag == name),
            default: None,
        };
        self.cursor.skip_blanks();
        if self.cursor.accept("=") {
            self.cursor.skip_blanks();
            let start = self.cursor.offset();
            if !self.cursor.skip_value() {
                return Err("the default of a parameter does not end");
            }
            parameter.default = Some(self.cursor.since(start).trim().to_owned());
            parameter.required = false;
        }
        Ok(parameter)
    }

    fn dependencies(&mut self) -> Parsed<Vec<Vec<String>>> {
        let mut found = Vec::new();
        loop {
            self.cursor.skip_blanks();
            if self.cursor.at_line_end() {
                return Ok(found);
            }
            if self.cursor.accept("&&") || self.cursor.accept("*") {
                continue;
            }
            let parenthesised = self.cursor.accept("(");
            if parenthesised {
                self.cursor.skip_space();
            }
            let Some(path) = self.cursor.path() else {
                return Err("a dependency is not the name of a recipe");
            };
            found.push(path.into_iter().map(str::to_owned).collect());
            if parenthesised && !self.cursor.skip_until(")", 0) {
                return Err("the arguments of a dependency do not end");
            }
        }
    }

    /// The filled lines up to the next one that is not indented.
    fn body(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(byte) = self.cursor.peek() {
            let text = match byte {
                b'\n' | b'\r' => self.cursor.take_line(),
                b' ' | b'\t' => self.body_line(),
                _ => break,
            };
            if !text.trim().is_empty() {
                lines.push(text.trim().to_owned());
            }
        }
        lines
    }

    /// One line of a body; an interpolation may hold line ends of its own.
    fn body_line(&mut self) -> &'a str {
        let start = self.cursor.offset();
        loop {
            let rest = self.cursor.rest().as_bytes();
            let Some(found) = memchr::memchr2(b'\n', b'{', rest) else {
                self.cursor.take_line();
                break;
            };
            if rest.get(found) == Some(&b'\n') {
                self.cursor.take_line();
                break;
            }
            self.cursor.advance(found);
            self.pass_brace();
        }
        self.cursor.since(start)
    }

    /// Passes a brace and the interpolation that it opens, if it does.
    fn pass_brace(&mut self) {
        if self.cursor.accept("{{{{") || !self.cursor.accept("{{") {
            self.cursor.accept("{");
            return;
        }
        let inside = self.cursor.clone();
        if !self.cursor.skip_until("}}", 0) {
            self.cursor = inside;
        }
    }

    fn attributes(&mut self) -> Parsed<Attributes> {
        let mut attributes = Attributes::default();
        while self.cursor.accept("[") {
            loop {
                self.cursor.skip_space();
                if self.cursor.accept("]") {
                    break;
                }
                let Some(name) = self.cursor.name() else {
                    return Err("an attribute has no name");
                };
                let arguments = self.attribute_arguments()?;
                self.attribute(name, &arguments, &mut attributes);
                self.cursor.skip_space();
                if !self.cursor.accept(",") && self.cursor.peek() != Some(b']') {
                    return Err("an attribute does not end");
                }
            }
            self.cursor.skip_blanks();
            if self.cursor.at_line_end() {
                self.cursor.take_line();
            }
            self.cursor.skip_blanks();
        }
        Ok(attributes)
    }

    /// The source text of each argument of an attribute.
    fn attribute_arguments(&mut self) -> Parsed<Vec<&'a str>> {
        self.cursor.skip_blanks();
        let mut arguments = Vec::new();
        if self.cursor.accept(":") {
            self.cursor.skip_blanks();
            let start = self.cursor.offset();
            if !self.cursor.skip_value() {
                return Err("the value of an attribute does not end");
            }
            arguments.push(self.cursor.since(start));
        } else if self.cursor.accept("(") {
            let start = self.cursor.offset();
            if !self.cursor.skip_until(")", 0) {
                return Err("the arguments of an attribute do not end");
            }
            let inside = self.cursor.since(start);
            arguments = split_arguments(inside.strip_suffix(')').unwrap_or(inside));
        }
        Ok(arguments)
    }

    fn attribute(&self, name: &str, arguments: &[&str], attributes: &mut Attributes) {
        let text = |argument: &&str| constant(argument, &self.file.literals);
        match name {
            "private" => attributes.private = true,
            "group" => attributes.groups.extend(arguments.first().and_then(text)),
            "doc" => attributes.doc = Some(arguments.first().and_then(text)),
            "arg" => {
                let option = |argument: &&str| argument.starts_with("value") || *argument == "flag";
                if arguments.iter().skip(1).any(option) {
                    attributes.flags.extend(arguments.first().and_then(text));
                }
            }
            system if SYSTEMS.contains(&system) => attributes.systems.push(system.to_owned()),
            _ => {}
        }
    }
}

fn split_arguments(inside: &str) -> Vec<&str> {
    let mut arguments = Vec::new();
    let mut cursor = Cursor::new(inside);
    while !cursor.at_end() {
        let start = cursor.offset();
        let more = cursor.skip_until(",", 0);
        let argument = cursor.since(start).trim();
        let argument = if more { argument.strip_suffix(',').unwrap_or(argument) } else { argument };
        arguments.push(argument.trim());
    }
    arguments.retain(|argument| !argument.is_empty());
    arguments
}

/// The value of an expression of string literals, variables that are such, and `+`.
fn constant(expression: &str, literals: &[(String, String)]) -> Option<String> {
    let mut cursor = Cursor::new(expression.trim());
    let mut value = String::new();
    loop {
        cursor.skip_space();
        let start = cursor.offset();
        if !cursor.skip_value() {
            return None;
        }
        let part = cursor.since(start);
        let known = || literals.iter().rev().find(|(name, _)| name == part);
        match cook(part) {
            Some(text) => value.push_str(&text),
            None => value.push_str(&known()?.1),
        }
        cursor.skip_space();
        if cursor.at_end() {
            return Some(value);
        }
        if !cursor.accept("+") {
            return None;
        }
    }
}
