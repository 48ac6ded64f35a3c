//! Definitions: their names, their signatures, and what encloses them.

use std::ops::Range;

use super::grammar::Grammar;
use super::{Node, Syntax};

/// Deepest wrapper (export, decorator, template) that is looked through.
const MAX_WRAPPERS: usize = 3;
/// Deepest nesting of definitions that is listed.
const MAX_DEPTH: usize = 64;
/// Longest name, in bytes.
const MAX_NAME: usize = 80;
/// Longest signature, in characters.
const MAX_SIGNATURE: usize = 200;

/// What a node defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: Option<String>,
    /// Everything before its body, on one line.
    pub signature: String,
    /// Whether it holds definitions of its own.
    pub holds: bool,
    /// Its own bytes, without wrappers and decorators.
    pub range: Range<usize>,
}

impl Node<'_> {
    /// What this node defines, also from inside an export, a decorator or a template. Nothing for what has no name.
    #[must_use]
    pub fn definition(self, text: &str) -> Option<Definition> {
        let mut node = self;
        for _ in 0..MAX_WRAPPERS {
            let kind = node.kind();
            let holds = node.grammar.containers.contains(&kind);
            if holds || node.grammar.leaves.contains(&kind) {
                let name = name_of(node.node, node.grammar, text);
                let named = name.is_some() || holds;
                return named.then(|| Definition {
                    signature: signature(node.node, text),
                    name,
                    holds,
                    range: node.range(),
                });
            }
            node = node.only_definition()?;
        }
        None
    }

    /// The one child that defines something, where all others are only notes and modifiers.
    fn only_definition(self) -> Option<Self> {
        let kind = self.kind();
        let wraps = kind.contains("export")
            || kind.contains("decorated")
            || kind.contains("template")
            || kind.ends_with("statement")
            || kind.ends_with("declaration");
        if !wraps || self.node.named_child_count() > 8 {
            return None;
        }
        let defines = |child: &Self| {
            let kind = child.kind();
            self.grammar.containers.contains(&kind) || self.grammar.leaves.contains(&kind)
        };
        let children = self.children();
        let mut found = children.iter().filter(|child| defines(child));
        match (found.next(), found.next()) {
            (Some(only), None) => Some(*only),
            (None, None) => children.last().copied().filter(|child| !child.is_note()),
            _ => None,
        }
    }
}

/// The name of a definition.
pub(crate) fn name_of(
    node: tree_sitter::Node<'_>,
    grammar: &Grammar,
    text: &str,
) -> Option<String> {
    let fields = ["name", "type", "declarator", "key", "attrpath"];
    let direct = fields.iter().find_map(|field| node.child_by_field_name(field));
    let inner = || node.named_child(0)?.child_by_field_name("name");
    let listed = || {
        let mut cursor = node.walk();
        let mut children = node.named_children(&mut cursor);
        children.find(|child| grammar.names.contains(&child.kind()))
    };
    let name = direct.or_else(inner).or_else(listed)?;
    let name = name.utf8_text(text.as_bytes()).ok()?;
    let name = if grammar.is_data {
        name.lines().next().unwrap_or_default().trim_matches(['"', '\''])
    } else {
        name.split(['(', '<', ' ', '\n']).next().unwrap_or(name)
    };
    (!name.is_empty() && name.len() <= MAX_NAME).then(|| name.to_owned())
}

/// Everything before the body, or the first line of what has none.
fn signature(node: tree_sitter::Node<'_>, text: &str) -> String {
    let range = node.byte_range();
    let end = body(node, 0).map_or_else(
        || {
            let first = text[range.clone()].find('\n').map_or(range.end, |feed| range.start + feed);
            first.max(range.start)
        },
        |body| body.start_byte(),
    );
    let end = if end > range.start { end } else { range.end };
    let head = text.get(range.start..end).unwrap_or_default();
    let mut line = String::new();
    let mut count = 0;
    for word in head.split_whitespace() {
        count += word.chars().count() + 1;
        if count > MAX_SIGNATURE {
            line.push('…');
            return line;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let end = line.trim_end_matches([' ', '{', ':', '=', '>']).len();
    line.truncate(end);
    line
}

/// The body of a definition, or of the one function that it is set to.
fn body(node: tree_sitter::Node<'_>, depth: usize) -> Option<tree_sitter::Node<'_>> {
    let fields = ["body", "declaration_list", "accessors"];
    if let Some(body) = fields.iter().find_map(|field| node.child_by_field_name(field)) {
        return Some(body);
    }
    let mut cursor = node.walk();
    let children: Vec<_> = node.named_children(&mut cursor).collect();
    let is_body = |kind: &str| {
        kind.ends_with("body")
            || matches!(kind, "block" | "statements" | "struct_declaration" | "enum_declaration")
    };
    if let Some(body) = children.iter().find(|child| is_body(child.kind())) {
        return Some(*body);
    }
    let set = node.child_by_field_name("value").or_else(|| {
        let kinds = ["variable_declarator", "assignment_expression", "type_spec"];
        children.iter().find(|child| kinds.contains(&child.kind())).copied()
    })?;
    let is_scope = ["object", "array", "block_node"].contains(&set.kind());
    if is_scope {
        return Some(set);
    }
    if depth < 2 { body(set, depth + 1) } else { None }
}

/// A definition and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Everything before its body, on one line.
    pub signature: String,
    /// Signatures of what encloses it, outermost first.
    pub scope: Vec<String>,
    /// Its bytes without comments, attributes and decorators.
    pub range: Range<usize>,
    /// The comments, attributes and decorators right above it; empty where there are none.
    pub notes: Range<usize>,
    /// Whether it holds other definitions.
    pub holds: bool,
}

/// The named definitions of a file, in the order of their beginnings.
#[must_use]
pub fn symbols(syntax: &Syntax, text: &str) -> Vec<Symbol> {
    let mut found = Vec::new();
    below(syntax.root(), text, &mut Vec::new(), &mut found, 0);
    found
}

fn below(
    node: Node<'_>,
    text: &str,
    scope: &mut Vec<String>,
    found: &mut Vec<Symbol>,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut notes: Option<Range<usize>> = None;
    for child in node.children() {
        let range = child.range();
        if child.is_note() {
            notes = Some(match notes {
                Some(notes) if near(text, &notes, &range) => notes.start..range.end,
                _ => range,
            });
            continue;
        }
        let above = notes.take().filter(|notes| near(text, notes, &range));
        let Some(definition) = child.definition(text) else {
            below(child, text, scope, found, depth + 1);
            continue;
        };
        if let Some(name) = definition.name {
            found.push(Symbol {
                name,
                signature: definition.signature.clone(),
                scope: scope.clone(),
                notes: above.unwrap_or(range.start..range.start),
                range,
                holds: definition.holds,
            });
        }
        if definition.holds {
            scope.push(definition.signature);
            below(child, text, scope, found, depth + 1);
            scope.pop();
        }
    }
}

/// Whether nothing but blanks and at most one line end lies between.
fn near(text: &str, above: &Range<usize>, below: &Range<usize>) -> bool {
    let between = text.get(above.end..below.start).unwrap_or_default();
    let own_feed = text[above.clone()].ends_with('\n');
    between.trim().is_empty() && between.matches('\n').count() <= usize::from(!own_feed)
}
