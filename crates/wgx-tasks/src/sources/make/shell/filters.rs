//! Commands that turn lines into lines: `sort`, `uniq`, `grep`, `head`, `tail`, `cut`, `tr`, `wc`, `awk`.

use super::pattern::{Syntax, expression, has_alternatives};
use super::{Answer, Shell};

/// What a filter does with its input; `None` when it is none of them, or has options that are not known.
pub(super) fn filter(
    shell: &Shell<'_, '_>,
    program: &str,
    args: &[&str],
    input: Option<Answer>,
) -> Option<Answer> {
    match program {
        "sort" => sort(shell, args, input),
        "uniq" if args.is_empty() => {
            let input = input?;
            let mut lines: Vec<&str> = input.text.lines().collect();
            lines.dedup();
            Some(lines_of(lines, input.ordered))
        }
        "tac" if args.is_empty() => {
            let input = input?;
            Some(lines_of(input.text.lines().rev(), input.ordered))
        }
        "grep" | "egrep" | "fgrep" => grep(shell, program, args, input),
        "head" | "tail" => ends(shell, program, args, input),
        "cut" => cut(shell, args, input),
        "tr" => translate(args, &input?),
        "wc" => match args {
            ["-l"] => Some(Answer::of(input?.text.matches('\n').count().to_string())),
            ["-w"] => Some(Answer::of(input?.text.split_whitespace().count().to_string())),
            _ => None,
        },
        "awk" | "gawk" | "mawk" => awk(shell, args, input),
        _ => None,
    }
}

fn lines_of(lines: impl IntoIterator<Item = impl AsRef<str>>, ordered: bool) -> Answer {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    Answer { text, ok: true, ordered }
}

/// The named files, else what was piped in.
pub(super) fn input_of(
    shell: &Shell<'_, '_>,
    files: &[&str],
    input: Option<Answer>,
) -> Option<Answer> {
    match files {
        [] | ["-"] => input,
        files => {
            let read = shell.cat(files)?;
            read.ok.then_some(read)
        }
    }
}

/// As the C locale sorts: other locales know other orders, but the same set.
fn sort(shell: &Shell<'_, '_>, args: &[&str], input: Option<Answer>) -> Option<Answer> {
    let (flags, files): (Vec<&str>, Vec<&str>) =
        args.iter().partition(|arg| arg.starts_with('-') && arg.len() > 1);
    let letters: String = flags.iter().map(|flag| flag.trim_start_matches('-')).collect();
    if flags.iter().any(|flag| flag.starts_with("--"))
        || !letters.chars().all(|c| "urf".contains(c))
    {
        return None;
    }
    if letters.contains('f') && letters.contains('u') {
        return None;
    }
    let input = input_of(shell, &files, input)?;
    let mut lines: Vec<&str> = input.text.lines().collect();
    lines.sort_unstable();
    if letters.contains('u') {
        lines.dedup();
    }
    if letters.contains('r') {
        lines.reverse();
    }
    Some(lines_of(lines, true))
}

/// What `grep` was asked.
struct Grep {
    inverted: bool,
    count: bool,
    quiet: bool,
    only: bool,
    names: bool,
    most: usize,
    expressions: Vec<regex::Regex>,
}

