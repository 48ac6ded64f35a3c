//! How long collections keep what they hold, and what has to leave.

use super::writer::{Change, Session};
use super::{Truth, TruthError, put, signed, unsigned};

/// Settings of a collection; absent means the default, or no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Seconds after which an older passage counts half.
    pub half_life_s: Option<u64>,
    /// Documents beyond this number go, oldest first.
    pub max_items: Option<u64>,
    /// Documents older than this many seconds go.
    pub max_age_s: Option<u64>,
}

/// A document and whether it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub doc_id: String,
    /// When its source was made or changed.
    pub at_ms: i64,
    /// `expires`, `too_old` or `too_many`; none where it stays.
    pub reason: Option<&'static str>,
}

impl Truth {
    /// Sets how long a collection keeps what it holds; one that is not there is made.
    ///
    /// # Errors
    /// The database says no.
    pub async fn set_retention(&self, collection: &str, config: Keeping) -> Result<(), TruthError> {
        let collection = collection.to_owned();
        self.change(Change::Retention { collection, config }).await.map(drop)
    }

    /// The documents of a collection, oldest first, and which of them leave at this time.
    ///
    /// # Errors
    /// The database says no.
    pub async fn leaving(
        &self,
        collection: &super::Collection,
        now_ms: i64,
    ) -> Result<Vec<Leaving>, TruthError> {
        let id = i64::from(collection.id);
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", doc_id, at_ms, expires_ms FROM document WHERE collection = ?
               ORDER BY at_ms, doc_id"#,
            id
        )
        .fetch_all(&self.readers)
        .await?;
        let too_many = collection.max_items.map_or(0, |most| {
            rows.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX))
        });
        let youngest =
            collection.max_age_s.map(|age| now_ms.saturating_sub(signed(age).saturating_mul(1000)));
        let leaving = rows.into_iter().enumerate().map(|(place, row)| {
            let reason = if row.expires_ms.is_some_and(|end| end <= now_ms) {
                Some("expires")
            } else if youngest.is_some_and(|youngest| row.at_ms < youngest) {
                Some("too_old")
            } else if place < too_many {
                Some("too_many")
            } else {
                None
            };
            Leaving { id: row.id, doc_id: row.doc_id, at_ms: row.at_ms, reason }
        });
        Ok(leaving.collect())
    }

    /// Takes documents away whose time is over. They are not forgotten: a newer one of the same name may come.
    ///
    /// # Errors
    /// The database says no.
    pub async fn let_go(&self, documents: Vec<i64>) -> Result<u64, TruthError> {
        match self.change(Change::Remove { documents }).await? {
            super::writer::Done::Removed { chunks } => Ok(chunks),
            _ => Ok(0),
        }
    }
}

pub(super) async fn set(
    session: &mut Session<'_>,
    collection: &str,
    config: Keeping,
) -> Result<(), TruthError> {
    let id = put::collection(session, collection).await?;
    let [half_life_s, max_items, max_age_s] =
        [config.half_life_s, config.max_items, config.max_age_s].map(|number| number.map(signed));
    sqlx::query!(
        "UPDATE collection SET half_life_s = ?, max_items = ?, max_age_s = ? WHERE id = ?",
        half_life_s,
        max_items,
        max_age_s,
        id
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

impl super::Collection {
    /// Half-life in seconds where one was set for it.
    pub fn half_life(&self) -> Option<u64> {
        self.half_life_s.map(signed).map(unsigned)
    }
}
