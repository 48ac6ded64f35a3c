//! How long things are kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::store::{Store, StoreError};
use crate::tombstone::Forgotten;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An object that no fact names is left alone for this long: its writer may be about to commit.
pub const GRACE: Duration = Duration::from_secs(60 * 60);

/// What to keep. A run that is among the newest [`Self::keep_runs`] of its task is never dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Retention {
    /// Runs older than this are dropped; none keeps them for ever. Default 365.
    pub max_age_days: Option<u32>,
    /// When all logs together are larger, the oldest runs are dropped until they fit; none sets no
    /// limit. Default 2 GiB.
    pub max_log_bytes: Option<u64>,
    /// When there are more runs of all repositories together, the oldest are dropped; none sets no
    /// limit. Default none.
    pub max_runs: Option<u32>,
    /// So many newest runs of each task are kept whatever their age, size and number. Default 20.
    pub keep_runs: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_age_days: Some(365),
            max_log_bytes: Some(2 << 30),
            max_runs: None,
            keep_runs: 20,
        }
    }
}

/// What a garbage collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Runs that were dropped, each leaving a tombstone, with the objects that went with them.
    pub runs: Forgotten,
    /// Objects that no fact named.
    pub unused_objects: u64,
    /// Drafts of writers that were killed.
    pub drafts: u64,
    /// Size of unused objects and drafts.
    pub unused_bytes: u64,
}

/// The setting's key. It holds for the device that made it: a pack from elsewhere must not decide what is
/// dropped here.
const PREFERENCE: &str = "retention";

impl Store {
    /// The retention that was set on this device; none where nobody set one.
    ///
    /// # Errors
    /// The database cannot be read, or holds a setting of a newer version.
    pub async fn retention(&mut self) -> Result<Option<Retention>, StoreError> {
        let Some(text) = self.preference(None, &self.retention_key()).await? else {
            return Ok(None);
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|source| StoreError::Unreadable { what: "retention", source })
    }

    /// Sets the retention for this device; none goes back to the default.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set_retention(&mut self, retention: Option<&Retention>) -> Result<(), StoreError> {
        let text = retention.map(serde_json::to_string).transpose();
        let text = text.map_err(|source| StoreError::Unreadable { what: "retention", source })?;
        self.set_preference(None, &self.retention_key(), text.as_deref()).await
    }

    fn retention_key(&self) -> String {
        format!("{PREFERENCE}@{}", self.device_id)
    }

    /// Drops runs beyond the retention, then objects that no fact names. Also folds the write-ahead log
    /// into the database.
    ///
    /// # Errors
    /// The database or the content-addressed store cannot be written.
    pub async fn gc(&mut self, retention: &Retention) -> Result<Collected, StoreError> {
        let now = SystemTime::now();
        let expired = self.expired_runs(retention, now).await?;
        let facts: Vec<_> = expired.into_iter().map(|id| ("run", id)).collect();
        let runs = self.forget_facts(&facts, "retention").await?;
        let used = crate::tombstone::referenced_objects(&mut self.conn).await?;
        let before = now.checked_sub(GRACE).unwrap_or(UNIX_EPOCH);
        let unused: Vec<_> = self
            .cas
            .objects()?
            .into_iter()
            .filter(|object| object.stored_at < before && !used.contains(&object.digest))
            .map(|object| object.digest)
            .collect();
        let removed = self.cas.remove(&unused, before)?;
        let drafts = self.cas.remove_drafts(before)?;
        sqlx::raw_sql("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut self.conn)
            .await?;
        Ok(Collected {
            runs,
            unused_objects: removed.objects,
            drafts: drafts.objects,
            unused_bytes: removed.bytes + drafts.bytes,
        })
    }

    async fn expired_runs(
        &mut self,
        retention: &Retention,
        now: SystemTime,
    ) -> Result<Vec<String>, StoreError> {
        let now_ms = now.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as i64);
        let days = retention.max_age_days.map_or(i64::MAX / DAY_MS, i64::from);
        let oldest_ms = now_ms.saturating_sub(days.saturating_mul(DAY_MS));
        // Newest first; a log that several runs share counts with its newest run.
        let runs = sqlx::query!(
            r#"SELECT id AS "id!: String", started_at_ms AS "started_at_ms!: i64",
                      row_number() OVER (PARTITION BY repo_key, task ORDER BY id DESC)
                          AS "rank!: i64",
                      CASE WHEN row_number() OVER (PARTITION BY log_sha256 ORDER BY id DESC) = 1
                           THEN log_bytes END AS "bytes?: i64"
               FROM run ORDER BY id DESC"#
        )
        .fetch_all(&mut self.conn)
        .await?;
        let limit = retention.max_log_bytes.unwrap_or(u64::MAX);
        let most = retention.max_runs.map_or(usize::MAX, |most| most as usize);
        let (protected, others): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|run| run.rank <= i64::from(retention.keep_runs));
        let size = |bytes: Option<i64>| bytes.and_then(|bytes| u64::try_from(bytes).ok());
        let mut kept_runs = protected.len();
        let mut kept_bytes: u64 = protected.iter().filter_map(|run| size(run.bytes)).sum();
        let mut expired = Vec::new();
        for run in others {
            let bytes = size(run.bytes).unwrap_or(0);
            let fits = kept_runs < most && kept_bytes.saturating_add(bytes) <= limit;
            if fits && run.started_at_ms >= oldest_ms {
                kept_runs += 1;
                kept_bytes = kept_bytes.saturating_add(bytes);
            } else {
                expired.push(run.id);
            }
        }
        Ok(expired)
    }
}