fn grep(
    shell: &Shell<'_, '_>,
    program: &str,
    args: &[&str],
    input: Option<Answer>,
) -> Option<Answer> {
    let mut asked = Grep {
        inverted: false,
        count: false,
        quiet: false,
        only: false,
        names: false,
        most: usize::MAX,
        expressions: Vec::new(),
    };
    let (mut ignore_case, mut whole_line, mut whole_word) = (false, false, false);
    let mut fixed = program == "fgrep";
    let mut extended = program == "egrep";
    let mut patterns: Vec<&str> = Vec::new();
    let mut files: Vec<&str> = Vec::new();
    let mut words = args.iter().copied();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            files.push(word);
            continue;
        };
        if letters == "-" {
            files.extend(words.by_ref());
            break;
        }
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            match letter {
                'v' => asked.inverted = true,
                'E' => extended = true,
                'F' => fixed = true,
                'i' => ignore_case = true,
                'x' => whole_line = true,
                'w' => whole_word = true,
                'o' => asked.only = true,
                'c' => asked.count = true,
                'q' => asked.quiet = true,
                'l' => asked.names = true,
                's' | 'h' | 'a' => {}
                'e' | 'm' => {
                    let rest = letters.as_str();
                    let value = if rest.is_empty() { words.next()? } else { rest };
                    match letter {
                        'e' => patterns.push(value),
                        _ => asked.most = value.parse().ok()?,
                    }
                    break;
                }
                _ => return None,
            }
        }
    }
    if patterns.is_empty() {
        if files.is_empty() {
            return None;
        }
        patterns.push(files.remove(0));
    }
    if asked.only && patterns.iter().any(|pattern| has_alternatives(pattern)) {
        return None;
    }
    let syntax = if extended { Syntax::Extended } else { Syntax::Basic };
    for pattern in patterns.iter().flat_map(|pattern| pattern.split('\n')) {
        let source = if fixed {
            regex::escape(pattern)
        } else {
            expression(pattern, syntax, ignore_case)?.as_str().to_owned()
        };
        let source = match (whole_line, whole_word) {
            (true, _) => format!("^(?:{source})$"),
            (_, true) => format!(r"(?:^|\b)(?:{source})(?:\b|$)"),
            _ => source,
        };
        let mut builder = regex::RegexBuilder::new(&source);
        asked.expressions.push(builder.case_insensitive(ignore_case).build().ok()?);
    }
    if asked.names {
        return asked.names_of(shell, &files);
    }
    if files.len() > 1 && !args.contains(&"-h") {
        return None;
    }
    asked.lines(&input_of(shell, &files, input)?)
}

impl Grep {
    fn fits(&self, line: &str) -> bool {
        self.expressions.iter().any(|expression| expression.is_match(line)) != self.inverted
    }

    fn names_of(&self, shell: &Shell<'_, '_>, files: &[&str]) -> Option<Answer> {
        let mut found = Vec::new();
        for file in files {
            let read = shell.cat(&[file])?;
            if !read.ok {
                return None;
            }
            if read.text.lines().any(|line| self.fits(line)) {
                found.push(*file);
            }
        }
        Some(Answer { ok: !found.is_empty(), ..lines_of(found, true) })
    }

    fn lines(&self, input: &Answer) -> Option<Answer> {
        let fitting: Vec<&str> = input.text.lines().filter(|line| self.fits(line)).collect();
        if fitting.len() > self.most && !input.ordered {
            return None;
        }
        let fitting = &fitting[..fitting.len().min(self.most)];
        let mut answer = if self.quiet {
            Answer::of("")
        } else if self.count {
            Answer::of(fitting.len().to_string())
        } else if self.only {
            let parts = fitting.iter().flat_map(|line| {
                let found = self.expressions.iter();
                found.flat_map(|expression| expression.find_iter(line)).map(|part| part.as_str())
            });
            lines_of(parts.filter(|part| !part.is_empty()), input.ordered)
        } else {
            lines_of(fitting, input.ordered)
        };
        answer.ok = !fitting.is_empty();
        Some(answer)
    }
}

fn ends(
    shell: &Shell<'_, '_>,
    program: &str,
    args: &[&str],
    input: Option<Answer>,
) -> Option<Answer> {
    let (count, files) = match args {
        ["-n", count, files @ ..] => (*count, files),
        [count, files @ ..] if count.starts_with("-n") => (&count[2..], files),
        [count, files @ ..] if count.starts_with('-') => (&count[1..], files),
        files => ("10", files),
    };
    if files.len() > 1 {
        return None;
    }
    let input = input_of(shell, files, input)?;
    let lines: Vec<&str> = input.text.lines().collect();
    if lines.len() > 1 && !input.ordered {
        return None;
    }
    let kept = match (program, count.strip_prefix('+')) {
        ("tail", Some(first)) => {
            let first = first.parse::<usize>().ok()?.max(1);
            lines.get(first - 1..).unwrap_or_default()
        }
        ("tail", None) => &lines[lines.len().saturating_sub(count.parse().ok()?)..],
        (_, None) => &lines[..lines.len().min(count.parse().ok()?)],
        _ => return None,
    };
    Some(lines_of(kept, true))
}

