//! Forgetting: documents go with their passages and vectors, and what they were called is kept as keyed hashes only,
//! so that a pack or a scan does not bring them back.

use serde::{Deserialize, Serialize};

use super::writer::{Change, Done, Session};
use super::{Truth, TruthError, put};

/// Which documents: those that fit every field that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Of this collection.
    pub collection: Option<String>,
    /// Whose source is older.
    pub before_ms: Option<i64>,
    /// Of this origin.
    pub origin: Option<String>,
    /// Of this thing of a source.
    pub source_id: Option<String>,
    /// Of this name.
    pub doc_id: Option<String>,
    /// Of which a passage holds this text, whatever its case (ASCII letters).
    pub text: Option<String>,
    /// Only these of them: name of the collection and of the document. What a person has confirmed.
    pub only: Option<Vec<(String, String)>>,
}

/// What goes, or would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgetPlan {
    /// Name of the collection, name of the document, number of its passages; in the order of both names.
    pub documents: Vec<(String, String, u64)>,
    /// Passages.
    pub chunks: u64,
    /// Vectors that nothing else needs.
    pub vectors: u64,
}

impl Truth {
    /// Counts what would go.
    ///
    /// # Errors
    /// The database says no.
    pub async fn forget_preview(&self, selection: &Selection) -> Result<ForgetPlan, TruthError> {
        let mut connection = self.readers.acquire().await?;
        let found = find(&mut connection, selection).await?;
        let ids = json(&found);
        let vectors = orphaned(&mut connection, &ids).await?;
        Ok(plan(found, vectors))
    }

    /// Forgets. The rows are gone and overwritten when this returns; text index, vectors, free pages and the
    /// write-ahead log follow with `Index::forget`.
    ///
    /// # Errors
    /// The database says no. Nothing has changed then.
    pub async fn forget(
        &self,
        selection: Selection,
        now_ms: i64,
    ) -> Result<ForgetPlan, TruthError> {
        match self.change(Change::Forget { selection: Box::new(selection), now_ms }).await? {
            Done::Forgot(plan) => Ok(plan),
            _ => Err(TruthError::Closed),
        }
    }

    /// Gives back what is free and empties the write-ahead log. `settled` is what every derived store has taken note
    /// of. False when a reader was in the way for a second.
    ///
    /// # Errors
    /// The database says no.
    pub async fn compact(&self, settled: u64) -> Result<bool, TruthError> {
        match self.change(Change::Compact { settled }).await? {
            Done::Found(done) => Ok(done),
            _ => Ok(false),
        }
    }
}

/// A document that fits.
struct Fitting {
    id: i64,
    collection: String,
    doc_id: String,
    hash: Vec<u8>,
    chunks: i64,
}

pub(super) async fn forget(
    session: &mut Session<'_>,
    selection: &Selection,
    now_ms: i64,
) -> Result<ForgetPlan, TruthError> {
    let found = find(session.connection, selection).await?;
    let ids: Vec<i64> = found.iter().map(|document| document.id).collect();
    let listed = json(&found);
    let vectors = orphaned(session.connection, &listed).await?;
    drop_orphans(session, &listed).await?;
    put::remove(session, &ids).await?;
    let seq = session.names.next_seq();
    for document in &found {
        let hash = <[u8; 32]>::try_from(document.hash.as_slice()).unwrap_or_default();
        let key = &session.names.forget_key;
        for digest in digests(key, &document.collection, &document.doc_id, &hash) {
            let digest = &digest[..];
            sqlx::query!(
                "INSERT OR REPLACE INTO forgotten (digest, at_ms, seq) VALUES (?, ?, ?)",
                digest,
                now_ms,
                seq
            )
            .execute(&mut *session.connection)
            .await?;
        }
    }
    // What was shown of them is no reason to keep them.
    for document in &found {
        sqlx::query!("DELETE FROM decision WHERE instr(body, json_quote(?1)) > 0", document.doc_id)
            .execute(&mut *session.connection)
            .await?;
    }
    // A tag may quote what it was made from.
    sqlx::query!(
        "DELETE FROM tag WHERE id NOT IN (SELECT j.value FROM chunk k, json_each(k.tags) j)"
    )
    .execute(&mut *session.connection)
    .await?;
    session.names.tags.clear();
    Ok(plan(found, vectors))
}

