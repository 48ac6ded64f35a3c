//! mask: each heading of a `maskfile.md` from the second level on that has code is a command.

use contracts::wgx::TaskArg;

use super::Block;
use crate::sources::{Place, Scan};

pub(super) fn tasks(scan: &mut Scan<'_>, (file, name): (&str, &str), blocks: &[Block]) {
    // Names of the commands above, by level.
    let mut above: Vec<(usize, Vec<String>)> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let Block::Heading { level, title, line } = block else {
            continue;
        };
        if *level < 2 {
            above.clear();
            continue;
        }
        above.retain(|(known, _)| known < level);
        let (words, mut args) = heading(title);
        let parent = above.last().map(|(_, words)| words.clone()).unwrap_or_default();
        let own = words.strip_prefix(parent.as_slice()).unwrap_or(&words);
        let path = [parent.as_slice(), own].concat();
        above.push((*level, path.clone()));
        let body = &blocks[at + 1..];
        let is_heading = |block: &Block| matches!(block, Block::Heading { .. });
        let body = &body[..body.iter().position(is_heading).unwrap_or(body.len())];
        let Some(commands) = code(body) else {
            continue;
        };
        args.extend(options(body));
        let mut words = vec!["mask"];
        if name != "maskfile.md" {
            words.extend(["--maskfile", name]);
        }
        words.extend(path.iter().map(String::as_str));
        let program = crate::sources::scan::argv(&words);
        let mut found = scan.declare(&path.join(" "), Place::new(file, *line), program);
        found.task.description = body.iter().find_map(|block| match block {
            Block::Quote(text) => Some(text.clone()),
            _ => None,
        });
        found.task.args = args;
        found.commands = commands;
        scan.push(found);
    }
}

/// The words of a heading and its arguments: `build (target) (mode?) (files...)`.
fn heading(title: &str) -> (Vec<String>, Vec<TaskArg>) {
    let (names, args) = title.split_once('(').unwrap_or((title, ""));
    let words = names.split_whitespace().map(|word| word.trim_matches('`').to_owned());
    let args = args.split('(').map(|arg| arg.trim().trim_end_matches(')').trim());
    let args = args.filter(|arg| !arg.is_empty()).map(|arg| {
        let variadic = arg.ends_with("...") || arg.ends_with('…');
        let name = arg.trim_end_matches(['.', '…', '?']);
        let (name, default) = match name.split_once('=') {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (name, None),
        };
        let required = !arg.contains('?') && default.is_none() && !variadic;
        TaskArg { name: name.to_owned(), required, default, variadic }
    });
    (words.collect(), args.collect())
}

/// The options of a list: `* port` with `* flags: -p --port` below.
fn options(body: &[Block]) -> Vec<TaskArg> {
    let lines = body.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text.trim().trim_start_matches(['*', '-', '+']).trim()),
        _ => None,
    });
    let mut options: Vec<TaskArg> = Vec::new();
    for line in lines {
        if let Some(flags) = line.strip_prefix("flags:") {
            let long = flags.split_whitespace().find(|flag| flag.starts_with("--"));
            if let Some(flag) = long.or_else(|| flags.split_whitespace().next()) {
                let name = flag.trim_matches([',', '`']).to_owned();
                options.push(TaskArg { name, required: false, default: None, variadic: false });
            }
        } else if line == "required"
            && let Some(last) = options.last_mut()
        {
            last.required = true;
        }
    }
    options
}

/// The code of a command; a command without code only groups others.
fn code(body: &[Block]) -> Option<Vec<String>> {
    body.iter().find_map(|block| match block {
        Block::Code { info, body, .. } if !info.is_empty() => Some(body.clone()),
        _ => None,
    })
}
