//! Deletions. A fact is deleted by leaving a tombstone, which wins over the fact here and in every
//! pack. The tombstone of a run covers all that hangs on the run.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::SqliteConnection;

use crate::cas::Digest;
use crate::store::{Stamp, Store, StoreError};

/// An object that was stored this short a time ago may belong to a run that is being recorded just now.
const IN_FLIGHT: Duration = Duration::from_secs(10);

/// What to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forget {
    /// These runs, by their full ids.
    Runs(Vec<String>),
    /// Everything about a repository, by its key.
    Repo(String),
    /// All runs, events and evidence recorded before this time (milliseconds since 1970).
    Before(i64),
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Facts that now have a tombstone (a run with its two facts counts once).
    pub facts: u64,
    /// Objects that went with them.
    pub objects: u64,
    /// Their size.
    pub bytes: u64,
    /// Objects that were stored within the last seconds: a garbage collection an hour later takes them.
    pub objects_left: u64,
}

impl Store {
    /// Deletes facts for good: rows, searchable words and objects that nothing else refers to.
    ///
    /// # Errors
    /// The database or the content-addressed store cannot be written.
    pub async fn forget(&mut self, what: &Forget, reason: &str) -> Result<Forgotten, StoreError> {
        let facts = find(&mut self.conn, what).await?;
        self.forget_facts(&facts, reason).await
    }

    pub(crate) async fn forget_facts(
        &mut self,
        facts: &[(&'static str, String)],
        reason: &str,
    ) -> Result<Forgotten, StoreError> {
        if facts.is_empty() {
            return Ok(Forgotten::default());
        }
        let reason = self.masked(reason);
        let device_id = self.device_id.clone();
        // What is forgotten must not stay readable in free pages.
        sqlx::raw_sql("PRAGMA secure_delete = ON").execute(&mut self.conn).await?;
        let candidates = self
            .write(async |conn| {
                for (kind, fact_id) in facts {
                    lay(conn, (&device_id, &reason), (kind, fact_id)).await?;
                }
                let before = referenced_objects(conn).await?;
                erase(conn).await?;
                let after = referenced_objects(conn).await?;
                Ok(before.difference(&after).cloned().collect::<Vec<_>>())
            })
            .await?;
        sqlx::raw_sql("PRAGMA secure_delete = OFF; PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut self.conn)
            .await?;
        let used = referenced_objects(&mut self.conn).await?;
        let unused: Vec<_> =
            candidates.into_iter().filter(|digest| !used.contains(digest)).collect();
        let before = SystemTime::now().checked_sub(IN_FLIGHT).unwrap_or(UNIX_EPOCH);
        let removed = self.cas.remove(&unused, before)?;
        let left = unused.iter().filter(|digest| self.cas.contains(digest)).count();
        Ok(Forgotten {
            facts: facts.len() as u64,
            objects: removed.objects,
            bytes: removed.bytes,
            objects_left: left as u64,
        })
    }
}

async fn lay(
    conn: &mut SqliteConnection,
    (device_id, reason): (&str, &str),
    (kind, fact_id): (&str, &str),
) -> Result<(), StoreError> {
    let stamp = Stamp::now();
    sqlx::query!(
        "INSERT INTO tombstone (id, device_id, recorded_at_ms, kind, fact_id, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        stamp.id,
        device_id,
        stamp.at_ms,
        kind,
        fact_id,
        reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The facts that `what` names, with the names of their tables. What hangs on a run is covered by it.
async fn find(
    conn: &mut SqliteConnection,
    what: &Forget,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    match what {
        Forget::Runs(ids) => {
            let mut found = Vec::new();
            for id in ids {
                let known = sqlx::query_scalar!("SELECT id FROM run_started WHERE id = ?1", id)
                    .fetch_optional(&mut *conn)
                    .await?;
                let Some(id) = known else {
                    return Err(StoreError::NoSuchRun { id: id.clone(), found: 0 });
                };
                found.push(("run", id));
            }
            Ok(found)
        }
        Forget::Repo(key) => of_repo(conn, key).await,
        Forget::Before(time_ms) => before(conn, *time_ms).await,
    }
}

async fn of_repo(
    conn: &mut SqliteConnection,
    key: &str,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT 'run' AS "kind!: String", id AS "id!: String" FROM run_started WHERE repo_key = ?1
           UNION ALL SELECT 'policy_event', id FROM policy_event
                     WHERE repo_key = ?1 AND run_id IS NULL
           UNION ALL SELECT 'evidence_pack', id FROM evidence_pack
                     WHERE repo_key = ?1 AND run_id IS NULL
           UNION ALL SELECT 'seed_snapshot', id FROM seed_snapshot WHERE repo_key = ?1
           UNION ALL SELECT 'secret_ref', id FROM secret_ref WHERE repo_key = ?1
           UNION ALL SELECT 'preference', id FROM preference WHERE repo_key = ?1
           UNION ALL SELECT 'meaning', id FROM meaning WHERE repo_key = ?1
           UNION ALL SELECT 'trust', id FROM trust WHERE repo_key = ?1
           UNION ALL SELECT 'repo', id FROM repo WHERE repo_key = ?1"#,
        key
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (kind(&row.kind), row.id)).collect())
}

async fn before(
    conn: &mut SqliteConnection,
    time_ms: i64,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT 'run' AS "kind!: String", id AS "id!: String" FROM run_started
           WHERE recorded_at_ms < ?1
           UNION ALL SELECT 'policy_event', id FROM policy_event
                     WHERE recorded_at_ms < ?1 AND run_id IS NULL
           UNION ALL SELECT 'evidence_pack', id FROM evidence_pack
                     WHERE recorded_at_ms < ?1 AND run_id IS NULL"#,
        time_ms
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (kind(&row.kind), row.id)).collect())
}

fn kind(name: &str) -> &'static str {
    const KINDS: [&str; 8] = [
        "policy_event",
        "evidence_pack",
        "seed_snapshot",
        "secret_ref",
        "preference",
        "meaning",
        "trust",
        "repo",
    ];
    KINDS.into_iter().find(|kind| *kind == name).unwrap_or("run")
}

