//! Budgets: the 95th percentiles that `limits.yaml` allows against those that were measured, by the daemon's own
//! histograms or by a load test.

mod exposition;
mod summary;

use contracts::hauski::budget::{Budget, Report, SCHEMA};
use contracts::hauski::policy::Latency;

pub(crate) use exposition::Exposition;
pub(crate) use summary::Summary;

/// What every budget is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// From a request to the first piece of its answer.
    FirstChunk {
        /// As metrics name it.
        capability: String,
    },
    /// From a request to the end of its answer.
    Whole {
        /// As metrics name it.
        capability: String,
    },
    /// From the head of a request to the head of its answer.
    Route {
        /// `GET` …
        method: String,
        /// Pattern of the route.
        path: String,
    },
}

/// A 95th percentile and from how many measurements it is, where the source says that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) p95_ms: f64,
    pub(crate) samples: Option<u64>,
}

/// Holds the budgets against figures.
pub(crate) fn check(
    limits: &Latency,
    source: &str,
    measured: impl Fn(&Subject) -> Option<Measured>,
) -> Report {
    let budgets: Vec<Budget> = subjects(limits)
        .into_iter()
        .map(|(name, limit_ms, subject)| {
            let measured = measured(&subject);
            let limit_ms = f64::from(limit_ms);
            Budget {
                name,
                about: subject.to_string(),
                limit_ms,
                p95_ms: measured.map(|measured| measured.p95_ms),
                samples: measured.and_then(|measured| measured.samples),
                kept: measured.map(|measured| measured.p95_ms <= limit_ms),
            }
        })
        .collect();
    let kept = budgets.iter().all(|budget| budget.kept != Some(false));
    Report { schema: SCHEMA.to_owned(), source: source.to_owned(), kept, budgets }
}

/// Where each budget is stated, what it allows and what it is about.
fn subjects(limits: &Latency) -> Vec<(String, u32, Subject)> {
    let mut subjects = vec![
        (
            "latency.llm_p95_ms".to_owned(),
            limits.llm_p95_ms,
            Subject::FirstChunk { capability: "chat".to_owned() },
        ),
        (
            "latency.index_topk20_ms".to_owned(),
            limits.index_topk20_ms,
            Subject::Whole { capability: "search".to_owned() },
        ),
    ];
    subjects.extend(limits.routes.iter().map(|(name, limit)| {
        let subject = match name.split_once(' ') {
            Some((method, path)) => {
                Subject::Route { method: method.to_owned(), path: path.to_owned() }
            }
            None => Subject::Whole { capability: name.clone() },
        };
        (format!("latency.routes.\"{name}\""), *limit, subject)
    }));
    subjects
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FirstChunk { capability } => write!(f, "{capability}, to the first piece"),
            Self::Whole { capability } => write!(f, "{capability}, to the end"),
            Self::Route { method, path } => write!(f, "{method} {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.005",method="GET",path="/health"} 90
http_request_duration_seconds_bucket{le="0.01",method="GET",path="/health"} 100
http_request_duration_seconds_bucket{le="+Inf",method="GET",path="/health"} 100
engine_first_chunk_seconds_bucket{le="0.4",capability="chat"} 9
engine_first_chunk_seconds_bucket{le="1.0",capability="chat"} 10
engine_first_chunk_seconds_bucket{le="+Inf",capability="chat"} 10
# EOF
"#;

    fn limits(route_ms: u32) -> Latency {
        Latency { routes: [("GET /health".to_owned(), route_ms)].into(), ..Latency::default() }
    }

    fn checked(limits: &Latency) -> Report {
        let figures = Exposition::parse(METRICS);
        check(limits, "test", |subject| figures.p95(subject))
    }

    #[test]
    fn a_budget_is_held_against_the_histogram_of_its_subject() {
        let report = checked(&limits(8));
        let [chat, index, health] = &report.budgets[..] else { panic!("{report:?}") };
        // 95 of 100 lie half way between 5 and 10 ms.
        assert_eq!(
            (health.p95_ms, health.samples, health.kept),
            (Some(7.5), Some(100), Some(true))
        );
        // 9.5 of 10 lie half way between 400 and 1,000 ms.
        assert_eq!((chat.p95_ms, chat.kept), (Some(700.0), Some(false)));
        assert_eq!((index.p95_ms, index.kept), (None, None));
        assert!(!report.kept);
    }

    #[test]
    fn what_is_beyond_every_bound_counts_as_the_last_bound() {
        let text = "http_request_duration_seconds_bucket{le=\"1.0\",method=\"GET\",path=\"/health\"} 1\n\
                    http_request_duration_seconds_bucket{le=\"+Inf\",method=\"GET\",path=\"/health\"} 5\n";
        let subject = Subject::Route { method: "GET".to_owned(), path: "/health".to_owned() };
        let measured = Exposition::parse(text).p95(&subject).unwrap();
        assert_eq!(measured.p95_ms, 1000.0);
    }

    #[test]
    fn a_summary_of_k6_names_the_requests_and_one_of_ours_the_routes_too() {
        let text = r#"{"metrics":{"http_req_duration":{"p(95)":12.5},"http_req_duration{route:GET /health}":{"p(95)":3.25},"first_token":{"p(95)":410.0}}}"#;
        let summary = Summary::parse(text).unwrap();
        let report = check(&limits(3), "test", |subject| summary.p95(subject));
        let kept: Vec<_> = report.budgets.iter().map(|budget| budget.kept).collect();
        assert_eq!(kept, [Some(false), None, Some(false)]);
        assert_eq!(report.budgets[2].p95_ms, Some(3.25));
        // k6 does not know routes: all its requests are held against the budget of the whole.
        let plain = Summary::parse(r#"{"metrics":{"http_req_duration":{"p(95)":12.5}}}"#).unwrap();
        let report = check(&limits(3), "test", |subject| plain.p95(subject));
        assert_eq!(report.budgets[0].kept, Some(true));
        assert!(Summary::parse("{}").is_err());
    }
}
