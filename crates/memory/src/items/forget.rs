//! Forgetting items: first what would go, then gone, with a tombstone each that wins over every pack.

use contracts::hauski::memory::Origin;
use sqlx::SqliteConnection;

use super::{Item, read, recall};
use crate::store::{Store, StoreError};

/// Which items to forget; all that is said must hold, and something must be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemSelection {
    /// These ids.
    pub ids: Vec<String>,
    /// All items of this key, its history too; needs `namespace`.
    pub key: Option<String>,
    /// Of this namespace.
    pub namespace: Option<String>,
    /// From this run, person or path: an id, a name, or a path and all below it.
    pub source: Option<String>,
    /// With all these words.
    pub query: Option<String>,
}

impl ItemSelection {
    /// Whether nothing is said: that selects nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgottenItems {
    /// The ids, sorted.
    pub ids: Vec<String>,
    /// Whether the database was written anew, so that no free page holds what went.
    pub compacted: bool,
}

impl Store {
    /// The items that a selection names, hidden ones and ended ones too: what [`Store::forget_items`] would take.
    ///
    /// # Errors
    /// Nothing is selected, an id is unknown, or the database cannot be read.
    pub async fn select_items(
        &mut self,
        selection: &ItemSelection,
    ) -> Result<Vec<Item>, StoreError> {
        let invalid = |reason: &str| {
            Err(StoreError::Invalid { what: "selection", reason: reason.to_owned() })
        };
        if selection.is_empty() {
            return invalid("name ids, a key, a namespace, a source or words");
        }
        if selection.key.is_some() && selection.namespace.is_none() {
            return invalid("a key needs its namespace");
        }
        let mut ids = selection.ids.clone();
        if ids.is_empty() {
            ids = candidates(&mut self.conn, selection).await?;
        }
        let mut items = Vec::new();
        for id in &ids {
            match read::one(&mut self.conn, id).await? {
                Some(item) => items.push(item),
                None if selection.ids.is_empty() => {}
                None => return Err(super::write::no_such(id)),
            }
        }
        items.retain(|item| {
            selection.namespace.as_ref().is_none_or(|one| *one == item.namespace)
                && selection.key.as_ref().is_none_or(|one| item.key.as_ref() == Some(one))
                && selection.source.as_ref().is_none_or(|one| comes_from(item, one))
        });
        Ok(items)
    }

    /// Forgets items for good: rows, marks, words and sketches; the write-ahead log is folded in and the database
    /// written anew, so that no byte of them stays. What another process holds open is told by `compacted`.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn forget_items(
        &mut self,
        ids: &[String],
        reason: &str,
    ) -> Result<ForgottenItems, StoreError> {
        let facts: Vec<_> = ids.iter().map(|id| ("memory_item", id.clone())).collect();
        if facts.is_empty() {
            return Ok(ForgottenItems { ids: Vec::new(), compacted: true });
        }
        self.forget_facts(&facts, reason).await?;
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        Ok(ForgottenItems { ids, compacted: self.compact().await? })
    }

    /// Writes the database anew and empties the write-ahead log. `false` when another process reads for so long
    /// that the log could not be emptied.
    ///
    /// # Errors
    /// The disk is full, or another process keeps writing.
    pub async fn compact(&mut self) -> Result<bool, StoreError> {
        self.write_at_once(async |conn| {
            sqlx::raw_sql("VACUUM").execute(conn).await?;
            Ok(())
        })
        .await?;
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut self.conn).await?;
        Ok(busy == 0)
    }
}

async fn candidates(
    conn: &mut SqliteConnection,
    selection: &ItemSelection,
) -> Result<Vec<String>, StoreError> {
    if let Some(query) = &selection.query {
        return recall::ids_with(conn, query).await;
    }
    Ok(sqlx::query_scalar!(
        r#"SELECT item_id AS "id!: String" FROM memory_state
           WHERE (?1 IS NULL OR namespace = ?1) AND (?2 IS NULL OR key = ?2)
           ORDER BY recorded_at_ms DESC, item_id DESC"#,
        selection.namespace,
        selection.key
    )
    .fetch_all(conn)
    .await?)
}

fn comes_from(item: &Item, source: &str) -> bool {
    item.origins.iter().any(|origin| match origin {
        Origin::Person { name } => name == source,
        Origin::Run { id } => id == source,
        Origin::Source { path, .. } => {
            let below = path.strip_prefix(source.trim_end_matches('/'));
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    })
}
