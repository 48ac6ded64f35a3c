//! The summary that k6 writes with `--summary-export`, and `hauski bench` too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Measured, Subject};

/// Metrics by name, each with its figures by name (`avg`, `p(95)`, `count` …); times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) metrics: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// A file is no summary.
#[derive(Debug, Error)]
pub(crate) enum SummaryError {
    /// It is not in the form of one.
    #[error("it is no summary as k6 exports it: {0}")]
    Form(#[from] serde_json::Error),
    /// Nothing in it can be held against a budget.
    #[error("it holds no `metrics.http_req_duration` with a `p(95)`")]
    Empty,
}

impl Summary {
    /// Reads a summary.
    pub(crate) fn parse(text: &str) -> Result<Self, SummaryError> {
        let summary: Self = serde_json::from_str(text)?;
        summary.figure("http_req_duration").ok_or(SummaryError::Empty)?;
        Ok(summary)
    }

    /// The 95th percentile of what a budget is about. Where there is no time to the first token, all requests
    /// together stand for it, as in the seed of this budget.
    pub(crate) fn p95(&self, subject: &Subject) -> Option<Measured> {
        match subject {
            Subject::FirstChunk { .. } => {
                self.figure("first_token").or_else(|| self.figure("http_req_duration"))
            }
            Subject::Whole { .. } => None,
            Subject::Route { method, path } => {
                self.figure(&format!("http_req_duration{{route:{method} {path}}}"))
            }
        }
    }

    fn figure(&self, name: &str) -> Option<Measured> {
        let metric = self.metrics.get(name)?;
        let p95_ms = metric.get("p(95)")?.as_f64()?;
        Some(Measured { p95_ms, samples: metric.get("count").and_then(serde_json::Value::as_u64) })
    }
}
