//! Merging neighbours into passages under a budget: what belongs together stays together while it fits.

use std::ops::Range;
use std::rc::Rc;

use super::tokens::Counter;
use super::{ChunkOptions, header, lines};

/// The names that enclose a piece.
pub(super) type Scope = Rc<[String]>;

/// Pieces with fewer tokens than this join a neighbour of another scope rather than stand alone.
const TINY_TOKENS: usize = 12;

/// A passage to be.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) scope: Scope,
    pub(super) signature: Option<String>,
    /// Another text than the bytes of the range.
    pub(super) shown: Option<String>,
    pub(super) folded_lines: u32,
}

/// What a range to be added is.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) scope: Scope,
    /// Only parts of one owner are merged: children of one node, blocks of one section.
    pub(super) owner: usize,
    /// What it defines.
    pub(super) signature: Option<String>,
    /// Its name, for a passage of several definitions.
    pub(super) name: Option<String>,
}

struct Open {
    part: Part,
    names: Vec<String>,
    defines: usize,
}

/// Takes parts in order and leaves pieces that fit.
pub(super) struct Packer<'t> {
    text: &'t str,
    counter: Counter,
    tokens: usize,
    bytes: usize,
    /// Parts are merged up to so many tokens; larger ones stand alone.
    merge_tokens: usize,
    open: Option<Open>,
    done: Vec<(Piece, usize)>,
}

impl<'t> Packer<'t> {
    pub(super) fn new(text: &'t str, options: &ChunkOptions) -> Self {
        Self {
            text,
            counter: Counter::new(text),
            tokens: options.text_tokens,
            bytes: options.text_bytes,
            merge_tokens: options.text_tokens,
            open: None,
            done: Vec::new(),
        }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// Whether a range is a passage as it is.
    pub(super) fn fits(&self, range: &Range<usize>) -> bool {
        range.len() <= self.bytes && self.counter.count(range) <= self.tokens
    }

    pub(super) fn count(&self, range: &Range<usize>) -> usize {
        self.counter.count(range)
    }

    /// How far from its start a range fits.
    pub(super) fn reach(&self, range: &Range<usize>) -> usize {
        let by_bytes = range.end.min(range.start.saturating_add(self.bytes));
        self.counter.reach(range.start, by_bytes, self.tokens)
    }

    /// Adds a part that is merged with its neighbours of the same owner, or cut where it is too large.
    pub(super) fn add(&mut self, part: Part) {
        if part.range.is_empty() {
            return;
        }
        if !self.fits(&part.range) {
            self.flush();
            for window in lines::windows(self, part.range.clone()) {
                self.push(Part { range: window, ..part.clone() });
                self.flush();
            }
            return;
        }
        self.push(part);
    }

    fn push(&mut self, part: Part) {
        if let Some(open) = &mut self.open {
            let joined = open.part.range.start..part.range.end;
            let same = open.part.owner == part.owner && open.part.scope == part.scope;
            let small = self.counter.count(&joined) <= self.merge_tokens;
            if same && small && joined.len() <= self.bytes {
                open.part.range = joined;
                open.defines += usize::from(part.signature.is_some());
                if open.part.signature.is_none() {
                    open.part.signature = part.signature;
                }
                open.names.extend(part.name);
                return;
            }
        }
        self.flush();
        let defines = usize::from(part.signature.is_some());
        let names = part.name.clone().into_iter().collect();
        self.open = Some(Open { part, names, defines });
    }

    /// Ends the passage that is open.
    pub(super) fn flush(&mut self) {
        let Some(open) = self.open.take() else { return };
        let Open { part, names, defines } = open;
        let signature = if defines > 1 && !names.is_empty() {
            Some(header::one_line(&names.join(", "), 240))
        } else {
            part.signature
        };
        let piece =
            Piece { range: part.range, scope: part.scope, signature, shown: None, folded_lines: 0 };
        self.done.push((piece, part.owner));
    }

    /// All pieces; what is blank or too small to mean anything has joined a neighbour that has room for it.
    pub(super) fn finish(mut self) -> Vec<Piece> {
        self.flush();
        let mut pieces: Vec<Piece> = Vec::with_capacity(self.done.len());
        let done = std::mem::take(&mut self.done);
        let tiny = |piece: &Piece| self.counter.count(&piece.range) < TINY_TOKENS;
        for (piece, _) in done {
            if let Some(last) = pieces.last_mut()
                && (tiny(&piece) || tiny(last))
            {
                let joined = last.range.start..piece.range.end;
                let room = self.tokens + TINY_TOKENS / 2;
                if self.counter.count(&joined) <= room && joined.len() <= self.bytes {
                    join(last, piece, tiny(last));
                    last.range = joined;
                    continue;
                }
            }
            pieces.push(piece);
        }
        pieces
    }
}

/// Names the union of two neighbours after the larger one, within what both stand in.
fn join(last: &mut Piece, next: Piece, last_is_tiny: bool) {
    if last_is_tiny {
        last.signature = next.signature.or(last.signature.take());
        // A lonely head belongs to what it opens.
        if next.scope.starts_with(&last.scope) {
            last.scope = next.scope;
            return;
        }
    }
    let shared = { last.scope.iter().zip(next.scope.iter()) }.take_while(|(a, b)| a == b).count();
    if !last_is_tiny && last.scope.starts_with(&next.scope) {
        return;
    }
    if shared < last.scope.len() {
        last.scope = last.scope[..shared].into();
    }
}

/// No names.
pub(super) fn no_scope() -> Scope {
    Rc::from([])
}
