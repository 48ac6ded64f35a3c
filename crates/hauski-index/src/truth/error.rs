//! What can be wrong with the database, and what to do about it.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// Why the truth cannot be opened, read or written. One failure can answer several callers, so it can be cloned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TruthError {
    /// The folder or file cannot be made or opened.
    #[error("cannot open {}: {cause}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// A newer version of the program wrote it.
    #[error("{} was written by a newer version of hauski", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// A database of another program.
    #[error("{} is a database of another program", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, or no database at all.
    #[error("the index's database is damaged or is no database: {0}")]
    Damaged(String),
    /// The disk is full.
    #[error("no space left for the index's database: {0}")]
    Full(String),
    /// Missing rights, or a read-only file system.
    #[error("the index's database cannot be written: {0}")]
    ReadOnly(String),
    /// The disk does not work.
    #[error("the disk of the index's database fails: {0}")]
    Disk(String),
    /// Another process holds the write lock for too long.
    #[error("another process keeps writing to the index's database: {0}")]
    Busy(String),
    /// Anything else that the database said.
    #[error("the index's database refused a statement: {0}")]
    Database(String),
    /// A value that makes no sense.
    #[error("invalid {what}: {reason}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The one writer has ended.
    #[error("the index is closing")]
    Closed,
}

impl TruthError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Open { .. } | Self::ReadOnly(_) => {
                "make the folder writable for you, or name another with --home or HAUSKI_HOME"
            }
            Self::Newer { .. } => "update hauski, or set HAUSKI_HOME to another folder",
            Self::NotOurs { .. } => "move the file away, or set HAUSKI_HOME to another folder",
            Self::Damaged(_) => {
                "nothing was changed; move index.sqlite away and add the sources again \
                 (`hauski index add`), or restore the file from a backup"
            }
            Self::Full(_) => "free some space, then try again; what was acknowledged is kept",
            Self::Disk(_) => {
                "check the disk; what was acknowledged is kept as far as the disk keeps it"
            }
            Self::Busy(_) => "wait for the other process to end, then try again",
            Self::Database(_) => {
                "`hauski index verify` looks for damage; if it finds none, please report this"
            }
            Self::Invalid { .. } => "correct the value and try again",
            Self::Closed => "start the daemon again: `hauski serve`",
        }
    }

    pub(crate) fn invalid(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { what, reason: reason.into() }
    }

    pub(super) fn migrating(path: &std::path::Path, error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => {
                Self::Newer { path: path.to_owned() }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            error => Self::Database(error.to_string()),
        }
    }
}

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
impl From<sqlx::Error> for TruthError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|error| error.code()?.parse::<i32>().ok())
            .map_or(0, |extended| extended & 0xff);
        let cause = error.to_string();
        match code {
            5 | 6 => Self::Busy(cause),
            3 | 8 | 14 => Self::ReadOnly(cause),
            10 => Self::Disk(cause),
            11 | 26 => Self::Damaged(cause),
            13 => Self::Full(cause),
            _ => Self::Database(cause),
        }
    }
}
