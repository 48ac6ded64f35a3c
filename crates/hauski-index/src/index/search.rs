//! One search over words and meaning: both legs under the same filter, fused, weighed, cited, explained.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use contracts::hauski::index::{
    Explanation, Match, POSSIBLE_PROMPT_INJECTION, SEARCH, SearchMode, SearchReport, SearchRequest,
    TrustLevel, Weights,
};
use jiff::Timestamp;

use super::{Index, IndexError, Inner, blocking, cite, upsert};
use crate::embed::Kind;
use crate::fuse::{self, Fused, FusionParams, Ranked};
use crate::text::{Bm25, TextHit, TextParams, TextQuery};
use crate::trust::{self, Weighed};
use crate::truth::{Light, Row, trust_name};
use crate::vectors::{Mode, Scored};
use crate::{ChunkId, Filter};

/// Passages that each leg brings at least, before they are weighed.
const CANDIDATES: usize = 200;
/// Passages wanted where nothing is said, and at most.
const K: u32 = 20;
const MAX_K: u32 = 100;
/// Bytes of a question.
const MAX_QUERY: usize = 4000;
/// Hidden passages that are counted.
const MAX_HIDDEN: usize = 100;

/// What the legs are asked.
pub(super) struct Question {
    pub(super) words: String,
    pub(super) vector: Option<Vec<f32>>,
    pub(super) filter: Filter,
    pub(super) candidates: usize,
    pub(super) explain: bool,
}

/// A passage after fusion and weighing.
pub(super) struct Candidate {
    pub(super) light: Light,
    pub(super) score: f64,
    pub(super) weights: Weights,
    pub(super) lexical: Option<f64>,
    pub(super) dense: Option<f64>,
    pub(super) terms: BTreeMap<String, f64>,
}

impl Index {
    /// Searches.
    ///
    /// # Errors
    /// A field is out of range, or the index cannot be read.
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchReport, IndexError> {
        let began = Instant::now();
        let inner = &self.0;
        let k = wanted(request.k)?;
        query("query", &request.query)?;
        if let Some(profile) = &request.context_profile
            && !inner.options.weighting.profiles.contains_key(profile)
        {
            let known: Vec<_> = inner.options.weighting.profiles.keys().cloned().collect();
            let what = match known.is_empty() {
                true => "there are no profiles".to_owned(),
                false => format!("there is no such profile; known: {}", known.join(", ")),
            };
            return Err(IndexError::invalid("context_profile", what));
        }
        let mut notes = Vec::new();
        let narrowed = narrow(inner, request).await?;
        let vector = match request.mode {
            SearchMode::Lexical => None,
            _ => self.embed_query(&request.query, &mut notes).await,
        };
        if request.mode == SearchMode::Dense && vector.is_none() {
            let what = "there is no embedding model; use `hybrid` or `lexical`";
            return Err(IndexError::invalid("mode", what));
        }
        let words = if request.mode == SearchMode::Dense { "" } else { request.query.as_str() };
        let mode = match (&vector, words.is_empty()) {
            (None, _) => "lexical",
            (Some(_), true) => "dense",
            (Some(_), false) => "hybrid",
        };
        let (candidates, hidden) = match narrowed {
            None => (Vec::new(), 0),
            Some(narrowed) => {
                let question = Question {
                    words: words.to_owned(),
                    vector,
                    filter: narrowed.filter,
                    candidates: CANDIDATES.max(k * 4),
                    explain: request.explain,
                };
                let hidden = self.count_hidden(&question, &narrowed.hiding).await?;
                let profile = request.context_profile.as_deref();
                (self.candidates(question, profile, &mut notes).await?, hidden)
            }
        };
        let mut report =
            self.report(candidates, k, request.include_weights, request.explain).await?;
        self.say_what_lags(&mut notes);
        if request.emit_decision_snapshot {
            report.decision_id = Some(self.decide(request, &report).await?);
        }
        if !request.include_weights {
            for found in &mut report.matches {
                found.weights = None;
            }
        }
        report.mode = mode.to_owned();
        report.notes = notes;
        report.hidden = hidden;
        report.latency_ms = began.elapsed().as_secs_f64() * 1000.0;
        Ok(report)
    }

