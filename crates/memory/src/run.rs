//! Runs: two facts each. The first is committed before the child starts, the second before the caller
//! exits; a committed fact is the acknowledgement.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::artefact::ArtefactGaps;
use crate::env::{EnvRow, Environment};
use crate::evidence::{Evidence, EvidenceRow};
use crate::log::StoredLog;
use crate::log_text;
use crate::repo::{RepoRecord, RepoRow, json_words, words};
use crate::store::{Stamp, Store, StoreError};

/// A run that is about to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// Where it runs.
    pub repo: RepoRecord,
    /// What it runs in.
    pub environment: Environment,
    /// Id of the task, or the command itself.
    pub task: String,
    /// Source of the task, or `command`.
    pub source: String,
    /// Arguments that are passed on. Masked when stored.
    pub args: Vec<String>,
    /// Working directory relative to the repository root, with `/`; empty for the root.
    pub cwd: String,
    /// Why it runs: `named`, `needs`, `match` and so on. Masked when stored.
    pub reason: String,
    /// The run that this one is a part of.
    pub parent_run: Option<String>,
}

/// A run whose first fact is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedRun {
    /// UUIDv7.
    pub id: String,
    /// [`crate::repo_key`].
    pub repo_key: String,
    /// Id of its environment.
    pub env_id: String,
    /// Milliseconds since 1970.
    pub started_at_ms: i64,
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct RunFinish {
    /// Exit code; 128+N where a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long it took.
    pub duration_ms: u64,
    /// Its log, unless none was kept.
    pub log: Option<StoredLog>,
    /// What it made.
    pub artefacts: Vec<Artefact>,
    /// What became of those that are not among [`Self::artefacts`], or are without their content.
    pub artefact_gaps: ArtefactGaps,
    /// The last guard diff of the repository. Masked when stored.
    pub guard_diff: Option<String>,
    /// Where there is none: the preference of the repository that holds it.
    pub guard_diff_key: Option<&'static str>,
}

/// A file that a run made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Artefact {
    /// Relative to the repository root, with `/`.
    pub path: String,
    /// SHA-256 of its content, lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// Which runs to list. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this repository.
    pub repo_key: Option<String>,
    /// Of one of these tasks, by id; of any when empty.
    pub tasks: Vec<String>,
    /// Of tasks of this source.
    pub source: Option<String>,
    /// That ended like this.
    pub outcome: Option<Outcome>,
    /// Not older than this, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Before the run of this id (to page through).
    pub before_id: Option<String>,
    /// At most so many; all when none.
    pub limit: Option<u32>,
}

/// How a run ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// With exit code 0.
    Passed,
    /// With any other exit code.
    Failed,
    /// It runs still, or it was cut off.
    Open,
}

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// UUIDv7.
    pub id: String,
    /// The device that it ran on.
    pub device_id: String,
    /// Milliseconds since 1970.
    pub started_at_ms: i64,
    /// [`crate::repo_key`].
    pub repo_key: String,
    /// Name of the repository, or the beginning of its key where the name was forgotten.
    pub repo: String,
    /// Id of the task, or the command.
    pub task: String,
    /// Source of the task, or `command`.
    pub source: String,
    /// Masked arguments.
    pub args: Vec<String>,
    /// Id of its environment.
    pub env_id: String,
    /// Relative working directory.
    pub cwd: String,
    /// Why it ran.
    pub reason: String,
    /// The run that it is a part of.
    pub parent_run: Option<String>,
    /// Whether its second fact is there.
    pub finished: bool,
    /// Exit code; none while it runs and when it was cut off.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// SHA-256 of its masked log.
    pub log_sha256: Option<String>,
    /// Size of its masked log.
    pub log_bytes: Option<u64>,
    /// How it failed.
    pub signature: Option<String>,
    /// What it made.
    pub artefacts: Vec<Artefact>,
}

/// A run with what it links.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// Its environment; none where a pack lacked it.
    pub environment: Option<Environment>,
    /// Its evidence, newest first.
    pub evidence: Vec<Evidence>,
}

impl Run {
    /// How it ended, in one word.
    pub fn outcome(&self) -> Outcome {
        match (self.finished, self.exit_code) {
            (true, Some(0)) => Outcome::Passed,
            (true, _) => Outcome::Failed,
            (false, _) => Outcome::Open,
        }
    }
}