/// Deletes every fact that has a tombstone, what hangs on forgotten runs, environments that no run
/// names any more (they are no deletions: they come back with the next run that names them), and the
/// words of logs that went.
pub(crate) async fn erase(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::raw_sql(
        "INSERT OR IGNORE INTO permit SELECT fact_id FROM tombstone;
         INSERT OR IGNORE INTO permit SELECT id FROM policy_event
             WHERE run_id IN (SELECT fact_id FROM tombstone);
         INSERT OR IGNORE INTO permit SELECT id FROM evidence_pack
             WHERE run_id IN (SELECT fact_id FROM tombstone);
         DELETE FROM policy_event WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM evidence_pack WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM run_finished WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM run_started WHERE id IN (SELECT fact_id FROM permit);
         INSERT OR IGNORE INTO permit SELECT id FROM env
             WHERE id NOT IN (SELECT env_id FROM run_started);
         DELETE FROM env WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM seed_snapshot WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM secret_ref WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM preference WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM meaning WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM trust WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM repo WHERE id IN (SELECT fact_id FROM permit);
         INSERT OR IGNORE INTO permit SELECT id FROM memory_mark
             WHERE item_id IN (SELECT fact_id FROM tombstone) OR value IN (SELECT fact_id FROM tombstone);
         DELETE FROM memory_mark WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM memory_local WHERE item_id IN (SELECT fact_id FROM tombstone);
         DELETE FROM memory_item WHERE id IN (SELECT fact_id FROM permit);
         DELETE FROM permit;",
    )
    .execute(&mut *conn)
    .await?;
    if crate::items::state::catch_up(conn).await? > 0 {
        // Merging all segments takes the words out of the file.
        sqlx::raw_sql("INSERT INTO memory_text (memory_text) VALUES ('optimize')")
            .execute(&mut *conn)
            .await?;
    }
    crate::log_text::drop_unused(conn).await
}

/// All objects that facts name.
pub(crate) async fn referenced_objects(
    conn: &mut SqliteConnection,
) -> Result<BTreeSet<Digest>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"SELECT log_sha256 AS "sha256!: String" FROM run_finished WHERE log_sha256 IS NOT NULL
           UNION SELECT json_extract(a.value, '$.sha256') FROM run_finished f, json_each(f.artefacts) a
           UNION SELECT json_extract(a.value, '$.sha256') FROM evidence_pack e, json_each(e.files) a
           UNION SELECT checksum FROM seed_snapshot"#
    )
    .fetch_all(conn)
    .await?;
    names.iter().map(|name| Ok(Digest::parse(name)?)).collect()
}