    /// The question's vector, or nothing and why.
    async fn embed_query(&self, query: &str, notes: &mut Vec<String>) -> Option<Vec<f32>> {
        let Some(dense) = self.0.serving() else {
            notes.push("no embedding model: searched by words only".to_owned());
            return None;
        };
        let embedded = dense.embedder.embed(&[query.to_owned()], Kind::Query).await;
        match embedded {
            Ok(embedded) => {
                if !embedded.truncated.is_empty() {
                    notes.push(
                        "the question is longer than the model reads: its beginning counts"
                            .to_owned(),
                    );
                }
                embedded.vectors.into_iter().next()
            }
            Err(error) => {
                notes.push(format!("searched by words only: {error}"));
                None
            }
        }
    }

    /// Both legs, fused and weighed, best first; equal scores by id.
    pub(super) async fn candidates(
        &self,
        question: Question,
        profile: Option<&str>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Candidate>, IndexError> {
        let inner = &self.0;
        let (lexical, dense) = self.legs(&question, notes).await?;
        let terms: HashMap<ChunkId, BTreeMap<String, f64>> = lexical
            .iter()
            .filter(|hit| !hit.terms.is_empty())
            .map(|hit| {
                let terms = hit.terms.iter().map(|term| (term.word.clone(), f64::from(term.score)));
                (hit.id, terms.collect())
            })
            .collect();
        let fused = fuse_legs(&lexical, &dense);
        let ids: Vec<ChunkId> = fused.iter().map(|hit| hit.id).collect();
        let lights: HashMap<ChunkId, Light> =
            inner.truth.light(&ids).await?.into_iter().map(|light| (light.id, light)).collect();
        let now_ms = inner.now_ms();
        let mut terms = terms;
        let mut candidates: Vec<Candidate> = fused
            .into_iter()
            .filter_map(|hit| {
                // What is deleted or has expired since the legs looked is not shown.
                let light = lights.get(&hit.id)?.clone();
                if light.expires_ms.is_some_and(|end| end <= now_ms) {
                    return None;
                }
                let weighed = Weighed {
                    collection: &light.collection,
                    origin: &light.origin,
                    trust: light.trust,
                    at_ms: light.at_ms,
                    half_life_s: light.half_life_s,
                };
                let similarity = f64::from(hit.score);
                let weights = inner.options.weighting.weigh(similarity, &weighed, profile, now_ms);
                let terms = terms.remove(&hit.id).unwrap_or_default();
                let score = trust::score(&weights);
                let raw = |leg: Option<fuse::Leg>| leg.map(|leg| f64::from(leg.raw));
                let (lexical, dense) = (raw(hit.parts.lexical), raw(hit.parts.dense));
                Some(Candidate { light, score, weights, lexical, dense, terms })
            })
            .collect();
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.light.id.cmp(&b.light.id)));
        Ok(candidates)
    }

    async fn legs(
        &self,
        question: &Question,
        notes: &mut Vec<String>,
    ) -> Result<(Vec<TextHit>, Vec<Scored>), IndexError> {
        let inner = &self.0;
        let text = inner.text().await?;
        let lexical = async {
            if question.words.is_empty() {
                return Ok(Vec::new());
            }
            let asked = TextQuery {
                words: question.words.clone(),
                filter: question.filter.clone(),
                k: question.candidates,
                params: self.params(question.explain).await?,
            };
            let found = blocking(move || text.search(&asked)).await?;
            Ok::<_, IndexError>(found.hits)
        };
        let serving = inner.serving();
        let dense = async {
            let (Some(vector), Some(serving)) = (question.vector.clone(), serving) else {
                return Ok(Vec::new());
            };
            let (filter, k) = (question.filter.clone(), question.candidates);
            blocking(move || serving.store.search(&vector, k, &filter, Mode::Auto)).await
        };
        let (lexical, dense) = tokio::join!(lexical, dense);
        let dense = dense.or_else(|error| {
            notes.push(format!("searched by words only: {error}"));
            if question.words.is_empty() { Err(error) } else { Ok(Vec::new()) }
        })?;
        Ok((lexical?, dense))
    }

    /// Short texts are scored in their own way.
    async fn params(&self, explain: bool) -> Result<TextParams, IndexError> {
        let collections = self.0.truth.collections().await?;
        let short = collections
            .iter()
            .filter(|collection| matches!(collection.name.as_str(), "memory" | "conversations"));
        let by_collection = short.map(|collection| (collection.id, Bm25::SHORT)).collect();
        Ok(TextParams { by_collection, explain, ..TextParams::default() })
    }

    /// Passages that fit and were hidden, up to a hundred.
    async fn count_hidden(&self, question: &Question, hiding: &[u32]) -> Result<u64, IndexError> {
        if hiding.is_empty() || question.words.is_empty() {
            return Ok(0);
        }
        let text = self.0.text().await?;
        let mut ids = BTreeSet::new();
        for tag in hiding {
            let mut filter = question.filter.clone();
            filter.none_tags.retain(|other| !hiding.contains(other));
            filter.all_tags.push(*tag);
            let words = question.words.clone();
            let asked = TextQuery { words, filter, k: MAX_HIDDEN, params: TextParams::default() };
            let text = Arc::clone(&text);
            let found = blocking(move || text.search(&asked)).await?;
            ids.extend(found.hits.into_iter().map(|hit| hit.id));
        }
        Ok(ids.len().min(MAX_HIDDEN) as u64)
    }

    /// The best `k` with their texts and citations.
    pub(super) async fn report(
        &self,
        mut candidates: Vec<Candidate>,
        k: usize,
        weights: bool,
        explain: bool,
    ) -> Result<SearchReport, IndexError> {
        candidates.truncate(k);
        let ids: Vec<ChunkId> = candidates.iter().map(|candidate| candidate.light.id).collect();
        let rows = self.0.truth.rows(&ids).await?;
        let cited = tokio::task::spawn_blocking(move || {
            let cited = rows.into_iter().map(|row| (row.id, (cite::citation(&row), row)));
            cited.collect::<HashMap<_, _>>()
        });
        let mut cited = cited.await?;
        let matches = candidates.into_iter().filter_map(|candidate| {
            let (citation, row) = cited.remove(&candidate.light.id)?;
            let explanation = explain.then(|| explanation(&candidate));
            let mut found = found(row, &candidate, explanation);
            found.citation = citation;
            if !weights && !explain {
                // A decision needs them; the search takes them out afterwards.
                found.explain = None;
            }
            Some(found)
        });
        Ok(SearchReport {
            schema: SEARCH.to_owned(),
            matches: matches.collect(),
            budget_ms: self.0.options.budget_ms,
            ..SearchReport::default()
        })
    }

    fn say_what_lags(&self, notes: &mut Vec<String>) {
        let (seq, seen) = (self.0.truth.seq(), *self.0.text_seen.borrow());
        if seq > seen {
            notes.push(format!("the text index still reads {} writes in", seq - seen));
        }
        if let Some(dense) = self.0.serving()
            && *dense.complete_at.borrow() < seq
        {
            notes.push("some passages have no vector yet: words find them".to_owned());
        }
    }
}

