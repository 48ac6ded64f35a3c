//! Opening the store: one connection, one cheap version query, and migrations under a lock.
//!
//! Hot path: `wgx run` opens the store and commits twice. Nothing here reads history.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redact::Redactor;
use rustix::fs::{FlockOperation, flock};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use uuid::{NoContext, Timestamp, Uuid};

use crate::cas::{Cas, CasError};
use crate::home::{Home, HomeError, sync_folder};

/// `PRAGMA user_version` of a store without any migration: the letters `WGX` and a zero byte.
const FIRST_VERSION: i64 = 0x5747_5800;

/// How long SQLite itself waits for another writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a writer queues again after [`BUSY_TIMEOUT`]: SQLite's queue is not fair, so one of many
/// writers can wait several times as long as the others.
const WRITE_ATTEMPTS: u32 = 12;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// What the caller wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and write; a missing store is made.
    Write,
    /// Only read; a missing store is [`StoreError::Missing`]. Works in a read-only home.
    Read,
}

/// An open store.
pub struct Store {
    pub(crate) conn: SqliteConnection,
    pub(crate) home: Home,
    pub(crate) cas: Cas,
    pub(crate) device_id: String,
    pub(crate) mask: Redactor,
}

/// Why the store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store yet, and the caller only wanted to read.
    #[error("there is no memory at {}", path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error("{} has version {found}, this program knows up to {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version that this program knows.
        known: i64,
    },
    /// A SQLite database of another program.
    #[error("{} is a database of another program", path.display())]
    NotOurs {
        /// The database.
        path: PathBuf,
    },
    /// The file is damaged, or no database at all.
    #[error("the memory's database is damaged or is no database")]
    Damaged(#[source] sqlx::Error),
    /// The disk is full.
    #[error("no space left for the memory's database")]
    Full(#[source] sqlx::Error),
    /// Missing rights, or a read-only file system.
    #[error("the memory's database cannot be written")]
    ReadOnly(#[source] sqlx::Error),
    /// Another process holds the write lock for too long.
    #[error("another process keeps writing to the memory")]
    Busy(#[source] sqlx::Error),
    /// Anything else that the database said.
    #[error("the memory's database refused a statement")]
    Database(#[source] sqlx::Error),
    /// A migration failed; the database is as it was before.
    #[error("the memory's database could not be migrated")]
    Migration(#[source] Box<MigrateError>),
    /// A stored value cannot be read back.
    #[error("the memory holds an unreadable {what}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// Why it cannot be.
        source: serde_json::Error,
    },
    /// There is no such run, or several whose ids begin like this.
    #[error("{found} runs have an id that begins with `{id}`")]
    NoSuchRun {
        /// What was asked for.
        id: String,
        /// How many there are: none, or more than one.
        found: usize,
    },
    /// A fact to be written makes no sense.
    #[error("invalid {what}: {reason}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The place of another error.
    #[error("{} cannot be opened", path.display())]
    At {
        /// The database.
        path: PathBuf,
        /// The error.
        source: Box<StoreError>,
    },
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The content-addressed store failed.
    #[error(transparent)]
    Cas(#[from] CasError),
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "the first `wgx run` makes it",
            Self::Newer { .. } => "update wgx, or set HAUSKI_HOME to another folder",
            Self::NotOurs { .. } => "move the file away, or set HAUSKI_HOME to another folder",
            Self::Damaged(_) => {
                "nothing was changed; move memory.sqlite away and import your last pack \
                 (`wgx memory import`), or restore the file from a backup"
            }
            Self::Full(_) => "free some space (`wgx memory gc` drops old logs), then try again",
            Self::ReadOnly(_) => {
                "make the folder writable for you, or set HAUSKI_HOME to another folder"
            }
            Self::Busy(_) => "wait for the other process to end, then try again",
            Self::Database(_) | Self::Unreadable { .. } => {
                "`wgx memory check` looks for damage; if it finds none, please report this"
            }
            Self::Migration(_) => "nothing was changed; update wgx and try again",
            Self::NoSuchRun { .. } => "`wgx runs` lists the ids; give more of its characters",
            Self::Invalid { .. } => "correct the value and try again",
            Self::At { source, .. } => source.hint(),
            Self::Home(error) => error.hint(),
            Self::Cas(error) => error.hint(),
        }
    }

    /// Whether there simply is no store yet.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    pub(crate) fn is_busy(&self) -> bool {
        match self {
            Self::Busy(_) => true,
            Self::At { source, .. } => source.is_busy(),
            _ => false,
        }
    }
}

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|error| error.code()?.parse::<i32>().ok())
            .map_or(0, |extended| extended & 0xff);
        match code {
            5 | 6 => Self::Busy(error),
            3 | 8 | 14 => Self::ReadOnly(error),
            11 | 26 => Self::Damaged(error),
            13 => Self::Full(error),
            _ => Self::Database(error),
        }
    }
}

