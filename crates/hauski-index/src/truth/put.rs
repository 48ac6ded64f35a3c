//! Documents and their passages go in, and out again.

use std::collections::HashMap;
use std::ops::Range;

use contracts::hauski::index::{SourceRef, TrustLevel};
use serde_json::Value;
use sqlx::SqliteConnection;

use super::writer::{Change, Done, Session};
use super::{Truth, TruthError, signed};

/// How a passage's words are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassageKind {
    /// Sentences.
    #[default]
    Prose,
    /// Source code.
    Code,
    /// Lines of a log.
    Log,
    /// Turns of a conversation.
    Conversation,
}

impl PassageKind {
    /// As a tag names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prose => "prose",
            Self::Code => "code",
            Self::Log => "log",
            Self::Conversation => "conversation",
        }
    }

    pub(super) fn number(self) -> i64 {
        match self {
            Self::Prose => 0,
            Self::Code => 1,
            Self::Log => 2,
            Self::Conversation => 3,
        }
    }

    pub(super) fn of(number: i64) -> Self {
        match number {
            1 => Self::Code,
            2 => Self::Log,
            3 => Self::Conversation,
            _ => Self::Prose,
        }
    }
}

/// A document as it is put.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its collection, also called namespace.
    pub collection: String,
    /// Names it there.
    pub doc_id: String,
    /// Where it comes from.
    pub source: SourceRef,
    /// What people call it.
    pub title: Option<String>,
    /// Path in its source.
    pub path: Option<String>,
    /// The file on this machine that byte spans count in.
    pub file: Option<String>,
    /// `en`, `de`, `rust` …
    pub language: Option<String>,
    /// Anything; null for nothing.
    pub meta: Value,
    /// When its source was made or changed; absent: when it is put.
    pub at_ms: Option<i64>,
    /// From when on it is never shown again.
    pub expires_at_ms: Option<i64>,
    /// Hash of the source's content; zeroes where its passages are all there is.
    pub hash: [u8; 32],
    /// What the ingest compares before it reads a file again.
    pub stamp: Option<String>,
    /// `key=value` pairs to search by.
    pub tags: Vec<String>,
    /// Why its passages are hidden.
    pub quarantine: Option<String>,
    /// Put it although it was forgotten.
    pub revive: bool,
    /// Its passages in their order.
    pub passages: Vec<Passage>,
}

/// A passage as it is put.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passage {
    /// Names it in its document; empty: its place.
    pub key: String,
    /// How its words are to be read.
    pub kind: PassageKind,
    /// `path :: scope :: signature`: all of it for words, all but the path for meaning.
    pub header: String,
    /// What it says.
    pub text: String,
    /// Its bytes in the source.
    pub span: Option<Range<u64>>,
    /// First and last line, from 1.
    pub lines: Option<(u64, u64)>,
    /// Hash of those bytes.
    pub hash: [u8; 32],
    /// Anything; null for the document's.
    pub meta: Value,
    /// What is suspicious about it.
    pub flags: Vec<String>,
}

impl Passage {
    /// What is embedded: scope, signature and text.
    pub fn embedded(&self) -> String {
        embedded(&self.header, &self.text)
    }

    /// Its name among vectors.
    pub fn content(&self) -> [u8; 32] {
        *blake3::hash(self.embedded().as_bytes()).as_bytes()
    }
}

/// What is embedded of a passage: scope and signature from its header, and its text. The path, which the header begins
/// with, belongs to the words: without it a file that is renamed keeps its vectors.
pub(crate) fn embedded(header: &str, text: &str) -> String {
    match header.split_once(crate::chunk::BETWEEN) {
        Some((_, context)) => format!("{context}\n{text}"),
        None => text.to_owned(),
    }
}

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It was taken.
    Taken {
        /// Passages that are new or changed.
        added: u64,
        /// Passages that stayed as they were, with their ids.
        kept: u64,
        /// Passages that went.
        removed: u64,
    },
    /// It was there already, exactly so.
    Unchanged,
    /// It was forgotten, and nobody asked to bring it back.
    Forgotten,
}

/// The answer to a put: one outcome a document, and a number that is at least that of the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// In the order of the documents.
    pub outcomes: Vec<PutOutcome>,
    /// When a derived store has this number, it has the documents.
    pub seq: u64,
}

/// What is known of a document without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name in the collection.
    pub doc_id: String,
    /// Hash of its source's content.
    pub hash: [u8; 32],
    /// As it was put.
    pub stamp: Option<String>,
}

