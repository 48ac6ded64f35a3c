//! What is ingested, so that it can be looked at again, and how that went last.

use super::writer::{Change, Done, Session};
use super::{Truth, TruthError, unsigned};

/// A source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRow {
    /// Its name, such as `repo:wgx`.
    pub name: String,
    /// `repo`, `folder`, `vault`, `runs`, `logs`, `memory` or `conversations`.
    pub kind: String,
    /// The collection of its documents.
    pub collection: String,
    /// Its folder.
    pub root: Option<String>,
    /// What the ingest was told, as JSON.
    pub options: String,
    /// When it was added.
    pub added_ms: i64,
    /// When it was looked at last.
    pub scanned_ms: Option<i64>,
    /// What came of that, as JSON.
    pub outcome: Option<String>,
    /// Its documents.
    pub documents: u64,
}

impl Truth {
    /// Adds a source, or changes the one of this name.
    ///
    /// # Errors
    /// The database says no.
    pub async fn put_source(&self, source: SourceRow) -> Result<(), TruthError> {
        self.change(Change::Source(Box::new(source))).await.map(drop)
    }

    /// Says how a look at a source went.
    ///
    /// # Errors
    /// The database says no.
    pub async fn source_scanned(
        &self,
        name: &str,
        at_ms: i64,
        outcome: String,
    ) -> Result<(), TruthError> {
        let name = name.to_owned();
        self.change(Change::SourceScanned { name, at_ms, outcome }).await.map(drop)
    }

    /// Takes a source out of the list; its documents stay. False where there is none.
    ///
    /// # Errors
    /// The database says no.
    pub async fn remove_source(&self, name: &str) -> Result<bool, TruthError> {
        match self.change(Change::RemoveSource { name: name.to_owned() }).await? {
            Done::Found(found) => Ok(found),
            _ => Ok(false),
        }
    }

    /// Every source, by name.
    ///
    /// # Errors
    /// The database says no.
    pub async fn sources(&self) -> Result<Vec<SourceRow>, TruthError> {
        let rows = sqlx::query!(
            r#"SELECT s.name AS "name!", s.kind, s.collection, s.root, s.options, s.added_ms, s.scanned_ms, s.outcome,
                      (SELECT count(*) FROM document d JOIN collection c ON c.id = d.collection
                       WHERE c.name = s.collection) AS "documents!: i64"
               FROM source s ORDER BY s.name"#
        )
        .fetch_all(&self.readers)
        .await?;
        let sources = rows.into_iter().map(|row| SourceRow {
            name: row.name,
            kind: row.kind,
            collection: row.collection,
            root: row.root,
            options: row.options,
            added_ms: row.added_ms,
            scanned_ms: row.scanned_ms,
            outcome: row.outcome,
            documents: unsigned(row.documents),
        });
        Ok(sources.collect())
    }
}

pub(super) async fn put(session: &mut Session<'_>, row: &SourceRow) -> Result<(), TruthError> {
    sqlx::query!(
        "INSERT INTO source (name, kind, collection, root, options, added_ms) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, collection = excluded.collection, \
         root = excluded.root, options = excluded.options",
        row.name,
        row.kind,
        row.collection,
        row.root,
        row.options,
        row.added_ms
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

pub(super) async fn scanned(
    session: &mut Session<'_>,
    name: &str,
    at_ms: i64,
    outcome: &str,
) -> Result<(), TruthError> {
    sqlx::query!(
        "UPDATE source SET scanned_ms = ?, outcome = ? WHERE name = ?",
        at_ms,
        outcome,
        name
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

pub(super) async fn remove(session: &mut Session<'_>, name: &str) -> Result<bool, TruthError> {
    let done = sqlx::query!("DELETE FROM source WHERE name = ?", name)
        .execute(&mut *session.connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
