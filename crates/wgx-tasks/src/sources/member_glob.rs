//! Workspace globs (`packages/*`, `!**/test`, `apps/{a,b}`): which folders of the repository they name.
//!
//! Only folders that a pattern can reach are read, the number of folders looked at is bounded, and
//! `node_modules` is never entered.

use crate::files::RepoFiles;

/// Most folders that the patterns of one file may make discovery look at.
const MAX_FOLDERS: usize = 20_000;
/// Most patterns that braces may expand to.
const MAX_EXPANDED: usize = 256;
/// Most comparisons of one name with one pattern segment.
const MAX_STEPS: usize = 10_000;

/// Folders that patterns name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folders {
    /// Relative to the root, sorted, without the root itself.
    pub(super) paths: Vec<String>,
    /// Whether the bound on folders ended the search early.
    pub(super) cut: bool,
    /// Patterns that lead out of the repository.
    pub(super) outside: Vec<String>,
}

/// The folders below `dir` that a list of patterns names. A pattern that starts with `!` removes what
/// the patterns before it named.
pub(super) fn folders(files: &RepoFiles, dir: &str, patterns: &[String]) -> Folders {
    let mut found = Folders::default();
    let mut budget = MAX_FOLDERS;
    if !files.is_dir(dir) {
        return found;
    }
    for pattern in patterns.iter().flat_map(|pattern| braces(pattern)) {
        let (negative, pattern) = match pattern.strip_prefix('!') {
            Some(rest) if !rest.starts_with('(') => (true, rest),
            _ => (false, pattern.as_str()),
        };
        let Some(segments) = segments(dir, pattern) else {
            found.outside.push(pattern.to_owned());
            continue;
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if negative {
            found.paths.retain(|path| {
                let parts: Vec<&str> = path.split('/').collect();
                !matches_path(&segments, &parts, &mut MAX_STEPS.clone())
            });
        } else {
            expand(files, String::new(), &segments, (&mut found.paths, &mut budget));
        }
    }
    found.cut = budget == 0;
    found.paths.retain(|path| path != dir && !path.is_empty());
    found.paths.sort_unstable();
    found.paths.dedup();
    found
}

/// The parts of a pattern from the root on; `None` when it leads out of the repository.
fn segments(dir: &str, pattern: &str) -> Option<Vec<String>> {
    let pattern = pattern.strip_suffix("/package.json").unwrap_or(pattern);
    let mut parts: Vec<String> = Vec::new();
    let pattern = pattern.trim_start_matches('/');
    for part in dir.split('/').chain(pattern.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            "**" if parts.last().is_some_and(|last| last == "**") => {}
            part => parts.push(part.to_owned()),
        }
    }
    Some(parts)
}

fn expand(
    files: &RepoFiles,
    at: String,
    segments: &[&str],
    (found, budget): (&mut Vec<String>, &mut usize),
) {
    let Some((first, rest)) = segments.split_first() else {
        found.push(at);
        return;
    };
    if *budget == 0 {
        return;
    }
    *budget -= 1;
    let child = |name: &str| {
        if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") }
    };
    if *first == "**" {
        expand(files, at.clone(), rest, (found, budget));
        for name in files.folders(&at, false) {
            *budget = budget.saturating_sub(1);
            if !name.starts_with('.') && name != "node_modules" {
                expand(files, child(&name), segments, (found, budget));
            }
        }
        return;
    }
    if !is_pattern(first) {
        let path = child(first);
        if *first != "node_modules" && files.is_dir(&path) {
            expand(files, path, rest, (found, budget));
        }
        return;
    }
    for name in files.folders(&at, true) {
        *budget = budget.saturating_sub(1);
        if name != "node_modules" && matches_name(first, &name) {
            expand(files, child(&name), rest, (found, budget));
        }
    }
}

/// Whether a path, given as parts, is named by a pattern, given as segments.
fn matches_path(segments: &[&str], parts: &[&str], steps: &mut usize) -> bool {
    if *steps == 0 {
        return false;
    }
    *steps -= 1;
    match (segments.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), None) => matches_path(rest, parts, steps),
        (Some((&"**", rest)), Some((_, later))) => {
            matches_path(rest, parts, steps) || matches_path(segments, later, steps)
        }
        (Some((segment, rest)), Some((part, later))) => {
            matches_name(segment, part) && matches_path(rest, later, steps)
        }
        _ => false,
    }
}

fn is_pattern(segment: &str) -> bool {
    segment.contains(['*', '?', '[', '(', '\\'])
}

/// Whether one name matches one segment (`*`, `?`, `[a-z]`, `@(a|b)`, `!(a)`). Hidden names need a
/// pattern that starts with a dot.
pub(super) fn matches_name(segment: &str, name: &str) -> bool {
    if name.starts_with('.') && !segment.starts_with('.') {
        return false;
    }
    let segment: Vec<char> = segment.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let mut steps = MAX_STEPS;
    matches_chars(&segment, &name, &mut steps)
}

fn matches_chars(pattern: &[char], name: &[char], steps: &mut usize) -> bool {
    if *steps == 0 {
        return false;
    }
    *steps -= 1;
    if let [kind @ ('!' | '@' | '+' | '?' | '*'), '(', rest @ ..] = pattern
        && let Some((options, after)) = group(rest)
    {
        return matches_group(*kind, &options, (after, name), steps);
    }
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => (0..=name.len()).any(|skip| matches_chars(rest, &name[skip..], steps)),
        ['?', rest @ ..] => !name.is_empty() && matches_chars(rest, &name[1..], steps),
        ['[', rest @ ..] if rest.iter().skip(1).any(|c| *c == ']') => {
            let Some((first, later)) = name.split_first() else {
                return false;
            };
            let (inside, rest) = in_class(rest, *first);
            inside && matches_chars(rest, later, steps)
        }
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
            name.first() == Some(literal) && matches_chars(rest, &name[1..], steps)
        }
    }
}

