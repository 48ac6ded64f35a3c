//! Lines: writing them in canonical form, and reading them with every deviation named.

use contracts::hauski::audit::{Line, Outcome};
use jiff::Timestamp;
use serde_json::Value;

use crate::merkle::{self, CompactRange, Hash};

/// Version of the format that is written.
pub(crate) const VERSION: u32 = 1;
/// Bytes of a line, without its line feed, that may be written or read at most.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 10;
/// The largest whole number that every reader of JSON keeps exact.
pub(crate) const MAX_NUMBER: u64 = 1 << 53;

/// Moment of an event: both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// Microseconds since 1970.
    pub(crate) wall_us: i64,
    /// Microseconds since the log was opened.
    pub(crate) mono_us: u64,
}

/// An event whose own members are rendered; what depends on its place in the log is not.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    /// From the opening brace to before the log's identity.
    head: String,
    outcome: Outcome,
    /// The target as a JSON string.
    target: String,
}

/// What the next line continues.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) log: String,
    pub(crate) prev: Hash,
    pub(crate) range: CompactRange,
    /// Time of the last line, microseconds since 1970.
    pub(crate) wall_us: i64,
    /// The same by the clock that never goes back. Events wait in the queue while lines of the log's own are
    /// written, so neither clock may be taken from an event as it is.
    pub(crate) mono_us: u64,
}

impl Rendered {
    pub(crate) fn new(
        action: &str,
        actor: &str,
        target: &str,
        outcome: Outcome,
        data: &std::collections::BTreeMap<String, Value>,
    ) -> Self {
        let mut head = String::with_capacity(160);
        head.push_str("{\"action\":");
        push_json(&mut head, action);
        head.push_str(",\"actor\":");
        push_json(&mut head, actor);
        head.push_str(",\"data\":");
        push_json(&mut head, data);
        let mut rendered = String::with_capacity(target.len() + 2);
        push_json(&mut rendered, target);
        Self { head, outcome, target: rendered }
    }

    /// Bytes it takes in the queue, about.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.target.len()
    }
}

impl Chain {
    pub(crate) fn new(log: &str) -> Self {
        let prev = first_prev(log);
        Self {
            log: log.to_owned(),
            prev,
            range: CompactRange::default(),
            wall_us: i64::MIN,
            mono_us: 0,
        }
    }

    /// Appends the next line, with its line feed, to `out`.
    pub(crate) fn push(&mut self, event: &Rendered, stamp: Stamp, out: &mut Vec<u8>) {
        use std::io::Write as _;
        self.wall_us = self.wall_us.max(stamp.wall_us);
        self.mono_us = self.mono_us.max(stamp.mono_us);
        let outcome = match event.outcome {
            Outcome::Ok => "ok",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
        };
        let start = out.len();
        let time = Timestamp::from_microsecond(self.wall_us).unwrap_or(Timestamp::MAX);
        let (head, log, mono, target) = (&event.head, &self.log, self.mono_us, &event.target);
        let (prev, seq) = (merkle::hex(&self.prev), self.range.size());
        write!(
            out,
            "{head},\"log\":\"{log}\",\"mono\":{mono},\"outcome\":\"{outcome}\",\"prev\":\"{prev}\",\
             \"seq\":{seq},\"target\":{target},\"ts\":\"{time:.6}\",\"v\":{VERSION}}}"
        )
        .unwrap_or_else(|never| unreachable!("writing to memory: {never}"));
        self.prev = merkle::leaf_hash(&out[start..]);
        self.range.push(self.prev);
        out.push(b'\n');
    }
}

/// What the first line of a log names as the line before.
pub(crate) fn first_prev(log: &str) -> Hash {
    merkle::leaf_hash(log.as_bytes())
}

/// serde_json escapes strings as canonical JSON wants it; names are sorted by the map.
fn push_json(out: &mut String, value: &(impl serde::Serialize + ?Sized)) {
    out.push_str(&serde_json::to_string(value).unwrap_or_else(|never| {
        unreachable!("strings, whole numbers and maps with string names are JSON: {never}")
    }));
}

/// A kind of deviation and what was seen.
pub(crate) type Fault = (&'static str, String);

/// Reads a line, which must be exactly what [`Chain::push`] would write.
pub(crate) fn parse(bytes: &[u8]) -> Result<Line, Fault> {
    let text = text_of(bytes)?;
    let line: Line = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let kind = if message.starts_with("duplicate field") {
            "duplicate-key"
        } else if error.is_data() {
            "wrong-member"
        } else {
            "not-json"
        };
        (kind, message)
    })?;
    check_members(&line)?;
    let canonical =
        serde_json::to_string(&line).map_err(|error| ("not-json", error.to_string()))?;
    if canonical != text {
        if has_duplicate_name(text) {
            return Err(("duplicate-key", "`data` names a member twice".to_owned()));
        }
        let at = canonical.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        return Err(("not-canonical", format!("it is not canonical JSON from byte {at} on")));
    }
    Ok(line)
}

fn text_of(bytes: &[u8]) -> Result<&str, Fault> {
    let fault = |kind, detail: &str| Err((kind, detail.to_owned()));
    if bytes.contains(&0) {
        return fault("hole", "it holds zero bytes");
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return fault("bom", "it begins with a byte order mark");
    }
    if bytes.ends_with(b"\r") {
        return fault("crlf", "it ends with a carriage return");
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return fault("not-utf8", "it is not valid UTF-8");
    };
    Ok(text)
}

fn check_members(line: &Line) -> Result<(), Fault> {
    let fault = |kind, detail: String| Err((kind, detail));
    if line.v != VERSION {
        return fault("version", format!("its version is {}, not {VERSION}", line.v));
    }
    if line.seq > MAX_NUMBER || line.mono > MAX_NUMBER {
        return fault("wrong-member", "a number is beyond 2^53".to_owned());
    }
    if let Some((name, _)) =
        line.data.iter().find(|(name, value)| !is_name(name) || !is_value(value, true))
    {
        let name: String = name.chars().take(64).collect();
        return fault("wrong-member", format!("`data` may not hold {name:?} as it stands"));
    }
    if parse_time(&line.ts).is_none() {
        return fault("wrong-member", "`ts` is no time in UTC with microseconds".to_owned());
    }
    Ok(())
}

/// Microseconds since 1970 of a time that is written as [`Chain::push`] writes it.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    let fits = text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        });
    if !fits {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    Some(time.as_microsecond())
}

/// Whether a text may name a member of `data`.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Whether a value may stand in `data`.
pub(crate) fn is_value(value: &Value, lists: bool) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_NUMBER),
        Value::Array(values) => lists && values.iter().all(|value| is_value(value, false)),
        Value::Object(_) => false,
    }
}

/// Whether some member of `data` is named twice, which the typed reading does not see.
fn has_duplicate_name(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Data {
        data: Names,
    }
    struct Names(bool);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Names, A::Error> {
                    let mut seen = std::collections::BTreeSet::new();
                    let mut twice = false;
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        twice |= !seen.insert(name);
                    }
                    Ok(Names(twice))
                }
            }
            from.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Data>(text).is_ok_and(|line| line.data.0)
}
