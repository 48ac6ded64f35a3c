//! Reading: passages by id, names to numbers and back, counts.

use std::collections::BTreeMap;

use contracts::hauski::index::{SourceRef, TrustLevel};
use serde_json::Value;

use super::put::PassageKind;
use super::{Truth, TruthError, signed, unsigned};
use crate::filter::ChunkId;

/// A passage with what is known of its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The passage.
    pub id: ChunkId,
    /// Name of the passage in its document.
    pub key: String,
    /// How its words are to be read.
    pub kind: PassageKind,
    /// Path, scope and signature.
    pub header: String,
    /// What it says.
    pub text: String,
    /// First byte and byte after the last.
    pub span: Option<(u64, u64)>,
    /// First and last line.
    pub lines: Option<(u64, u64)>,
    /// Hash of those bytes.
    pub hash: Vec<u8>,
    /// Name among vectors.
    pub content: Vec<u8>,
    /// What it was put with; the document's where it has none.
    pub meta: Value,
    /// What is suspicious about it.
    pub flags: Vec<String>,
    /// The document's number.
    pub document: i64,
    /// The document.
    pub doc_id: String,
    /// Its collection.
    pub collection: String,
    /// Half-life of that collection, seconds, where one was set.
    pub half_life_s: Option<u64>,
    /// Where it comes from.
    pub source: SourceRef,
    /// What people call it.
    pub title: Option<String>,
    /// Path in its source.
    pub path: Option<String>,
    /// The file.
    pub file: Option<String>,
    /// When its source was made or changed.
    pub at_ms: i64,
    /// When it was put.
    pub ingested_ms: i64,
    /// From when on it is never shown.
    pub expires_ms: Option<i64>,
    /// Why it is hidden.
    pub quarantine: Option<String>,
}

/// What weighs a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Light {
    /// The passage.
    pub id: ChunkId,
    /// The document's number.
    pub document: i64,
    /// Its collection.
    pub collection: String,
    /// Half-life of that collection, seconds, where one was set.
    pub half_life_s: Option<u64>,
    /// Where it comes from.
    pub origin: String,
    /// How far that is trusted.
    pub trust: TrustLevel,
    /// When its source was made or changed.
    pub at_ms: i64,
    /// From when on it is never shown.
    pub expires_ms: Option<i64>,
}

/// A collection and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Number.
    pub id: u32,
    /// Name.
    pub name: String,
    /// Seconds.
    pub half_life_s: Option<u64>,
    /// Documents.
    pub max_items: Option<u64>,
    /// Seconds.
    pub max_age_s: Option<u64>,
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Passages.
    pub chunks: u64,
    /// Documents by collection; empty ones too.
    pub collections: BTreeMap<String, u64>,
    /// Passages that have a vector of the model asked for.
    pub embedded: u64,
    /// Passages in quarantine.
    pub quarantined: u64,
    /// Digests of what was forgotten.
    pub forgotten: u64,
}

impl Truth {
    /// Passages by id, in the order of the ids; those that are gone are missing.
    ///
    /// # Errors
    /// The database says no.
    pub async fn rows(&self, ids: &[ChunkId]) -> Result<Vec<Row>, TruthError> {
        let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let rows = sqlx::query!(
            r#"SELECT k.id AS "id!", k.document, k.key, k.kind, k.header, k.text, k.span_start, k.span_end,
                      k.first_line, k.last_line, k.hash, k.content, k.meta, k.flags,
                      d.doc_id, c.name AS "collection!", c.half_life_s, d.origin, d.source_id, d.source_offset,
                      d.trust, d.injected_by, d.title, d.path, d.file, d.meta AS "document_meta!",
                      d.at_ms, d.ingested_ms, d.expires_ms, d.quarantine
               FROM chunk k JOIN document d ON d.id = k.document JOIN collection c ON c.id = d.collection
               WHERE k.id IN (SELECT value FROM json_each(?)) ORDER BY k.id"#,
            ids
        )
        .fetch_all(&self.readers)
        .await?;
        let rows = rows.into_iter().map(|row| Row {
            id: ChunkId(unsigned(row.id)),
            key: row.key,
            kind: PassageKind::of(row.kind),
            header: row.header,
            text: row.text,
            span: pair(row.span_start, row.span_end),
            lines: pair(row.first_line, row.last_line),
            hash: row.hash,
            content: row.content,
            meta: meta(&row.meta, &row.document_meta),
            flags: serde_json::from_str(&row.flags).unwrap_or_default(),
            document: row.document,
            doc_id: row.doc_id,
            collection: row.collection,
            half_life_s: row.half_life_s.map(unsigned),
            source: SourceRef {
                origin: row.origin,
                id: row.source_id,
                offset: row.source_offset,
                trust_level: trust_level(row.trust),
                injected_by: row.injected_by,
            },
            title: row.title,
            path: row.path,
            file: row.file,
            at_ms: row.at_ms,
            ingested_ms: row.ingested_ms,
            expires_ms: row.expires_ms,
            quarantine: row.quarantine,
        });
        Ok(rows.collect())
    }

