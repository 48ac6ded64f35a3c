//! What searches showed, and what became of it.

use contracts::hauski::index::{Decision, Feedback, OutcomeKind, SignalSource};
use jiff::Timestamp;

use super::writer::{Change, Done, Session};
use super::{Truth, TruthError, signed, unsigned};

/// Decisions that are kept; the oldest go first.
pub const MAX_DECISIONS: u64 = 10_000;
/// Passages that a decision remembers.
pub const MAX_CANDIDATES: usize = 50;

/// A row of feedback.
pub(super) struct OutcomeRow {
    pub(super) id: String,
    pub(super) decision_id: String,
    pub(super) outcome: &'static str,
    pub(super) source: &'static str,
    pub(super) at_ms: i64,
    pub(super) notes: Option<String>,
}

impl Truth {
    /// Keeps what a search showed.
    ///
    /// # Errors
    /// The database says no.
    pub async fn add_decision(&self, decision: &Decision, at_ms: i64) -> Result<(), TruthError> {
        let body = serde_json::to_string(decision)
            .map_err(|error| TruthError::invalid("decision", error.to_string()))?;
        let id = decision.decision_id.clone();
        self.change(Change::Decision { id, at_ms, body }).await.map(drop)
    }

    /// Keeps feedback; false where there is no such decision.
    ///
    /// # Errors
    /// The database says no.
    pub async fn add_outcome(&self, feedback: &Feedback, at_ms: i64) -> Result<bool, TruthError> {
        let row = OutcomeRow {
            id: uuid::Uuid::now_v7().to_string(),
            decision_id: feedback.decision_id.clone(),
            outcome: outcome_name(feedback.outcome),
            source: signal_name(feedback.signal_source),
            at_ms,
            notes: feedback.notes.clone(),
        };
        match self.change(Change::Outcome(Box::new(row))).await? {
            Done::Found(found) => Ok(found),
            _ => Ok(false),
        }
    }

    /// The newest decisions and how many there are.
    ///
    /// # Errors
    /// The database says no.
    pub async fn decisions(&self, limit: u64) -> Result<(Vec<Decision>, u64), TruthError> {
        let limit = signed(limit);
        let bodies = sqlx::query_scalar!(
            "SELECT body FROM decision ORDER BY at_ms DESC, id DESC LIMIT ?",
            limit
        )
        .fetch_all(&self.readers)
        .await?;
        let total = sqlx::query_scalar!(r#"SELECT count(*) AS "n!: i64" FROM decision"#)
            .fetch_one(&self.readers)
            .await?;
        let decisions = bodies.iter().filter_map(|body| serde_json::from_str(body).ok());
        Ok((decisions.collect(), unsigned(total)))
    }

    /// One decision.
    ///
    /// # Errors
    /// The database says no.
    pub async fn decision(&self, id: &str) -> Result<Option<Decision>, TruthError> {
        let body = sqlx::query_scalar!("SELECT body FROM decision WHERE id = ?", id)
            .fetch_optional(&self.readers)
            .await?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
    }

    /// The newest feedback, on one decision or on all, and how much there is.
    ///
    /// # Errors
    /// The database says no.
    pub async fn outcomes(
        &self,
        decision: Option<&str>,
        limit: u64,
    ) -> Result<(Vec<Feedback>, u64), TruthError> {
        let limit = signed(limit);
        let rows = sqlx::query!(
            "SELECT decision_id, outcome, source, at_ms, notes FROM outcome \
             WHERE ?1 IS NULL OR decision_id = ?1 ORDER BY at_ms DESC, id DESC LIMIT ?2",
            decision,
            limit
        )
        .fetch_all(&self.readers)
        .await?;
        let total = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM outcome WHERE ?1 IS NULL OR decision_id = ?1"#,
            decision
        )
        .fetch_one(&self.readers)
        .await?;
        let outcomes = rows.into_iter().map(|row| Feedback {
            decision_id: row.decision_id,
            outcome: match row.outcome.as_str() {
                "success" => OutcomeKind::Success,
                "failure" => OutcomeKind::Failure,
                _ => OutcomeKind::Neutral,
            },
            signal_source: match row.source.as_str() {
                "user" => SignalSource::User,
                "policy" => SignalSource::Policy,
                _ => SignalSource::System,
            },
            timestamp: Timestamp::from_millisecond(row.at_ms).ok().map(|at| at.to_string()),
            notes: row.notes,
        });
        Ok((outcomes.collect(), unsigned(total)))
    }
}

fn outcome_name(outcome: OutcomeKind) -> &'static str {
    match outcome {
        OutcomeKind::Success => "success",
        OutcomeKind::Failure => "failure",
        OutcomeKind::Neutral => "neutral",
    }
}

fn signal_name(source: SignalSource) -> &'static str {
    match source {
        SignalSource::User => "user",
        SignalSource::System => "system",
        SignalSource::Policy => "policy",
    }
}

pub(super) async fn add(
    session: &mut Session<'_>,
    id: &str,
    at_ms: i64,
    body: &str,
) -> Result<(), TruthError> {
    sqlx::query!("INSERT INTO decision (id, at_ms, body) VALUES (?, ?, ?)", id, at_ms, body)
        .execute(&mut *session.connection)
        .await?;
    let most = signed(MAX_DECISIONS);
    sqlx::query!(
        "DELETE FROM decision WHERE id IN
           (SELECT id FROM decision ORDER BY id DESC LIMIT -1 OFFSET ?)",
        most
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

pub(super) async fn add_outcome(
    session: &mut Session<'_>,
    row: &OutcomeRow,
) -> Result<bool, TruthError> {
    let done = sqlx::query!(
        "INSERT INTO outcome (id, decision_id, outcome, source, at_ms, notes) \
         SELECT ?1, id, ?3, ?4, ?5, ?6 FROM decision WHERE id = ?2",
        row.id,
        row.decision_id,
        row.outcome,
        row.source,
        row.at_ms,
        row.notes
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