impl Truth {
    /// Puts documents, all or none; acknowledged means on the disk.
    ///
    /// # Errors
    /// The database says no. Nothing has changed then.
    pub async fn put(&self, documents: Vec<Document>, now_ms: i64) -> Result<Put, TruthError> {
        match self.change(Change::Put { documents, now_ms }).await? {
            Done::Put(outcomes) => Ok(Put { outcomes, seq: self.seq() }),
            _ => Err(TruthError::Closed),
        }
    }

    /// Takes documents out of a collection, for instance because their files are gone. They may come back. Returns
    /// how many passages went.
    ///
    /// # Errors
    /// The database says no. Nothing has changed then.
    pub async fn remove(&self, collection: &str, doc_ids: &[String]) -> Result<u64, TruthError> {
        let names = serde_json::to_string(doc_ids).unwrap_or_default();
        let documents = sqlx::query_scalar!(
            r#"SELECT d.id AS "id!" FROM document d JOIN collection c ON c.id = d.collection
               WHERE c.name = ?1 AND d.doc_id IN (SELECT value FROM json_each(?2))"#,
            collection,
            names
        )
        .fetch_all(&self.readers)
        .await?;
        match self.change(Change::Remove { documents }).await? {
            Done::Removed { chunks } => Ok(chunks),
            _ => Err(TruthError::Closed),
        }
    }

    /// Keeps what is known of the files of documents whose content stayed the same: pairs of document and stamp.
    ///
    /// # Errors
    /// The database says no. Nothing has changed then.
    pub async fn touch(
        &self,
        collection: &str,
        stamps: Vec<(String, String)>,
    ) -> Result<(), TruthError> {
        let collection = collection.to_owned();
        self.change(Change::Touch { collection, stamps }).await.map(drop)
    }

    /// Keeps vectors under what was embedded and by which weights.
    ///
    /// # Errors
    /// The database says no.
    pub async fn add_embeddings(
        &self,
        revision: &str,
        vectors: Vec<([u8; 32], Vec<f32>)>,
    ) -> Result<u64, TruthError> {
        self.change(Change::Embeddings { revision: revision.to_owned(), vectors }).await?;
        Ok(self.seq())
    }

    /// Drops the vectors of a model that is not used any more.
    ///
    /// # Errors
    /// The database says no.
    pub async fn drop_embeddings(&self, revision: &str) -> Result<(), TruthError> {
        self.change(Change::DropEmbeddings { revision: revision.to_owned() }).await.map(drop)
    }

    /// What a collection holds, without its texts.
    ///
    /// # Errors
    /// The database says no.
    pub async fn known(&self, collection: &str) -> Result<Vec<Known>, TruthError> {
        let rows = sqlx::query!(
            r#"SELECT d.doc_id, d.hash, d.stamp FROM document d JOIN collection c ON c.id = d.collection
               WHERE c.name = ? ORDER BY d.doc_id"#,
            collection
        )
        .fetch_all(&self.readers)
        .await?;
        let known = rows.into_iter().map(|row| Known {
            doc_id: row.doc_id,
            hash: row.hash.try_into().unwrap_or_default(),
            stamp: row.stamp,
        });
        Ok(known.collect())
    }
}

/// As it stands in the database.
struct Existing {
    id: i64,
    fingerprint: Vec<u8>,
    stamp: Option<String>,
}

pub(super) async fn put(
    session: &mut Session<'_>,
    document: &Document,
    now_ms: i64,
) -> Result<PutOutcome, TruthError> {
    if is_forgotten(session, document).await? {
        return Ok(PutOutcome::Forgotten);
    }
    let collection = collection(session, &document.collection).await?;
    let existing = sqlx::query_as!(
        Existing,
        r#"SELECT id AS "id!", fingerprint, stamp FROM document WHERE collection = ? AND doc_id = ?"#,
        collection,
        document.doc_id
    )
    .fetch_optional(&mut *session.connection)
    .await?;
    let fingerprint = fingerprint(document);
    if let Some(existing) = &existing
        && existing.fingerprint == fingerprint
    {
        if existing.stamp != document.stamp {
            sqlx::query!("UPDATE document SET stamp = ? WHERE id = ?", document.stamp, existing.id)
                .execute(&mut *session.connection)
                .await?;
        }
        return Ok(PutOutcome::Unchanged);
    }
    let seq = session.names.next_seq();
    let row = write_document(session, document, existing.map(|it| it.id), collection, seq, now_ms);
    let id = row.await?;
    write_passages(session, document, id, &fingerprint, seq).await
}