    /// What weighs passages, by id; those that are gone are missing. Texts are not read.
    ///
    /// # Errors
    /// The database says no.
    pub async fn light(&self, ids: &[ChunkId]) -> Result<Vec<Light>, TruthError> {
        let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let rows = sqlx::query!(
            r#"SELECT k.id AS "id!", k.document, c.name AS "collection!", c.half_life_s, d.origin, d.trust,
                      d.at_ms, d.expires_ms
               FROM chunk k JOIN document d ON d.id = k.document JOIN collection c ON c.id = d.collection
               WHERE k.id IN (SELECT value FROM json_each(?)) ORDER BY k.id"#,
            ids
        )
        .fetch_all(&self.readers)
        .await?;
        let light = rows.into_iter().map(|row| Light {
            id: ChunkId(unsigned(row.id)),
            document: row.document,
            collection: row.collection,
            half_life_s: row.half_life_s.map(unsigned),
            origin: row.origin,
            trust: trust_level(row.trust),
            at_ms: row.at_ms,
            expires_ms: row.expires_ms,
        });
        Ok(light.collect())
    }

    /// The vectors of a document's passages, as far as there are any of this model.
    ///
    /// # Errors
    /// The database says no.
    pub async fn document_vectors(
        &self,
        chunks: &[ChunkId],
        revision: &str,
    ) -> Result<Vec<Vec<f32>>, TruthError> {
        let ids: Vec<u64> = chunks.iter().map(|id| id.0).collect();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let vectors = sqlx::query_scalar!(
            r#"SELECT e.vector AS "vector!" FROM chunk k
               JOIN embedding e ON e.content = k.content AND e.revision = ?
               WHERE k.id IN (SELECT value FROM json_each(?)) ORDER BY k.id"#,
            revision,
            ids
        )
        .fetch_all(&self.readers)
        .await?;
        Ok(vectors.iter().map(|bytes| super::changes::vector(bytes)).collect())
    }

    /// What tells this database from every other one, hexadecimal.
    ///
    /// # Errors
    /// The database says no.
    pub async fn identity(&self) -> Result<String, TruthError> {
        let secret = sqlx::query_scalar!("SELECT value FROM secret WHERE name = 'forgotten'");
        let secret = secret.fetch_optional(&self.readers).await?.unwrap_or_default();
        Ok(blake3::hash(&secret).to_hex().to_string())
    }

