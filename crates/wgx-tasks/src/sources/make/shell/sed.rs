//! `sed` without files that it would write: substitutions, deletions, and lines to print.

use std::cell::Cell;

use regex::{Captures, Regex};

use super::filters::input_of;
use super::pattern::{Syntax, expression, has_alternatives};
use super::{Answer, Shell};

/// Which lines a command is for.
enum Address {
    Number(usize),
    Last,
    Fitting(Regex),
}

enum Action {
    Substitute { from: Regex, to: Vec<Piece>, all: bool, print: bool },
    Delete,
    Print,
    Quit,
}

/// A part of what is put in.
enum Piece {
    Text(String),
    Group(usize),
}

struct Step {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    action: Action,
}

pub(super) fn sed(shell: &Shell<'_, '_>, args: &[&str], input: Option<Answer>) -> Option<Answer> {
    let (mut quiet, mut syntax) = (false, Syntax::Basic);
    let mut scripts: Vec<&str> = Vec::new();
    let mut files: Vec<&str> = Vec::new();
    let mut words = args.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-n" => quiet = true,
            "-E" | "-r" => syntax = Syntax::Extended,
            "-ne" | "-ene" => {
                quiet = true;
                scripts.push(words.next()?);
            }
            "-nE" | "-nr" | "-En" | "-rn" => (quiet, syntax) = (true, Syntax::Extended),
            "-e" => scripts.push(words.next()?),
            option if option.starts_with('-') && option.len() > 1 => return None,
            other => files.push(other),
        }
    }
    if scripts.is_empty() {
        if files.is_empty() {
            return None;
        }
        scripts.push(files.remove(0));
    }
    let mut steps = Vec::new();
    for script in scripts {
        parse(script, syntax, &mut steps)?;
    }
    let input = input_of(shell, &files, input)?;
    let by_place =
        |address: &Option<Address>| matches!(address, Some(Address::Number(_) | Address::Last));
    let in_order = steps.iter().any(|step| {
        by_place(&step.from) || step.to.is_some() || matches!(step.action, Action::Quit)
    });
    if in_order && !input.ordered {
        return None;
    }
    edit(shell, &steps, quiet, &input)
}

fn edit(shell: &Shell<'_, '_>, steps: &[Step], quiet: bool, input: &Answer) -> Option<Answer> {
    let variables = shell.variables;
    let spent = Cell::new(false);
    // A replacement may be longer than what it replaces, and the next one longer again.
    let pay = |bytes: usize| {
        let paid = variables.spend(bytes).is_some();
        spent.set(spent.get() || !paid);
        paid
    };
    let lines: Vec<&str> = input.text.lines().collect();
    let mut inside = vec![false; steps.len()];
    let mut text = String::new();
    let mut put = |line: &str| {
        if pay(line.len() + 1) {
            text.push_str(line);
            text.push('\n');
        }
    };
    'lines: for (index, line) in lines.iter().enumerate() {
        if spent.get() {
            return None;
        }
        let mut line = (*line).to_owned();
        let mut kept = !quiet;
        let mut quits = false;
        for (step, inside) in steps.iter().zip(&mut inside) {
            let place = Spot { line: &line, number: index + 1, last: index + 1 == lines.len() };
            if step.applies(&place, inside) == step.negated {
                continue;
            }
            match &step.action {
                Action::Delete => {
                    kept = false;
                    break;
                }
                Action::Print => put(&line),
                Action::Quit => quits = true,
                Action::Substitute { from, to, all, print } => {
                    if !from.is_match(&line) {
                        continue;
                    }
                    let fill = |found: &Captures<'_>| {
                        let text = filled(to, found);
                        if pay(text.len()) { text } else { String::new() }
                    };
                    let limit = usize::from(!all);
                    line = from.replacen(&line, limit, fill).into_owned();
                    if *print {
                        put(&line);
                    }
                }
            }
            if quits {
                break;
            }
        }
        if kept {
            put(&line);
        }
        if quits {
            break 'lines;
        }
    }
    (!spent.get()).then_some(Answer { text, ok: true, ordered: input.ordered })
}

struct Spot<'l> {
    line: &'l str,
    number: usize,
    last: bool,
}

impl Address {
    fn fits(&self, place: &Spot<'_>) -> bool {
        match self {
            Self::Number(number) => *number == place.number,
            Self::Last => place.last,
            Self::Fitting(expression) => expression.is_match(place.line),
        }
    }
}

