//! Logs: blocks between pauses and around errors; a line that repeats the one before is counted instead of shown.

use std::ops::Range;
use std::rc::Rc;

use super::ChunkOptions;
use super::header::one_line;
use super::lines::{self, is_blank, lines};
use super::pack::{Packer, Piece, Scope, no_scope};
use super::tokens::estimate;

/// A pause at least this long ends a block, in seconds.
const PAUSE_SECONDS: i64 = 60;
/// Lines before an error that belong to its block.
const CONTEXT_LINES: usize = 4;
/// A time is looked for in so many bytes of a line.
const TIME_WITHIN: usize = 48;
/// Longest signature, in characters.
const ERROR_CHARS: usize = 160;

/// One line of a log.
struct Line<'t> {
    range: Range<usize>,
    /// Without colours and without the blanks at its end.
    shown: std::borrow::Cow<'t, str>,
    time: Option<Time>,
    is_error: bool,
    /// Lines behind it that say the same; they are part of the range.
    folded: u32,
}

/// When a line was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Time {
    /// Seconds since some day.
    seconds: i64,
    /// Whether the day is known.
    dated: bool,
    /// Where it stands in the line as it is shown.
    at: usize,
    end: usize,
}

/// Cuts a whole log.
pub(super) fn split(text: &str, options: &ChunkOptions) -> Vec<Piece> {
    let packer = Packer::new(text, options);
    let lines = read(&packer, text);
    let breaks = breaks(&lines);
    let mut pieces = Vec::new();
    let mut open: Vec<Line<'_>> = Vec::new();
    let (mut tokens, mut bytes) = (0, 0);
    for (line, kind) in lines.into_iter().zip(breaks) {
        let cost = estimate(&line.shown) + if line.folded > 0 { 8 } else { 0 };
        let full =
            tokens + cost > options.text_tokens || bytes + line.shown.len() > options.text_bytes;
        let wanted = match kind {
            Break::None => false,
            Break::Error => tokens * 3 > options.text_tokens,
            Break::Pause => tokens * 8 > options.text_tokens,
        };
        if !open.is_empty() && (full || wanted) {
            pieces.push(piece(&open));
            open.clear();
            (tokens, bytes) = (0, 0);
        }
        tokens += cost;
        bytes += line.shown.len();
        open.push(line);
    }
    if !open.is_empty() {
        pieces.push(piece(&open));
    }
    pieces
}

/// Whether most of the first lines of a text begin with a time.
pub(super) fn is_log(text: &str, looked_at: usize) -> bool {
    let lines = text.lines().filter(|line| !line.trim().is_empty()).take(looked_at);
    let (mut all, mut timed) = (0, 0);
    for line in lines {
        all += 1;
        timed += usize::from(time_of(line).is_some_and(|time| time.at <= 12));
    }
    all >= 4 && timed * 3 > all * 2
}

/// The lines that are not blank; blank ones belong to the line before them.
fn read<'t>(packer: &Packer<'t>, text: &'t str) -> Vec<Line<'t>> {
    let mut read: Vec<Line<'t>> = Vec::new();
    for range in lines(text, 0..text.len()) {
        let content = text[range.clone()].trim_end_matches(is_blank);
        if content.trim_matches(is_blank).is_empty() {
            if let Some(last) = read.last_mut() {
                last.range.end = range.end;
            }
            continue;
        }
        if !packer.fits(&range) {
            for window in lines::windows(packer, range) {
                let content = text[window.clone()].trim_end_matches(is_blank);
                if !content.trim_matches(is_blank).is_empty() {
                    read.push(line(window, content));
                }
            }
            continue;
        }
        let line = line(range, content);
        match read.last_mut() {
            Some(last) if message(last) == message(&line) => {
                last.range.end = line.range.end;
                last.folded += 1;
            }
            _ => read.push(line),
        }
    }
    read
}

fn line(range: Range<usize>, content: &str) -> Line<'_> {
    let shown = if content.contains(['\u{1b}', '\r']) {
        std::borrow::Cow::Owned(memory::plain_text(content).trim_end().to_owned())
    } else {
        std::borrow::Cow::Borrowed(content)
    };
    Line { range, time: time_of(&shown), is_error: is_error(&shown), folded: 0, shown }
}

/// A line without its time.
fn message<'l>(line: &'l Line<'_>) -> (&'l str, &'l str) {
    match line.time {
        Some(time) => (&line.shown[..time.at], &line.shown[time.end..]),
        None => ("", &line.shown),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    None,
    /// An error and what led to it begin here, or end.
    Error,
    /// Nothing was written for a while.
    Pause,
}

