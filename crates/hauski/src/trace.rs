//! Optional export of traces: a span for each request, to a collector that speaks OTLP over HTTP with JSON.
//!
//! Off unless `otlp_endpoint` names a collector, and then only where `routing.yaml` allows the destination. Spans hold
//! method, pattern of the route, status and the request's id, never contents, keys or addresses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hauski_egress::{Egress, EgressError, Outgoing, OutgoingBody};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Header in which a caller names the trace that a request belongs to.
const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// Spans that may wait; what comes when so many wait is counted and lost.
const QUEUE: usize = 4_096;
/// Spans of one request to the collector.
const BATCH: usize = 512;
/// Longest wait of a span for others.
const PACE: Duration = Duration::from_secs(2);
/// Time for one request to the collector.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries for a batch, and the pause before the second; it doubles.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// One request, as a collector is told of it.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// 32 hex digits: the caller's trace, or the request's own id.
    trace: String,
    /// 16 hex digits of the caller's span.
    parent: Option<String>,
    /// Id of the request, as the log has it.
    request: String,
    /// Its method.
    method: &'static str,
    /// Pattern of its route.
    path: String,
    /// Status of its answer.
    status: u16,
    /// Until the head of its answer.
    duration: Duration,
    ended: SystemTime,
}

impl Span {
    /// A request that was just answered. `parent` is the caller's `traceparent`, where it sent one.
    pub(crate) fn new(request: &str, parent: Option<&Parent>) -> Self {
        Self {
            trace: parent.map_or_else(|| request.to_owned(), |parent| parent.trace.clone()),
            parent: parent.map(|parent| parent.span.clone()),
            request: request.to_owned(),
            method: "other",
            path: String::new(),
            status: 0,
            duration: Duration::ZERO,
            ended: SystemTime::now(),
        }
    }

    /// What was asked, and how it went.
    pub(crate) fn answered(
        mut self,
        method: &'static str,
        path: &str,
        status: u16,
        duration: Duration,
    ) -> Self {
        (self.method, self.status, self.duration) = (method, status, duration);
        path.clone_into(&mut self.path);
        self
    }

    fn json(&self) -> Value {
        let ended = self.ended.duration_since(UNIX_EPOCH).unwrap_or_default();
        let began = ended.saturating_sub(self.duration);
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let status = json!({"key": "http.response.status_code", "value": {"intValue": self.status.to_string()}});
        let mut span = json!({
            "traceId": self.trace,
            "spanId": span_id(),
            "name": format!("{} {}", self.method, self.path),
            // A server.
            "kind": 2,
            "startTimeUnixNano": began.as_nanos().to_string(),
            "endTimeUnixNano": ended.as_nanos().to_string(),
            "attributes": [
                text("http.request.method", self.method),
                text("http.route", &self.path),
                status,
                text("hauski.request_id", &self.request),
            ],
            "status": {"code": if self.status >= 500 { 2 } else { 0 }},
        });
        if let Some(parent) = &self.parent {
            span["parentSpanId"] = json!(parent);
        }
        span
    }
}

/// A span needs a number of its own; nothing depends on its being secret.
fn span_id() -> String {
    format!("{:016x}", uuid::Uuid::new_v4().as_u64_pair().1)
}

/// What a caller says of its own trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    trace: String,
    span: String,
}

impl Parent {
    /// Reads `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`, neither number zero. Anything else is passed over, as the
    /// specification says.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(PARENT)?.to_str().ok()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_number = |text: &str, length: usize| {
            is_hex(text, length) && text.bytes().any(|digit| digit != b'0')
        };
        let is_known = version == "00" && parts.next().is_none() && is_hex(flags, 2);
        (is_known && is_number(trace, 32) && is_number(span, 16))
            .then(|| Self { trace: trace.to_owned(), span: span.to_owned() })
    }
}

/// How many spans went where.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// Spans that the collector has taken.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Spans that were lost: the queue was full, or the collector did not take them.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

enum Word {
    Span(Box<Span>),
    End(oneshot::Sender<()>),
}

/// Hands spans to the task that sends them.
pub(crate) struct Tracer {
    words: mpsc::Sender<Word>,
    counts: Arc<Counts>,
}

impl Tracer {
    /// Begins to send to this collector.
    pub(crate) fn start(endpoint: &str, egress: Egress) -> Self {
        let (words, waiting) = mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let sender = Sender {
            address: address(endpoint),
            egress,
            counts: Arc::clone(&counts),
            is_failing: false,
        };
        tokio::spawn(sender.run(waiting));
        Self { words, counts }
    }

