//! Task-aware packs: the files and definitions that matter for what somebody wants to do, inside an
//! exact token budget.

pub mod corpus;
pub mod history;
mod lexical;
mod library;
mod mask;
pub mod outline;
pub mod past;
pub mod pieces;
pub mod query;
pub mod rank;
pub mod role;
mod run;
mod search;
pub mod select;
pub mod signals;
pub mod terms;
mod text;
pub mod trees;
mod why;

pub use library::{MAX_FILE_BYTES, read_file};
pub use run::{LEAST_BUDGET, PackError, PackRequest, Packed, repo_pack};
pub use search::{Hit, SearchRequest, search};

use self::corpus::Corpus;

/// Fewest files that are opened and cut into pieces.
const LEAST_OPENED: usize = 40;
/// Most files that are opened.
const MOST_OPENED: usize = 600;

/// The best files whose text is worth reading for a budget: about four times what fits.
#[must_use]
pub fn worth_opening(corpus: &Corpus, order: &[usize], budget: u32) -> Vec<usize> {
    let enough = u64::from(budget) * 16;
    let mut bytes = 0;
    let mut files = Vec::new();
    for file in order.iter().take(MOST_OPENED) {
        if files.len() >= LEAST_OPENED && bytes >= enough {
            break;
        }
        bytes += corpus.documents[*file].bytes;
        files.push(*file);
    }
    files
}
