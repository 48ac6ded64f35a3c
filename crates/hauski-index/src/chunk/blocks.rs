//! Programs and data by their syntax: split, then merge.
//!
//! A node that fits is kept whole, neighbours of one parent are merged while they fit, and what is too large is taken
//! apart into its children. Borders lie at the beginnings of lines wherever the syntax allows it; comments, attributes
//! and decorators go with what follows them; heads and closing brackets go with the first and last thing they enclose.

use std::ops::Range;
use std::rc::Rc;

use repolens::symbols::{Definition, Node, Syntax};

use super::kind::language;
use super::pack::{Packer, Part, Scope, no_scope};
use super::{Source, header};

/// Deepest node that is taken apart; what lies deeper is cut at lines.
const MAX_DEPTH: usize = 160;
/// Longest name in a scope, in characters.
const SCOPE_CHARS: usize = 100;

/// Cuts a whole text.
pub(super) fn split(source: &Source<'_>, packer: &mut Packer<'_>) {
    let text = packer.text();
    let language = source.language.or_else(|| language(source.path)).or_else(|| interpreter(text));
    let all =
        Part { range: 0..text.len(), scope: no_scope(), owner: 0, signature: None, name: None };
    // What fits needs no syntax but for the name of what it defines.
    let Some(syntax) = language.and_then(|language| Syntax::parse(language, text)) else {
        packer.add(all);
        return;
    };
    let mut splitter = Splitter { text, packer, is_data: syntax.is_data(), owners: 0 };
    let place = Place { scope: no_scope(), signature: None };
    splitter.take_apart(syntax.root(), all.range, &place, 0);
    packer.flush();
}

/// The language that the first line of a script names.
fn interpreter(text: &str) -> Option<&'static str> {
    let line = text.lines().next()?.strip_prefix("#!")?;
    let mut words = line.split(['/', ' ']).filter(|word| !word.is_empty());
    let program = words.rfind(|word| !word.starts_with('-') && !word.contains('='))?;
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    Some(match name {
        "sh" | "bash" | "dash" | "zsh" | "ksh" => "bash",
        "python" | "pypy" => "python",
        "node" | "nodejs" => "javascript",
        "deno" | "bun" | "tsx" | "ts-node" => "typescript",
        "ruby" => "ruby",
        "php" => "php",
        "lua" | "luajit" => "lua",
        _ => return None,
    })
}

/// Where a node stands.
#[derive(Clone)]
struct Place {
    scope: Scope,
    /// The signature of the definition that is being taken apart: every part of it bears it.
    signature: Option<String>,
}

struct Splitter<'p, 't> {
    text: &'t str,
    packer: &'p mut Packer<'t>,
    is_data: bool,
    owners: usize,
}

/// Neighbours that share a line, and the notes above them.
struct Unit<'s> {
    notes: Option<Range<usize>>,
    nodes: Vec<Node<'s>>,
}

impl Unit<'_> {
    fn start(&self) -> usize {
        let nodes = self.nodes.first().map_or(usize::MAX, |node| node.range().start);
        self.notes.as_ref().map_or(nodes, |notes| notes.start.min(nodes))
    }
}

impl Splitter<'_, '_> {
    /// Adds everything in `range`, which holds a node that is too large and what goes with it.
    fn take_apart(&mut self, node: Node<'_>, range: Range<usize>, place: &Place, depth: usize) {
        self.owners += 1;
        let owner = self.owners;
        let units = if depth < MAX_DEPTH { self.units(node) } else { Vec::new() };
        if units.is_empty() {
            self.add(range, place, owner, None);
            return;
        }
        let mut starts: Vec<usize> =
            units.iter().map(|unit| self.line_start(unit.start())).collect();
        starts[0] = range.start;
        starts.push(range.end);
        // Extras may begin before the end of what is above them; borders never go back.
        for at in 1..starts.len() {
            starts[at] = starts[at].clamp(starts[at - 1], range.end);
        }
        for (unit, bounds) in units.iter().zip(starts.windows(2)) {
            self.unit(unit, bounds[0]..bounds[1], place, owner, depth);
        }
    }

    fn unit(
        &mut self,
        unit: &Unit<'_>,
        range: Range<usize>,
        place: &Place,
        owner: usize,
        depth: usize,
    ) {
        let definition = match unit.nodes.as_slice() {
            [node] => node.definition(self.text),
            // `a;` behind a definition on its line, a decorator before it.
            nodes => nodes.iter().find_map(|node| node.definition(self.text)),
        };
        if self.packer.fits(&range) || unit.nodes.is_empty() {
            self.add(range, place, owner, definition.as_ref());
            return;
        }
        self.packer.flush();
        let inner = self.inside(place, definition.as_ref());
        let mut start = range.start;
        if let Some(notes) = &unit.notes {
            let above = range.start..notes.end;
            let first = unit.nodes.first().map_or(range.end, |node| node.range().start);
            if self.packer.count(&above) * 2 > self.packer.count(&range)
                || !self.packer.fits(&above)
            {
                let behind = self.line_start(first).clamp(above.start, range.end);
                self.add(above.start..behind, &inner, owner, None);
                self.packer.flush();
                start = behind;
            }
        }
        self.members(unit, start..range.end, &inner, depth);
        self.packer.flush();
    }

