//! What a reader of merges meets, line by line.

use super::grammar::{FileMarker, Zone};

/// Where a line begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Number of the line in its part, from 1.
    pub line: u64,
    /// Bytes before the line in its part.
    pub offset: u64,
}

/// One line of the structure, without its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// An empty line.
    Blank,
    /// `<!-- MODE:PLAN_ONLY -->`.
    PlanOnly,
    /// `# WC-Merge Report (Part N/M)`.
    Title {
        /// Number of this part, from 1.
        part: u32,
        /// How many parts there are.
        of: u32,
    },
    /// `§§ token`.
    Search(&'a str),
    /// `<a id="token"></a>`.
    Anchor(&'a str),
    /// A heading; `token` is what stands in `{#…}` at its end.
    Heading {
        /// Number of `#`.
        level: usize,
        /// The words, without the token.
        text: &'a str,
        /// The token.
        token: Option<&'a str>,
    },
    /// `- …`: what follows the dash.
    Item(&'a str),
    /// A line of a table, with its bars.
    Row(&'a str),
    /// `---`.
    Rule,
    /// `<!-- @name:start -->`.
    Start(&'a str),
    /// `<!-- @name:end -->`.
    End(&'a str),
    /// `<!-- file:id=… -->`.
    File(FileMarker<'a>),
    /// `<!-- file_meta: {…} -->`: the JSON.
    FileMeta(&'a str),
    /// `<!-- zone:begin … -->`.
    ZoneBegin(Zone<'a>),
    /// `<!-- zone:end type=code id="…" -->`: the id.
    ZoneEnd(&'a str),
    /// The opening line of a fence.
    FenceOpen {
        /// Number of backticks.
        backticks: usize,
        /// What stands behind them.
        info: &'a str,
    },
    /// The closing line of a fence.
    FenceClose,
    /// Any other line.
    Text(&'a str),
    /// A line that no merge can hold, with the reason.
    Broken(&'static str),
}

/// Takes what a [`Reader`](super::Reader) meets.
pub trait Sink {
    /// A line of the structure.
    fn event(&mut self, at: Position, event: Event<'_>);

    /// Bytes between the lines of a fence, in portions of any size; all line feeds included.
    fn content(&mut self, bytes: &[u8]);
}
