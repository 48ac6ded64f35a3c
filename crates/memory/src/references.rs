//! What the memory knows about and does not hold: seeds of data, and places where secrets are kept.

use crate::cas::Digest;
use crate::store::{Stamp, Store, StoreError};
use crate::tombstone::Forgotten;

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

/// A seed with the time of its snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSeed {
    /// Milliseconds since 1970.
    pub recorded_at_ms: i64,
    /// The seed.
    pub seed: SeedSnapshot,
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
    pub async fn seeds(&mut self, repo_key: &str) -> Result<Vec<KnownSeed>, StoreError> {
        let rows = sqlx::query!(
            "SELECT recorded_at_ms, name, schema_version, export_cmd, checksum FROM seed_snapshot
             WHERE repo_key = ?1 ORDER BY recorded_at_ms DESC, id DESC",
            repo_key
        )
        .fetch_all(&mut self.conn)
        .await?;
        let known = rows.into_iter().map(|row| KnownSeed {
            recorded_at_ms: row.recorded_at_ms,
            seed: SeedSnapshot {
                repo_key: repo_key.to_owned(),
                name: row.name,
                schema_version: row.schema_version,
                export_cmd: row.export_cmd,
                checksum: row.checksum,
            },
        });
        Ok(known.collect())
    }

    /// Forgets the seeds of this name, or only those of one version of the schema, and what they hold.
    ///
    /// # Errors
    /// The database or the content-addressed store cannot be written.
    pub async fn forget_seeds(
        &mut self,
        repo_key: &str,
        name: &str,
        schema_version: Option<&str>,
    ) -> Result<Forgotten, StoreError> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM seed_snapshot
             WHERE repo_key = ?1 AND name = ?2 AND (?3 IS NULL OR schema_version = ?3)",
            repo_key,
            name,
            schema_version
        )
        .fetch_all(&mut self.conn)
        .await?;
        let facts: Vec<_> = ids.into_iter().map(|id| ("seed_snapshot", id)).collect();
        self.forget_facts(&facts, "a seed was forgotten").await
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

    /// Forgets where a secret is kept: in this repository and in all, or only with one provider.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn forget_secret_refs(
        &mut self,
        repo_key: &str,
        name: &str,
        provider: Option<&str>,
    ) -> Result<Forgotten, StoreError> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM secret_ref
             WHERE (repo_key = ?1 OR repo_key IS NULL) AND name = ?2
                   AND (?3 IS NULL OR provider = ?3)",
            repo_key,
            name,
            provider
        )
        .fetch_all(&mut self.conn)
        .await?;
        let facts: Vec<_> = ids.into_iter().map(|id| ("secret_ref", id)).collect();
        self.forget_facts(&facts, "a reference to a secret was forgotten").await
    }
}
