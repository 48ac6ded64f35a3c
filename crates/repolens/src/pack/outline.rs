//! A file as pieces: definitions with their enclosing signatures, and the text between them.
//!
//! Every line belongs to exactly one piece, so whatever a pack takes is a set of verbatim lines.

use tree_sitter::Node;

use crate::symbols::{Grammar, language, name_of, parse_program};

/// Definitions longer than this are cut at their statements.
const MAX_LINES: u32 = 60;
/// Lines of a piece that is cut out of a longer one.
const CHUNK_LINES: u32 = 30;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 24;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// First and last line, from 1.
    pub lines: (u32, u32),
    /// The lines of its signature, where it defines something.
    pub head: Option<(u32, u32)>,
    /// Signatures of what encloses it, outermost first.
    pub within: Vec<(u32, u32)>,
    /// What it defines.
    pub name: Option<String>,
}

/// The pieces of a file, in the order of its lines.
#[must_use]
pub fn outline(path: &str, text: &str) -> Vec<Piece> {
    let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    if lines == 0 {
        return Vec::new();
    }
    let mut builder = Builder { text, starts: line_starts(text), pieces: Vec::new(), next: 1 };
    let tree = language(path).and_then(|language| parse_program(language, text));
    if let Some((tree, grammar)) = tree {
        builder.members(tree.root_node(), grammar, &mut Vec::new(), 0);
    }
    builder.between(lines, &[]);
    builder.pieces
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

struct Builder<'t> {
    text: &'t str,
    starts: Vec<usize>,
    pieces: Vec<Piece>,
    /// First line that belongs to no piece yet.
    next: u32,
}

impl Builder<'_> {
    /// Adds the definitions below a node.
    fn members(
        &mut self,
        node: Node<'_>,
        grammar: &Grammar,
        within: &mut Vec<(u32, u32)>,
        depth: usize,
    ) {
        if depth > MAX_DEPTH {
            return;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        for child in children {
            let kind = child.kind();
            let is_leaf = grammar.leaves.contains(&kind);
            if is_leaf || grammar.containers.contains(&kind) {
                self.definition(child, !is_leaf, grammar, within, depth);
            } else if spans_lines(child) {
                // Wrappers such as exports, decorators, bodies, templates.
                self.members(child, grammar, within, depth + 1);
            }
        }
    }

    fn definition(
        &mut self,
        node: Node<'_>,
        holds: bool,
        grammar: &Grammar,
        within: &mut Vec<(u32, u32)>,
        depth: usize,
    ) {
        let (first, last) = lines_of(node);
        let trivial = !holds
            && first == last
            && within.is_empty()
            && node.child_by_field_name("name").is_none();
        if last < self.next || trivial {
            return;
        }
        let first = self.with_comments(first).max(self.next);
        if first > last {
            return;
        }
        self.between(first - 1, within);
        let opens = lines_of(node).0.max(first);
        let head = (opens, head_end(node, self.text).clamp(opens, last.max(opens)));
        let name = name_of(node, grammar, self.text);
        if !holds {
            self.leaf((first, last), head, name, within);
            return;
        }
        self.push(Piece {
            lines: (first, head.1.min(last)),
            head: Some(head),
            within: within.clone(),
            name,
        });
        within.push(head);
        self.members(node, grammar, within, depth + 1);
        within.pop();
        let mut inner = within.clone();
        inner.push(head);
        self.between(last, &inner);
    }

    /// One definition, cut at about every [`CHUNK_LINES`] lines where it is long.
    fn leaf(
        &mut self,
        lines: (u32, u32),
        head: (u32, u32),
        name: Option<String>,
        within: &[(u32, u32)],
    ) {
        let within = within.to_vec();
        if lines.1 - lines.0 < MAX_LINES {
            self.push(Piece { lines, head: Some(head), within, name });
            return;
        }
        let mut from = lines.0;
        let mut inner = within.clone();
        inner.push(head);
        while from <= lines.1 {
            let rest = lines.1 - from + 1;
            let to = if rest < CHUNK_LINES + CHUNK_LINES / 2 {
                lines.1
            } else {
                self.calm_line(from + CHUNK_LINES - 1, lines.1)
            };
            let first = from == lines.0;
            let piece = Piece {
                lines: (from, to),
                head: first.then_some(head),
                within: if first { within.clone() } else { inner.clone() },
                name: name.clone(),
            };
            self.push(piece);
            from = to + 1;
        }
    }

    /// A line at or soon after `wanted` behind which an outer statement begins.
    fn calm_line(&self, wanted: u32, last: u32) -> u32 {
        let end = (wanted + 10).min(last);
        let depth = |line: u32| {
            let line = self.line(line);
            if line.trim().is_empty() { 0 } else { line.len() - line.trim_start().len() + 1 }
        };
        (wanted..=end).min_by_key(|line| depth(line + 1)).unwrap_or(wanted)
    }

    fn line(&self, number: u32) -> &str {
        let at = number as usize;
        let from = self.starts.get(at - 1).copied().unwrap_or(self.text.len());
        let to = self.starts.get(at).copied().unwrap_or(self.text.len());
        self.text.get(from..to).unwrap_or_default()
    }

    /// The first line of the comments, attributes and decorators right above a definition.
    fn with_comments(&self, first: u32) -> u32 {
        let mut from = first;
        while from > self.next {
            let above = self.line(from - 1).trim();
            let marks = ["//", "#", "*", "/*", "@", "--", "\"\"\""];
            if above.is_empty() || !marks.iter().any(|mark| above.starts_with(mark)) {
                break;
            }
            from -= 1;
        }
        from
    }

    /// What stands before `to` and in no definition, in chunks that end at empty lines.
    fn between(&mut self, to: u32, within: &[(u32, u32)]) {
        while self.next <= to {
            let from = self.next;
            let rest = to - from + 1;
            let end = if rest <= CHUNK_LINES {
                to
            } else {
                let wanted = from + CHUNK_LINES - 1;
                (from + CHUNK_LINES / 3..=wanted)
                    .rev()
                    .find(|line| self.line(*line).trim().is_empty())
                    .unwrap_or(wanted)
            };
            self.push(Piece {
                lines: (from, end),
                head: None,
                within: within.to_vec(),
                name: None,
            });
        }
    }

    fn push(&mut self, piece: Piece) {
        self.next = piece.lines.1 + 1;
        self.pieces.push(piece);
    }
}

fn spans_lines(node: Node<'_>) -> bool {
    node.end_position().row > node.start_position().row
}

fn lines_of(node: Node<'_>) -> (u32, u32) {
    let (start, end) = (node.start_position(), node.end_position());
    let last = if end.column == 0 && end.row > start.row { end.row - 1 } else { end.row };
    (number(start.row) + 1, number(last) + 1)
}

fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX - 1)
}

/// The line on which the body opens, or the one before a body that opens with nothing.
fn head_end(node: Node<'_>, text: &str) -> u32 {
    let lines = lines_of(node);
    let body = ["body", "declaration_list", "value"]
        .iter()
        .find_map(|name| node.child_by_field_name(name));
    let Some(body) = body else { return lines.0 };
    let opens = number(body.start_position().row) + 1;
    let bracket = text.as_bytes().get(body.start_byte()).is_some_and(|byte| b"{([".contains(byte));
    let last = if bracket || opens == lines.0 { opens } else { opens - 1 };
    last.clamp(lines.0, lines.1.min(lines.0 + 12))
}
