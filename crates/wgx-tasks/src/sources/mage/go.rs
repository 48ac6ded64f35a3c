//! The parts of a Go file that mage looks at, from its text alone.

/// One Go file.
#[derive(Debug, Default)]
pub(super) struct GoFile {
    pub(super) package: String,
    /// Built with the tag `mage`.
    pub(super) has_mage_tag: bool,
    /// Types declared as `mg.Namespace`.
    pub(super) namespaces: Vec<String>,
    /// Exported functions and methods that mage takes as targets.
    pub(super) functions: Vec<Function>,
    /// Imports marked `mage:import`.
    pub(super) imports: Vec<Import>,
    /// Alias and the function it stands for.
    pub(super) aliases: Vec<(String, String)>,
}

/// A function.
#[derive(Debug, Default)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) receiver: Option<String>,
    pub(super) line: u32,
    pub(super) doc: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Vec<String>,
}

/// A parameter other than the context.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) optional: bool,
}

/// An import whose targets mage takes over.
#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) line: u32,
}

/// Parses one Go file.
pub(super) fn parse(text: &str) -> GoFile {
    let lines: Vec<&str> = text.lines().collect();
    let code = blank_out(text);
    let code: Vec<&str> = code.lines().collect();
    let mut file = GoFile { has_mage_tag: has_mage_tag(&lines), ..GoFile::default() };
    let mut at = 0;
    while at < code.len() {
        let line = code[at];
        if let Some(package) = line.strip_prefix("package ") {
            file.package = package.trim().to_owned();
        } else if line.starts_with("import") {
            at = imports(&lines, &code, at, &mut file);
        } else if line.starts_with("func ") {
            at = function(&lines, &code, at, &mut file);
        } else if line.starts_with("type") {
            at = types(&code, at, &mut file);
        } else if line.starts_with("var ") || line.starts_with("var(") {
            at = variables(&lines, &code, at, &mut file);
        }
        at += 1;
    }
    file
}

/// `//go:build` and `// +build` lines before the package.
fn has_mage_tag(lines: &[&str]) -> bool {
    let head = lines.iter().take_while(|line| !line.starts_with("package "));
    head.filter_map(|line| {
        line.strip_prefix("//go:build ")
            .or_else(|| line.strip_prefix("// +build "))
            .or_else(|| line.strip_prefix("//+build "))
    })
    .any(|tags| {
        tags.split(|char: char| !char.is_alphanumeric() && char != '_' && char != '!')
            .any(|tag| tag == "mage")
    })
}

/// The text with strings and comments replaced by blanks, lines kept.
fn blank_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let width = match char {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '`' => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
            '"' | '\'' => quoted(rest, char),
            _ => {
                out.push(char);
                rest = &rest[char.len_utf8()..];
                continue;
            }
        };
        let (skipped, after) = rest.split_at(width);
        out.extend(skipped.chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
        rest = after;
    }
    out
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        if char == '\n' {
            return at;
        }
        if char == quote && !escaped {
            return at + 1;
        }
        escaped = char == '\\' && !escaped;
    }
    text.len()
}

/// The last line of something bracketed that begins on a line.
fn closing_line(code: &[&str], from: usize) -> usize {
    let mut depth = 0i32;
    for (at, line) in code.iter().enumerate().skip(from) {
        for byte in line.bytes() {
            match byte {
                b'(' | b'{' | b'[' => depth += 1,
                b')' | b'}' | b']' => depth -= 1,
                _ => {}
            }
        }
        if depth <= 0 {
            return at;
        }
    }
    code.len().saturating_sub(1)
}

fn imports(lines: &[&str], code: &[&str], from: usize, file: &mut GoFile) -> usize {
    let last = closing_line(code, from);
    for (at, line) in lines.iter().enumerate().take(last + 1).skip(from) {
        let Some((before, rest)) = line.split_once('"') else {
            continue;
        };
        if before.trim_start().starts_with("//") {
            continue;
        }
        let Some((path, comment)) = rest.split_once('"') else {
            continue;
        };
        let above = at.checked_sub(1).and_then(|at| lines.get(at)).copied().unwrap_or_default();
        let marked = |text: &str| -> Option<String> {
            let text = text.trim().strip_prefix("//")?.trim().strip_prefix("mage:import")?;
            Some(text.trim().to_owned())
        };
        if let Some(name) = marked(comment).or_else(|| marked(above)) {
            file.imports.push(Import { path: path.to_owned(), name, line: line_number(at) });
        }
    }
    last
}