    /// Adds the nodes of one line; small ones go with the large one behind them.
    fn members(&mut self, unit: &Unit<'_>, range: Range<usize>, place: &Place, depth: usize) {
        let large: Vec<&Node<'_>> =
            unit.nodes.iter().filter(|node| !self.packer.fits(&node.range())).collect();
        if large.is_empty() {
            // Many small ones on one line: merged as they come.
            if let Some(body) = self.body(unit) {
                return self.take_apart(body, range, place, depth + 1);
            }
            self.owners += 1;
            let owner = self.owners;
            let mut start = range.start;
            for (at, _) in unit.nodes.iter().enumerate() {
                let end = unit.nodes.get(at + 1).map_or(range.end, |next| next.range().start);
                self.add(start..end.clamp(start, range.end), place, owner, None);
                start = end.clamp(start, range.end);
            }
            return;
        }
        let mut start = range.start;
        for (at, node) in large.iter().enumerate() {
            let is_last = at + 1 == large.len();
            let behind = unit.nodes.iter().map(|node| node.range().start);
            let next = behind.filter(|begin| *begin >= node.range().end).min();
            let end = if is_last { range.end } else { next.unwrap_or(range.end) };
            let end = end.clamp(start, range.end);
            self.take_apart(**node, start..end, place, depth + 1);
            start = end;
        }
    }

    /// The only node, or the one that reaches over lines and holds most of its unit: its head goes with its beginning.
    fn body<'s>(&self, unit: &Unit<'s>) -> Option<Node<'s>> {
        let longest = unit.nodes.iter().max_by_key(|node| self.packer.count(&node.range()))?;
        let bytes = self.text.as_bytes().get(longest.range()).unwrap_or_default();
        let reaches = memchr::memchr(b'\n', bytes).is_some();
        (unit.nodes.len() == 1 || reaches).then_some(*longest)
    }

    fn add(
        &mut self,
        range: Range<usize>,
        place: &Place,
        owner: usize,
        definition: Option<&Definition>,
    ) {
        let scope = Rc::clone(&place.scope);
        let (signature, name) = match definition.filter(|_| !self.is_data) {
            Some(definition) => (Some(definition.signature.clone()), definition.name.clone()),
            None => (place.signature.clone(), None),
        };
        self.packer.add(Part { range, scope, owner, signature, name });
    }

    /// The place of what a definition holds.
    fn inside(&self, place: &Place, definition: Option<&Definition>) -> Place {
        let Some(definition) = definition else { return place.clone() };
        let scope_with = |name: &str| -> Scope {
            place.scope.iter().cloned().chain([header::one_line(name, SCOPE_CHARS)]).collect()
        };
        match &definition.name {
            Some(name) if self.is_data => Place { scope: scope_with(name), signature: None },
            _ if definition.holds => {
                Place { scope: scope_with(&definition.signature), signature: None }
            }
            // A function inside a function keeps the outer one in its scope.
            _ => match &place.signature {
                Some(outer) => Place {
                    scope: scope_with(outer),
                    signature: Some(definition.signature.clone()),
                },
                None => Place {
                    scope: Rc::clone(&place.scope),
                    signature: Some(definition.signature.clone()),
                },
            },
        }
    }

    /// The children of a node as units.
    fn units<'s>(&self, node: Node<'s>) -> Vec<Unit<'s>> {
        let mut units: Vec<Unit<'s>> = Vec::new();
        let mut notes: Option<Range<usize>> = None;
        for child in node.children() {
            let range = child.range();
            if range.is_empty() {
                continue;
            }
            let last = units.last().and_then(|unit| unit.nodes.last()).map(|last| last.range());
            let shares_line = notes.is_none()
                && last.as_ref().is_some_and(|last| !self.has_feed(last.end, range.start));
            if shares_line {
                if let Some(unit) = units.last_mut() {
                    unit.nodes.push(child);
                }
                continue;
            }
            if child.is_note() {
                match &mut notes {
                    Some(above) if self.feeds(above.end, range.start) <= 1 => above.end = range.end,
                    Some(_) => {
                        let alone = notes.replace(range);
                        units.push(Unit { notes: alone, nodes: Vec::new() });
                    }
                    None => notes = Some(range),
                }
                continue;
            }
            let above = match notes.take() {
                Some(above) if self.feeds(above.end, range.start) > 1 => {
                    units.push(Unit { notes: Some(above), nodes: Vec::new() });
                    None
                }
                above => above,
            };
            units.push(Unit { notes: above, nodes: vec![child] });
        }
        if let Some(alone) = notes {
            units.push(Unit { notes: Some(alone), nodes: Vec::new() });
        }
        units
    }

    /// Whether a line ends between two nodes; some nodes hold their own line feed.
    fn has_feed(&self, end: usize, start: usize) -> bool {
        let bytes = self.text.as_bytes();
        let from = end.saturating_sub(1);
        bytes.get(from..start).is_some_and(|between| memchr::memchr(b'\n', between).is_some())
    }

    fn feeds(&self, end: usize, start: usize) -> usize {
        let between = self.text.as_bytes().get(end.saturating_sub(1)..start).unwrap_or_default();
        memchr::memchr_iter(b'\n', between).count()
    }

    /// The beginning of the line of a place, if only blanks lie between; else the place.
    fn line_start(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let indent = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let start = before.len() - indent;
        if start == 0 || before[start - 1] == b'\n' { start } else { at }
    }
}