/// Before which lines a block may end.
fn breaks(lines: &[Line<'_>]) -> Vec<Break> {
    let mut breaks = vec![Break::None; lines.len()];
    let mut last_time: Option<Time> = None;
    let mut quiet = usize::MAX;
    for (at, line) in lines.iter().enumerate() {
        if line.is_error {
            if quiet > CONTEXT_LINES * 2 {
                breaks[at.saturating_sub(CONTEXT_LINES)] = Break::Error;
            }
            quiet = 0;
        } else {
            quiet = quiet.saturating_add(1);
            // What is indented below an error explains it.
            let explains = line.shown.starts_with([' ', '\t']);
            if quiet == CONTEXT_LINES && !explains {
                breaks[at] = Break::Error;
            }
        }
        if let Some(time) = line.time {
            if last_time.is_some_and(|last| {
                last.dated == time.dated && (time.seconds - last.seconds) >= PAUSE_SECONDS
            }) {
                breaks[at] = Break::Pause;
            }
            last_time = Some(time);
        }
    }
    breaks
}

fn piece(lines: &[Line<'_>]) -> Piece {
    let mut shown = String::new();
    let mut folded_lines = 0;
    let error = lines.iter().find(|line| line.is_error);
    let signature = error.map(|line| {
        let (before, behind) = message(line);
        one_line(&format!("{before}{behind}"), ERROR_CHARS)
    });
    let first_time =
        lines.iter().find_map(|line| Some(line.shown[line.time?.at..line.time?.end].to_owned()));
    let scope: Scope = first_time.map_or_else(no_scope, |time| Rc::from([time]));
    let range = lines.first().map_or(0, |line| line.range.start)
        ..lines.last().map_or(0, |line| line.range.end);
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            shown.push('\n');
        }
        shown.push_str(&line.shown);
        if line.folded > 0 {
            shown.push_str(&format!("\n[{} more lines like this one]", line.folded));
            folded_lines += line.folded;
        }
    }
    Piece { range, scope, signature, shown: Some(shown), folded_lines }
}

/// Words that only failing programs print; compared in lower case.
const ERRORS: [&str; 14] = [
    "error",
    "errors",
    "err",
    "fatal",
    "panic",
    "panicked",
    "exception",
    "traceback",
    "failed",
    "failure",
    "fail",
    "critical",
    "segfault",
    "aborted",
];
/// Words before or behind them that deny it.
const DENIALS: [&str; 4] = ["0", "no", "without", "zero"];

fn is_error(line: &str) -> bool {
    let mut before = "";
    let mut words =
        line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        // `ValueError`, `NullPointerException`: the end of a name counts, its parts inside do not.
        let lower = word.to_lowercase();
        let named = (lower.ends_with("error") || lower.ends_with("exception"))
            && word.chars().any(char::is_uppercase);
        if named || ERRORS.contains(&lower.as_str()) {
            let denied = DENIALS.contains(&before.to_lowercase().as_str())
                || words.peek().is_some_and(|next| *next == "0");
            if !denied {
                return true;
            }
        }
        before = word;
    }
    false
}

/// The first time in the beginning of a line.
fn time_of(line: &str) -> Option<Time> {
    let bytes = &line.as_bytes()[..line.len().min(TIME_WITHIN)];
    let colon = memchr::memchr(b':', bytes)?;
    // `HH:MM:SS` around the first colon.
    let at = colon.checked_sub(2)?;
    let pair = |at: usize| -> Option<i64> {
        let digits = bytes.get(at..at + 2)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| i64::from(digits[0] - b'0') * 10 + i64::from(digits[1] - b'0'))
    };
    let (hour, minute, second) = (pair(at)?, pair(at + 3)?, pair(at + 6)?);
    if bytes.get(at + 5) != Some(&b':') || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let clock = hour * 3600 + minute * 60 + second;
    let mut end = at + 8;
    if matches!(bytes.get(end), Some(b'.' | b',')) {
        let fraction = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        end += if fraction > 0 { fraction + 1 } else { 0 };
    }
    if bytes.get(end) == Some(&b'Z') {
        end += 1;
    } else if matches!(bytes.get(end), Some(b'+' | b'-')) && pair(end + 1).is_some() {
        end += 3;
        if bytes.get(end) == Some(&b':') && pair(end + 1).is_some() {
            end += 3;
        } else if pair(end).is_some() {
            end += 2;
        }
    }
    let date = at.checked_sub(11).and_then(|from| {
        let separator = bytes.get(at - 1)?;
        let date = line.get(from..at - 1)?;
        matches!(separator, b'T' | b' ').then_some(())?;
        Some((from, date.replace('/', "-").parse::<jiff::civil::Date>().ok()?))
    });
    match date {
        Some((from, date)) => {
            let day = (date - jiff::civil::date(2000, 1, 1)).get_days();
            Some(Time { seconds: i64::from(day) * 86_400 + clock, dated: true, at: from, end })
        }
        None => Some(Time { seconds: clock, dated: false, at, end }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_where_programs_write_them() {
        fn found(line: &str) -> Option<(&str, bool)> {
            time_of(line).map(|time| (&line[time.at..time.end], time.dated))
        }
        let cases = [
            ("2026-11-21T20:01:49Z hello", Some(("2026-11-21T20:01:49Z", true))),
            ("[2026/11/21 20:01:49,123] x", Some(("2026/11/21 20:01:49,123", true))),
            ("Nov 21 20:01:49 host sshd[1]: x", Some(("20:01:49", false))),
            ("2026-11-21T20:01:49.5+01:00 x", Some(("2026-11-21T20:01:49.5+01:00", true))),
            ("src/main.rs:10:5: error", None),
            ("99:99:99", None),
            ("no time at all", None),
        ];
        for (line, expected) in cases {
            assert_eq!(found(line), expected, "{line}");
        }
    }

    #[test]
    fn errors_are_told_from_their_absence() {
        for line in
            ["ERROR: no space", "ValueError: x", "test a ... FAILED", "thread 'main' panicked at x"]
        {
            assert!(is_error(line), "{line}");
        }
        for line in ["0 errors", "finished without error", "errors: 0", "terror", "mirror ready"] {
            assert!(!is_error(line), "{line}");
        }
    }
}
