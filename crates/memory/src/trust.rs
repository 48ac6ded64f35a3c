//! Trust: which content of a repository may be started without a person naming it.
//!
//! A grant holds on the device that gave it. Packs carry none.

use crate::store::{Stamp, Store, StoreError};

/// A grant, a no to one content, or a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRecord {
    /// UUIDv7.
    pub id: String,
    /// The device that it holds on.
    pub device_id: String,
    /// Milliseconds since 1970.
    pub recorded_at_ms: i64,
    /// The content; none in a revocation of everything. A record that does not grant but names content is
    /// a person's no to it.
    pub content_hash: Option<String>,
    /// Whether it grants.
    pub granted: bool,
}

impl Store {
    /// Whether this content of the repository is trusted on this device: the newest record about it, or
    /// about everything, is a grant.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn is_trusted(
        &mut self,
        repo_key: &str,
        content_hash: &str,
    ) -> Result<bool, StoreError> {
        let granted = sqlx::query_scalar!(
            "SELECT granted FROM trust
             WHERE repo_key = ?1 AND device_id = ?2
                   AND (content_hash = ?3 OR (content_hash IS NULL AND granted = 0))
             ORDER BY recorded_at_ms DESC, id DESC LIMIT 1",
            repo_key,
            self.device_id,
            content_hash
        )
        .fetch_optional(&mut self.conn)
        .await?;
        Ok(granted == Some(1))
    }

    /// Trusts this content of the repository on this device.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn grant_trust(
        &mut self,
        repo_key: &str,
        content_hash: &str,
    ) -> Result<(), StoreError> {
        self.record_trust(repo_key, Some(content_hash), true).await
    }

    /// Remembers that a person does not trust this content of the repository on this device. Trusting it,
    /// or taking everything back, ends that.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn decline_trust(
        &mut self,
        repo_key: &str,
        content_hash: &str,
    ) -> Result<(), StoreError> {
        self.record_trust(repo_key, Some(content_hash), false).await
    }

    /// Takes trust back, and every no with it: for all content that a person ever answered for.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn revoke_trust(&mut self, repo_key: &str) -> Result<(), StoreError> {
        self.record_trust(repo_key, None, false).await
    }

    /// Whether a person said no to this content on this device, and neither trusted it nor took everything
    /// back since.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn is_declined(
        &mut self,
        repo_key: &str,
        content_hash: &str,
    ) -> Result<bool, StoreError> {
        let declined = sqlx::query_scalar!(
            r#"SELECT granted = 0 AND content_hash IS NOT NULL AS "declined!: bool" FROM trust
               WHERE repo_key = ?1 AND device_id = ?2 AND (content_hash = ?3 OR content_hash IS NULL)
               ORDER BY recorded_at_ms DESC, id DESC LIMIT 1"#,
            repo_key,
            self.device_id,
            content_hash
        )
        .fetch_optional(&mut self.conn)
        .await?;
        Ok(declined == Some(true))
    }

    /// Whether any content of the repository was trusted on this device since everything was last taken
    /// back.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn was_trusted(&mut self, repo_key: &str) -> Result<bool, StoreError> {
        let newest = sqlx::query_scalar!(
            "SELECT content_hash FROM trust
             WHERE repo_key = ?1 AND device_id = ?2 AND (granted = 1 OR content_hash IS NULL)
             ORDER BY recorded_at_ms DESC, id DESC LIMIT 1",
            repo_key,
            self.device_id
        )
        .fetch_optional(&mut self.conn)
        .await?;
        Ok(newest.flatten().is_some())
    }

    /// All records about a repository, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn trust_records(&mut self, repo_key: &str) -> Result<Vec<TrustRecord>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, device_id, recorded_at_ms, content_hash, granted FROM trust
             WHERE repo_key = ?1 ORDER BY recorded_at_ms DESC, id DESC",
            repo_key
        )
        .fetch_all(&mut self.conn)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| TrustRecord {
                id: row.id,
                device_id: row.device_id,
                recorded_at_ms: row.recorded_at_ms,
                content_hash: row.content_hash,
                granted: row.granted == 1,
            })
            .collect())
    }

    async fn record_trust(
        &mut self,
        repo_key: &str,
        content_hash: Option<&str>,
        granted: bool,
    ) -> Result<(), StoreError> {
        let device_id = self.device_id.clone();
        self.write(async |conn| {
            let stamp = Stamp::now();
            sqlx::query!(
                "INSERT INTO trust (id, device_id, recorded_at_ms, repo_key, content_hash, granted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                stamp.id,
                device_id,
                stamp.at_ms,
                repo_key,
                content_hash,
                granted
            )
            .execute(conn)
            .await?;
            Ok(())
        })
        .await
    }
}