fn cut(shell: &Shell<'_, '_>, args: &[&str], input: Option<Answer>) -> Option<Answer> {
    let (mut delimiter, mut fields, mut characters) = ('\t', None, None);
    let mut files = Vec::new();
    let mut only_delimited = false;
    let mut words = args.iter().copied();
    while let Some(word) = words.next() {
        let mut value = |rest: &'_ str| -> Option<String> {
            if rest.is_empty() { words.next().map(str::to_owned) } else { Some(rest.to_owned()) }
        };
        if let Some(rest) = word.strip_prefix("-d") {
            let text = value(rest)?;
            let mut chars = text.chars();
            delimiter = chars.next()?;
            if chars.next().is_some() {
                return None;
            }
        } else if let Some(rest) = word.strip_prefix("-f") {
            fields = Some(value(rest)?);
        } else if let Some(rest) = word.strip_prefix("-c") {
            characters = Some(value(rest)?);
        } else if word == "-s" {
            only_delimited = true;
        } else if word.starts_with('-') {
            return None;
        } else {
            files.push(word);
        }
    }
    let input = input_of(shell, &files, input)?;
    let ranges = ranges(fields.as_deref().or(characters.as_deref())?)?;
    let chosen = |at: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&(at + 1)));
    let lines = input.text.lines().filter_map(|line| {
        if fields.is_none() {
            let chars = line.chars().enumerate().filter(|(at, _)| chosen(*at));
            return Some(chars.map(|(_, char)| char).collect());
        }
        if !line.contains(delimiter) {
            return (!only_delimited).then(|| line.to_owned());
        }
        let parts = line.split(delimiter).enumerate().filter(|(at, _)| chosen(*at));
        let parts: Vec<&str> = parts.map(|(_, part)| part).collect();
        Some(parts.join(&delimiter.to_string()))
    });
    Some(lines_of(lines, input.ordered))
}

/// `1,3-5,7-`.
fn ranges(text: &str) -> Option<Vec<(usize, usize)>> {
    let number = |text: &str, other: usize| {
        if text.is_empty() { Some(other) } else { text.parse().ok() }
    };
    let range = |part: &str| match part.split_once('-') {
        Some((from, to)) => Some((number(from, 1)?, number(to, usize::MAX)?)),
        None => part.parse().ok().map(|only| (only, only)),
    };
    text.split(',').map(range).collect()
}

fn translate(args: &[&str], input: &Answer) -> Option<Answer> {
    let text = &input.text;
    let translated = match args {
        ["-d", set] => {
            let set = characters(set)?;
            text.chars().filter(|char| !set.contains(char)).collect()
        }
        ["-s", set] => {
            let set = characters(set)?;
            let mut last = None;
            let mut squeezed = String::with_capacity(text.len());
            for char in text.chars() {
                if last != Some(char) || !set.contains(&char) {
                    squeezed.push(char);
                }
                last = Some(char);
            }
            squeezed
        }
        [from, to] if !from.starts_with('-') => {
            let (from, to) = (characters(from)?, characters(to)?);
            let last = to.last().copied()?;
            let map = |char: char| match from.iter().rposition(|known| *known == char) {
                Some(at) => to.get(at).copied().unwrap_or(last),
                None => char,
            };
            text.chars().map(map).collect()
        }
        _ => return None,
    };
    Some(Answer { text: translated, ok: true, ordered: input.ordered })
}

/// The characters of a set of `tr`.
fn characters(set: &str) -> Option<Vec<char>> {
    let class = match set {
        "[:upper:]" => Some('A'..='Z'),
        "[:lower:]" => Some('a'..='z'),
        "[:digit:]" => Some('0'..='9'),
        "[:space:]" => return Some(" \t\n\r\u{b}\u{c}".chars().collect()),
        "[:blank:]" => return Some(vec![' ', '\t']),
        _ if set.contains("[:") || set.contains("[=") => return None,
        _ => None,
    };
    if let Some(class) = class {
        return Some(class.collect());
    }
    let mut found: Vec<char> = Vec::new();
    let mut chars = set.chars().peekable();
    while let Some(char) = chars.next() {
        let char = match char {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                '\\' => '\\',
                other if other.is_ascii_alphanumeric() => return None,
                other => other,
            },
            '-' if !found.is_empty() && chars.peek().is_some() => {
                let (from, to) = (found.pop()?, chars.next()?);
                if from > to || u32::from(to) - u32::from(from) > 300 {
                    return None;
                }
                found.extend(from..=to);
                continue;
            }
            other => other,
        };
        found.push(char);
    }
    Some(found)
}

