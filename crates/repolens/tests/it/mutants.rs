//! Structural mutants of valid merges: nearly all of them must be rejected, and the share is printed.

use crate::hand::Hand;
use crate::validating::verdict;

/// A change of one place of a merge. Prose may change freely, so mutants touch only what has a form.
const KINDS: [(&str, Mutate); 12] = [
    ("delete a line", |lines, at| {
        lines.remove(at);
    }),
    ("double a line", |lines, at| lines.insert(at, lines[at].clone())),
    ("swap two lines", |lines, at| {
        let other = (at + 1).min(lines.len() - 1);
        lines.swap(at, other);
    }),
    ("cut the rest", |lines, at| lines.truncate(at)),
    ("change a digit", |lines, at| {
        lines[at] =
            change(&lines[at], |c| c.is_ascii_digit(), |c| if c == '7' { '3' } else { '7' });
    }),
    ("change a letter", |lines, at| {
        lines[at] =
            change(&lines[at], |c| c.is_ascii_lowercase(), |c| if c == 'q' { 'k' } else { 'q' });
    }),
    ("drop the last character", |lines, at| {
        lines[at].pop();
    }),
    ("add a character", |lines, at| lines[at].push('x')),
    ("indent", |lines, at| lines[at].insert(0, ' ')),
    ("end with a carriage return", |lines, at| lines[at].push('\r')),
    ("move to the end", |lines, at| {
        let line = lines.remove(at);
        lines.push(line);
    }),
    ("insert a heading", |lines, at| lines.insert(at, "## Structure".to_owned())),
];

type Mutate = fn(&mut Vec<String>, usize);

/// Changes the character in the middle of those that fit.
fn change(line: &str, fits: fn(char) -> bool, to: fn(char) -> char) -> String {
    let places: Vec<usize> =
        line.char_indices().filter(|(_, c)| fits(*c)).map(|(at, _)| at).collect();
    let Some(&place) = places.get(places.len() / 2) else { return line.to_owned() };
    line.char_indices().map(|(at, c)| if at == place { to(c) } else { c }).collect()
}

/// Lines whose words are free: notes, prose of plan and extras, the tree, values for people.
pub(crate) fn is_prose(line: &str) -> bool {
    let free = [
        "> ",
        "1. ",
        "2. ",
        "`max`",
        "Good.",
        "- Files: some",
        "  - 📄",
        "- 📦",
        "_Index",
        "- Not in",
        "**Meta-Mode",
        "No file",
        "  split_",
        "  encoding",
    ];
    line.is_empty() || free.iter().any(|start| line.starts_with(start))
}

#[test]
fn structural_mutants_are_rejected() {
    let merges = [
        Hand::default(),
        Hand::fleet(),
        Hand { density: "min", nav: true, ..Hand::default() },
        Hand { mode: "plan-only", health: false, ..Hand::default() },
    ];
    let (mut all, mut survivors) = (0, Vec::new());
    for hand in &merges {
        let (names, parts) = (hand.names(), hand.parts());
        for (part, text) in parts.iter().enumerate() {
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for at in (0..lines.len()).filter(|at| !is_prose(&lines[*at])) {
                for (name, mutate) in KINDS {
                    let mut mutant = lines.clone();
                    mutate(&mut mutant, at);
                    let changed = mutant.join("\n") + "\n";
                    if changed == *text {
                        continue;
                    }
                    let mut changed_parts = parts.clone();
                    changed_parts[part] = changed;
                    all += 1;
                    if verdict(&names, &changed_parts).valid {
                        survivors.push(format!("{name}: {}", lines[at]));
                    }
                }
            }
        }
    }
    let share = 100.0 * (all - survivors.len()) as f64 / all as f64;
    println!("{share:.2} % of {all} mutants rejected; survivors: {survivors:#?}");
    assert!(share >= 99.5, "{share:.2} % of {all}: {survivors:#?}");
}
