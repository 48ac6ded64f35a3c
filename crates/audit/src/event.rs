//! Events as callers hand them in, and the gate through which they become lines: secrets are masked, long
//! names cut, and both are said in the line.

use std::collections::BTreeMap;

use contracts::hauski::audit::Outcome;
use redact::Redactor;
use serde_json::Value;
use thiserror::Error;

use crate::line::{self, Rendered};

/// Bytes of an actor or target that are kept.
const MAX_NAME_BYTES: usize = 1024;
/// Bytes of `data` in JSON.
const MAX_DATA_BYTES: usize = 8 << 10;

/// Something that happened. Holds ids, counts and durations, never contents.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Who: `key:<id>`, `local:<uid>`, `plugin:<name>`, `system`. Cut after 1,024 bytes.
    pub actor: String,
    /// What, in dotted words of `a-z 0-9 _`: `egress.decide`. `log.…` is the log's own.
    pub action: String,
    /// On what: an origin, a key id, a route. Cut after 1,024 bytes.
    pub target: String,
    /// How it ended; [`Outcome::Ok`] unless said.
    pub outcome: Outcome,
    /// Strings, whole numbers up to 2⁵³, truth values, null, lists of these; 8 KiB at most.
    pub data: BTreeMap<String, Value>,
}

/// How soon an event is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// At once: the caller waits for the receipt before it answers.
    Durable,
    /// Together with others within the window of [`crate::Options`].
    Grouped,
}

/// An event that no line can hold; a fault of the caller.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EventError {
    /// The action is not of dotted words, or the log's own.
    #[error(
        "`{0}` is no action of an event: use dotted words of a-z, 0-9 and _, not beginning with log."
    )]
    Action(String),
    /// A member of the data has a name or value that lines do not hold.
    #[error(
        "`{0}` in the data of an event is no string, whole number, truth value or list of these"
    )]
    Data(String),
    /// The data are too many.
    #[error("the data of an event take {0} bytes; {MAX_DATA_BYTES} are allowed")]
    Size(usize),
}

impl Event {
    /// An event that went well, without data.
    pub fn new(
        actor: impl Into<String>,
        action: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        Self {
            actor: actor.into(),
            action: action.into(),
            target: target.into(),
            outcome: Outcome::Ok,
            data: BTreeMap::new(),
        }
    }

    /// With another outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// With a member of the data more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }

    /// Checks, cuts, masks and renders.
    pub(crate) fn render(self, redactor: &Redactor) -> Result<Rendered, EventError> {
        if !is_action(&self.action) {
            return Err(EventError::Action(self.action.chars().take(64).collect()));
        }
        let fits =
            |(name, value): &(&String, &Value)| line::is_name(name) && line::is_value(value, true);
        if let Some((name, _)) = self.data.iter().find(|member| !fits(member)) {
            return Err(EventError::Data(name.chars().take(64).collect()));
        }
        let mut gate = Gate { redactor, masked: 0, cut: 0 };
        let actor = gate.name(self.actor);
        let target = gate.name(self.target);
        let mut data = self.data;
        data.values_mut().for_each(|value| gate.value(value));
        if gate.masked > 0 {
            data.insert("masked".to_owned(), gate.masked.into());
        }
        if gate.cut > 0 {
            data.insert("cut_bytes".to_owned(), gate.cut.into());
        }
        let rendered = Rendered::new(&self.action, &actor, &target, self.outcome, &data);
        let size = data.iter().map(|(name, value)| name.len() + size_of(value)).sum();
        if size > MAX_DATA_BYTES {
            return Err(EventError::Size(size));
        }
        Ok(rendered)
    }
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size_of).sum(),
        _ => 20,
    }
}

fn is_action(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.len() <= 64 && !text.starts_with("log.") && text.split('.').all(word)
}

struct Gate<'r> {
    redactor: &'r Redactor,
    masked: usize,
    cut: usize,
}

impl Gate<'_> {
    fn mask(&mut self, text: String) -> String {
        if !redact::may_hold_secret(text.as_bytes()) {
            return text;
        }
        let masked = self.redactor.mask(&text);
        self.masked += masked.findings.len();
        masked.text
    }

    /// Masks before it cuts, so that no half of a secret passes.
    fn name(&mut self, text: String) -> String {
        let mut text = self.mask(text);
        if text.len() > MAX_NAME_BYTES {
            let end = text.floor_char_boundary(MAX_NAME_BYTES);
            self.cut += text.len() - end;
            text.truncate(end);
        }
        text
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.mask(std::mem::take(text)),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(event: Event) -> String {
        let rendered = event.render(&Redactor::for_merges()).unwrap();
        let mut out = Vec::new();
        let stamp = line::Stamp { wall_us: 0, mono_us: 7 };
        line::Chain::new("l").push(&rendered, stamp, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_canonical_json_with_sorted_members() {
        let event = Event::new("local:0", "key.create", "k\u{1}\"é").with("b", 2).with("a", "x");
        let line = rendered(event);
        insta::assert_snapshot!(line, @r#"{"action":"key.create","actor":"local:0","data":{"a":"x","b":2},"log":"l","mono":7,"outcome":"ok","prev":"58fe086fe8376a7f83e2774a29fb609cde97ea058d84c931194e2b967b79bef3","seq":0,"target":"k\u0001\"é","ts":"1970-01-01T00:00:00.000000Z","v":1}"#);
        assert!(line::parse(line.trim_end().as_bytes()).is_ok());
    }

    #[test]
    fn a_secret_is_masked_and_counted() {
        let secret = format!("gh{}_{}", "p", "16C7e42F292c6912E7710c838347Ae178B4a");
        let line = rendered(Event::new("system", "egress.decide", format!("https://h/{secret}")));
        assert!(!line.contains(&secret), "{line}");
        assert!(line.contains(r#""data":{"masked":1}"#), "{line}");
    }

    #[test]
    fn a_long_target_is_cut_and_said() {
        let line = rendered(Event::new("system", "egress.decide", "é".repeat(600)));
        assert!(line.contains(r#""data":{"cut_bytes":176}"#), "{line}");
    }

    #[test]
    fn what_no_line_holds_is_refused() {
        let refused = |event: Event| event.render(&Redactor::for_merges()).unwrap_err().to_string();
        insta::assert_snapshot!(refused(Event::new("s", "log.close", "")), @"`log.close` is no action of an event: use dotted words of a-z, 0-9 and _, not beginning with log.");
        insta::assert_snapshot!(refused(Event::new("s", "a", "").with("x", 0.5)), @"`x` in the data of an event is no string, whole number, truth value or list of these");
        insta::assert_snapshot!(refused(Event::new("s", "a", "").with("x", 1_u64 << 54)), @"`x` in the data of an event is no string, whole number, truth value or list of these");
        insta::assert_snapshot!(refused(Event::new("s", "a", "").with("x", "y".repeat(9000))), @"the data of an event take 9001 bytes; 8192 are allowed");
    }
}
