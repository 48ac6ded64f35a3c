//! What was shown, and what became of it.

use contracts::hauski::index::{
    Candidate, Decision, Decisions, Feedback, Outcomes, SearchReport, SearchRequest,
};
use serde_json::Map;

use super::{Index, IndexError, search, upsert};
use crate::truth::MAX_CANDIDATES;

/// Decisions and outcomes in one answer.
const SHOWN_DECISIONS: u64 = 100;
const SHOWN_OUTCOMES: u64 = 1000;
const MAX_NOTES: usize = 2000;

impl Index {
    /// Keeps what a search shows; returns its id.
    pub(super) async fn decide(
        &self,
        request: &SearchRequest,
        report: &SearchReport,
    ) -> Result<String, IndexError> {
        let now_ms = self.now_ms();
        let shown = report.matches.iter().take(MAX_CANDIDATES).map(|found| Candidate {
            doc_id: found.doc_id.clone(),
            namespace: found.namespace.clone(),
            chunk_id: found.chunk_id.clone(),
            score: found.score,
            weights: found.weights.clone().unwrap_or_default(),
        });
        let decision = Decision {
            decision_id: ulid(),
            timestamp: search::time(now_ms),
            query: request.query.clone(),
            namespace: request.namespace.clone(),
            candidates: shown.collect(),
            policy_hash: self.0.options.weighting.hash(),
            more: Map::new(),
        };
        self.0.truth.add_decision(&decision, now_ms).await?;
        Ok(decision.decision_id)
    }

    /// Keeps a decision that somebody else made. An id is given where it has none.
    ///
    /// # Errors
    /// Its id is there already or is none, it has too many candidates, or the database says no.
    pub async fn put_decision(&self, mut decision: Decision) -> Result<Decision, IndexError> {
        if decision.decision_id.is_empty() {
            decision.decision_id = ulid();
        }
        upsert::name("decision_id", &decision.decision_id, 64)?;
        search::query("query", &decision.query)?;
        if decision.candidates.len() > MAX_CANDIDATES {
            let what = format!("{}; at most {MAX_CANDIDATES}", decision.candidates.len());
            return Err(IndexError::invalid("candidates", what));
        }
        if serde_json::to_string(&decision).map_or(0, |text| text.len()) > 256 << 10 {
            return Err(IndexError::invalid("decision", "more than 256 KiB"));
        }
        if self.0.truth.decision(&decision.decision_id).await?.is_some() {
            return Err(IndexError::invalid("decision_id", "there is one of this id already"));
        }
        let now_ms = self.now_ms();
        let named = (!decision.timestamp.is_empty()).then_some(decision.timestamp.as_str());
        let at_ms = upsert::time("timestamp", named)?.unwrap_or(now_ms);
        decision.timestamp = search::time(at_ms);
        self.0.truth.add_decision(&decision, at_ms).await?;
        Ok(decision)
    }

    /// One decision.
    ///
    /// # Errors
    /// There is none of this id, or the database says no.
    pub async fn decision(&self, id: &str) -> Result<Decision, IndexError> {
        let found = self.0.truth.decision(id).await?;
        found.ok_or_else(|| IndexError::NotFound { what: "decision", name: id.to_owned() })
    }

    /// The newest decisions.
    ///
    /// # Errors
    /// The database says no.
    pub async fn decisions(&self) -> Result<Decisions, IndexError> {
        let (snapshots, total) = self.0.truth.decisions(SHOWN_DECISIONS).await?;
        Ok(Decisions { snapshots, total })
    }

    /// Keeps feedback on a decision.
    ///
    /// # Errors
    /// There is no such decision, a field is out of range, or the database says no.
    pub async fn put_outcome(&self, mut feedback: Feedback) -> Result<Feedback, IndexError> {
        if feedback.notes.as_ref().is_some_and(|notes| notes.len() > MAX_NOTES) {
            return Err(IndexError::invalid("notes", format!("at most {MAX_NOTES} bytes")));
        }
        let at_ms = upsert::time("timestamp", feedback.timestamp.as_deref())?;
        let at_ms = at_ms.unwrap_or_else(|| self.now_ms());
        feedback.timestamp = Some(search::time(at_ms));
        if !self.0.truth.add_outcome(&feedback, at_ms).await? {
            let name = feedback.decision_id;
            return Err(IndexError::NotFound { what: "decision", name });
        }
        Ok(feedback)
    }

    /// The newest feedback, on one decision or on all.
    ///
    /// # Errors
    /// The database says no.
    pub async fn outcomes(&self, decision: Option<&str>) -> Result<Outcomes, IndexError> {
        let (outcomes, total) = self.0.truth.outcomes(decision, SHOWN_OUTCOMES).await?;
        Ok(Outcomes { outcomes, total })
    }
}

/// A ULID: time first, so that ids sort as they were made.
fn ulid() -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let number = uuid::Uuid::now_v7().as_u128();
    let digit = |place: u32| char::from(DIGITS[(number >> (5 * place)) as usize & 31]);
    (0..26).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_sort_as_they_were_made() {
        let first = super::ulid();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = super::ulid();
        assert!(first < second && first.len() == 26, "{first} {second}");
    }
}
