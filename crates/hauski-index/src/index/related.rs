//! What else speaks of the same as a document.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use contracts::hauski::index::{POSSIBLE_PROMPT_INJECTION, RelatedRequest, SearchReport};

use super::search::{Question, wanted};
use super::{Index, IndexError, upsert};
use crate::Filter;

/// Passages of the document that are looked at.
const PASSAGES: u64 = 32;
/// Words of it that are looked for.
const WORDS: usize = 24;
/// Shortest word that tells something.
const SHORTEST: usize = 4;

impl Index {
    /// The best passage of each of the documents that are nearest to this one.
    ///
    /// # Errors
    /// There is no such document, a field is out of range, or the index cannot be read.
    pub async fn related(&self, request: &RelatedRequest) -> Result<SearchReport, IndexError> {
        let began = Instant::now();
        let k = wanted(request.k)?;
        upsert::name("doc_id", &request.doc_id, 512)?;
        let namespace = request.namespace.as_deref();
        let truth = &self.0.truth;
        let chunks = truth.document_chunks(namespace, &request.doc_id, PASSAGES).await?;
        if chunks.is_empty() && !truth.has_document(namespace, &request.doc_id).await? {
            let name = request.doc_id.clone();
            return Err(IndexError::NotFound { what: "document", name });
        }
        let rows = truth.rows(&chunks).await?;
        let own = rows.first().map(|row| row.document);
        let mut text = String::new();
        for row in &rows {
            text.push_str(row.title.as_deref().unwrap_or_default());
            text.push(' ');
            text.push_str(&row.text);
            text.push('\n');
        }
        let mut notes = Vec::new();
        let vector = match self.0.serving() {
            Some(dense) => mean(&truth.document_vectors(&chunks, dense.revision()).await?),
            None => None,
        };
        if vector.is_none() {
            notes.push("no vectors of this document: related by words only".to_owned());
        }
        let mode = if vector.is_some() { "hybrid" } else { "lexical" };
        let hidden = [format!("flag={POSSIBLE_PROMPT_INJECTION}")];
        let filter = Filter {
            none_tags: truth.tags(&hidden).await?.into_values().collect(),
            alive_at_ms: Some(self.now_ms()),
            ..Filter::default()
        };
        let question = Question {
            words: telling_words(&text).join(" "),
            vector,
            filter,
            candidates: 200.max(k * 8),
            explain: false,
        };
        let mut candidates = self.candidates(question, None, &mut notes).await?;
        let mut seen = BTreeSet::new();
        candidates.retain(|candidate| {
            Some(candidate.light.document) != own && seen.insert(candidate.light.document)
        });
        let mut report = self.report(candidates, k, true, false).await?;
        for found in &mut report.matches {
            found.weights = None;
        }
        report.mode = mode.to_owned();
        report.notes = notes;
        report.latency_ms = began.elapsed().as_secs_f64() * 1000.0;
        Ok(report)
    }
}

/// The words that stand there most often, longer ones first among equals; nothing of a query's own notation.
fn telling_words(text: &str) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
        if word.chars().count() >= SHORTEST && !word.chars().all(|c| c.is_ascii_digit()) {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    let mut words: Vec<(String, usize)> = counts.into_iter().collect();
    words.sort_by(|(a, a_count), (b, b_count)| {
        let weight = |word: &str, count: usize| count * word.chars().count();
        weight(b, *b_count).cmp(&weight(a, *a_count)).then_with(|| a.cmp(b))
    });
    words.into_iter().take(WORDS).map(|(word, _)| word).collect()
}

/// The direction between all of them.
fn mean(vectors: &[Vec<f32>]) -> Option<Vec<f32>> {
    let first = vectors.first()?;
    let mut sum = vec![0.0; first.len()];
    for vector in vectors.iter().filter(|vector| vector.len() == first.len()) {
        for (sum, value) in sum.iter_mut().zip(vector) {
            *sum += value;
        }
    }
    sum.iter().any(|value| *value != 0.0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_tell_come_first() {
        assert_eq!(telling_words("the heron and the Heron, 12345 sluice"), ["heron", "sluice"]);
    }

    #[test]
    fn opposite_vectors_have_no_direction() {
        assert_eq!(mean(&[vec![1.0, 0.0], vec![0.0, 1.0]]), Some(vec![1.0, 1.0]));
        assert_eq!(mean(&[vec![1.0], vec![-1.0]]), None);
        assert_eq!(mean(&[]), None);
    }
}