fn types(code: &[&str], from: usize, file: &mut GoFile) -> usize {
    let last = closing_line(code, from);
    for line in code.get(from..=last).unwrap_or_default() {
        let words: Vec<&str> = line.trim_start_matches("type").split_whitespace().collect();
        if let [name, .., kind] = words[..]
            && kind == "mg.Namespace"
        {
            file.namespaces.push(name.to_owned());
        }
    }
    last
}

/// `var Aliases = map[string]interface{}{ "b": Build, "t": Test.Unit }`.
fn variables(lines: &[&str], code: &[&str], from: usize, file: &mut GoFile) -> usize {
    let last = closing_line(code, from);
    let named = |line: &str| {
        let line = line.trim_start_matches("var").trim_start_matches([' ', '(', '\t']);
        line.starts_with("Aliases ") || line.starts_with("Aliases=")
    };
    let Some(start) = (from..=last).find(|at| code.get(*at).is_some_and(|line| named(line))) else {
        return last;
    };
    for line in lines.get(start..=last).unwrap_or_default() {
        for pair in line.split(',') {
            let mut parts = pair.split('"');
            if let (Some(_), Some(alias), Some(rest)) = (parts.next(), parts.next(), parts.next())
                && let Some(target) = rest.trim().strip_prefix(':')
            {
                let target = target.trim().trim_end_matches(['}', ' ']);
                file.aliases.push((alias.to_owned(), target.to_owned()));
            }
        }
    }
    last
}

fn function(lines: &[&str], code: &[&str], from: usize, file: &mut GoFile) -> usize {
    let last = closing_line(code, from);
    let joined = code.get(from..=last).unwrap_or_default().join(" ");
    if let Some(mut function) = signature(joined.trim_start_matches("func").trim_start()) {
        function.line = line_number(from);
        function.doc = doc_comment(lines, from);
        let body = lines.get(from + 1..last).unwrap_or_default();
        function.body = body.iter().map(|line| line.trim().to_owned()).collect();
        file.functions.push(function);
    }
    last
}

/// `(Receiver) Name(parameters) result {`; `None` when mage takes no such function.
fn signature(text: &str) -> Option<Function> {
    let (receiver, rest) = match text.strip_prefix('(') {
        Some(rest) => {
            let (receiver, rest) = rest.split_once(')')?;
            let kind = receiver.split_whitespace().last()?;
            (Some(kind.to_owned()), rest.trim_start())
        }
        None => (None, text),
    };
    let (name, rest) = rest.split_once('(')?;
    let name = name.trim();
    let exported = name.chars().next().is_some_and(char::is_uppercase);
    let plain = name.chars().all(|char| char.is_alphanumeric() || char == '_');
    let receiver_exported =
        receiver.as_ref().is_none_or(|name| name.starts_with(char::is_uppercase));
    let (parameters, rest) = rest.split_at(matching_parenthesis(rest)?);
    let result = rest.get(1..)?.split('{').next()?.trim();
    if !exported
        || !plain
        || !receiver_exported
        || !matches!(result, "" | "error" | "(error)" | "(err error)")
    {
        return None;
    }
    Some(Function {
        name: name.to_owned(),
        receiver,
        parameters: parameter_list(parameters)?,
        ..Function::default()
    })
}

fn matching_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The parameters without the context; `None` when one has a type that mage cannot fill.
fn parameter_list(text: &str) -> Option<Vec<Parameter>> {
    let mut found = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    for (index, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate()
    {
        let words: Vec<&str> = part.split_whitespace().collect();
        let (name, kind) = match words[..] {
            ["context.Context"] if index == 0 => continue,
            [name] => {
                waiting.push(name.to_owned());
                continue;
            }
            [_, "context.Context"] if index == 0 => continue,
            [name, kind] => (name, kind),
            _ => return None,
        };
        let optional = kind.starts_with('*');
        if !["string", "int", "float64", "bool", "time.Duration"]
            .contains(&kind.trim_start_matches('*'))
        {
            return None;
        }
        let names = waiting.drain(..).chain(std::iter::once(name.to_owned()));
        found.extend(names.map(|name| Parameter { name, optional }));
    }
    waiting.is_empty().then_some(found)
}

/// The comment directly above a line.
fn doc_comment(lines: &[&str], at: usize) -> String {
    let above = lines.get(..at).unwrap_or_default();
    let comment = above.iter().rev().take_while(|line| line.starts_with("//"));
    let mut comment: Vec<&str> = comment.map(|line| line.trim_start_matches('/').trim()).collect();
    comment.retain(|line| {
        !line.starts_with("nolint") && !line.starts_with("go:") && !line.starts_with("mage:")
    });
    comment.reverse();
    let paragraph = comment.split(|line| line.is_empty()).next().unwrap_or_default();
    paragraph.join(" ")
}

fn line_number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}