async fn write_document(
    session: &mut Session<'_>,
    document: &Document,
    existing: Option<i64>,
    collection: i64,
    seq: i64,
    now_ms: i64,
) -> Result<i64, TruthError> {
    let source = &document.source;
    let trust = trust_number(source.trust_level);
    let meta = document.meta.to_string();
    let at_ms = document.at_ms.unwrap_or(now_ms);
    let hash = &document.hash[..];
    let none: &[u8] = &[];
    let id = sqlx::query_scalar!(
        r#"INSERT INTO document (id, collection, doc_id, origin, source_id, source_offset, trust,
               injected_by, title, path, file, language, meta, at_ms, ingested_ms, expires_ms, hash,
               stamp, fingerprint, quarantine, seq)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET origin = excluded.origin, source_id = excluded.source_id,
               source_offset = excluded.source_offset, trust = excluded.trust,
               injected_by = excluded.injected_by, title = excluded.title, path = excluded.path,
               file = excluded.file, language = excluded.language, meta = excluded.meta,
               at_ms = excluded.at_ms, ingested_ms = excluded.ingested_ms,
               expires_ms = excluded.expires_ms, hash = excluded.hash, stamp = excluded.stamp,
               quarantine = excluded.quarantine, seq = excluded.seq
           RETURNING id AS "id!""#,
        existing,
        collection,
        document.doc_id,
        source.origin,
        source.id,
        source.offset,
        trust,
        source.injected_by,
        document.title,
        document.path,
        document.file,
        document.language,
        meta,
        at_ms,
        now_ms,
        document.expires_at_ms,
        hash,
        document.stamp,
        none,
        document.quarantine,
        seq
    )
    .fetch_one(&mut *session.connection)
    .await?;
    Ok(id)
}

async fn write_passages(
    session: &mut Session<'_>,
    document: &Document,
    id: i64,
    fingerprint: &[u8],
    seq: i64,
) -> Result<PutOutcome, TruthError> {
    let old = sqlx::query!(
        r#"SELECT id AS "id!", content, kind FROM chunk WHERE document = ? ORDER BY ordinal"#,
        id
    )
    .fetch_all(&mut *session.connection)
    .await?;
    // Equal passages of a document keep their ids in their order.
    let mut reusable: HashMap<(Vec<u8>, i64), Vec<i64>> = HashMap::new();
    for row in old.into_iter().rev() {
        reusable.entry((row.content, row.kind)).or_default().push(row.id);
    }
    let shared_tags = document_tags(document);
    let (mut added, mut kept) = (0, 0);
    for (ordinal, passage) in document.passages.iter().enumerate() {
        let content = passage.content();
        let kind = passage.kind.number();
        let reused = reusable.get_mut(&(content.to_vec(), kind)).and_then(Vec::pop);
        let tags = passage_tags(session, &shared_tags, passage).await?;
        let place = Place { id, ordinal, seq, tags };
        match reused {
            Some(chunk) => {
                update_passage(session.connection, chunk, passage, &place).await?;
                kept += 1;
            }
            None => {
                let chunk = session.names.next_chunk();
                insert_passage(session.connection, chunk, passage, &place, &content).await?;
                added += 1;
            }
        }
    }
    let gone: Vec<i64> = reusable.into_values().flatten().collect();
    let removed = gone.len() as u64;
    delete_chunks(session.connection, &gone, seq).await?;
    sqlx::query!("UPDATE document SET fingerprint = ? WHERE id = ?", fingerprint, id)
        .execute(&mut *session.connection)
        .await?;
    Ok(PutOutcome::Taken { added, kept, removed })
}

/// Where a passage stands.
struct Place {
    id: i64,
    ordinal: usize,
    seq: i64,
    tags: String,
}

impl Place {
    fn key(&self, passage: &Passage) -> String {
        if passage.key.is_empty() { self.ordinal.to_string() } else { passage.key.clone() }
    }
}

/// First byte, byte after the last, first and last line.
fn position(passage: &Passage) -> [Option<i64>; 4] {
    let span = passage.span.as_ref();
    let lines = passage.lines;
    [
        span.map(|span| signed(span.start)),
        span.map(|span| signed(span.end)),
        lines.map(|(first, _)| signed(first)),
        lines.map(|(_, last)| signed(last)),
    ]
}

