//! The table of settings that were changed at run time.

use super::{Store, StoreError};

impl Store {
    /// Every stored setting: name and value.
    pub(crate) async fn settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut connection = self.connection().await;
        let rows = sqlx::query_as("SELECT name, value FROM settings ORDER BY name");
        rows.fetch_all(&mut *connection).await.map_err(StoreError::read)
    }

    /// Stores a value.
    pub(crate) async fn set_setting(
        &self,
        name: &str,
        value: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut connection = self.connection().await;
        let upsert = sqlx::query(
            "INSERT INTO settings (name, value, changed_ms) VALUES (?, ?, ?) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms",
        )
        .bind(name)
        .bind(value)
        .bind(now_ms);
        upsert.execute(&mut *connection).await.map(drop).map_err(StoreError::written)
    }

    /// Forgets a value.
    pub(crate) async fn unset_setting(&self, name: &str) -> Result<(), StoreError> {
        let mut connection = self.connection().await;
        let delete = sqlx::query("DELETE FROM settings WHERE name = ?").bind(name);
        delete.execute(&mut *connection).await.map(drop).map_err(StoreError::written)
    }
}