impl Store {
    /// Commits the first fact of a run. When this returns, the run is on disk.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn start_run(&mut self, start: &RunStart) -> Result<StartedRun, StoreError> {
        let repo = RepoRow::of(&start.repo, self);
        let env = EnvRow::of(&start.environment, self)?;
        let args: Vec<String> = start.args.iter().map(|arg| self.masked(arg)).collect();
        let row = StartRow {
            stamp: Stamp::now(),
            device_id: self.device_id.clone(),
            task: self.masked(&start.task),
            args: json_words(&args),
            cwd: self.masked(&start.cwd),
            reason: self.masked(&start.reason),
        };
        self.write_at_once(async |conn| row.insert(conn, start, (&repo, &env)).await).await?;
        Ok(StartedRun {
            id: row.stamp.id,
            repo_key: repo.repo_key,
            env_id: env.id,
            started_at_ms: row.stamp.at_ms,
        })
    }

    /// Commits the second fact of a run, its evidence and the words of its log.
    ///
    /// # Errors
    /// The database cannot be written, or the run is finished already.
    pub async fn finish_run(
        &mut self,
        run: &StartedRun,
        finish: &RunFinish,
    ) -> Result<(), StoreError> {
        let evidence = EvidenceRow::of_run(run, finish, self)?;
        let row = FinishRow::of(run, finish, self)?;
        self.write_at_once(async |conn| {
            let Some(log) = &finish.log else {
                return row.insert_without_log(conn, &evidence).await;
            };
            let new_log = row.insert(conn, &evidence, log).await?;
            match new_log.filter(|_| !log.searchable.text.is_empty()) {
                Some(doc) => log_text::add_and_commit(conn, doc, &log.searchable).await,
                None => {
                    sqlx::raw_sql("COMMIT").execute(conn).await?;
                    Ok(())
                }
            }
        })
        .await
    }

    /// Recorded runs, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn runs(&mut self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        let mut query = list_query(filter, None);
        let rows = query.build().fetch_all(&mut self.conn).await?;
        rows.iter().map(read_run).collect()
    }

    /// Ids of all tasks that were ever run, in a repository or, without one, in any.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn tasks_run(&mut self, repo_key: Option<&str>) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar!(
            "SELECT DISTINCT task FROM run_started WHERE ?1 IS NULL OR repo_key = ?1 ORDER BY task",
            repo_key
        )
        .fetch_all(&mut self.conn)
        .await?)
    }

    /// Runs with one of these logs, newest first.
    pub(crate) async fn runs_with_logs(
        &mut self,
        filter: &RunFilter,
        logs: &[&String],
    ) -> Result<Vec<Run>, StoreError> {
        let logs = serde_json::Value::from_iter(logs.iter().map(|log| log.as_str())).to_string();
        let mut query = list_query(filter, Some(logs));
        let rows = query.build().fetch_all(&mut self.conn).await?;
        rows.iter().map(read_run).collect()
    }

    /// One run with its environment and evidence, by its id or the beginning of it (at least four
    /// characters).
    ///
    /// # Errors
    /// No run has this id, or several begin like this.
    pub async fn run(&mut self, id: &str) -> Result<RunDetail, StoreError> {
        let id = self.full_run_id(id).await?;
        let mut query = QueryBuilder::new(SELECT_RUNS);
        query.push(" FROM run_started s LEFT JOIN run_finished f ON f.id = s.id WHERE s.id = ");
        query.push_bind(&id);
        let run = read_run(&query.build().fetch_one(&mut self.conn).await?)?;
        let environment = self.environment(&run.env_id).await?;
        let evidence = self.evidence_of_run(&id).await?;
        Ok(RunDetail { run, environment, evidence })
    }

    /// The id that begins like this.
    async fn full_run_id(&mut self, start: &str) -> Result<String, StoreError> {
        let none = |found| StoreError::NoSuchRun { id: start.to_owned(), found };
        let valid = start.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if !valid || start.len() < 4 {
            return Err(none(0));
        }
        let low = start.to_ascii_lowercase();
        let high = format!("{low}g");
        let mut ids = sqlx::query_scalar!(
            "SELECT id FROM run_started WHERE id >= ?1 AND id < ?2 LIMIT 2",
            low,
            high
        )
        .fetch_all(&mut self.conn)
        .await?;
        match (ids.pop(), ids.len()) {
            (Some(id), 0) => Ok(id),
            (_, others) => Err(none(if others == 0 { 0 } else { 2 })),
        }
    }
}

const SELECT_RUNS: &str = "SELECT s.id, s.device_id, s.recorded_at_ms, s.repo_key, \
     coalesce((SELECT r.name FROM repo r WHERE r.repo_key = s.repo_key \
               ORDER BY r.recorded_at_ms DESC, r.id DESC LIMIT 1), substr(s.repo_key, 1, 12)), \
     s.task, s.source, s.args, s.env_id, s.cwd, s.reason, s.parent_run, f.id IS NOT NULL, \
     f.exit_code, f.signal, f.duration_ms, f.log_sha256, f.log_bytes, f.signature, f.artefacts";

