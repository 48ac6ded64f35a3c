//! `.sqlx`: what the query macros of the memory and of the index know about their databases, so that a normal build
//! needs none. Written here instead of by sqlx-cli: the macros themselves write it when they see a database.
//!
//! One database with the tables of both stands in for them, so no name of a table may be in both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqlSafeStr, SqliteConnection};

/// Crates with queries and migrations.
const CRATES: [&str; 2] = ["memory", "hauski-index"];

/// Writes `.sqlx` for all crates or for those that are named; with `--check` only compares.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let root = crate::workspace();
    if arguments.iter().any(|argument| argument == "--check") {
        return check(&root);
    }
    let mut crates = Vec::new();
    for name in arguments {
        let known = CRATES.into_iter().find(|known| known == name);
        crates.push(known.with_context(|| format!("{name} is none of {}", CRATES.join(", ")))?);
    }
    write(&root, if crates.is_empty() { &CRATES } else { &crates })
}

/// Checks crates against a fresh database and replaces what `.sqlx` knew of their queries.
fn write(root: &Path, crates: &[&str]) -> Result<()> {
    let work = root.join("target/sqlx");
    let written = work.join("queries");
    if written.exists() {
        fs::remove_dir_all(&written)?;
    }
    fs::create_dir_all(&written)?;
    let database = work.join("queries.sqlite");
    block_on(async { fresh_database(root, &database).await?.close().await.map_err(Into::into) })?;
    expand_queries(root, &database, &written, crates)?;
    replace(root, &written)?;
    check(root)
}

/// Fails when `.sqlx` holds a query that nothing makes any more, or what it says about a query is
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
    let sources = sources(root)?;
    let mut found = Vec::new();
    for path in saved_queries(&root.join(".sqlx"))? {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let saved: SavedQuery = serde_json::from_str(&fs::read_to_string(&path)?)
            .with_context(|| format!("{name} is not a saved query"))?;
        if !is_made(&sources, &saved.query) {
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
    for name in CRATES {
        let migrations = Migrator::new(root.join("crates").join(name).join("migrations")).await?;
        for migration in migrations.iter() {
            sqlx::raw_sql(migration.sql.clone()).execute(&mut database).await?;
        }
    }
    Ok(database)
}

#[expect(clippy::disallowed_methods, reason = "a chore starts cargo, as a person would")]
fn expand_queries(root: &Path, database: &Path, written: &Path, crates: &[&str]) -> Result<()> {
    let build = root.join("target/sqlx/build");
    let cargo = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(words).args(crates.iter().flat_map(|name| ["-p", name]));
        command.arg("--target-dir").arg(&build);
        command.current_dir(root).env("SQLX_OFFLINE", "false");
        command.env("DATABASE_URL", format!("sqlite://{}", database.display()));
        command.env("SQLX_OFFLINE_DIR", written);
        command.status()
    };
    // Cargo cannot know that the macros depend on the database: what it built last time goes.
    cargo(&["clean", "--quiet"])?;
    if !cargo(&["check", "--quiet"])?.success() {
        bail!("{} does not compile against its migrations", crates.join(" or "));
    }
    Ok(())
}

fn replace(root: &Path, written: &Path) -> Result<()> {
    let saved = root.join(".sqlx");
    fs::create_dir_all(&saved)?;
    let new = saved_queries(written)?;
    ensure!(!new.is_empty(), "the macros wrote no query");
    for path in new {
        if let Some(name) = path.file_name() {
            fs::copy(&path, saved.join(name))?;
        }
    }
    let sources = sources(root)?;
    for path in saved_queries(&saved)? {
        let query: SavedQuery = serde_json::from_str(&fs::read_to_string(&path)?)?;
        if !is_made(&sources, &query.query) {
            fs::remove_file(path)?;
        }
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

fn sources(root: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for name in CRATES {
        for entry in walkdir::WalkDir::new(root.join("crates").join(name).join("src")) {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "rs") {
                texts.push(fs::read_to_string(entry.path())?);
            }
        }
    }
    Ok(texts)
}

/// Whether a source holds this query. A literal that goes on after a backslash at the end of a line is one line for the
/// macros, so it is compared without that.
fn is_made(sources: &[String], query: &str) -> bool {
    sources.iter().any(|source| source.contains(query) || joined(source).contains(query))
}

fn joined(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let mut line = line.to_owned();
        while line.ends_with('\\') {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start());
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    #[test]
    fn saved_queries_are_those_of_the_sources() {
        super::check(&crate::workspace()).unwrap();
    }
}