    /// Passages of a document in their order, at most `limit`. Without a collection the first of that name.
    ///
    /// # Errors
    /// The database says no.
    pub async fn document_chunks(
        &self,
        collection: Option<&str>,
        doc_id: &str,
        limit: u64,
    ) -> Result<Vec<ChunkId>, TruthError> {
        let limit = signed(limit);
        let ids = sqlx::query_scalar!(
            r#"SELECT k.id AS "id!" FROM chunk k WHERE k.document = (
                 SELECT d.id FROM document d JOIN collection c ON c.id = d.collection
                 WHERE d.doc_id = ?1 AND (?2 IS NULL OR c.name = ?2) ORDER BY c.name LIMIT 1)
               ORDER BY k.ordinal LIMIT ?3"#,
            doc_id,
            collection,
            limit
        )
        .fetch_all(&self.readers)
        .await?;
        Ok(ids.into_iter().map(|id| ChunkId(unsigned(id))).collect())
    }

    /// Whether there is such a document.
    ///
    /// # Errors
    /// The database says no.
    pub async fn has_document(
        &self,
        collection: Option<&str>,
        doc_id: &str,
    ) -> Result<bool, TruthError> {
        let found = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM document d JOIN collection c ON c.id = d.collection
               WHERE d.doc_id = ?1 AND (?2 IS NULL OR c.name = ?2)"#,
            doc_id,
            collection
        )
        .fetch_one(&self.readers)
        .await?;
        Ok(found > 0)
    }

    /// Every collection, by name.
    ///
    /// # Errors
    /// The database says no.
    pub async fn collections(&self) -> Result<Vec<Collection>, TruthError> {
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", name, half_life_s, max_items, max_age_s FROM collection ORDER BY name"#
        )
        .fetch_all(&self.readers)
        .await?;
        let collections = rows.into_iter().map(|row| Collection {
            id: u32::try_from(row.id).unwrap_or(u32::MAX),
            name: row.name,
            half_life_s: row.half_life_s.map(unsigned),
            max_items: row.max_items.map(unsigned),
            max_age_s: row.max_age_s.map(unsigned),
        });
        Ok(collections.collect())
    }

    /// Numbers of these tags; a name that nothing has is missing.
    ///
    /// # Errors
    /// The database says no.
    pub async fn tags(&self, names: &[String]) -> Result<BTreeMap<String, u32>, TruthError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names = serde_json::to_string(names).unwrap_or_default();
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", name FROM tag WHERE name IN (SELECT value FROM json_each(?))"#,
            names
        )
        .fetch_all(&self.readers)
        .await?;
        let number = |id: i64| u32::try_from(id).unwrap_or(u32::MAX);
        Ok(rows.into_iter().map(|row| (row.name, number(row.id))).collect())
    }

    /// Every passage there is.
    ///
    /// # Errors
    /// The database says no.
    pub async fn live(&self) -> Result<Vec<ChunkId>, TruthError> {
        let ids = sqlx::query_scalar!(r#"SELECT id AS "id!" FROM chunk ORDER BY id"#);
        let ids = ids.fetch_all(&self.readers).await?;
        Ok(ids.into_iter().map(|id| ChunkId(unsigned(id))).collect())
    }

    /// Every passage that has a vector of this model.
    ///
    /// # Errors
    /// The database says no.
    pub async fn embedded(&self, revision: &str) -> Result<Vec<ChunkId>, TruthError> {
        let ids = sqlx::query_scalar!(
            r#"SELECT k.id AS "id!" FROM chunk k
               JOIN embedding e ON e.content = k.content AND e.revision = ? ORDER BY k.id"#,
            revision
        )
        .fetch_all(&self.readers)
        .await?;
        Ok(ids.into_iter().map(|id| ChunkId(unsigned(id))).collect())
    }

    /// Counts everything; vectors of this model.
    ///
    /// # Errors
    /// The database says no.
    pub async fn counts(&self, revision: Option<&str>) -> Result<Counts, TruthError> {
        let row = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM document) AS "documents!: i64",
                      (SELECT count(*) FROM chunk) AS "chunks!: i64",
                      (SELECT count(*) FROM chunk k JOIN embedding e
                         ON e.content = k.content AND e.revision = ?) AS "embedded!: i64",
                      (SELECT count(*) FROM chunk k JOIN document d ON d.id = k.document
                         WHERE d.quarantine IS NOT NULL
                           AND instr(k.flags, '"possible_prompt_injection"') > 0) AS "quarantined!: i64",
                      (SELECT count(*) FROM forgotten) AS "forgotten!: i64""#,
            revision
        )
        .fetch_one(&self.readers)
        .await?;
        let collections = sqlx::query!(
            r#"SELECT c.name AS "name!", count(d.id) AS "documents!: i64" FROM collection c
               LEFT JOIN document d ON d.collection = c.id GROUP BY c.id"#
        )
        .fetch_all(&self.readers)
        .await?;
        Ok(Counts {
            documents: unsigned(row.documents),
            chunks: unsigned(row.chunks),
            collections: collections
                .into_iter()
                .map(|row| (row.name, unsigned(row.documents)))
                .collect(),
            embedded: unsigned(row.embedded),
            quarantined: unsigned(row.quarantined),
            forgotten: unsigned(row.forgotten),
        })
    }

    /// What SQLite finds wrong with the file; nothing when all is well.
    ///
    /// # Errors
    /// The database cannot be read at all.
    pub async fn integrity(&self) -> Result<Vec<String>, TruthError> {
        let lines: Vec<String> =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&self.readers).await?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// A page of everything that embeddings are named by: id, header, text and that name, after an id.
    ///
    /// # Errors
    /// The database says no.
    pub async fn contents(
        &self,
        after: ChunkId,
        limit: u64,
    ) -> Result<Vec<(ChunkId, String, Vec<u8>)>, TruthError> {
        let (after, limit) = (signed(after.0), signed(limit));
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", header, text, content FROM chunk WHERE id > ? ORDER BY id LIMIT ?"#,
            after,
            limit
        )
        .fetch_all(&self.readers)
        .await?;
        let contents = rows.into_iter().map(|row| {
            let embedded = super::put::embedded(&row.header, &row.text);
            (ChunkId(unsigned(row.id)), embedded, row.content)
        });
        Ok(contents.collect())
    }
}

fn pair(first: Option<i64>, second: Option<i64>) -> Option<(u64, u64)> {
    Some((unsigned(first?), unsigned(second?)))
}

fn meta(own: &str, document: &str) -> Value {
    let own = serde_json::from_str(own).unwrap_or(Value::Null);
    if own.is_null() { serde_json::from_str(document).unwrap_or(Value::Null) } else { own }
}

fn trust_level(number: i64) -> TrustLevel {
    match number {
        0 => TrustLevel::Low,
        2 => TrustLevel::High,
        _ => TrustLevel::Medium,
    }
}