/// The filters decide which index leads, so this is the one query that is put together.
fn list_query(filter: &RunFilter, logs: Option<String>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(SELECT_RUNS);
    // Failures of all repositories are few among all runs: their own index leads. Everything else is
    // read newest first from the runs, those of one repository through its index.
    let failures_lead = filter.outcome == Some(Outcome::Failed) && filter.repo_key.is_none();
    query.push(if failures_lead {
        " FROM run_finished f CROSS JOIN run_started s ON s.id = f.id"
    } else {
        " FROM run_started s LEFT JOIN run_finished f ON f.id = s.id"
    });
    query.push(match filter.outcome {
        Some(Outcome::Failed) => " WHERE f.exit_code <> 0",
        Some(Outcome::Passed) => " WHERE f.exit_code = 0",
        Some(Outcome::Open) => " WHERE f.id IS NULL",
        None => " WHERE TRUE",
    });
    for (column, value) in [
        (" AND s.repo_key = ", &filter.repo_key),
        (" AND s.source = ", &filter.source),
        (" AND s.id < ", &filter.before_id),
    ] {
        if let Some(value) = value {
            query.push(column).push_bind(value.clone());
        }
    }
    match &filter.tasks[..] {
        [] => {}
        [task] => drop(query.push(" AND s.task = ").push_bind(task.clone())),
        tasks => {
            let tasks = json_words(tasks);
            query.push(" AND s.task IN (SELECT value FROM json_each(").push_bind(tasks).push("))");
        }
    }
    if let Some(logs) = logs {
        query.push(" AND f.log_sha256 IN (SELECT value FROM json_each(").push_bind(logs).push("))");
    }
    if let Some(since) = filter.since_ms {
        query.push(" AND s.recorded_at_ms >= ").push_bind(since);
    }
    query.push(if failures_lead { " ORDER BY f.id DESC" } else { " ORDER BY s.id DESC" });
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(limit);
    }
    query
}

fn read_run(row: &SqliteRow) -> Result<Run, StoreError> {
    let artefacts: Option<&str> = row.try_get(19)?;
    let natural = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    Ok(Run {
        id: row.try_get(0)?,
        device_id: row.try_get(1)?,
        started_at_ms: row.try_get(2)?,
        repo_key: row.try_get(3)?,
        repo: row.try_get(4)?,
        task: row.try_get(5)?,
        source: row.try_get(6)?,
        args: words("arguments", row.try_get(7)?)?,
        env_id: row.try_get(8)?,
        cwd: row.try_get(9)?,
        reason: row.try_get(10)?,
        parent_run: row.try_get(11)?,
        finished: row.try_get(12)?,
        exit_code: row.try_get(13)?,
        signal: row.try_get(14)?,
        duration_ms: natural(row.try_get(15)?),
        log_sha256: row.try_get(16)?,
        log_bytes: natural(row.try_get(17)?),
        signature: row.try_get(18)?,
        artefacts: serde_json::from_str(artefacts.unwrap_or("[]"))
            .map_err(|source| StoreError::Unreadable { what: "list of artefacts", source })?,
    })
}

struct StartRow {
    stamp: Stamp,
    device_id: String,
    task: String,
    args: String,
    cwd: String,
    reason: String,
}

