//! The table of API keys.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, FromRow, Row};

use super::{Store, StoreError};

/// One row; times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub(crate) id: String,
    pub(crate) env: String,
    pub(crate) name: String,
    pub(crate) mac: [u8; 32],
    /// Separated by commas.
    pub(crate) scopes: String,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) revoked_ms: Option<i64>,
    pub(crate) replaced_by: Option<String>,
    pub(crate) max_requests: Option<i64>,
    pub(crate) max_tokens: Option<i64>,
    pub(crate) per_minute: Option<i64>,
    pub(crate) used_requests: i64,
    pub(crate) used_tokens: i64,
    pub(crate) last_used_ms: Option<i64>,
    /// As the audit log names who made it; nobody for keys from before this was kept.
    pub(crate) maker: Option<String>,
}

/// What a key has used since it was written last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The key, and those that share its budget.
    pub(crate) ids: Vec<String>,
    pub(crate) requests: i64,
    pub(crate) tokens: i64,
    pub(crate) last_used_ms: i64,
}

impl FromRow<'_, SqliteRow> for KeyRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let mac: Vec<u8> = row.try_get("mac")?;
        Ok(Self {
            id: row.try_get("id")?,
            env: row.try_get("env")?,
            name: row.try_get("name")?,
            mac: mac.try_into().map_err(|_| sqlx::Error::Decode("mac is not 32 bytes".into()))?,
            scopes: row.try_get("scopes")?,
            created_ms: row.try_get("created_ms")?,
            expires_ms: row.try_get("expires_ms")?,
            revoked_ms: row.try_get("revoked_ms")?,
            replaced_by: row.try_get("replaced_by")?,
            max_requests: row.try_get("max_requests")?,
            max_tokens: row.try_get("max_tokens")?,
            per_minute: row.try_get("per_minute")?,
            used_requests: row.try_get("used_requests")?,
            used_tokens: row.try_get("used_tokens")?,
            last_used_ms: row.try_get("last_used_ms")?,
            maker: row.try_get("maker")?,
        })
    }
}

impl Store {
    /// Every key, oldest first.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let mut connection = self.connection().await;
        let rows = sqlx::query_as("SELECT * FROM keys ORDER BY created_ms, id");
        rows.fetch_all(&mut *connection).await.map_err(StoreError::read)
    }

    /// Adds a key; where it takes the place of another, that one ends at the given time at the latest. Both or none.
    pub(crate) async fn add_key(
        &self,
        key: &KeyRow,
        replaces: Option<(&str, i64)>,
    ) -> Result<(), StoreError> {
        let mut connection = self.connection().await;
        let mut both = connection.begin().await.map_err(StoreError::written)?;
        let insert = sqlx::query(
            "INSERT INTO keys (id, env, name, mac, scopes, created_ms, expires_ms, max_requests, \
             max_tokens, per_minute, used_requests, used_tokens, maker) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&key.id)
        .bind(&key.env)
        .bind(&key.name)
        .bind(&key.mac[..])
        .bind(&key.scopes)
        .bind(key.created_ms)
        .bind(key.expires_ms)
        .bind(key.max_requests)
        .bind(key.max_tokens)
        .bind(key.per_minute)
        .bind(key.used_requests)
        .bind(key.used_tokens)
        .bind(&key.maker);
        insert.execute(&mut *both).await.map_err(StoreError::written)?;
        if let Some((id, ends_ms)) = replaces {
            let update = sqlx::query(
                "UPDATE keys SET replaced_by = ?, expires_ms = min(coalesce(expires_ms, ?), ?) \
                 WHERE id = ?",
            )
            .bind(&key.id)
            .bind(ends_ms)
            .bind(ends_ms)
            .bind(id);
            update.execute(&mut *both).await.map_err(StoreError::written)?;
        }
        both.commit().await.map_err(StoreError::written)
    }

    /// Revokes a key; one that is revoked already keeps its time. False when there is none.
    pub(crate) async fn revoke_key(&self, id: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut connection = self.connection().await;
        let update =
            sqlx::query("UPDATE keys SET revoked_ms = coalesce(revoked_ms, ?) WHERE id = ?")
                .bind(now_ms)
                .bind(id);
        let done = update.execute(&mut *connection).await.map_err(StoreError::written)?;
        Ok(done.rows_affected() > 0)
    }

    /// Adds what keys have used.
    pub(crate) async fn add_usage(&self, usages: &[Usage]) -> Result<(), StoreError> {
        let mut connection = self.connection().await;
        let mut all = connection.begin().await.map_err(StoreError::written)?;
        let mut each = Vec::new();
        for usage in usages {
            each.extend(usage.ids.iter().map(|id| (id, usage)));
        }
        for (id, usage) in each {
            let update = sqlx::query(
                "UPDATE keys SET used_requests = used_requests + ?, used_tokens = used_tokens + ?, \
                 last_used_ms = max(coalesce(last_used_ms, 0), ?) WHERE id = ?",
            )
            .bind(usage.requests)
            .bind(usage.tokens)
            .bind(usage.last_used_ms)
            .bind(id);
            update.execute(&mut *all).await.map_err(StoreError::written)?;
        }
        all.commit().await.map_err(StoreError::written)
    }
}
