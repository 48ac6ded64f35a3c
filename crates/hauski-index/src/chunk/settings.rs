//! Configuration by lines: INI sections, and else blocks of a file such as a Makefile, a Dockerfile or an ignore list.

use std::ops::Range;
use std::rc::Rc;

use super::header::one_line;
use super::lines::lines;
use super::pack::{Packer, Scope, no_scope};
use super::prose::blocks;

/// Cuts a whole text.
pub(super) fn split(packer: &mut Packer<'_>) {
    let text = packer.text();
    for (owner, (range, title)) in sections(text).into_iter().enumerate() {
        let scope: Scope = title.map_or_else(no_scope, |title| Rc::from([title]));
        for block in blocks(text, range) {
            packer.add(super::pack::Part {
                range: block,
                scope: Rc::clone(&scope),
                owner,
                signature: None,
                name: None,
            });
        }
    }
}

/// The parts of a text that begin with `[a title]`, or with a stage or a target.
fn sections(text: &str) -> Vec<(Range<usize>, Option<String>)> {
    let mut sections = Vec::new();
    let (mut open, mut title) = (0, None);
    for line in lines(text, 0..text.len()) {
        if let Some(next) = title_of(&text[line.clone()]) {
            if line.start > open {
                sections.push((open..line.start, title.take()));
            }
            open = line.start;
            title = Some(next);
        }
    }
    sections.push((open..text.len(), title));
    sections
}

fn title_of(line: &str) -> Option<String> {
    let line = line.trim_end();
    let inner = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let stage = line.strip_prefix("FROM ").or_else(|| line.strip_prefix("from "));
    let title = inner.or(stage)?;
    (!title.trim().is_empty()).then(|| one_line(title, 80))
}
