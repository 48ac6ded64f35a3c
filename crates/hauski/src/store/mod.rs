//! `daemon.sqlite`: API keys and settings that were changed at run time.
//!
//! Every statement is a static string with bound values; its own test calls each of them.

pub(crate) mod keys;
pub(crate) mod settings;

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

/// Another process (the command line) writes for milliseconds at most.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The open database: one connection, used by one at a time.
pub(crate) struct Store {
    connection: Mutex<SqliteConnection>,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The file cannot be made or opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A newer program has changed its tables, or it is no database of the daemon.
    #[error("{} cannot be brought to this program's tables", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<MigrateError>,
    },
    /// A statement failed.
    #[error("daemon.sqlite cannot be {verb}")]
    Statement {
        /// `read` or `written`.
        verb: &'static str,
        /// What the database says.
        source: sqlx::Error,
    },
}

impl StoreError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        let text = crate::exit::with_causes(self);
        let hint = if text.contains("full") {
            "the disk is full: make room, then try again; nothing was changed"
        } else if text.contains("readonly") || text.contains("Read-only") {
            "the folder is read-only: name another with --home or HAUSKI_HOME, or change its rights"
        } else if text.contains("ermission") {
            "the file belongs to somebody else: change its owner, or use another --home"
        } else if matches!(self, Self::Migrate { .. }) {
            "use the program that wrote it, or move the file away to begin with an empty one"
        } else {
            "check the disk; `hauski status` tells whether a daemon uses the file"
        };
        hint.to_owned()
    }

    fn read(source: sqlx::Error) -> Self {
        Self::Statement { verb: "read", source }
    }

    fn written(source: sqlx::Error) -> Self {
        Self::Statement { verb: "written", source }
    }
}

impl Store {
    /// Opens the database of a home, which must exist; a missing file is made, for its owner alone.
    pub(crate) async fn open(home: &Path) -> Result<Self, StoreError> {
        let path = home.join("daemon.sqlite");
        let made = std::fs::File::options().create(true).append(true).mode(0o600).open(&path);
        made.map_err(|source| StoreError::Open { path: path.clone(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // A key that was handed out or revoked must survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(StoreError::read)?;
        MIGRATIONS
            .run(&mut connection)
            .await
            .map_err(|error| StoreError::Migrate { path, source: Box::new(error) })?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// A number that changes when another process has changed the database.
    pub(crate) async fn version(&self) -> Result<i64, StoreError> {
        let mut connection = self.connection().await;
        let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut *connection).await;
        version.map_err(StoreError::read)
    }

    async fn connection(&self) -> MutexGuard<'_, SqliteConnection> {
        self.connection.lock().await
    }
}
