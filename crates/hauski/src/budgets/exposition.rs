//! Percentiles out of the histograms of a page of metrics.

use std::collections::BTreeMap;

use super::{Measured, Subject};

type Labels = BTreeMap<String, String>;

/// The buckets of a page of metrics: name and labels of a histogram, then bounds in seconds with how many
/// measurements lie below.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    buckets: BTreeMap<(String, Labels), Vec<(f64, u64)>>,
}

impl Exposition {
    /// Reads the text format of Prometheus and OpenMetrics; what is no bucket is passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut buckets: BTreeMap<_, Vec<(f64, u64)>> = BTreeMap::new();
        for line in text.lines() {
            if let Some((name, mut labels, value)) = sample(line)
                && let Some(name) = name.strip_suffix("_bucket")
                && let Some(bound) = labels.remove("le").and_then(|le| le.parse().ok())
            {
                buckets.entry((name.to_owned(), labels)).or_default().push((bound, value));
            }
        }
        for bounds in buckets.values_mut() {
            bounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        }
        Self { buckets }
    }

    /// The 95th percentile of what a budget is about, between the bounds it lies between; the last bound when
    /// it lies beyond all of them. `None` when nothing was measured.
    pub(crate) fn p95(&self, subject: &Subject) -> Option<Measured> {
        let (name, labels) = match subject {
            Subject::FirstChunk { capability } => {
                ("engine_first_chunk_seconds", vec![("capability", capability)])
            }
            Subject::Whole { capability } => {
                ("engine_duration_seconds", vec![("capability", capability)])
            }
            Subject::Route { method, path } => {
                ("http_request_duration_seconds", vec![("method", method), ("path", path)])
            }
        };
        let labels: Labels =
            labels.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let bounds = self.buckets.get(&(name.to_owned(), labels))?;
        let samples = bounds.last()?.1;
        (samples > 0)
            .then(|| Measured { p95_ms: quantile(bounds, 0.95) * 1e3, samples: Some(samples) })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
fn quantile(bounds: &[(f64, u64)], quantile: f64) -> f64 {
    let rank = bounds.last().map_or(0.0, |(_, count)| *count as f64) * quantile;
    let (mut below, mut counted) = (0.0, 0_u64);
    for (bound, count) in bounds {
        if *count as f64 >= rank {
            if bound.is_infinite() {
                return below;
            }
            let inside = (count - counted).max(1) as f64;
            return below + (bound - below) * (rank - counted as f64) / inside;
        }
        (below, counted) = (*bound, *count);
    }
    below
}

/// Name, labels and whole value of a sample.
fn sample(line: &str) -> Option<(&str, Labels, u64)> {
    let (name, rest) = line.split_once('{')?;
    let mut labels = Labels::new();
    let mut rest = rest;
    loop {
        if let Some(value) = rest.strip_prefix('}') {
            let value = value.split_whitespace().next()?.parse().ok()?;
            return Some((name, labels, value));
        }
        let (label, after) = rest.trim_start_matches(',').split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.insert(label.to_owned(), value);
        rest = after;
    }
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}
