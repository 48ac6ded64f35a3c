//! Preferences: settings for one repository or for all. The newest of a key wins, by time and then id,
//! so that merged memories agree.

use std::collections::BTreeMap;

use crate::store::{Stamp, Store, StoreError};

impl Store {
    /// The value of a key in a repository, or for all repositories without one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn preference(
        &mut self,
        repo_key: Option<&str>,
        key: &str,
    ) -> Result<Option<String>, StoreError> {
        let value = sqlx::query_scalar!(
            "SELECT value FROM preference WHERE key = ?1 AND repo_key IS ?2
             ORDER BY recorded_at_ms DESC, id DESC LIMIT 1",
            key,
            repo_key
        )
        .fetch_optional(&mut self.conn)
        .await?;
        Ok(value.flatten())
    }

    /// All keys that have a value in a repository, or for all repositories without one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn preferences(
        &mut self,
        repo_key: Option<&str>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let rows = sqlx::query!(
            "SELECT key, value FROM preference WHERE repo_key IS ?1 ORDER BY recorded_at_ms, id",
            repo_key
        )
        .fetch_all(&mut self.conn)
        .await?;
        let newest: BTreeMap<_, _> = rows.into_iter().map(|row| (row.key, row.value)).collect();
        Ok(newest.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
    }

    /// Sets a key; no value removes it. The value is masked.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set_preference(
        &mut self,
        repo_key: Option<&str>,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StoreError> {
        let value = value.map(|value| self.masked(value));
        let device_id = self.device_id.clone();
        self.write(async |conn| {
            let stamp = Stamp::now();
            sqlx::query!(
                "INSERT INTO preference (id, device_id, recorded_at_ms, repo_key, key, value)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                stamp.id,
                device_id,
                stamp.at_ms,
                repo_key,
                key,
                value
            )
            .execute(conn)
            .await?;
            Ok(())
        })
        .await
    }
}
