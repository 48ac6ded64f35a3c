//! Markdown (opt-in): shell blocks as runme reads them, `## Tasks` as xc does, `maskfile.md` as mask does.
//!
//! Read are the Markdown files of the folder itself; what lies in `docs` is found with a deep search.

mod blocks;
mod mask;
mod shell;
mod xc;

use blocks::{Block, blocks};

use super::Scan;

pub(super) fn discover(scan: &mut Scan<'_>) {
    for name in scan.entries() {
        let lower = name.to_lowercase();
        if !lower.ends_with(".md") {
            continue;
        }
        let file = scan.path(&name);
        if !scan.files.is_file(&file) {
            continue;
        }
        let Some(text) = scan.read(&file) else {
            continue;
        };
        let blocks = blocks(&text);
        if lower == "maskfile.md" {
            mask::tasks(scan, (&file, &name), &blocks);
        } else {
            let rest = xc::tasks(scan, (&file, &name), &blocks);
            shell::tasks(scan, &file, &rest);
        }
    }
}

/// The commands of a shell block: behind prompts where there are prompts, else all of it.
fn commands(body: &[String]) -> Vec<String> {
    let behind = |line: &str| {
        let line = line.trim_start();
        ["$ ", "% "].iter().find_map(|prompt| line.strip_prefix(prompt)).map(str::to_owned)
    };
    if !body.iter().any(|line| behind(line).is_some()) {
        let end = body.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |at| at + 1);
        return body[..end].to_vec();
    }
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in body {
        let command = match behind(line) {
            Some(command) => command,
            None if goes_on => line.strip_prefix("> ").unwrap_or(line).to_owned(),
            None => continue,
        };
        goes_on = command.trim_end().ends_with('\\');
        commands.push(command);
    }
    commands
}

/// The first line of prose.
fn prose(blocks: &[Block]) -> Option<String> {
    blocks.iter().find_map(|block| match block {
        Block::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    })
}
