//! The one task that writes. What waits together is committed together, for at most five milliseconds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use super::forget::Selection;
use super::put::{Document, PutOutcome};
use super::{TruthError, decisions, forget, put, retention, signed, sources, unsigned};
use crate::failpoint;

/// How long a transaction takes in what waits.
const GROUP: Duration = Duration::from_millis(5);

/// What can be written.
pub(super) enum Change {
    Put {
        documents: Vec<Document>,
        now_ms: i64,
    },
    Remove {
        documents: Vec<i64>,
    },
    Touch {
        collection: String,
        stamps: Vec<(String, String)>,
    },
    Forget {
        selection: Box<Selection>,
        now_ms: i64,
    },
    Embeddings {
        revision: String,
        vectors: Vec<([u8; 32], Vec<f32>)>,
    },
    DropEmbeddings {
        revision: String,
    },
    Retention {
        collection: String,
        config: retention::Keeping,
    },
    Decision {
        id: String,
        at_ms: i64,
        body: String,
    },
    Outcome(Box<decisions::OutcomeRow>),
    Source(Box<sources::SourceRow>),
    SourceScanned {
        name: String,
        at_ms: i64,
        outcome: String,
    },
    RemoveSource {
        name: String,
    },
    /// Not a change of rows: zeroes and gives back what is free, and empties the write-ahead log.
    Compact {
        settled: u64,
    },
    /// For tests: a database of at most so many pages, as a full disk would have it.
    Limit {
        pages: u32,
    },
    Close,
}

impl Change {
    /// Whether it is no part of a transaction.
    fn stands_alone(&self) -> bool {
        matches!(self, Self::Compact { .. } | Self::Limit { .. } | Self::Close)
    }
}

/// What came of it.
pub(super) enum Done {
    Put(Vec<PutOutcome>),
    Removed { chunks: u64 },
    Forgot(forget::ForgetPlan),
    Nothing,
    Found(bool),
}

/// A change and who waits for it.
pub(super) struct Job {
    change: Change,
    answer: oneshot::Sender<Result<Done, TruthError>>,
}

impl Job {
    pub(super) fn new(change: Change) -> (Self, oneshot::Receiver<Result<Done, TruthError>>) {
        let (answer, receiver) = oneshot::channel();
        (Self { change, answer }, receiver)
    }
}

/// Numbers and names that the writer gives out; they change with a commit only.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) seq: u64,
    pub(super) chunk: u64,
    pub(super) collections: HashMap<String, i64>,
    pub(super) tags: HashMap<String, i64>,
    pub(super) forget_key: [u8; 32],
}

impl Names {
    /// The number of the next write.
    pub(super) fn next_seq(&mut self) -> i64 {
        self.seq += 1;
        signed(self.seq)
    }

    /// The id of the next passage.
    pub(super) fn next_chunk(&mut self) -> i64 {
        self.chunk += 1;
        signed(self.chunk)
    }
}

/// A transaction's connection and numbers.
pub(super) struct Session<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) names: &'a mut Names,
}

/// Reads the numbers and starts the task; it ends with the last sender.
pub(super) async fn start(
    mut connection: SqliteConnection,
    jobs: mpsc::Receiver<Job>,
) -> Result<watch::Receiver<u64>, TruthError> {
    let names = read_names(&mut connection).await?;
    let (committed, receiver) = watch::channel(names.seq);
    tokio::spawn(run(connection, names, jobs, committed));
    Ok(receiver)
}