impl Store {
    /// Opens the store of this home, making or migrating it first where that is needed.
    ///
    /// # Errors
    /// The home cannot be used; the database is newer, damaged or another program's. Nothing that was
    /// there is overwritten.
    pub async fn open(home: &Home, access: Access, mask: Redactor) -> Result<Self, StoreError> {
        let path = home.database();
        let conn = match access {
            Access::Write => open_for_writing(home, &path).await,
            Access::Read => open_for_reading(&path).await,
        }
        .map_err(|error| error.at(&path))?;
        let device_id = match access {
            Access::Write => home.device_id()?,
            Access::Read => home.known_device_id().unwrap_or_default(),
        };
        let cas = Cas::at(home.cas());
        Ok(Self { conn, home: home.clone(), cas, device_id, mask })
    }

    /// Closes the database; the last one to close it folds the write-ahead log into it.
    ///
    /// # Errors
    /// The database says so. What was committed before stays committed.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.conn.close().await?)
    }

    /// Masks what is stored from now on with this.
    pub fn set_mask(&mut self, mask: Redactor) {
        self.mask = mask;
    }

    /// The content-addressed store beside the database.
    pub fn cas(&self) -> &Cas {
        &self.cas
    }

    /// The home that this store lies in.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The id that new facts carry.
    pub fn device_id(&self) -> &str {
        &self.device_id
    }

    /// Does `work` in one write transaction, which is committed and durable when this returns `Ok`,
    /// and undone otherwise. It queues behind other writers.
    pub(crate) async fn write<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.begin().await?;
        let mut done = work(&mut self.conn).await;
        if done.is_ok()
            && let Err(error) = sqlx::raw_sql("COMMIT").execute(&mut self.conn).await
        {
            done = Err(error.into());
        }
        if done.is_err() {
            // After a full disk SQLite has already rolled back and refuses a second time.
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut self.conn).await;
        }
        done
    }

    /// As [`Store::write`], for statements that begin the transaction themselves: with as many of them
    /// as possible in one query, the few that every run pays for cost one switch to SQLite's thread
    /// instead of one each. `batch` is repeated while another writer keeps it from beginning.
    pub(crate) async fn write_at_once<T>(
        &mut self,
        batch: impl AsyncFn(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut attempt = 1;
        loop {
            match batch(&mut self.conn).await {
                Ok(done) => return Ok(done),
                Err(error) if error.is_busy() && attempt < WRITE_ATTEMPTS => attempt += 1,
                Err(error) => {
                    // Nothing to roll back where the transaction never began.
                    let _ = sqlx::raw_sql("ROLLBACK").execute(&mut self.conn).await;
                    return Err(error);
                }
            }
        }
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        self.write_at_once(async |conn| {
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(conn).await?;
            Ok(())
        })
        .await
    }

    pub(crate) fn masked(&self, text: &str) -> String {
        self.mask.mask(text).text
    }
}

/// What every fact carries besides its content.
pub(crate) struct Stamp {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
}

impl Stamp {
    pub(crate) fn now() -> Self {
        let id = Uuid::now_v7();
        Self { at_ms: milliseconds_of(&id), id: id.to_string() }
    }

    /// A stamp of this time, in milliseconds since 1970.
    pub(crate) fn at(at_ms: i64) -> Self {
        let at = at_ms.unsigned_abs();
        let nanoseconds = u32::try_from(at % 1000 * 1_000_000).unwrap_or(0);
        let time = Timestamp::from_unix(NoContext, at / 1000, nanoseconds);
        Self { at_ms, id: Uuid::new_v7(time).to_string() }
    }
}

fn milliseconds_of(id: &Uuid) -> i64 {
    let (seconds, nanoseconds) = id.get_timestamp().map_or((0, 0), |time| time.to_unix());
    i64::try_from(seconds).unwrap_or(0).saturating_mul(1000) + i64::from(nanoseconds / 1_000_000)
}

impl StoreError {
    fn at(self, path: &Path) -> Self {
        match self {
            Self::Missing { .. }
            | Self::Newer { .. }
            | Self::NotOurs { .. }
            | Self::Invalid { .. }
            | Self::Home(_) => self,
            source => Self::At { path: path.to_owned(), source: Box::new(source) },
        }
    }
}