async fn insert_passage(
    connection: &mut SqliteConnection,
    chunk: i64,
    passage: &Passage,
    place: &Place,
    content: &[u8; 32],
) -> Result<(), TruthError> {
    let [start, end, first, last] = position(passage);
    let (ordinal, key) = (signed(place.ordinal as u64), place.key(passage));
    let (kind, hash, content) = (passage.kind.number(), &passage.hash[..], &content[..]);
    let meta = passage.meta.to_string();
    let flags = serde_json::to_string(&passage.flags).unwrap_or_default();
    sqlx::query!(
        "INSERT INTO chunk (id, document, ordinal, key, kind, header, text, span_start, span_end, \
         first_line, last_line, hash, content, meta, tags, flags, seq) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        chunk,
        place.id,
        ordinal,
        key,
        kind,
        passage.header,
        passage.text,
        start,
        end,
        first,
        last,
        hash,
        content,
        meta,
        place.tags,
        flags,
        place.seq
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn update_passage(
    connection: &mut SqliteConnection,
    chunk: i64,
    passage: &Passage,
    place: &Place,
) -> Result<(), TruthError> {
    let [start, end, first, last] = position(passage);
    let (ordinal, key) = (signed(place.ordinal as u64), place.key(passage));
    let hash = &passage.hash[..];
    let meta = passage.meta.to_string();
    let flags = serde_json::to_string(&passage.flags).unwrap_or_default();
    sqlx::query!(
        "UPDATE chunk SET ordinal = ?, key = ?, header = ?, span_start = ?, span_end = ?, first_line = ?, \
         last_line = ?, hash = ?, meta = ?, tags = ?, flags = ?, seq = ? WHERE id = ?",
        ordinal,
        key,
        passage.header,
        start,
        end,
        first,
        last,
        hash,
        meta,
        place.tags,
        flags,
        place.seq,
        chunk
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes passages away and remembers their ids, so that a replay of older changes does not bring one back.
pub(super) async fn delete_chunks(
    connection: &mut SqliteConnection,
    chunks: &[i64],
    seq: i64,
) -> Result<(), TruthError> {
    if chunks.is_empty() {
        return Ok(());
    }
    let ids = serde_json::to_string(chunks).unwrap_or_default();
    sqlx::query!("DELETE FROM chunk WHERE id IN (SELECT value FROM json_each(?))", ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "INSERT OR REPLACE INTO deletion (chunk, seq) SELECT value, ?1 FROM json_each(?2)",
        seq,
        ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes documents away; returns the number of their passages.
pub(super) async fn touch(
    session: &mut Session<'_>,
    collection: &str,
    stamps: &[(String, String)],
) -> Result<(), TruthError> {
    let stamps = serde_json::to_string(stamps).unwrap_or_default();
    sqlx::query!(
        "UPDATE document SET stamp = new.stamp \
         FROM (SELECT value ->> 0 AS doc_id, value ->> 1 AS stamp FROM json_each(?1)) AS new \
         WHERE document.doc_id = new.doc_id \
           AND document.collection = (SELECT id FROM collection WHERE name = ?2)",
        stamps,
        collection
    )
    .execute(&mut *session.connection)
    .await?;
    Ok(())
}

pub(super) async fn remove(
    session: &mut Session<'_>,
    documents: &[i64],
) -> Result<u64, TruthError> {
    if documents.is_empty() {
        return Ok(0);
    }
    let seq = session.names.next_seq();
    let ids = serde_json::to_string(documents).unwrap_or_default();
    let chunks = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM chunk WHERE document IN (SELECT value FROM json_each(?))"#,
        ids
    )
    .fetch_all(&mut *session.connection)
    .await?;
    delete_chunks(session.connection, &chunks, seq).await?;
    sqlx::query!("DELETE FROM document WHERE id IN (SELECT value FROM json_each(?))", ids)
        .execute(&mut *session.connection)
        .await?;
    Ok(chunks.len() as u64)
}

pub(super) async fn add_embeddings(
    session: &mut Session<'_>,
    revision: &str,
    vectors: &[([u8; 32], Vec<f32>)],
) -> Result<(), TruthError> {
    let seq = session.names.next_seq();
    for (content, vector) in vectors {
        let content = &content[..];
        let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
        // A passage may have been forgotten while its vector was computed.
        sqlx::query!(
            "INSERT OR IGNORE INTO embedding (content, revision, vector, seq) \
             SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM chunk WHERE content = ?1)",
            content,
            revision,
            bytes,
            seq
        )
        .execute(&mut *session.connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn drop_embeddings(
    session: &mut Session<'_>,
    revision: &str,
) -> Result<(), TruthError> {
    sqlx::query!("DELETE FROM embedding WHERE revision = ?", revision)
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

/// Whether a document was forgotten; one that is to be revived is struck off.
async fn is_forgotten(session: &mut Session<'_>, document: &Document) -> Result<bool, TruthError> {
    let key = &session.names.forget_key;
    let digests =
        super::forget::digests(key, &document.collection, &document.doc_id, &document.hash);
    for digest in digests {
        let digest = &digest[..];
        let found = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM forgotten WHERE digest = ?"#,
            digest
        )
        .fetch_one(&mut *session.connection)
        .await?;
        if found == 0 {
            continue;
        }
        if !document.revive {
            return Ok(true);
        }
        sqlx::query!("DELETE FROM forgotten WHERE digest = ?", digest)
            .execute(&mut *session.connection)
            .await?;
    }
    Ok(false)
}

/// The id of a collection; a new name gets one.
pub(super) async fn collection(session: &mut Session<'_>, name: &str) -> Result<i64, TruthError> {
    if let Some(id) = session.names.collections.get(name) {
        return Ok(*id);
    }
    let id = sqlx::query_scalar!(
        r#"INSERT INTO collection (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = name
           RETURNING id AS "id!""#,
        name
    )
    .fetch_one(&mut *session.connection)
    .await?;
    session.names.collections.insert(name.to_owned(), id);
    Ok(id)
}

async fn tag(session: &mut Session<'_>, name: &str) -> Result<i64, TruthError> {
    if let Some(id) = session.names.tags.get(name) {
        return Ok(*id);
    }
    let id = sqlx::query_scalar!(
        r#"INSERT INTO tag (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = name
           RETURNING id AS "id!""#,
        name
    )
    .fetch_one(&mut *session.connection)
    .await?;
    // Tags of foreign documents may be many; what is common comes back quickly.
    if session.names.tags.len() >= 10_000 {
        session.names.tags.clear();
    }
    session.names.tags.insert(name.to_owned(), id);
    Ok(id)
}

/// What all passages of a document can be searched by.
fn document_tags(document: &Document) -> Vec<String> {
    let mut tags = document.tags.clone();
    tags.push(format!("origin={}", document.source.origin));
    tags.push(format!("trust={}", trust_name(document.source.trust_level)));
    tags.extend(document.language.as_ref().map(|language| format!("lang={language}")));
    tags
}

/// Ids, ascending, each once, as a JSON array.
async fn passage_tags(
    session: &mut Session<'_>,
    shared: &[String],
    passage: &Passage,
) -> Result<String, TruthError> {
    let mut ids = Vec::with_capacity(shared.len() + passage.flags.len() + 1);
    for name in shared {
        ids.push(tag(session, name).await?);
    }
    ids.push(tag(session, &format!("kind={}", passage.kind.name())).await?);
    for flag in &passage.flags {
        ids.push(tag(session, &format!("flag={flag}")).await?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(serde_json::to_string(&ids).unwrap_or_default())
}

pub(super) fn trust_number(level: TrustLevel) -> i64 {
    match level {
        TrustLevel::Low => 0,
        TrustLevel::Medium => 1,
        TrustLevel::High => 2,
    }
}

/// As a tag names it.
pub(crate) fn trust_name(level: TrustLevel) -> &'static str {
    match level {
        TrustLevel::Low => "low",
        TrustLevel::Medium => "medium",
        TrustLevel::High => "high",
    }
}

/// Over everything but the stamp and whether it is to be revived.
fn fingerprint(document: &Document) -> Vec<u8> {
    let mut hash = Fields(blake3::Hasher::new());
    let source = &document.source;
    hash.text(&source.origin).text(&source.id).option(source.offset.as_deref());
    hash.text(trust_name(source.trust_level)).option(source.injected_by.as_deref());
    hash.option(document.title.as_deref()).option(document.path.as_deref());
    hash.option(document.file.as_deref()).option(document.language.as_deref());
    hash.text(&document.meta.to_string()).option(document.quarantine.as_deref());
    hash.number(document.at_ms).number(document.expires_at_ms).bytes(&document.hash);
    for tag in &document.tags {
        hash.text(tag);
    }
    for passage in &document.passages {
        hash.text("passage").text(&passage.key).text(passage.kind.name());
        hash.text(&passage.header).text(&passage.text).bytes(&passage.hash);
        for number in position(passage) {
            hash.number(number);
        }
        hash.text(&passage.meta.to_string());
        for flag in &passage.flags {
            hash.text(flag);
        }
    }
    hash.0.finalize().as_bytes().to_vec()
}

/// Fields with their lengths, so that no two lists of them are alike.
struct Fields(blake3::Hasher);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn option(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text("some").text(text),
            None => self.text("none"),
        }
    }

    fn number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.text("some").bytes(&number.to_le_bytes()),
            None => self.text("none"),
        }
    }
}