/// A filter, and the tags of what is hidden by default.
struct Narrowed {
    filter: Filter,
    hiding: Vec<u32>,
}

/// Names become numbers. Nothing where no passage can fit: a collection or tag that does not exist.
async fn narrow(inner: &Inner, request: &SearchRequest) -> Result<Option<Narrowed>, IndexError> {
    upsert::tags_to_ask("tags", &request.tags)?;
    let mut filter = Filter {
        from_ms: upsert::time("since", request.since.as_deref())?,
        until_ms: upsert::time("until", request.until.as_deref())?,
        alive_at_ms: Some(inner.now_ms()),
        ..Filter::default()
    };
    let mut wanted: Vec<&String> = request.namespaces.iter().collect();
    wanted.extend(&request.namespace);
    if wanted.len() > 64 {
        return Err(IndexError::invalid("namespaces", "at most 64"));
    }
    if !wanted.is_empty() && !wanted.iter().any(|name| *name == "*") {
        let is_wanted = |name: &str| {
            wanted.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == wanted.as_str(),
            })
        };
        let collections = inner.truth.collections().await?;
        let fitting = collections.iter().filter(|collection| is_wanted(&collection.name));
        filter.collections = fitting.map(|collection| collection.id).collect();
        if filter.collections.is_empty() {
            return Ok(None);
        }
    }
    let flags =
        request.exclude_flags.clone().unwrap_or_else(|| vec![POSSIBLE_PROMPT_INJECTION.to_owned()]);
    let hidden: Vec<String> = flags.iter().map(|flag| format!("flag={flag}")).collect();
    let origins = request.exclude_origins.iter().flatten();
    let mut unwanted: Vec<String> = origins.map(|origin| format!("origin={origin}")).collect();
    let least = request.min_trust_level.unwrap_or(TrustLevel::Low);
    let below = [TrustLevel::Low, TrustLevel::Medium].into_iter().filter(|level| *level < least);
    unwanted.extend(below.map(|level| format!("trust={}", trust_name(level))));
    if hidden.len() + unwanted.len() > 128 {
        return Err(IndexError::invalid("exclude_origins", "at most 128 names are excluded"));
    }
    let mut names = hidden.clone();
    names.extend(unwanted.iter().chain(&request.tags).cloned());
    let numbers = inner.truth.tags(&names).await?;
    let known = |names: &[String]| -> Vec<u32> {
        names.iter().filter_map(|name| numbers.get(name).copied()).collect()
    };
    filter.all_tags = known(&request.tags);
    if filter.all_tags.len() < request.tags.len() {
        return Ok(None);
    }
    let hiding = known(&hidden);
    filter.none_tags = known(&unwanted);
    filter.none_tags.extend(&hiding);
    Ok(Some(Narrowed { filter, hiding }))
}