async fn find(
    connection: &mut sqlx::SqliteConnection,
    selection: &Selection,
) -> Result<Vec<Fitting>, TruthError> {
    let only = selection.only.as_ref().map(|only| serde_json::to_string(only).unwrap_or_default());
    let found = sqlx::query_as!(
        Fitting,
        r#"SELECT d.id AS "id!", c.name AS "collection!", d.doc_id AS "doc_id!", d.hash AS "hash!",
                  (SELECT count(*) FROM chunk WHERE chunk.document = d.id) AS "chunks!: i64"
           FROM document d JOIN collection c ON c.id = d.collection
           WHERE (?1 IS NULL OR c.name = ?1)
             AND (?2 IS NULL OR d.at_ms < ?2)
             AND (?3 IS NULL OR d.origin = ?3)
             AND (?4 IS NULL OR d.source_id = ?4)
             AND (?5 IS NULL OR d.doc_id = ?5)
             AND (?6 IS NULL OR EXISTS (SELECT 1 FROM chunk k WHERE k.document = d.id
                  AND instr(lower(k.header || char(10) || k.text), lower(?6)) > 0))
             AND (?7 IS NULL OR EXISTS (SELECT 1 FROM json_each(?7) o
                  WHERE o.value ->> 0 = c.name AND o.value ->> 1 = d.doc_id))
           ORDER BY c.name, d.doc_id"#,
        selection.collection,
        selection.before_ms,
        selection.origin,
        selection.source_id,
        selection.doc_id,
        selection.text,
        only
    )
    .fetch_all(connection)
    .await?;
    Ok(found)
}

/// Vectors of these documents that no other document needs.
async fn orphaned(
    connection: &mut sqlx::SqliteConnection,
    documents: &str,
) -> Result<u64, TruthError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!: i64" FROM embedding e WHERE e.content IN
             (SELECT content FROM chunk WHERE document IN (SELECT value FROM json_each(?1)))
           AND NOT EXISTS (SELECT 1 FROM chunk k WHERE k.content = e.content
             AND k.document NOT IN (SELECT value FROM json_each(?1)))"#,
        documents
    )
    .fetch_one(connection)
    .await?;
    Ok(super::unsigned(count))
}

async fn drop_orphans(session: &mut Session<'_>, documents: &str) -> Result<(), TruthError> {
    sqlx::query!(
        "DELETE FROM embedding WHERE content IN
             (SELECT content FROM chunk WHERE document IN (SELECT value FROM json_each(?1)))
           AND NOT EXISTS (SELECT 1 FROM chunk k WHERE k.content = embedding.content
             AND k.document NOT IN (SELECT value FROM json_each(?1)))",
        documents
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

fn json(found: &[Fitting]) -> String {
    let ids: Vec<i64> = found.iter().map(|document| document.id).collect();
    serde_json::to_string(&ids).unwrap_or_default()
}

fn plan(found: Vec<Fitting>, vectors: u64) -> ForgetPlan {
    let chunks = found.iter().map(|document| super::unsigned(document.chunks)).sum();
    let documents = found.into_iter().map(|document| {
        let chunks = super::unsigned(document.chunks);
        (document.collection, document.doc_id, chunks)
    });
    ForgetPlan { documents: documents.collect(), chunks, vectors }
}

/// Under which hashes a document is remembered as forgotten: its name, and its content where that is known as a whole.
/// The key never leaves the database, so nobody can try names or contents against them elsewhere.
pub(super) fn digests(
    key: &[u8; 32],
    collection: &str,
    doc_id: &str,
    content: &[u8; 32],
) -> Vec<[u8; 32]> {
    let digest = |kind: &[u8], parts: [&[u8]; 2]| {
        let mut hash = blake3::Hasher::new_keyed(key);
        hash.update(kind);
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        *hash.finalize().as_bytes()
    };
    let mut digests = vec![digest(b"name", [collection.as_bytes(), doc_id.as_bytes()])];
    if content != &[0; 32] {
        digests.push(digest(b"content", [collection.as_bytes(), content]));
    }
    digests
}
