//! What the derived stores have to take note of: everything after their watermark, in batches.

use super::put::PassageKind;
use super::{Truth, TruthError, signed, unsigned};
use crate::filter::{Attributes, ChunkId};

/// A passage that a derived store has to hold as it is here.
#[derive(Clone, Debug, PartialEq)]
pub struct PutChange {
    /// Which one.
    pub id: ChunkId,
    /// What a search can ask of it.
    pub attributes: Attributes,
    /// Title of the document and header of the passage.
    pub title: String,
    /// Its text.
    pub text: String,
    /// How its words are to be read.
    pub kind: PassageKind,
    /// `en`, `de`, `rust` … where it is known.
    pub language: Option<String>,
}

/// One batch. After it a store holds everything up to `upto`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Passages that are new or changed.
    pub puts: Vec<PutChange>,
    /// Passages that are gone.
    pub deletions: Vec<ChunkId>,
    /// The new watermark.
    pub upto: u64,
}

/// A passage with its vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorChange {
    /// Which one.
    pub id: ChunkId,
    /// What a search can ask of it.
    pub attributes: Attributes,
    /// Its vector.
    pub vector: Vec<f32>,
}

/// A passage without a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its name among vectors.
    pub content: [u8; 32],
    /// What is to be embedded.
    pub text: String,
}

impl Truth {
    /// The next changes after a watermark: about `limit` passages, whole writes always.
    ///
    /// # Errors
    /// The database says no.
    pub async fn changes(&self, after: u64, limit: u64) -> Result<Changes, TruthError> {
        let mut transaction = self.readers.begin().await?;
        let last = sqlx::query_scalar!(r#"SELECT value AS "n!" FROM counter WHERE name = 'seq'"#)
            .fetch_one(&mut *transaction)
            .await?;
        let (from, most) = (signed(after), signed(limit.max(1)));
        // A write is never cut: the batch ends with the write of its last passage.
        let upto = sqlx::query_scalar!(
            r#"SELECT seq AS "seq!" FROM chunk WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?"#,
            from,
            most
        )
        .fetch_optional(&mut *transaction)
        .await?
        .unwrap_or(last);
        let rows = sqlx::query!(
            r#"SELECT k.id AS "id!", k.kind, k.header, k.text, k.tags, d.title, d.language,
                      d.collection, d.at_ms, d.expires_ms
               FROM chunk k JOIN document d ON d.id = k.document
               WHERE k.seq > ? AND k.seq <= ? ORDER BY k.seq, k.id"#,
            from,
            upto
        )
        .fetch_all(&mut *transaction)
        .await?;
        let gone = sqlx::query_scalar!(
            r#"SELECT chunk AS "chunk!" FROM deletion WHERE seq > ? AND seq <= ? ORDER BY chunk"#,
            from,
            upto
        )
        .fetch_all(&mut *transaction)
        .await?;
        let puts = rows.into_iter().map(|row| PutChange {
            id: ChunkId(unsigned(row.id)),
            attributes: attributes(row.collection, &row.tags, row.at_ms, row.expires_ms),
            title: title(row.title.as_deref(), &row.header),
            text: row.text,
            kind: PassageKind::of(row.kind),
            language: row.language,
        });
        Ok(Changes {
            puts: puts.collect(),
            deletions: gone.into_iter().map(|id| ChunkId(unsigned(id))).collect(),
            upto: unsigned(upto),
        })
    }

    /// The same for the vectors of a model: passages that are new, changed, or have got their vector since.
    ///
    /// # Errors
    /// The database says no.
    pub async fn vector_changes(
        &self,
        revision: &str,
        after: u64,
        limit: u64,
    ) -> Result<(Vec<VectorChange>, Vec<ChunkId>, u64), TruthError> {
        let mut transaction = self.readers.begin().await?;
        let last = sqlx::query_scalar!(r#"SELECT value AS "n!" FROM counter WHERE name = 'seq'"#)
            .fetch_one(&mut *transaction)
            .await?;
        let (from, most) = (signed(after), signed(limit.max(1)));
        let upto = sqlx::query_scalar!(
            r#"SELECT seq AS "seq!: i64" FROM (
                 SELECT seq FROM chunk WHERE seq > ?1
                 UNION ALL SELECT seq FROM embedding WHERE revision = ?2 AND seq > ?1)
               ORDER BY seq LIMIT 1 OFFSET ?3"#,
            from,
            revision,
            most
        )
        .fetch_optional(&mut *transaction)
        .await?
        .unwrap_or(last);
        let rows = sqlx::query!(
            r#"SELECT k.id AS "id!", k.tags AS "tags!", d.collection AS "collection!",
                      d.at_ms AS "at_ms!", d.expires_ms, e.vector AS "vector!"
               FROM chunk k JOIN document d ON d.id = k.document
                    JOIN embedding e ON e.revision = ?2 AND e.content = k.content
               WHERE k.id IN (
                 SELECT id FROM chunk WHERE seq > ?1 AND seq <= ?3
                 UNION SELECT c.id FROM embedding n JOIN chunk c ON c.content = n.content
                       WHERE n.revision = ?2 AND n.seq > ?1 AND n.seq <= ?3)
               ORDER BY k.id"#,
            from,
            revision,
            upto
        )
        .fetch_all(&mut *transaction)
        .await?;
        let gone = sqlx::query_scalar!(
            r#"SELECT chunk AS "chunk!" FROM deletion WHERE seq > ? AND seq <= ? ORDER BY chunk"#,
            from,
            upto
        )
        .fetch_all(&mut *transaction)
        .await?;
        let puts = rows.into_iter().map(|row| VectorChange {
            id: ChunkId(unsigned(row.id)),
            attributes: attributes(row.collection, &row.tags, row.at_ms, row.expires_ms),
            vector: vector(&row.vector),
        });
        let gone = gone.into_iter().map(|id| ChunkId(unsigned(id))).collect();
        Ok((puts.collect(), gone, unsigned(upto)))
    }

    /// Passages of later writes than `after` that have no vector of this model, each content once, newest first.
    ///
    /// # Errors
    /// The database says no.
    pub async fn pending(
        &self,
        revision: &str,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Pending>, TruthError> {
        let (after, limit) = (signed(after), signed(limit));
        let rows = sqlx::query!(
            r#"SELECT k.content AS "content!", min(k.header) AS "header!: String",
                      min(k.text) AS "text!: String" FROM chunk k
               WHERE k.seq > ? AND NOT EXISTS
                 (SELECT 1 FROM embedding e WHERE e.revision = ? AND e.content = k.content)
               GROUP BY k.content ORDER BY max(k.id) DESC LIMIT ?"#,
            after,
            revision,
            limit
        )
        .fetch_all(&self.readers)
        .await?;
        let pending = rows.into_iter().map(|row| Pending {
            content: row.content.try_into().unwrap_or_default(),
            text: super::put::embedded(&row.header, &row.text),
        });
        Ok(pending.collect())
    }
}

fn title(title: Option<&str>, header: &str) -> String {
    match (title, header) {
        (Some(title), "") => title.to_owned(),
        (Some(title), header) => format!("{title}\n{header}"),
        (None, header) => header.to_owned(),
    }
}

fn attributes(collection: i64, tags: &str, at_ms: i64, expires_at_ms: Option<i64>) -> Attributes {
    Attributes {
        collection: u32::try_from(collection).unwrap_or(u32::MAX),
        tags: serde_json::from_str(tags).unwrap_or_default(),
        at_ms,
        expires_at_ms,
    }
}

/// As it is stored: little-endian numbers.
pub(super) fn vector(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
