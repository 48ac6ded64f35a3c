//! xc: headings below a heading `Tasks` are tasks.

use contracts::wgx::TaskArg;

use super::{Block, commands};
use crate::sources::{Place, Scan};

/// Adds the tasks of the section and returns what lies outside of it.
pub(super) fn tasks(
    scan: &mut Scan<'_>,
    (file, name): (&str, &str),
    blocks: &[Block],
) -> Vec<Block> {
    let start = blocks.iter().position(|block| {
        matches!(block, Block::Heading { title, .. } if title.eq_ignore_ascii_case("tasks"))
    });
    let Some((start, Block::Heading { level, .. })) = start.map(|at| (at, &blocks[at])) else {
        return blocks.to_vec();
    };
    let outside =
        |block: &Block| matches!(block, Block::Heading { level: own, .. } if own <= level);
    let end = blocks[start + 1..].iter().position(outside);
    let end = end.map_or(blocks.len(), |length| start + 1 + length);
    let section = &blocks[start + 1..end];
    let mut found_any = false;
    let heads = section.iter().enumerate().filter_map(|(at, block)| match block {
        Block::Heading { level: own, title, line } if *own == level + 1 => Some((at, title, *line)),
        _ => None,
    });
    for (at, title, line) in heads {
        let is_next =
            |block: &Block| matches!(block, Block::Heading { level: own, .. } if *own <= level + 1);
        let body = &section[at + 1..];
        let length = body.iter().position(is_next).unwrap_or(body.len());
        if let Some(task) = Task::read(&body[..length]) {
            found_any = true;
            push(scan, (title, Place::new(file, line)), (name, task));
        }
    }
    match found_any {
        true => [&blocks[..start], &blocks[end..]].concat(),
        false => blocks.to_vec(),
    }
}

fn push(scan: &mut Scan<'_>, (title, place): (&str, Place<'_>), (name, task): (&str, Task)) {
    let mut words = vec!["xc"];
    if !name.eq_ignore_ascii_case("readme.md") {
        words.extend(["-file", name]);
    }
    words.push(title);
    let mut found = scan.declare(title, place, crate::sources::scan::argv(&words));
    found.task.description = task.description;
    found.task.args = task.inputs.into_iter().map(required).collect();
    found.commands = task.commands;
    scan.push(found);
}

fn required(name: String) -> TaskArg {
    TaskArg { name, required: true, default: None, variadic: false }
}

#[derive(Default)]
struct Task {
    description: Option<String>,
    inputs: Vec<String>,
    commands: Vec<String>,
}

impl Task {
    /// What stands below a heading; a task has code or requires others.
    fn read(body: &[Block]) -> Option<Self> {
        let mut task = Self::default();
        let mut runs = false;
        for block in body {
            match block {
                Block::Code { body, .. } => {
                    runs = true;
                    task.commands = commands(body);
                }
                Block::Text(text) => match property(text) {
                    Some((key, values)) => {
                        runs |= matches!(key.as_str(), "requires" | "req");
                        if matches!(key.as_str(), "inputs" | "input") {
                            task.inputs.extend(values);
                        }
                    }
                    None if task.description.is_none() => {
                        task.description = Some(text.trim().to_owned());
                    }
                    None => {}
                },
                _ => {}
            }
        }
        runs.then_some(task)
    }
}

/// `Key: value, value` for the keys that xc knows.
fn property(text: &str) -> Option<(String, Vec<String>)> {
    const KEYS: [&str; 13] = [
        "requires",
        "req",
        "inputs",
        "input",
        "directory",
        "dir",
        "environment",
        "env",
        "run",
        "rundeps",
        "rundependencies",
        "interactive",
        "requiresbehaviour",
    ];
    let (key, value) = text.split_once(':')?;
    let key: String = key.to_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
    let values = value.split(',').map(|value| value.trim_matches([' ', '`']).to_owned());
    let values = values.filter(|value| !value.is_empty());
    KEYS.contains(&key.as_str()).then(|| (key, values.collect()))
}
