//! What the memory knows about and does not hold: seeds of data, and places where secrets are kept.

use crate::cas::Digest;
use crate::store::{Stamp, Store, StoreError};

/// A small data state that tests can start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedSnapshot {
    /// [`crate::repo_key`].
    pub repo_key: String,
    /// Its name.
    pub name: String,
    /// Version of the schema that it fits.
    pub schema_version: String,
    /// The command that made it. Masked when stored.
    pub export_cmd: String,
    /// SHA-256 of it; the bytes may lie in the content-addressed store.
    pub checksum: String,
}

/// Where a secret is kept. There is no field for the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    /// The repository that needs it; none for all.
    pub repo_key: Option<String>,
    /// The name under which the provider knows it.
    pub name: String,
    /// `gh`, `1password`, `sops`, `age`, `env` or another provider.
    pub provider: String,
    /// What it is for.
    pub scope: String,
}

impl Store {
    /// Records a seed. Returns its id.
    ///
    /// # Errors
    /// The checksum is no digest, or the database cannot be written.
    pub async fn record_seed(&mut self, seed: &SeedSnapshot) -> Result<String, StoreError> {
        Digest::parse(&seed.checksum)?;
        let (device_id, stamp) = (self.device_id.clone(), Stamp::now());
        let export_cmd = self.masked(&seed.export_cmd);
        self.write(async |conn| {
            sqlx::query!(
                "INSERT INTO seed_snapshot (id, device_id, recorded_at_ms, repo_key, name,
                                            schema_version, export_cmd, checksum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                stamp.id,
                device_id,
                stamp.at_ms,
                seed.repo_key,
                seed.name,
                seed.schema_version,
                export_cmd,
                seed.checksum
            )
            .execute(conn)
            .await?;
            Ok(())
        })
        .await?;
        Ok(stamp.id)
    }

    /// The seeds of a repository, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn seeds(&mut self, repo_key: &str) -> Result<Vec<SeedSnapshot>, StoreError> {
        Ok(sqlx::query_as!(
            SeedSnapshot,
            "SELECT repo_key, name, schema_version, export_cmd, checksum FROM seed_snapshot
             WHERE repo_key = ?1 ORDER BY id DESC",
            repo_key
        )
        .fetch_all(&mut self.conn)
        .await?)
    }

    /// Records where a secret is kept, unless that is known. All fields are masked, in case someone
    /// gives the secret instead of its name.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn record_secret_ref(&mut self, secret: &SecretRef) -> Result<(), StoreError> {
        let (device_id, stamp) = (self.device_id.clone(), Stamp::now());
        let name = self.masked(&secret.name);
        let provider = self.masked(&secret.provider);
        let scope = self.masked(&secret.scope);
        self.write(async |conn| {
            sqlx::query!(
                "INSERT INTO secret_ref (id, device_id, recorded_at_ms, repo_key, name, provider,
                                         scope)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
                 WHERE NOT EXISTS (SELECT 1 FROM secret_ref WHERE repo_key IS ?4 AND name = ?5
                                   AND provider = ?6 AND scope = ?7)",
                stamp.id,
                device_id,
                stamp.at_ms,
                secret.repo_key,
                name,
                provider,
                scope
            )
            .execute(conn)
            .await?;
            Ok(())
        })
        .await
    }

    /// The secrets that a repository needs, and those of all repositories, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn secret_refs(&mut self, repo_key: &str) -> Result<Vec<SecretRef>, StoreError> {
        Ok(sqlx::query_as!(
            SecretRef,
            "SELECT DISTINCT repo_key, name, provider, scope FROM secret_ref
             WHERE repo_key = ?1 OR repo_key IS NULL ORDER BY name, provider, scope",
            repo_key
        )
        .fetch_all(&mut self.conn)
        .await?)
    }
}
