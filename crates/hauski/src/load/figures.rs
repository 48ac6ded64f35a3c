//! What a load showed, and the same in the fields of k6.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Plan, Sample, Work};
use crate::budgets::Summary;

/// All requests that count.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(super) samples: Vec<Sample>,
    pub(super) clients: u32,
    pub(super) seconds: f64,
}

impl Figures {
    /// Requests that count.
    pub(crate) fn requests(&self) -> usize {
        self.samples.len()
    }

    /// Of these, how many failed.
    pub(crate) fn failed(&self) -> usize {
        self.samples.iter().filter(|sample| sample.failed).count()
    }

    /// Requests a second.
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
    pub(crate) fn rate(&self) -> f64 {
        self.samples.len() as f64 / self.seconds.max(1e-9)
    }

    /// Times until the last byte, in milliseconds, ascending.
    pub(crate) fn whole_ms(&self) -> Vec<f64> {
        sorted_ms(self.samples.iter().map(|sample| sample.whole))
    }

    /// Times until the first token, in milliseconds, ascending.
    pub(crate) fn first_token_ms(&self) -> Vec<f64> {
        sorted_ms(self.samples.iter().filter_map(|sample| sample.first_token))
    }
}

fn sorted_ms(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// A percentile of ascending values, between the two that it lies between; 0 of none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places in a list of requests"
)]
pub(crate) fn percentile(ascending: &[f64], percent: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let place = percent / 100.0 * last as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    ascending[below] + (ascending[(below + 1).min(last)] - ascending[below]) * part
}

/// The summary with the fields that k6 exports.
#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
pub(crate) fn summary(plan: &Plan, figures: &Figures) -> Summary {
    let whole = trend(&figures.whole_ms());
    let route = match &plan.work {
        Work::Get(path) => format!("GET {path}"),
        Work::Chat(_) => "POST /v1/chat/completions".to_owned(),
    };
    let (requests, failed, rate) = (figures.requests(), figures.failed(), figures.rate());
    let received: u64 = figures.samples.iter().map(|sample| sample.bytes).sum();
    let received_rate = received as f64 / figures.seconds.max(1e-9);
    let share = failed as f64 / requests.max(1) as f64;
    let mut metrics = BTreeMap::from([
        (format!("http_req_duration{{route:{route}}}"), whole.clone()),
        ("http_req_duration".to_owned(), whole),
        ("http_reqs".to_owned(), members(json!({"count": requests, "rate": rate}))),
        ("iterations".to_owned(), members(json!({"count": requests, "rate": rate}))),
        (
            "http_req_failed".to_owned(),
            members(json!({"passes": failed, "fails": requests - failed, "value": share})),
        ),
        ("data_received".to_owned(), members(json!({"count": received, "rate": received_rate}))),
        (
            "vus".to_owned(),
            members(
                json!({"value": figures.clients, "min": figures.clients, "max": figures.clients}),
            ),
        ),
    ]);
    let first_token = figures.first_token_ms();
    if !first_token.is_empty() {
        metrics.insert("first_token".to_owned(), trend(&first_token));
    }
    Summary { metrics }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
fn trend(ascending: &[f64]) -> BTreeMap<String, Value> {
    let average = ascending.iter().sum::<f64>() / ascending.len().max(1) as f64;
    members(json!({
        "avg": average,
        "min": ascending.first(),
        "med": percentile(ascending, 50.0),
        "max": ascending.last(),
        "p(90)": percentile(ascending, 90.0),
        "p(95)": percentile(ascending, 95.0),
        "p(99)": percentile(ascending, 99.0),
        "count": ascending.len(),
    }))
}

fn members(value: Value) -> BTreeMap<String, Value> {
    match value {
        Value::Object(members) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_lies_between_its_neighbours() {
        let values: Vec<f64> = (1..=5).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.0), 1.0);
        assert_eq!(percentile(&values, 50.0), 3.0);
        assert_eq!(percentile(&values, 90.0), 4.6);
        assert_eq!(percentile(&values, 100.0), 5.0);
        assert_eq!(percentile(&[], 95.0), 0.0);
    }
}
