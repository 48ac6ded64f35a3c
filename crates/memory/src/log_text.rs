//! Searching the words of logs. The index is built beside the facts and can be rebuilt from the
//! content-addressed store; the text itself is read from there.

use std::collections::BTreeMap;
use std::io::Read;

use sqlx::SqliteConnection;

use crate::cas::{Cas, CasError, Digest};
use crate::home::HomeError;
use crate::log::{Searchable, plain_text, searchable};
use crate::run::{Run, RunFilter};
use crate::store::{Store, StoreError};

/// A line of a log is shown at most so long, around the first word that was found.
const SNIPPET_BYTES: usize = 200;

/// A run whose log holds all words.
#[derive(Clone, Debug, PartialEq)]
pub struct LogHit {
    /// The run.
    pub run: Run,
    /// The first line that holds one of the words; none when the log has gone from the store.
    pub snippet: Option<String>,
    /// Number of that line, from 1.
    pub line: Option<u64>,
    /// Whether the whole log is searchable, or only its beginning and end.
    pub whole: bool,
}

/// What [`Store::search_logs`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogSearch {
    /// Runs, newest first.
    pub hits: Vec<LogHit>,
    /// How many logs of the memory are searchable only in part.
    pub partly_indexed_logs: u64,
}

impl Store {
    /// Runs whose log holds all words of `text`, newest first. Case and accents do not matter; words in
    /// double quotes must follow each other; a `*` at the end of a word stands for any ending.
    ///
    /// # Errors
    /// `text` holds no word, or the database cannot be read.
    pub async fn search_logs(
        &mut self,
        text: &str,
        filter: &RunFilter,
    ) -> Result<LogSearch, StoreError> {
        let Some(query) = fts_query(text) else {
            return Err(StoreError::Invalid {
                what: "search",
                reason: format!("`{text}` holds no word"),
            });
        };
        let logs = sqlx::query!(
            r#"SELECT i.log_sha256 AS "log_sha256!: String",
                      i.indexed_bytes >= i.total_bytes AS "whole!: bool"
               FROM log_text JOIN log_index i ON i.doc = log_text.rowid
               WHERE log_text MATCH ?1"#,
            query
        )
        .fetch_all(&mut self.conn)
        .await?;
        let logs: BTreeMap<String, bool> =
            logs.into_iter().map(|log| (log.log_sha256, log.whole)).collect();
        let partly_indexed_logs = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM log_index WHERE indexed_bytes < total_bytes"#
        )
        .fetch_one(&mut self.conn)
        .await?;
        let hits = self.hits(&logs, (text, filter)).await?;
        Ok(LogSearch { hits, partly_indexed_logs: partly_indexed_logs.unsigned_abs() })
    }

    async fn hits(
        &mut self,
        logs: &BTreeMap<String, bool>,
        (text, filter): (&str, &RunFilter),
    ) -> Result<Vec<LogHit>, StoreError> {
        let runs = self.runs_with_logs(filter, &logs.keys().collect::<Vec<_>>()).await?;
        let words = words_of(text);
        let mut hits = Vec::new();
        for run in runs {
            let log = run.log_sha256.clone().unwrap_or_default();
            let found = find_line(&self.cas, &log, &words)?;
            let (line, snippet) = found.unzip();
            let whole = logs.get(&log).copied().unwrap_or(true);
            hits.push(LogHit { run, snippet, line, whole });
        }
        Ok(hits)
    }

    /// Builds the words of all logs anew. Returns how many logs there are, and how many of them are
    /// not in the store.
    ///
    /// # Errors
    /// The database cannot be written, or the store cannot be read.
    pub async fn rebuild_log_text(&mut self) -> Result<(u64, u64), StoreError> {
        let cas = self.cas.clone();
        self.write(async |conn| {
            sqlx::raw_sql("DELETE FROM log_text; DELETE FROM log_index")
                .execute(&mut *conn)
                .await?;
            index_missing(conn, &cas).await
        })
        .await
    }
}