/// `awk [-F X] '[CONDITION] {print FIELDS[; exit]}'`.
fn awk(shell: &Shell<'_, '_>, args: &[&str], input: Option<Answer>) -> Option<Answer> {
    let (separator, rest) = match args {
        ["-F", separator, rest @ ..] => (Some(*separator), rest),
        [joined, rest @ ..] if joined.starts_with("-F") => (Some(&joined[2..]), rest),
        rest => (None, rest),
    };
    let (program, files) = rest.split_first()?;
    let one_character = |separator: &str| separator.chars().count() == 1 && separator != " ";
    if program.starts_with('-') || separator.is_some_and(|text| !one_character(text)) {
        return None;
    }
    let (condition, action) = match program.trim().split_once('{') {
        Some((condition, action)) => (condition.trim(), action.trim().strip_suffix('}')?.trim()),
        None => (program.trim(), "print $0"),
    };
    let condition = Condition::of(condition)?;
    let mut actions = action.split(';').map(str::trim).filter(|part| !part.is_empty());
    let printed = actions.next()?.strip_prefix("print")?.trim();
    let printed = if printed.is_empty() { "$0" } else { printed };
    let exits = match (actions.next(), actions.next()) {
        (None, _) => false,
        (Some("exit"), None) => true,
        _ => return None,
    };
    let input = input_of(shell, files, input)?;
    let mut lines = Vec::new();
    for (index, line) in input.text.lines().enumerate() {
        let fields: Vec<&str> = match separator {
            Some(separator) => line.split(separator).collect(),
            None => line.split_whitespace().collect(),
        };
        if !condition.holds(line, &fields, index + 1) {
            continue;
        }
        let parts = printed.split(',').map(|part| field(part.trim(), line, &fields));
        let parts: Option<Vec<String>> = parts.collect();
        lines.push(parts?.join(" "));
        if exits {
            break;
        }
    }
    if (exits || matches!(condition, Condition::Number(_))) && !input.ordered {
        return None;
    }
    Some(lines_of(lines, input.ordered))
}

enum Condition {
    Always,
    Line(regex::Regex),
    Field(String, String, bool),
    Number(usize),
}

impl Condition {
    fn of(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Always);
        }
        if let Some(inner) = text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            let inner = inner.replace("\\/", "/");
            return expression(&inner, Syntax::Extended, false).map(Self::Line);
        }
        if text.contains(['&', '|', '~', '/']) {
            return None;
        }
        let (left, right, equal) = match text.split_once("!=") {
            Some((left, right)) => (left.trim(), right.trim(), false),
            None => {
                let (left, right) = text.split_once("==")?;
                (left.trim(), right.trim(), true)
            }
        };
        if left == "NR" && equal {
            return right.parse().ok().map(Self::Number);
        }
        let right = right.strip_prefix('"')?.strip_suffix('"')?;
        let plain = !right.contains(['"', '\\']) && right.parse::<f64>().is_err();
        (left.starts_with('$') && plain)
            .then(|| Self::Field(left.to_owned(), right.to_owned(), equal))
    }

    fn holds(&self, line: &str, fields: &[&str], number: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Line(expression) => expression.is_match(line),
            Self::Field(name, value, equal) => {
                field(name, line, fields).is_some_and(|field| (field == *value) == *equal)
            }
            Self::Number(wanted) => *wanted == number,
        }
    }
}

/// `$N`, `$NF`, `$0` or a text in quotes.
fn field(word: &str, line: &str, fields: &[&str]) -> Option<String> {
    if let Some(text) = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        return (!text.contains(['"', '\\'])).then(|| text.to_owned());
    }
    match word.strip_prefix('$')? {
        "0" => Some(line.to_owned()),
        "NF" => Some(fields.last().copied().unwrap_or(line).to_owned()),
        number => {
            let number = number.parse::<usize>().ok()?;
            Some(fields.get(number.checked_sub(1)?).copied().unwrap_or_default().to_owned())
        }
    }
}
