//! Policy events: what rules said about a repository, and how often each is broken.

use sqlx::SqliteConnection;

use crate::store::{Stamp, Store, StoreError};

/// What a rule said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPolicyEvent {
    /// [`crate::repo_key`].
    pub repo_key: String,
    /// The run in which it was said.
    pub run_id: Option<String>,
    /// Name of the rule.
    pub rule: String,
    /// `passed`, `broken`, `fixed`, `blocked` or another word of the caller.
    pub outcome: String,
    /// File and line.
    pub place: Option<String>,
    /// Why. Masked when stored.
    pub message: String,
    /// Where the rule or its fix is explained.
    pub fix_link: Option<String>,
    /// Whether it can be fixed without a person.
    pub auto_fixable: bool,
}

/// How often a rule was broken in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCount {
    /// Name of the rule.
    pub rule: String,
    /// Its outcome.
    pub outcome: String,
    /// How many events.
    pub events: u64,
    /// The last of them, in milliseconds since 1970.
    pub last_at_ms: i64,
}

impl Store {
    /// Records events in one transaction.
    ///
    /// # Errors
    /// A run does not exist, or the database cannot be written.
    pub async fn record_policy_events(
        &mut self,
        events: &[NewPolicyEvent],
    ) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let device_id = self.device_id.clone();
        let mask = self.mask.clone();
        let masked: Vec<NewPolicyEvent> = events
            .iter()
            .map(|event| NewPolicyEvent {
                message: mask.mask(&event.message).text,
                place: event.place.as_ref().map(|place| mask.mask(place).text),
                fix_link: event.fix_link.as_ref().map(|link| mask.mask(link).text),
                ..event.clone()
            })
            .collect();
        self.write(async |conn| {
            for event in &masked {
                insert(conn, &device_id, event).await?;
            }
            Ok(())
        })
        .await
    }

    /// How often each rule came to each outcome in a repository since a time, most often first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn rule_counts(
        &mut self,
        repo_key: &str,
        since_ms: i64,
    ) -> Result<Vec<RuleCount>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT rule AS "rule!: String", outcome AS "outcome!: String",
                      count(*) AS "events!: i64", max(recorded_at_ms) AS "last_at_ms!: i64"
               FROM policy_event WHERE repo_key = ?1 AND recorded_at_ms >= ?2
               GROUP BY rule, outcome ORDER BY count(*) DESC, rule, outcome"#,
            repo_key,
            since_ms
        )
        .fetch_all(&mut self.conn)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| RuleCount {
                rule: row.rule,
                outcome: row.outcome,
                events: row.events.unsigned_abs(),
                last_at_ms: row.last_at_ms,
            })
            .collect())
    }
}

async fn insert(
    conn: &mut SqliteConnection,
    device_id: &str,
    event: &NewPolicyEvent,
) -> Result<(), StoreError> {
    let stamp = Stamp::now();
    sqlx::query!(
        "INSERT INTO policy_event (id, device_id, recorded_at_ms, repo_key, run_id, rule, outcome,
                                   place, message, fix_link, auto_fixable)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        stamp.id,
        device_id,
        stamp.at_ms,
        event.repo_key,
        event.run_id,
        event.rule,
        event.outcome,
        event.place,
        event.message,
        event.fix_link,
        event.auto_fixable
    )
    .execute(conn)
    .await?;
    Ok(())
}
