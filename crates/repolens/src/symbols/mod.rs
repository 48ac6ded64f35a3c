//! What a file defines, by its syntax: one reader for packs, which take lines, and for the index, which takes bytes.
//!
//! A parse is bounded in length and time. Broken text is read as far as its grammar goes on; whatever is not understood
//! is part of some node, so the nodes of a level cover everything that is not blank between them.

mod definition;
mod depth;
mod grammar;

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use tree_sitter::{ParseOptions, Parser, Tree};

pub(crate) use definition::name_of;
pub use definition::{Definition, Symbol, symbols};
pub(crate) use grammar::Grammar;

use self::grammar::grammar;

/// Longest file that is parsed, in bytes.
pub const MAX_PARSED_BYTES: usize = 1 << 20;
/// Longest time for one file; a grammar may be slow on hostile text.
const MAX_PARSE_TIME: Duration = Duration::from_millis(500);

/// The language of a file, as fences name it; nothing where its name does not tell.
#[must_use]
pub fn language(path: &str) -> Option<&'static str> {
    Some(crate::render::lang::of(path)).filter(|language| *language != "text")
}

/// A file as its grammar reads it.
#[derive(Debug)]
pub struct Syntax {
    tree: Tree,
    grammar: &'static Grammar,
}

impl Syntax {
    /// Reads a text. Nothing when there is no grammar for the language, when the text is longer than
    /// [`MAX_PARSED_BYTES`] or nested more deeply than its grammar bears, or when that takes too long.
    #[must_use]
    pub fn parse(language: &str, text: &str) -> Option<Self> {
        let grammar = grammar(language)?;
        Some(Self { tree: parse(grammar, text)?, grammar })
    }

    /// Whether the language is data or markup, such as JSON or HTML.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.grammar.is_data
    }

    /// The node that holds everything.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node { node: self.tree.root_node(), grammar: self.grammar }
    }
}

/// A piece of syntax.
#[derive(Debug, Clone, Copy)]
pub struct Node<'s> {
    node: tree_sitter::Node<'s>,
    grammar: &'static Grammar,
}

impl<'s> Node<'s> {
    /// Where it lies in the text, in bytes.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.node.byte_range()
    }

    /// The name that the grammar gives it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        self.node.kind()
    }

    /// What it consists of, without punctuation and keywords.
    #[must_use]
    pub fn children(self) -> Vec<Self> {
        let mut cursor = self.node.walk();
        let children = self.node.named_children(&mut cursor);
        children.map(|node| Self { node, grammar: self.grammar }).collect()
    }

    /// Whether it is a comment, an attribute or a decorator: it belongs to what follows.
    #[must_use]
    pub fn is_note(self) -> bool {
        let kind = self.kind();
        kind.contains("comment")
            || matches!(
                kind,
                "attribute_item"
                    | "inner_attribute_item"
                    | "decorator"
                    | "annotation"
                    | "attribute_list"
            )
    }
}

fn parse(grammar: &Grammar, text: &str) -> Option<Tree> {
    if text.len() > MAX_PARSED_BYTES || !(grammar.is_safe)(text) {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&(grammar.language)()).ok()?;
    let deadline = Instant::now() + MAX_PARSE_TIME;
    let mut late = |_: &tree_sitter::ParseState| {
        if Instant::now() > deadline { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
    parser.parse_with_options(
        &mut read,
        None,
        Some(ParseOptions::new().progress_callback(&mut late)),
    )
}

/// The tree of a program; nothing for data and markup.
pub(crate) fn parse_program(language: &str, text: &str) -> Option<(Tree, &'static Grammar)> {
    let grammar = grammar(language).filter(|grammar| !grammar.is_data)?;
    Some((parse(grammar, text)?, grammar))
}
