//! Gemfile.lock against Gemfile.

use std::collections::HashSet;

use super::super::Found;
use super::super::tree::Tree;
use super::in_dir;

pub(super) fn drift(tree: &Tree, dir: &str) -> Vec<Found> {
    let path = in_dir(dir, "Gemfile");
    let (Some(lock), Some(gemfile)) =
        (tree.text_of(&in_dir(dir, "Gemfile.lock")), tree.text_of(&path))
    else {
        return Vec::new();
    };
    if is_computed(&gemfile) {
        return Vec::new();
    }
    let section = lock.lines().skip_while(|line| *line != "DEPENDENCIES").skip(1);
    let locked: HashSet<&str> = section
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.trim().split([' ', '!']).next())
        .collect();
    if locked.is_empty() {
        return Vec::new();
    }
    let named = (1_u32..).zip(gemfile.lines()).filter_map(|(line, text)| Some((line, gem(text)?)));
    let missing = named.filter(|(_, name)| !locked.contains(name));
    missing
        .map(|(line, name)| {
            Found::new(&path, Some(line), format!("`{name}` is not in Gemfile.lock"))
        })
        .collect()
}

/// Whether the file decides while it runs which gems it names.
fn is_computed(gemfile: &str) -> bool {
    let words =
        ["if", "unless", "case", "eval_gemfile", "install_if", "each", "def", "while", "ENV"];
    gemfile.lines().map(|line| line.split('#').next().unwrap_or("")).any(|line| {
        line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| words.contains(&word))
    })
}

/// The name of a line `gem "name", …`.
fn gem(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("gem")?;
    let rest = rest.trim_start_matches([' ', '(']);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest[1..].split(quote).next()
}
