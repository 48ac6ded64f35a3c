//! Learned meanings: what a phrase stands for in a repository.

use std::collections::BTreeMap;

use crate::repo::{json_words, words};
use crate::store::{Stamp, Store, StoreError};

impl Store {
    /// All learned phrases of a repository with their steps (ids of tasks, or commands), in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn meanings(
        &mut self,
        repo_key: &str,
    ) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        let rows = sqlx::query!(
            "SELECT phrase, steps FROM meaning WHERE repo_key = ?1 ORDER BY recorded_at_ms, id",
            repo_key
        )
        .fetch_all(&mut self.conn)
        .await?;
        let mut newest = BTreeMap::new();
        for row in rows {
            newest.insert(row.phrase, words("steps of a phrase", &row.steps)?);
        }
        newest.retain(|_, steps| !steps.is_empty());
        Ok(newest)
    }

    /// Learns what a phrase means; no steps unlearns it. Phrases are compared as they are given: the
    /// caller brings them into one form. Both are masked.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn learn_meaning(
        &mut self,
        repo_key: &str,
        phrase: &str,
        steps: &[String],
    ) -> Result<(), StoreError> {
        let phrase = self.masked(phrase);
        let steps: Vec<String> = steps.iter().map(|step| self.masked(step)).collect();
        let steps = json_words(&steps);
        let device_id = self.device_id.clone();
        self.write(async |conn| {
            let stamp = Stamp::now();
            sqlx::query!(
                "INSERT INTO meaning (id, device_id, recorded_at_ms, repo_key, phrase, steps)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                stamp.id,
                device_id,
                stamp.at_ms,
                repo_key,
                phrase,
                steps
            )
            .execute(conn)
            .await?;
            Ok(())
        })
        .await
    }
}