/// The version that this program makes.
pub(crate) fn known_version() -> i64 {
    MIGRATIONS.iter().count() as i64
}

async fn open_for_writing(home: &Home, path: &Path) -> Result<SqliteConnection, StoreError> {
    for _ in 0..WRITE_ATTEMPTS {
        if !path.exists() {
            create(home, path).await?;
        }
        let mut conn = match connect(&options(path)).await {
            // Deleted between the two lines above, or the folder went away: look again.
            Err(StoreError::ReadOnly(_)) if !path.exists() => continue,
            other => other?,
        };
        let version = match version(&mut conn, path).await {
            Err(error) if error.is_busy() => continue,
            other => other?,
        };
        if version < known_version() {
            migrate(home, path, &mut conn).await?;
        }
        return Ok(conn);
    }
    Err(StoreError::Missing { path: path.to_owned() })
}

/// A database in WAL mode needs a writable folder unless nobody can be writing to it: then, and only
/// then, it is opened as immutable.
async fn open_for_reading(path: &Path) -> Result<SqliteConnection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let mut conn = match connect(&options(path).read_only(true)).await {
        Err(StoreError::ReadOnly(_)) if !has_write_ahead_log(path) => {
            connect(&options(path).read_only(true).immutable(true)).await?
        }
        other => other?,
    };
    let found = match version(&mut conn, path).await {
        Err(StoreError::ReadOnly(_)) if !has_write_ahead_log(path) => {
            conn = connect(&options(path).read_only(true).immutable(true)).await?;
            version(&mut conn, path).await?
        }
        other => other?,
    };
    if found < known_version() {
        return Err(StoreError::Invalid {
            what: "version of the memory",
            reason: format!("it is {found} and must be migrated to {} first", known_version()),
        });
    }
    Ok(conn)
}

fn has_write_ahead_log(path: &Path) -> bool {
    let log = path.with_extension("sqlite-wal");
    log.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .disable_statement_logging()
}

async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    Ok(options.connect().await?)
}

/// The number of migrations that the database has seen. Costs one page.
async fn version(conn: &mut SqliteConnection, path: &Path) -> Result<i64, StoreError> {
    let raw: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *conn).await?;
    if raw == 0 && is_empty(conn).await? {
        return Ok(0);
    }
    let found = raw - FIRST_VERSION;
    if !(1..256).contains(&found) {
        return Err(StoreError::NotOurs { path: path.to_owned() });
    }
    let known = known_version();
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

async fn is_empty(conn: &mut SqliteConnection) -> Result<bool, StoreError> {
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(conn).await?;
    Ok(tables == 0)
}

/// Makes the database beside its place and moves it there complete, so that nobody ever sees half of
/// it. The lock makes all other first starts wait for this one.
async fn create(home: &Home, path: &Path) -> Result<(), StoreError> {
    home.create()?;
    let _lock = lock(home)?;
    if path.exists() {
        return Ok(());
    }
    let draft = home.root().join(format!(".memory-{}.sqlite", Uuid::now_v7()));
    let made = match create_draft(&draft).await {
        Ok(()) => std::fs::rename(&draft, path)
            .and_then(|()| sync_folder(home.root()))
            .map_err(|error| HomeError::from_io(path, error).into()),
        Err(error) => Err(error),
    };
    if made.is_err() {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut name = draft.clone().into_os_string();
            name.push(suffix);
            // What cannot be removed here is reported by `check` and harmless.
            let _ = std::fs::remove_file(name);
        }
    }
    made
}

async fn create_draft(draft: &Path) -> Result<(), StoreError> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)
        .map_err(|error| HomeError::from_io(draft, error))?;
    let mut conn = connect(&options(draft)).await?;
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut conn).await?;
    run_migrations(&mut conn).await?;
    Ok(conn.close().await?)
}

async fn migrate(home: &Home, path: &Path, conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let _lock = lock(home)?;
    if version(conn, path).await? < known_version() {
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *conn).await?;
        run_migrations(conn).await?;
    }
    Ok(())
}

async fn run_migrations(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    MIGRATIONS.run_direct(None, conn, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        error => StoreError::Migration(Box::new(error)),
    })
}

fn lock(home: &Home) -> Result<File, HomeError> {
    let path = home.lock_file();
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|error| HomeError::from_io(&path, error))?;
    flock(&file, FlockOperation::LockExclusive)
        .map_err(|error| HomeError::from_io(&path, error.into()))?;
    Ok(file)
}