/// Indexes all logs that are not indexed yet. Returns how many, and how many are not in the store.
pub(crate) async fn index_missing(
    conn: &mut SqliteConnection,
    cas: &Cas,
) -> Result<(u64, u64), StoreError> {
    let logs = sqlx::query_scalar!(
        r#"SELECT DISTINCT log_sha256 AS "log!: String" FROM run_finished
           WHERE log_sha256 IS NOT NULL AND log_sha256 NOT IN (SELECT log_sha256 FROM log_index)
           ORDER BY log_sha256"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut missing = 0;
    for log in &logs {
        match read_text(cas, log)? {
            Some(text) => index(conn, log, &searchable(&text)).await?,
            None => missing += 1,
        }
    }
    Ok((logs.len() as u64, missing))
}

/// Drops the words of logs that no run names.
pub(crate) async fn drop_unused(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let dropped = sqlx::query!(
        "DELETE FROM log_text WHERE rowid IN (
             SELECT doc FROM log_index WHERE log_sha256 NOT IN (
                 SELECT log_sha256 FROM run_finished WHERE log_sha256 IS NOT NULL))"
    )
    .execute(&mut *conn)
    .await?;
    if dropped.rows_affected() == 0 {
        return Ok(());
    }
    // Merging all segments also takes the dropped words out of the file.
    sqlx::raw_sql(
        "DELETE FROM log_index WHERE log_sha256 NOT IN (
             SELECT log_sha256 FROM run_finished WHERE log_sha256 IS NOT NULL);
         INSERT INTO log_text (log_text) VALUES ('optimize')",
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn read_text(cas: &Cas, log: &str) -> Result<Option<String>, StoreError> {
    let digest = Digest::parse(log)?;
    let mut bytes = Vec::new();
    match cas.get(&digest) {
        Ok(mut file) => file
            .read_to_end(&mut bytes)
            .map_err(|error| HomeError::from_io(&cas.path(&digest), error))?,
        Err(CasError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The query in the language of FTS5, every word quoted. None without any word.
pub(crate) fn fts_query(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    for (number, piece) in text.split('"').enumerate() {
        if number % 2 == 1 {
            parts.extend(quoted(piece, ""));
        } else {
            let words = piece.split_whitespace();
            parts.extend(words.filter_map(|word| {
                let star = if word.ends_with('*') { "*" } else { "" };
                quoted(word, star)
            }));
        }
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn quoted(words: &str, star: &str) -> Option<String> {
    let has_word = words.chars().any(char::is_alphanumeric);
    has_word.then(|| format!("\"{}\"{star}", words.replace('\0', " ")))
}

pub(crate) fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// The first line with most of the words.
fn find_line(cas: &Cas, log: &str, words: &[String]) -> Result<Option<(u64, String)>, StoreError> {
    let Some(text) = read_text(cas, log)? else {
        return Ok(None);
    };
    let text = plain_text(&text);
    let mut best: Option<(usize, u64, &str)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let lower = line.to_lowercase();
        let count = words.iter().filter(|word| lower.contains(word.as_str())).count();
        if count > best.map_or(0, |(most, ..)| most) {
            best = Some((count, number, line));
        }
        if count == words.len() {
            break;
        }
    }
    Ok(best.map(|(_, number, line)| (number, snippet(line, words))))
}

pub(crate) fn snippet(line: &str, words: &[String]) -> String {
    let line = line.trim();
    if line.len() <= SNIPPET_BYTES {
        return line.to_owned();
    }
    let lower = line.to_lowercase();
    let at = words.iter().filter_map(|word| lower.find(word.as_str())).min().unwrap_or(0);
    let start = line.floor_char_boundary(at.saturating_sub(SNIPPET_BYTES / 4).min(line.len()));
    let end = line.floor_char_boundary((start + SNIPPET_BYTES).min(line.len()));
    let (before, after) =
        (if start > 0 { "…" } else { "" }, if end < line.len() { "…" } else { "" });
    format!("{before}{}{after}", &line[start..end])
}

/// Adds a log unless it is there. Two index look-ups for a log that was seen before.
pub(crate) async fn index(
    conn: &mut SqliteConnection,
    log_sha256: &str,
    searchable: &Searchable,
) -> Result<(), StoreError> {
    let indexed_bytes = searchable.text.len() as i64;
    let total_bytes = searchable.total_bytes as i64;
    let doc = sqlx::query_scalar!(
        "INSERT INTO log_index (log_sha256, indexed_bytes, total_bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (log_sha256) DO NOTHING RETURNING doc",
        log_sha256,
        indexed_bytes,
        total_bytes
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(doc) = doc else { return Ok(()) };
    sqlx::query!("INSERT INTO log_text (rowid, body) VALUES (?1, ?2)", doc, searchable.text)
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds the words of a new log and ends the transaction.
pub(crate) async fn add_and_commit(
    conn: &mut SqliteConnection,
    doc: i64,
    searchable: &Searchable,
) -> Result<(), StoreError> {
    sqlx::query!("INSERT INTO log_text (rowid, body) VALUES (?, ?); COMMIT", doc, searchable.text)
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_phrases_and_endings_become_a_query() {
        let query = |text| fts_query(text).unwrap_or_default();
        assert_eq!(query("no such file"), r#""no" "such" "file""#);
        assert_eq!(query(r#"x "a b" c*"#), r#""x" "a b" "c*"*"#);
        assert_eq!(query("OR NEAR(a) -x"), r#""OR" "NEAR(a)" "-x""#);
        assert_eq!(query(r#" "" * - "#), "");
    }

    proptest! {
        #[test]
        fn snippets_are_short_and_never_panic(line in ".{0,400}", word in "\\PC{1,4}") {
            prop_assert!(snippet(&line, &[word.to_lowercase()]).len() <= SNIPPET_BYTES + 6);
        }
    }
}
