//! `index.sqlite`: documents, passages, vectors by content, what was deleted and forgotten, decisions and sources.
//!
//! One task owns the only connection that writes; what waits together is committed together. Readers cannot write.
//! What is acknowledged is on the disk (`synchronous = FULL`), and what is deleted is overwritten (`secure_delete`).

mod changes;
mod decisions;
mod error;
mod forget;
mod put;
mod read;
mod retention;
mod sources;
mod writer;

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, watch};

pub use changes::{Changes, Pending, PutChange, VectorChange};
pub use decisions::{MAX_CANDIDATES, MAX_DECISIONS};
pub use error::TruthError;
pub use forget::{ForgetPlan, Selection};
pub(crate) use put::trust_name;
pub use put::{Document, Known, Passage, PassageKind, Put, PutOutcome};
pub use read::{Collection, Counts, Light, Row};
pub use retention::{Keeping, Leaving};
pub use sources::SourceRow;
use writer::{Change, Done, Job};

/// `PRAGMA application_id` of this database: the letters `HIDX`.
const APPLICATION_ID: i64 = 0x4849_4458;

/// Connections that read at the same time.
const READERS: u32 = 4;

/// How long SQLite waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Jobs that wait for the writer before callers have to wait.
const WAITING_JOBS: usize = 1024;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The open database.
pub struct Truth {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
    readers: SqlitePool,
    committed: watch::Receiver<u64>,
}

impl Truth {
    /// Opens `index.sqlite` in this folder; a missing folder or file is made, for its owner alone.
    /// Must be called within a runtime, which then runs the writer.
    ///
    /// # Errors
    /// The place cannot be used, or the file is newer, damaged or another program's. Nothing that was there is changed.
    pub async fn open(home: &Path) -> Result<Self, TruthError> {
        let path = home.join("index.sqlite");
        make(home, &path)?;
        let mut connection = options(&path).connect().await?;
        check_owner(&mut connection, &path).await?;
        MIGRATIONS
            .run_direct(None, &mut connection, false)
            .await
            .map_err(|error| TruthError::migrating(&path, error))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(0)
            .connect_lazy_with(options(&path).pragma("query_only", "ON"));
        let (jobs, waiting) = mpsc::channel(WAITING_JOBS);
        let committed = writer::start(connection, waiting).await?;
        Ok(Self { path, jobs, readers, committed })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last committed write.
    pub fn seq(&self) -> u64 {
        *self.committed.borrow()
    }

    /// Changes with every commit.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    /// Size of the database with its write-ahead log, in bytes.
    pub fn bytes(&self) -> u64 {
        let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
        size(&self.path) + size(&self.path.with_extension("sqlite-wal"))
    }

    /// Ends the writer after what waits, and closes all connections.
    pub async fn close(&self) {
        let _ = self.change(Change::Close).await;
        self.readers.close().await;
    }

    /// Lets the database have at most so many pages, as a full disk would. For tests.
    ///
    /// # Errors
    /// The database says no.
    #[doc(hidden)]
    pub async fn limit_pages_for_tests(&self, pages: u32) -> Result<(), TruthError> {
        self.change(Change::Limit { pages }).await.map(drop)
    }

    async fn change(&self, change: Change) -> Result<Done, TruthError> {
        let (job, answer) = Job::new(change);
        self.jobs.send(job).await.map_err(|_| TruthError::Closed)?;
        answer.await.map_err(|_| TruthError::Closed)?
    }
}

fn make(home: &Path, path: &Path) -> Result<(), TruthError> {
    let opened = |error: std::io::Error| TruthError::Open {
        path: path.to_owned(),
        cause: error.to_string(),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(home).map_err(opened)?;
    if !path.exists() {
        std::fs::File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(opened)?;
    }
    Ok(())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", "67108864")
        .pragma("wal_autocheckpoint", "1000")
        .pragma("trusted_schema", "OFF")
        // Nothing of a passage goes to a file outside the home.
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(64)
        .disable_statement_logging()
}

async fn check_owner(connection: &mut SqliteConnection, path: &Path) -> Result<(), TruthError> {
    let owner: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    if owner == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(connection).await?;
    if owner == 0 && tables == 0 {
        return Ok(());
    }
    Err(TruthError::NotOurs { path: path.to_owned() })
}

/// Of a number that SQLite stores; counts and sequence numbers are never negative.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// For SQLite, which has no unsigned numbers.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