    /// Never waits; a span for which there is no room is lost and counted.
    pub(crate) fn note(&self, span: Span) {
        if self.words.try_send(Word::Span(Box::new(span))).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many spans went where.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Sends what waits, once, and ends.
    pub(crate) async fn end(&self) {
        let (done, ended) = oneshot::channel();
        if self.words.send(Word::End(done)).await.is_ok() {
            // The task ends after its last batch, or has ended.
            let _ = tokio::time::timeout(PATIENCE, ended).await;
        }
    }
}

/// The collector's address for traces, as the OTLP specification forms it.
fn address(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    match endpoint.ends_with("/v1/traces") {
        true => endpoint.to_owned(),
        false => format!("{endpoint}/v1/traces"),
    }
}

struct Sender {
    address: String,
    egress: Egress,
    counts: Arc<Counts>,
    is_failing: bool,
}

impl Sender {
    async fn run(mut self, mut waiting: mpsc::Receiver<Word>) {
        let mut batch = Vec::new();
        loop {
            let Some(word) = waiting.recv().await else { return };
            let due = Instant::now() + PACE;
            let mut word = Some(word);
            let mut end = None;
            while end.is_none() && batch.len() < BATCH {
                match word.take() {
                    Some(Word::Span(span)) => batch.push(*span),
                    Some(Word::End(done)) => end = Some(done),
                    None => {}
                }
                if end.is_none() && batch.len() < BATCH {
                    match tokio::time::timeout_at(due, waiting.recv()).await {
                        Ok(Some(next)) => word = Some(next),
                        Ok(None) | Err(_) => break,
                    }
                }
            }
            let spans = std::mem::take(&mut batch);
            let tries = if end.is_some() { 1 } else { TRIES };
            self.send(&spans, tries).await;
            if let Some(done) = end {
                // Whoever waited may have gone.
                let _ = done.send(());
                return;
            }
        }
    }

    /// Sends a batch; one that is not taken is lost and counted, so that nothing piles up.
    async fn send(&mut self, spans: &[Span], tries: u32) {
        if spans.is_empty() {
            return;
        }
        let body = body(spans).to_string();
        let mut pause = PAUSE;
        for left in (0..tries).rev() {
            match self.attempt(&body).await {
                Ok(()) => {
                    self.is_failing = false;
                    self.counts.sent.fetch_add(spans.len() as u64, Ordering::Relaxed);
                    return;
                }
                Err((fault, true)) if left > 0 => {
                    tracing::debug!(fault, "the collector of traces is asked again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err((fault, _)) => {
                    self.lost(&fault, spans.len());
                    return;
                }
            }
        }
    }

    /// Said once, until it works again.
    fn lost(&mut self, fault: &str, spans: usize) {
        self.counts.dropped.fetch_add(spans as u64, Ordering::Relaxed);
        if !std::mem::replace(&mut self.is_failing, true) {
            let address = self.address.as_str();
            tracing::warn!(fault, address, "traces are not taken; they are counted and lost");
        }
    }

    /// One try: what went wrong, and whether another may go better.
    async fn attempt(&self, body: &str) -> Result<(), (String, bool)> {
        let sent = tokio::time::timeout(PATIENCE, self.exchange(body)).await;
        let sent = sent.map_err(|_| ("it does not answer".to_owned(), true))?;
        let status = sent.map_err(|error| {
            let may_go_better = !matches!(error, EgressError::Denied(_));
            (error.to_string(), may_go_better)
        })?;
        match status.is_success() {
            true => Ok(()),
            // Those that the specification calls retryable.
            false => {
                Err((format!("it answers {status}"), matches!(status.as_u16(), 429 | 502..=504)))
            }
        }
    }

    async fn exchange(&self, body: &str) -> Result<http::StatusCode, EgressError> {
        let allowed = self.egress.decide(&self.address, "system").await?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let outgoing = Outgoing::new(Method::POST, allowed, "system")
            .headers(headers)
            .body(OutgoingBody::Full(body.to_owned().into()));
        Ok(self.egress.send(outgoing).await?.status)
    }
}

fn body(spans: &[Span]) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        json!({"attributes": [text("service.name", "hauski"), text("service.version", version)]});
    let spans: Vec<_> = spans.iter().map(Span::json).collect();
    let scope = json!({"scope": {"name": "hauski", "version": version}, "spans": spans});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(text: &str) -> Option<Parent> {
        let headers = HeaderMap::from_iter([(PARENT, HeaderValue::from_str(text).unwrap())]);
        Parent::of(&headers)
    }

    #[test]
    fn a_traceparent_is_taken_only_as_the_specification_writes_it() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let taken = Parent { trace: trace.to_owned(), span: span.to_owned() };
        assert_eq!(parent(&format!("00-{trace}-{span}-01")), Some(taken));
        for wrong in [
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("ff-{trace}-{span}-01"),
            format!("00-{trace}-{span}-01-more"),
            format!("00-{trace}-{span}"),
            "x".to_owned(),
        ] {
            assert_eq!(parent(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_address_is_that_of_traces() {
        for endpoint in
            ["http://127.0.0.1:4318", "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"]
        {
            assert_eq!(address(endpoint), "http://127.0.0.1:4318/v1/traces");
        }
    }
}