async fn read_names(connection: &mut SqliteConnection) -> Result<Names, TruthError> {
    let mut names = Names::default();
    let counters = sqlx::query!(r#"SELECT name AS "name!", value AS "value!" FROM counter"#);
    for row in counters.fetch_all(&mut *connection).await? {
        match row.name.as_str() {
            "seq" => names.seq = unsigned(row.value),
            "chunk" => names.chunk = unsigned(row.value),
            _ => {}
        }
    }
    let key = sqlx::query_scalar!("SELECT value FROM secret WHERE name = 'forgotten'");
    let key = key.fetch_optional(&mut *connection).await?.unwrap_or_default();
    names.forget_key = <[u8; 32]>::try_from(key)
        .map_err(|_| TruthError::Damaged("the key of forgotten things is gone".to_owned()))?;
    Ok(names)
}

async fn run(
    mut connection: SqliteConnection,
    mut names: Names,
    mut jobs: mpsc::Receiver<Job>,
    committed: watch::Sender<u64>,
) {
    while let Some(first) = jobs.recv().await {
        if first.change.stands_alone() {
            match alone(connection, first).await {
                Some(open) => connection = open,
                None => return,
            }
            continue;
        }
        let mut next = Some(first);
        // A compaction or the end waits until the group before it is committed.
        let mut after = None;
        let mut done = Vec::new();
        let began = Instant::now();
        let mut fresh = names.clone();
        let mut failed = execute(&mut connection, "BEGIN IMMEDIATE").await.err();
        while let Some(job) = next.take() {
            let outcome = match &failed {
                None => one(&mut connection, &mut fresh, job.change).await,
                Some(error) => Err(error.clone()),
            };
            done.push((job.answer, outcome));
            if began.elapsed() < GROUP && failed.is_none() {
                match jobs.try_recv() {
                    Ok(job) if job.change.stands_alone() => after = Some(job),
                    Ok(job) => next = Some(job),
                    Err(_) => {}
                }
            }
        }
        if failed.is_none() {
            failed = commit(&mut connection, &fresh).await.err();
        }
        if failed.is_some() {
            // After a full disk SQLite has already rolled back and refuses a second time.
            let _ = execute(&mut connection, "ROLLBACK").await;
        } else {
            names = fresh;
            committed.send_replace(names.seq);
        }
        for (answer, outcome) in done {
            let outcome = match &failed {
                Some(error) if outcome.is_ok() => Err(error.clone()),
                _ => outcome,
            };
            // Who no longer waits needs no answer.
            let _ = answer.send(outcome);
        }
        if let Some(job) = after {
            match alone(connection, job).await {
                Some(open) => connection = open,
                None => return,
            }
        }
    }
}

/// What is done between transactions; nothing comes back of a connection that was closed.
async fn alone(mut connection: SqliteConnection, job: Job) -> Option<SqliteConnection> {
    let done = match job.change {
        Change::Close => {
            let closed = connection.close().await.map_err(TruthError::from);
            let _ = job.answer.send(closed.map(|()| Done::Nothing));
            return None;
        }
        Change::Limit { pages } => limit(&mut connection, pages).await,
        Change::Compact { settled } => compact(&mut connection, settled).await,
        _ => Ok(Done::Nothing),
    };
    let _ = job.answer.send(done);
    Some(connection)
}

async fn limit(connection: &mut SqliteConnection, pages: u32) -> Result<Done, TruthError> {
    let sql = format!("PRAGMA max_page_count = {pages}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(Done::Nothing)
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), TruthError> {
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}

async fn commit(connection: &mut SqliteConnection, names: &Names) -> Result<(), TruthError> {
    let (seq, chunk) = (signed(names.seq), signed(names.chunk));
    sqlx::query!(
        "UPDATE counter SET value = CASE name WHEN 'seq' THEN ? ELSE ? END \
         WHERE name IN ('seq', 'chunk')",
        seq,
        chunk
    )
    .execute(&mut *connection)
    .await?;
    failpoint::reached("truth.before-commit");
    execute(connection, "COMMIT").await?;
    failpoint::reached("truth.after-commit");
    Ok(())
}

/// One job: whole or not at all, whatever becomes of the others of its group.
async fn one(
    connection: &mut SqliteConnection,
    names: &mut Names,
    change: Change,
) -> Result<Done, TruthError> {
    let before = names.clone();
    execute(connection, "SAVEPOINT job").await?;
    let done = apply(&mut Session { connection, names }, change).await;
    match done {
        Ok(done) => {
            execute(connection, "RELEASE job").await?;
            Ok(done)
        }
        Err(error) => {
            *names = before;
            // Where SQLite has rolled back everything already, the commit will fail and say so.
            let _ = execute(connection, "ROLLBACK TO job").await;
            let _ = execute(connection, "RELEASE job").await;
            Err(error)
        }
    }
}

async fn apply(session: &mut Session<'_>, change: Change) -> Result<Done, TruthError> {
    match change {
        Change::Put { documents, now_ms } => {
            let mut outcomes = Vec::with_capacity(documents.len());
            for document in &documents {
                outcomes.push(put::put(session, document, now_ms).await?);
            }
            Ok(Done::Put(outcomes))
        }
        Change::Remove { documents } => {
            let chunks = put::remove(session, &documents).await?;
            Ok(Done::Removed { chunks })
        }
        Change::Touch { collection, stamps } => {
            put::touch(session, &collection, &stamps).await.map(|()| Done::Nothing)
        }
        Change::Forget { selection, now_ms } => {
            forget::forget(session, &selection, now_ms).await.map(Done::Forgot)
        }
        Change::Embeddings { revision, vectors } => {
            put::add_embeddings(session, &revision, &vectors).await.map(|()| Done::Nothing)
        }
        Change::DropEmbeddings { revision } => {
            put::drop_embeddings(session, &revision).await.map(|()| Done::Nothing)
        }
        Change::Retention { collection, config } => {
            retention::set(session, &collection, config).await.map(|()| Done::Nothing)
        }
        Change::Decision { id, at_ms, body } => {
            decisions::add(session, &id, at_ms, &body).await.map(|()| Done::Nothing)
        }
        Change::Outcome(row) => decisions::add_outcome(session, &row).await.map(Done::Found),
        Change::Source(row) => sources::put(session, &row).await.map(|()| Done::Nothing),
        Change::SourceScanned { name, at_ms, outcome } => {
            sources::scanned(session, &name, at_ms, &outcome).await.map(|()| Done::Nothing)
        }
        Change::RemoveSource { name } => sources::remove(session, &name).await.map(Done::Found),
        Change::Compact { .. } | Change::Limit { .. } | Change::Close => Ok(Done::Nothing),
    }
}

/// Gives back free pages and empties the write-ahead log, so that no deleted byte stays in a file. A reader that is
/// just reading an older state is waited for.
async fn compact(connection: &mut SqliteConnection, settled: u64) -> Result<Done, TruthError> {
    let settled = signed(settled);
    // What every derived store has taken note of needs no reminder; ids are never used again.
    sqlx::query!("DELETE FROM deletion WHERE seq <= ?", settled).execute(&mut *connection).await?;
    execute(connection, "PRAGMA incremental_vacuum").await?;
    for _ in 0..50 {
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await?;
        if busy == 0 {
            return Ok(Done::Found(true));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Done::Found(false))
}
