//! How much the memory holds.

use crate::store::{Store, StoreError};

/// Counts and sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Repositories.
    pub repos: u64,
    /// Runs.
    pub runs: u64,
    /// Runs that failed.
    pub failed_runs: u64,
    /// Runs that are still running or were cut off.
    pub open_runs: u64,
    /// Distinct environments.
    pub environments: u64,
    /// Policy events.
    pub policy_events: u64,
    /// Evidence packs.
    pub evidence_packs: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Devices that facts came from.
    pub devices: u64,
    /// Start of the oldest run, in milliseconds since 1970.
    pub oldest_run_at_ms: Option<i64>,
    /// Start of the newest run.
    pub newest_run_at_ms: Option<i64>,
    /// Size of the database with its write-ahead log.
    pub database_bytes: u64,
    /// Objects in the content-addressed store.
    pub objects: u64,
    /// Their size.
    pub object_bytes: u64,
    /// Logs of which only the beginning and the end are searchable.
    pub partly_searchable_logs: u64,
}

impl Store {
    /// Counts everything.
    ///
    /// # Errors
    /// The database or a folder cannot be read.
    pub async fn stats(&mut self) -> Result<Stats, StoreError> {
        let row = sqlx::query!(
            r#"SELECT (SELECT count(DISTINCT repo_key) FROM repo) AS "repos!: i64",
                      (SELECT count(*) FROM run_started) AS "runs!: i64",
                      (SELECT count(*) FROM run_finished WHERE exit_code <> 0) AS "failed!: i64",
                      (SELECT count(*) FROM run_finished) AS "finished!: i64",
                      (SELECT count(*) FROM env) AS "environments!: i64",
                      (SELECT count(*) FROM policy_event) AS "policy_events!: i64",
                      (SELECT count(*) FROM evidence_pack) AS "evidence_packs!: i64",
                      (SELECT count(*) FROM tombstone) AS "tombstones!: i64",
                      (SELECT count(DISTINCT device_id) FROM run_started) AS "devices!: i64",
                      (SELECT min(recorded_at_ms) FROM run_started) AS "oldest?: i64",
                      (SELECT max(recorded_at_ms) FROM run_started) AS "newest?: i64",
                      (SELECT count(*) FROM log_index
                       WHERE indexed_bytes < total_bytes) AS "partly!: i64""#
        )
        .fetch_one(&mut self.conn)
        .await?;
        let objects = self.cas.objects()?;
        let database = self.home.database();
        let log = database.with_extension("sqlite-wal");
        let size = |path: &std::path::Path| path.metadata().map_or(0, |metadata| metadata.len());
        Ok(Stats {
            repos: row.repos.unsigned_abs(),
            runs: row.runs.unsigned_abs(),
            failed_runs: row.failed.unsigned_abs(),
            open_runs: row.runs.saturating_sub(row.finished).unsigned_abs(),
            environments: row.environments.unsigned_abs(),
            policy_events: row.policy_events.unsigned_abs(),
            evidence_packs: row.evidence_packs.unsigned_abs(),
            tombstones: row.tombstones.unsigned_abs(),
            devices: row.devices.unsigned_abs(),
            oldest_run_at_ms: row.oldest,
            newest_run_at_ms: row.newest,
            database_bytes: size(&database) + size(&log),
            object_bytes: objects.iter().map(|object| object.bytes).sum(),
            objects: objects.len() as u64,
            partly_searchable_logs: row.partly.unsigned_abs(),
        })
    }
}