impl StartRow {
    /// Repository and environment, where they are new, and the run: one transaction in one query.
    async fn insert(
        &self,
        conn: &mut SqliteConnection,
        start: &RunStart,
        (repo, env): (&RepoRow, &EnvRow),
    ) -> Result<(), StoreError> {
        let repo_id = Stamp::now().id;
        sqlx::query!(
            "BEGIN IMMEDIATE;
             INSERT INTO repo (id, device_id, recorded_at_ms, repo_key, key_kind, name, origin_url,
                               tags, default_tasks)
             SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?
             WHERE NOT EXISTS (
                 SELECT 1 FROM (SELECT * FROM repo WHERE repo_key = ?
                                ORDER BY recorded_at_ms DESC, id DESC LIMIT 1)
                 WHERE name = ? AND origin_url IS ? AND tags = ? AND default_tasks = ?);
             INSERT INTO env (id, device_id, recorded_at_ms, body) VALUES (?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING;
             INSERT INTO run_started (id, device_id, recorded_at_ms, repo_key, task, source, args,
                                      env_id, cwd, reason, parent_run)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
             COMMIT",
            repo_id,
            self.device_id,
            self.stamp.at_ms,
            repo.repo_key,
            repo.key_kind,
            repo.name,
            repo.origin_url,
            repo.tags,
            repo.default_tasks,
            repo.repo_key,
            repo.name,
            repo.origin_url,
            repo.tags,
            repo.default_tasks,
            env.id,
            self.device_id,
            self.stamp.at_ms,
            env.body,
            self.stamp.id,
            self.device_id,
            self.stamp.at_ms,
            repo.repo_key,
            self.task,
            start.source,
            self.args,
            env.id,
            self.cwd,
            self.reason,
            start.parent_run
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

struct FinishRow<'a> {
    id: &'a str,
    device_id: String,
    at_ms: i64,
    finish: &'a RunFinish,
    duration_ms: i64,
    log_bytes: i64,
    artefacts: String,
}

impl<'a> FinishRow<'a> {
    fn of(run: &'a StartedRun, finish: &'a RunFinish, store: &Store) -> Result<Self, StoreError> {
        let mut artefacts = finish.artefacts.clone();
        for artefact in &mut artefacts {
            crate::cas::Digest::parse(&artefact.sha256)?;
            artefact.path = store.masked(&artefact.path);
        }
        let artefacts = serde_json::to_string(&artefacts)
            .map_err(|source| StoreError::Unreadable { what: "list of artefacts", source })?;
        let log_bytes = finish.log.as_ref().map_or(0, |log| log.bytes);
        Ok(Self {
            id: &run.id,
            device_id: store.device_id.clone(),
            at_ms: Stamp::now().at_ms,
            finish,
            duration_ms: i64::try_from(finish.duration_ms).unwrap_or(i64::MAX),
            log_bytes: i64::try_from(log_bytes).unwrap_or(i64::MAX),
            artefacts,
        })
    }

    /// The whole transaction of a run without a log, in one query.
    async fn insert_without_log(
        &self,
        conn: &mut SqliteConnection,
        evidence: &EvidenceRow,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "BEGIN IMMEDIATE;
             INSERT INTO run_finished (id, device_id, recorded_at_ms, exit_code, signal, duration_ms,
                                       log_bytes, artefacts)
             VALUES (?, ?, ?, ?, ?, ?, 0, ?);
             INSERT INTO evidence_pack (id, device_id, recorded_at_ms, repo_key, run_id, summary,
                                        guard_diff, files, linked_pr)
             SELECT ?, ?, ?, ?, ?, ?, coalesce(?, nullif((
                 SELECT value FROM preference WHERE key = ? AND repo_key = ?
                 ORDER BY recorded_at_ms DESC, id DESC LIMIT 1), '')), ?, ?;
             COMMIT",
            self.id,
            self.device_id,
            self.at_ms,
            self.finish.exit_code,
            self.finish.signal,
            self.duration_ms,
            self.artefacts,
            evidence.stamp.id,
            self.device_id,
            evidence.stamp.at_ms,
            evidence.repo_key,
            evidence.run_id,
            evidence.summary,
            evidence.guard_diff,
            self.finish.guard_diff_key,
            evidence.repo_key,
            evidence.files,
            evidence.linked_pr
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    /// The same with a log, up to the commit. Returns the number of the log where its words are new.
    async fn insert(
        &self,
        conn: &mut SqliteConnection,
        evidence: &EvidenceRow,
        log: &StoredLog,
    ) -> Result<Option<i64>, StoreError> {
        let (sha256, indexed) = (log.sha256.as_str(), log.searchable.text.len() as i64);
        let total = log.searchable.total_bytes as i64;
        let failed = self.finish.exit_code != Some(0);
        let signature = log.signature.as_deref().filter(|_| failed);
        let doc = sqlx::query_scalar!(
            "BEGIN IMMEDIATE;
             INSERT INTO run_finished (id, device_id, recorded_at_ms, exit_code, signal, duration_ms,
                                       log_sha256, log_bytes, signature, artefacts)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
             INSERT INTO evidence_pack (id, device_id, recorded_at_ms, repo_key, run_id, summary,
                                        guard_diff, files, linked_pr)
             SELECT ?, ?, ?, ?, ?, ?, coalesce(?, nullif((
                 SELECT value FROM preference WHERE key = ? AND repo_key = ?
                 ORDER BY recorded_at_ms DESC, id DESC LIMIT 1), '')), ?, ?;
             INSERT INTO log_index (log_sha256, indexed_bytes, total_bytes) VALUES (?, ?, ?)
             ON CONFLICT (log_sha256) DO NOTHING RETURNING doc",
            self.id,
            self.device_id,
            self.at_ms,
            self.finish.exit_code,
            self.finish.signal,
            self.duration_ms,
            sha256,
            self.log_bytes,
            signature,
            self.artefacts,
            evidence.stamp.id,
            self.device_id,
            evidence.stamp.at_ms,
            evidence.repo_key,
            evidence.run_id,
            evidence.summary,
            evidence.guard_diff,
            self.finish.guard_diff_key,
            evidence.repo_key,
            evidence.files,
            evidence.linked_pr,
            sha256,
            indexed,
            total
        )
        .fetch_optional(conn)
        .await?;
        Ok(doc)
    }
}
