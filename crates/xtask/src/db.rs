//! `.sqlx`: what the query macros of the memory know about the database, so that a normal build needs
//! none. Written here instead of by sqlx-cli: the macros themselves write it when they see a database.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqlSafeStr, SqliteConnection};

/// Writes `.sqlx`, or with `--check` only compares.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let root = crate::workspace();
    if arguments.iter().any(|argument| argument == "--check") { check(&root) } else { write(&root) }
}

/// Checks the memory against a fresh database and replaces `.sqlx` with what its macros wrote.
fn write(root: &Path) -> Result<()> {
    let work = root.join("target/sqlx");
    let written = work.join("queries");
    if written.exists() {
        fs::remove_dir_all(&written)?;
    }
    fs::create_dir_all(&written)?;
    let database = work.join("queries.sqlite");
    block_on(async { fresh_database(root, &database).await?.close().await.map_err(Into::into) })?;
    expand_queries(root, &database, &written)?;
    replace(&root.join(".sqlx"), &written)?;
    check(root)
}

/// Fails when `.sqlx` holds a query that the memory no longer makes, or what it says about a query is
/// not what a database made from the migrations says. (A query that is missing fails the build.)
fn check(root: &Path) -> Result<()> {
    let found = block_on(stale(root))?;
    ensure!(found.is_empty(), "{}\nrun `cargo xtask db`", found.join("\n"));
    Ok(())
}

/// One saved query, as the macros write it.
#[derive(Deserialize)]
struct SavedQuery {
    query: String,
    describe: serde_json::Value,
}

async fn stale(root: &Path) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let mut database = fresh_database(root, &folder.path().join("check.sqlite")).await?;
    let sources = sources(&root.join("crates/memory/src"))?;
    let mut found = Vec::new();
    for path in saved_queries(&root.join(".sqlx"))? {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let saved: SavedQuery = serde_json::from_str(&fs::read_to_string(&path)?)
            .with_context(|| format!("{name} is not a saved query"))?;
        if !sources.iter().any(|source| source.contains(&saved.query)) {
            found.push(format!("{name}: no source holds this query"));
            continue;
        }
        let now = database.describe(AssertSqlSafe(saved.query).into_sql_str()).await;
        match now.map(serde_json::to_value) {
            Ok(Ok(now)) if now == saved.describe => {}
            Ok(_) => found.push(format!("{name}: the migrations now say something else")),
            Err(error) => found.push(format!("{name}: {error}")),
        }
    }
    Ok(found)
}

async fn fresh_database(root: &Path, path: &Path) -> Result<SqliteConnection> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut database = options.connect().await?;
    let migrations = root.join("crates/memory/migrations");
    Migrator::new(migrations).await?.run(&mut database).await?;
    Ok(database)
}

#[expect(clippy::disallowed_methods, reason = "a chore starts cargo, as a person would")]
fn expand_queries(root: &Path, database: &Path, written: &Path) -> Result<()> {
    let build = root.join("target/sqlx/build");
    let cargo = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(words).args(["-p", "memory", "--target-dir"]).arg(&build);
        command.current_dir(root).env("SQLX_OFFLINE", "false");
        command.env("DATABASE_URL", format!("sqlite://{}", database.display()));
        command.env("SQLX_OFFLINE_DIR", written);
        command.status()
    };
    // Cargo cannot know that the macros depend on the database: what it built last time goes.
    cargo(&["clean", "--quiet"])?;
    if !cargo(&["check", "--quiet"])?.success() {
        bail!("the memory does not compile against its migrations");
    }
    Ok(())
}

fn replace(saved: &Path, written: &Path) -> Result<()> {
    fs::create_dir_all(saved)?;
    let names = |folder: &Path| -> Result<BTreeSet<_>> {
        let paths = saved_queries(folder)?;
        Ok(paths.iter().filter_map(|path| path.file_name().map(ToOwned::to_owned)).collect())
    };
    let (old, new) = (names(saved)?, names(written)?);
    ensure!(!new.is_empty(), "the macros wrote no query");
    for name in old.difference(&new) {
        fs::remove_file(saved.join(name))?;
    }
    for name in &new {
        fs::copy(written.join(name), saved.join(name))?;
    }
    Ok(())
}

fn saved_queries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn sources(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(entry.path())?);
        }
    }
    Ok(texts)
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    #[test]
    fn saved_queries_are_those_of_the_memory() {
        super::check(&crate::workspace()).unwrap();
    }
}