/// The alternatives of a group and what follows it.
fn group(rest: &[char]) -> Option<(Vec<&[char]>, &[char])> {
    let end = rest.iter().position(|c| *c == ')')?;
    Some((rest[..end].split(|c| *c == '|').collect(), &rest[end + 1..]))
}

fn matches_group(
    kind: char,
    options: &[&[char]],
    (after, name): (&[char], &[char]),
    steps: &mut usize,
) -> bool {
    (0..=name.len()).any(|length| {
        let (head, tail) = name.split_at(length);
        let one = options.iter().any(|option| matches_chars(option, head, steps));
        let taken = match kind {
            '!' => !one,
            '@' => one,
            '?' => one || head.is_empty(),
            '+' => one || repeats(options, head, steps),
            _ => head.is_empty() || one || repeats(options, head, steps),
        };
        taken && matches_chars(after, tail, steps)
    })
}

fn repeats(options: &[&[char]], name: &[char], steps: &mut usize) -> bool {
    if name.is_empty() {
        return true;
    }
    if *steps == 0 {
        return false;
    }
    *steps -= 1;
    (1..=name.len()).any(|length| {
        let (head, tail) = name.split_at(length);
        options.iter().any(|option| matches_chars(option, head, steps))
            && repeats(options, tail, steps)
    })
}

/// Whether a character is in the class that starts after `[`, and what follows the class.
fn in_class(class: &[char], wanted: char) -> (bool, &[char]) {
    let (negated, class) = match class {
        ['!' | '^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let end = class.iter().skip(1).position(|c| *c == ']').map_or(class.len(), |at| at + 1);
    let body = &class[..end];
    let mut inside = false;
    let mut at = 0;
    while at < body.len() {
        if at + 2 < body.len() && body[at + 1] == '-' {
            inside |= (body[at]..=body[at + 2]).contains(&wanted);
            at += 3;
        } else {
            inside |= body[at] == wanted;
            at += 1;
        }
    }
    (inside != negated, class.get(end + 1..).unwrap_or(&[]))
}

/// Expands `{a,b}`; a pattern with too many combinations keeps the first ones.
fn braces(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() > MAX_EXPANDED {
            break;
        }
        match split_braces(&pattern) {
            Some(expanded) => open.extend(expanded.into_iter().rev()),
            None => done.push(pattern),
        }
    }
    done
}

/// The alternatives of the first innermost group of braces with a comma.
fn split_braces(pattern: &str) -> Option<Vec<String>> {
    let mut start = None;
    for (at, byte) in pattern.bytes().enumerate() {
        match byte {
            b'{' => start = Some(at),
            b'}' => {
                if let Some(start) = start.take()
                    && pattern[start..at].contains(',')
                {
                    let (head, tail) = (&pattern[..start], &pattern[at + 1..]);
                    let options = pattern[start + 1..at].split(',');
                    return Some(options.map(|part| format!("{head}{part}{tail}")).collect());
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repository(dirs: &[&str]) -> (tempfile::TempDir, RepoFiles) {
        let dir = tempfile::tempdir().unwrap();
        for path in dirs {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        let files = RepoFiles::new(dir.path()).unwrap();
        (dir, files)
    }

    fn named(files: &RepoFiles, patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        folders(files, "", &patterns).paths
    }

    #[test]
    fn stars_braces_and_negation() {
        let (_dir, files) = repository(&[
            "packages/a/deep",
            "packages/b",
            "packages/.hidden",
            "apps/web",
            "apps/node_modules/x",
            "tools",
        ]);
        assert_eq!(named(&files, &["packages/*"]), ["packages/a", "packages/b"]);
        assert_eq!(named(&files, &["./packages/*/", "!packages/b"]), ["packages/a"]);
        assert_eq!(named(&files, &["{apps,tools}/**"]), ["apps", "apps/web", "tools"]);
        assert_eq!(named(&files, &["packages/.*"]), ["packages/.hidden"]);
        assert_eq!(named(&files, &["packages/!(a)"]), ["packages/b"]);
        assert_eq!(named(&files, &["**", "!**/deep"]).len(), 6);
        assert_eq!(named(&files, &["."]), Vec::<String>::new());
        assert_eq!(folders(&files, "", &["../x".to_owned()]).outside, ["../x"]);
        assert_eq!(folders(&files, "apps", &["*".to_owned()]).paths, ["apps/web"]);
    }

    #[test]
    fn names_match_segments() {
        for (segment, name, expected) in [
            ("*-app", "web-app", true),
            ("a[b-d]?", "acx", true),
            ("a[!b]", "ab", false),
            ("@(a|b)-x", "b-x", true),
            ("+(ab)", "abab", true),
            ("pre-*", "pre", false),
        ] {
            assert_eq!(matches_name(segment, name), expected, "{segment} {name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_ends(pattern in "[ab*?!@+(){}|,/.\\[\\]\\\\-]{0,40}", name in "[ab.]{0,20}") {
            let (_dir, files) = repository(&["a/b", "b"]);
            let _ = folders(&files, "", std::slice::from_ref(&pattern));
            for part in braces(&pattern) {
                let _ = matches_name(&part, &name);
            }
        }
    }
}
