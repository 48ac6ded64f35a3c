//! Shell patterns for one part of a path: `*`, `?`, `[…]`.

/// Whether a name fits a pattern; a leading dot must be written out.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && !pattern.starts_with('.');
    !hidden && fits_any(pattern, name)
}

/// Whether a text fits a pattern as `find` sees it: dots and `/` are ordinary characters.
pub(super) fn fits_any(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes())
}

fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = pattern.get(p..).and_then(|rest| glob_step(rest, name[n]));
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(width) = step {
            p += width;
            n += 1;
        } else if let Some((at, from)) = star {
            p = at + 1;
            n = from + 1;
            star = Some((at, n));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// How many bytes of a pattern fit one byte of a name.
fn glob_step(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let end = pattern.iter().skip(2).position(|byte| *byte == b']')? + 2;
            let (negated, set) = match &pattern[1..end] {
                [b'!' | b'^', rest @ ..] => (true, rest),
                set => (false, set),
            };
            let range =
                |window: &[u8]| window[1] == b'-' && (window[0]..=window[2]).contains(&byte);
            let inside = set.contains(&byte) || set.windows(3).any(range);
            (inside != negated).then_some(end + 1)
        }
        plain => (*plain == byte).then_some(1),
    }
}
