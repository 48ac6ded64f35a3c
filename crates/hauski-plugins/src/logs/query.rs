//! What somebody looks for in logs.

use contracts::hauski::plugin_status::LogLine;
use contracts::hauski::protocol::Level;
use regex::{Regex, RegexBuilder};

/// Memory that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

/// What somebody looks for in logs.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// Text that the message holds, whatever its case.
    pub text: Option<String>,
    /// Pattern of which the message holds a match.
    pub pattern: Option<LogPattern>,
    /// Lines at least as loud.
    pub min_level: Option<Level>,
    /// Lines not before this time, RFC 3339 in UTC.
    pub since: Option<String>,
    /// Lines before this time, RFC 3339 in UTC.
    pub until: Option<String>,
    /// So many of the newest lines; default 500.
    pub limit: usize,
}

/// A regular expression of bounded size.
#[derive(Clone, Debug)]
pub struct LogPattern(Regex);

/// A pattern cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not a regular expression: {0}")]
pub struct LogQueryError(#[from] regex::Error);

impl Default for LogQuery {
    fn default() -> Self {
        Self { text: None, pattern: None, min_level: None, since: None, until: None, limit: 500 }
    }
}

impl LogQuery {
    /// Lines whose message holds a match of a regular expression.
    ///
    /// # Errors
    ///
    /// When it is none, or too large.
    pub fn with_pattern(mut self, pattern: &str) -> Result<Self, LogQueryError> {
        let pattern = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build()?;
        self.pattern = Some(LogPattern(pattern));
        Ok(self)
    }

    /// Whether a line fits.
    pub fn matches(&self, line: &LogLine) -> bool {
        self.min_level.is_none_or(|level| line.level >= level)
            && self.since.as_ref().is_none_or(|since| line.at >= *since)
            && self.until.as_ref().is_none_or(|until| line.at < *until)
            && self.text.as_ref().is_none_or(|text| holds(&line.message, text))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.0.is_match(&line.message))
    }
}

fn holds(message: &str, text: &str) -> bool {
    message.contains(text) || message.to_lowercase().contains(&text.to_lowercase())
}