impl Step {
    fn applies(&self, place: &Spot<'_>, inside: &mut bool) -> bool {
        let Some(from) = &self.from else {
            return true;
        };
        let Some(to) = &self.to else {
            return from.fits(place);
        };
        if *inside {
            let past = matches!(to, Address::Number(number) if *number <= place.number);
            *inside = !(past || to.fits(place));
            return true;
        }
        if from.fits(place) {
            *inside = !matches!(to, Address::Number(number) if *number <= place.number);
            return true;
        }
        false
    }
}

fn filled(pieces: &[Piece], found: &Captures<'_>) -> String {
    let part = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Group(group) => found.get(*group).map_or("", |part| part.as_str()).to_owned(),
    };
    pieces.iter().map(part).collect()
}

/// The commands of a script, joined with `;` or line ends.
fn parse(script: &str, syntax: Syntax, steps: &mut Vec<Step>) -> Option<()> {
    let mut rest = script;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', ';']);
        if rest.is_empty() {
            return Some(());
        }
        let from = address(&mut rest, syntax)?;
        let mut to = None;
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
            to = Some(address(&mut rest, syntax)??);
        }
        rest = rest.trim_start();
        let negated = rest.starts_with('!');
        rest = rest.trim_start_matches(['!', ' ']);
        let command = rest.chars().next()?;
        rest = &rest[command.len_utf8()..];
        let action = match command {
            'd' => Action::Delete,
            'p' => Action::Print,
            'q' => Action::Quit,
            's' => substitution(&mut rest, syntax)?,
            _ => return None,
        };
        let ends = rest.trim_start_matches([' ', '\t']);
        if !ends.is_empty() && !ends.starts_with([';', '\n']) {
            return None;
        }
        rest = ends;
        steps.push(Step { from, to, negated, action });
    }
}

/// An address, or none; the outer `None` where it cannot be read.
fn address(rest: &mut &str, syntax: Syntax) -> Option<Option<Address>> {
    if let Some(after) = rest.strip_prefix('$') {
        *rest = after;
        return Some(Some(Address::Last));
    }
    if rest.starts_with('/') {
        let (inner, after) = delimited(&rest[1..], '/')?;
        *rest = after;
        return expression(&inner, syntax, false).map(|found| Some(Address::Fitting(found)));
    }
    let digits = rest.len() - rest.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    if digits == 0 {
        return Some(None);
    }
    let number = rest[..digits].parse().ok()?;
    *rest = &rest[digits..];
    Some(Some(Address::Number(number)))
}

/// Up to the delimiter, which a backslash makes ordinary.
fn delimited(text: &str, delimiter: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut in_brackets = false;
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => {
                let (_, escaped) = chars.next()?;
                if escaped != delimiter {
                    inner.push('\\');
                }
                inner.push(escaped);
                continue;
            }
            '[' if delimiter == '/' => in_brackets = true,
            ']' => in_brackets = false,
            _ if char == delimiter && !in_brackets => {
                return Some((inner, &text[at + char.len_utf8()..]));
            }
            _ => {}
        }
        inner.push(char);
    }
    None
}

fn substitution(rest: &mut &str, syntax: Syntax) -> Option<Action> {
    let delimiter = rest.chars().next().filter(|char| !char.is_alphanumeric() && *char != '\\')?;
    let (from, after) = delimited(&rest[delimiter.len_utf8()..], delimiter)?;
    let (to, after) = delimited(after, delimiter)?;
    let flags = after.len() - after.trim_start_matches(|char: char| char.is_alphanumeric()).len();
    let (flags, after) = after.split_at(flags);
    *rest = after;
    if from.is_empty() || has_alternatives(&from) || !flags.chars().all(|c| "gpI".contains(c)) {
        return None;
    }
    let from = expression(&from, syntax, flags.contains('I'))?;
    let (all, print) = (flags.contains('g'), flags.contains('p'));
    Some(Action::Substitute { from, to: pieces(&to)?, all, print })
}

fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let group = match char {
            '&' => 0,
            '\\' => match chars.next()? {
                'n' => {
                    plain.push('\n');
                    continue;
                }
                't' => {
                    plain.push('\t');
                    continue;
                }
                digit @ '0'..='9' => digit.to_digit(10)? as usize,
                other if other.is_ascii_alphanumeric() => return None,
                other => {
                    plain.push(other);
                    continue;
                }
            },
            other => {
                plain.push(other);
                continue;
            }
        };
        found.push(Piece::Text(std::mem::take(&mut plain)));
        found.push(Piece::Group(group));
    }
    found.push(Piece::Text(plain));
    Some(found)
}