/// How many passages are wanted; more than a hundred are a hundred, as it always was.
pub(super) fn wanted(k: Option<u32>) -> Result<usize, IndexError> {
    match k.unwrap_or(K) {
        0 => Err(IndexError::invalid("k", "must be 1 to 100")),
        k => Ok(k.min(MAX_K) as usize),
    }
}

/// A question of 1 to 4,000 bytes.
pub(super) fn query(param: &str, text: &str) -> Result<(), IndexError> {
    if text.trim().is_empty() || text.len() > MAX_QUERY {
        return Err(IndexError::invalid(param, format!("must have 1 to {MAX_QUERY} bytes")));
    }
    Ok(())
}

fn found(row: Row, candidate: &Candidate, explain: Option<Explanation>) -> Match {
    Match {
        doc_id: row.doc_id,
        namespace: row.collection,
        chunk_id: row.key,
        score: candidate.score,
        text: row.text,
        meta: row.meta,
        source_ref: Some(row.source),
        ingested_at: time(row.ingested_ms),
        flags: (!row.flags.is_empty()).then_some(row.flags),
        weights: Some(candidate.weights.clone()),
        title: row.title,
        header: row.header,
        citation: Default::default(),
        explain,
    }
}

fn explanation(candidate: &Candidate) -> Explanation {
    let weights = &candidate.weights;
    let leg = |name: &str, value: Option<f64>| match value {
        Some(value) => format!("{name} {value:.3}"),
        None => format!("{name} –"),
    };
    Explanation {
        lexical: candidate.lexical,
        dense: candidate.dense,
        terms: candidate.terms.clone(),
        fused: weights.similarity,
        trust: weights.trust,
        recency: weights.recency,
        context: weights.context,
        formula: format!(
            "{:.4} = fused {:.4} ({}, {}) × trust {:.2} × recency {:.2} × context {:.2}",
            candidate.score,
            weights.similarity,
            leg("words", candidate.lexical),
            leg("meaning", candidate.dense),
            weights.trust,
            weights.recency,
            weights.context
        ),
    }
}

/// RFC 3339.
pub(super) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}

/// Both legs by the house's rule.
fn fuse_legs(lexical: &[TextHit], dense: &[Scored]) -> Vec<Fused> {
    let words: Vec<Ranked> =
        lexical.iter().map(|hit| Ranked { id: hit.id, score: hit.score }).collect();
    let meaning: Vec<Ranked> =
        dense.iter().map(|hit| Ranked { id: hit.id, score: hit.score }).collect();
    fuse::fuse(&words, &meaning, &FusionParams::default())
}
