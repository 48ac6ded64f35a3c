//! Documents as they come over HTTP or from the ingest: checked, masked, looked at, put.

use contracts::hauski::index::{Refused, SourceRef, Upsert, Upserted};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Index, IndexError};
use crate::chunk::Kind;
use crate::truth::{Document, Passage, PassageKind, PutOutcome};
use crate::{ingest, trust};

/// Passages of a document.
const MAX_CHUNKS: usize = 10_000;
/// Bytes of a passage.
const MAX_TEXT: usize = 256 << 10;
/// Bytes of what is put beside a text.
const MAX_META: usize = 64 << 10;
const MAX_TAGS: usize = 32;
/// Latest time that a document may name: the end of the year 9999.
const LAST_MS: i64 = 253_402_300_799_999;

/// One document of a body of lines, or what was wrong with its line.
#[derive(Clone, Debug)]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// What it says, or why it says nothing.
    pub document: Result<Upsert, String>,
}

impl Index {
    /// Puts one document; acknowledged means on the disk, and searches see it within milliseconds.
    ///
    /// # Errors
    /// It has no source, a field is out of range, or the database says no. Nothing has changed then.
    pub async fn upsert(&self, request: Upsert) -> Result<Upserted, IndexError> {
        let prepared = self.prepare(request)?;
        let mut answer = Upserted { ignored: prepared.ignored, ..Upserted::default() };
        let doc_id = prepared.document.doc_id.clone();
        let passages = prepared.document.passages.len() as u64;
        let put = self.put_documents(vec![prepared.document], &mut answer).await?;
        if put.first() == Some(&PutOutcome::Forgotten) {
            answer.refused.push(forgotten(doc_id, None));
        } else {
            answer.ingested = passages;
        }
        answer.status = status(&answer);
        Ok(answer)
    }

    /// Puts many. A line that cannot be taken is refused alone; the others are put, all or none.
    ///
    /// # Errors
    /// The database says no. Nothing has changed then.
    pub async fn upsert_lines(&self, lines: Vec<Line>) -> Result<Upserted, IndexError> {
        let mut answer = Upserted::default();
        let (mut documents, mut origins) = (Vec::new(), Vec::new());
        for Line { number, document } in lines {
            let doc_id = document.as_ref().map_or_else(|_| String::new(), |it| it.doc_id.clone());
            let prepared = match document {
                Ok(document) => self.prepare(document).map_err(|error| refusal(&error)),
                Err(message) => Err(("invalid_value", message)),
            };
            match prepared {
                Ok(prepared) => {
                    answer.ignored += prepared.ignored;
                    origins.push((number, doc_id, prepared.document.passages.len() as u64));
                    documents.push(prepared.document);
                }
                Err((code, message)) => answer.refused.push(Refused {
                    doc_id,
                    line: Some(number),
                    code: code.to_owned(),
                    message,
                }),
            }
        }
        let outcomes = self.put_documents(documents, &mut answer).await?;
        for (outcome, (number, doc_id, passages)) in outcomes.into_iter().zip(origins) {
            match outcome {
                PutOutcome::Forgotten => answer.refused.push(forgotten(doc_id, Some(number))),
                PutOutcome::Taken { .. } | PutOutcome::Unchanged => answer.ingested += passages,
            }
        }
        answer.refused.sort_by_key(|refused| refused.line);
        answer.status = status(&answer);
        Ok(answer)
    }

    /// Puts documents that the ingest has made: their hashes, spans and chunks are its own. Secrets are masked here where
    /// the index was opened with a mask, and what may try to give orders to a model is kept apart.
    ///
    /// # Errors
    /// The database says no. Nothing has changed then.
    pub async fn put(&self, mut documents: Vec<Document>) -> Result<Upserted, IndexError> {
        for document in &mut documents {
            self.mask(document);
        }
        let named: Vec<_> = documents
            .iter()
            .map(|document| (document.doc_id.clone(), document.passages.len() as u64))
            .collect();
        let mut answer = Upserted::default();
        let outcomes = self.put_documents(documents, &mut answer).await?;
        for (outcome, (doc_id, passages)) in outcomes.into_iter().zip(named) {
            match outcome {
                PutOutcome::Forgotten => answer.refused.push(forgotten(doc_id, None)),
                _ => answer.ingested += passages,
            }
        }
        answer.status = status(&answer);
        Ok(answer)
    }

    async fn put_documents(
        &self,
        mut documents: Vec<Document>,
        answer: &mut Upserted,
    ) -> Result<Vec<PutOutcome>, IndexError> {
        let mut apart = Vec::with_capacity(documents.len());
        for document in &mut documents {
            apart.push(trust::inspect(document));
        }
        let put = self.0.truth.put(documents, self.now_ms()).await?;
        for (outcome, apart) in put.outcomes.iter().zip(apart) {
            match outcome {
                PutOutcome::Taken { .. } => {
                    answer.documents += 1;
                    answer.quarantined += apart;
                }
                PutOutcome::Unchanged => {
                    answer.documents += 1;
                    answer.unchanged += 1;
                    answer.quarantined += apart;
                }
                PutOutcome::Forgotten => {}
            }
        }
        answer.seq = put.seq;
        Ok(put.outcomes)
    }

    fn mask(&self, document: &mut Document) {
        let Some(mask) = &self.0.options.mask else { return };
        let masked = |text: &mut String| {
            if redact::may_hold_secret(text.as_bytes()) {
                *text = mask.mask(text).text;
            }
        };
        for passage in &mut document.passages {
            masked(&mut passage.text);
            masked(&mut passage.header);
        }
        if let Some(title) = &mut document.title {
            masked(title);
        }
    }

    /// A document of a request: every field within its range.
    fn prepare(&self, request: Upsert) -> Result<Prepared, IndexError> {
        let Upsert { doc_id, namespace, chunks, text, meta, source_ref, .. } = request;
        name("doc_id", &doc_id, 512)?;
        namespace_name("namespace", &namespace)?;
        let Some(source) = source_ref else {
            return Err(IndexError::MissingSourceRef { doc_id });
        };
        source_fields(&source)?;
        bounded_meta("meta", &meta)?;
        if chunks.len() > MAX_CHUNKS {
            let what = format!("there are {} chunks; at most {MAX_CHUNKS}", chunks.len());
            return Err(IndexError::invalid("chunks", what));
        }
        if text.is_some() && !chunks.is_empty() {
            return Err(IndexError::invalid("text", "give either text or chunks"));
        }
        for (field, value) in
            [("title", &request.title), ("path", &request.path), ("language", &request.language)]
        {
            if let Some(value) = value {
                name(field, value, 4096)?;
            }
        }
        let at_ms = time("at", request.at.as_deref())?;
        let expires_at_ms = time("expires_at", request.expires_at.as_deref())?;
        tags(&request.tags)?;
        let mut document = Document {
            collection: namespace,
            doc_id,
            source,
            title: request.title,
            path: request.path,
            language: request.language,
            meta,
            at_ms,
            expires_at_ms,
            tags: request.tags,
            revive: request.revive,
            ..Document::default()
        };
        let mut ignored = 0;
        let kind = kind_of(document.language.as_deref(), document.path.as_deref());
        match text {
            Some(text) => {
                let path = document.path.as_deref().unwrap_or(&document.doc_id);
                let how = cut_as(document.language.as_deref(), document.path.as_deref());
                (document.passages, document.hash) =
                    ingest::passages(path, document.language.as_deref(), how, text);
                if document.passages.len() > MAX_CHUNKS {
                    let what = format!("the text has more than {MAX_CHUNKS} passages");
                    return Err(IndexError::invalid("text", what));
                }
            }
            None => {
                for (place, chunk) in chunks.into_iter().enumerate() {
                    let field = |field: &str| format!("chunks[{place}].{field}");
                    // Vectors are the index's own, so that one model made them all.
                    ignored += u64::from(!chunk.embedding.is_empty());
                    if chunk.embedding.iter().any(|value| !value.is_finite()) {
                        let what = "every number must be finite";
                        return Err(IndexError::invalid(field("embedding"), what));
                    }
                    let text = chunk.text.unwrap_or_default();
                    if text.trim().is_empty() {
                        ignored += 1;
                        continue;
                    }
                    if text.len() > MAX_TEXT {
                        let what = format!("{} bytes; at most {MAX_TEXT}", text.len());
                        return Err(IndexError::invalid(field("text"), what));
                    }
                    bounded_meta(&field("meta"), &chunk.meta)?;
                    let key = chunk.chunk_id.unwrap_or_default();
                    if !key.is_empty() {
                        name(&field("chunk_id"), &key, 512)?;
                    }
                    let hash = Sha256::digest(&text).into();
                    let meta = chunk.meta;
                    let passage = Passage { key, kind, text, hash, meta, ..Passage::default() };
                    document.passages.push(passage);
                }
            }
        }
        self.mask(&mut document);
        Ok(Prepared { document, ignored })
    }
}

struct Prepared {
    document: Document,
    ignored: u64,
}

fn status(answer: &Upserted) -> String {
    let is_refused = answer.documents == 0 && !answer.refused.is_empty();
    if is_refused { "refused" } else { "queued" }.to_owned()
}

fn forgotten(doc_id: String, line: Option<u64>) -> Refused {
    let message = "it was forgotten; put it with \"revive\": true to have it again".to_owned();
    Refused { doc_id, line, code: "forgotten".to_owned(), message }
}

fn refusal(error: &IndexError) -> (&'static str, String) {
    let code = match error {
        IndexError::MissingSourceRef { .. } => "missing_source_ref",
        _ => "invalid_value",
    };
    let message = match error {
        IndexError::Invalid { param, what } => format!("{param}: {what}"),
        error => error.to_string(),
    };
    (code, message)
}

fn kind_of(language: Option<&str>, path: Option<&str>) -> PassageKind {
    match language {
        Some("log") => PassageKind::Log,
        Some(language) if language.len() > 2 => PassageKind::Code,
        Some("c" | "go" | "js" | "ts" | "rb" | "py" | "rs" | "sh") => PassageKind::Code,
        Some(_) => PassageKind::Prose,
        None => ingest::passage_kind(Kind::of(path.unwrap_or_default(), "")),
    }
}

/// How a text is cut where its path does not tell: a language that is none of people is one of programs.
fn cut_as(language: Option<&str>, path: Option<&str>) -> Option<Kind> {
    if path.is_some() {
        return None;
    }
    match kind_of(Some(language?), path) {
        PassageKind::Code => Some(Kind::Code),
        PassageKind::Log => Some(Kind::Log),
        PassageKind::Prose | PassageKind::Conversation => None,
    }
}

/// Text of 1 to `most` bytes without control characters.
pub(super) fn name(param: &str, value: &str, most: usize) -> Result<(), IndexError> {
    if value.is_empty() || value.len() > most {
        return Err(IndexError::invalid(param, format!("must have 1 to {most} bytes")));
    }
    if value.chars().any(char::is_control) {
        return Err(IndexError::invalid(param, "must not hold control characters"));
    }
    Ok(())
}

/// The name of a collection; `*` and blanks mean something else in a search.
pub(super) fn namespace_name(param: &str, value: &str) -> Result<(), IndexError> {
    name(param, value, 128)?;
    if value.contains('*') || value.trim() != value {
        let what = "must not hold `*` and not begin or end with a blank";
        return Err(IndexError::invalid(param, what));
    }
    Ok(())
}

fn source_fields(source: &SourceRef) -> Result<(), IndexError> {
    name("source_ref.origin", &source.origin, 256)?;
    name("source_ref.id", &source.id, 1024)?;
    for (field, value) in
        [("source_ref.offset", &source.offset), ("source_ref.injected_by", &source.injected_by)]
    {
        if let Some(value) = value {
            name(field, value, 256)?;
        }
    }
    Ok(())
}

fn bounded_meta(param: &str, meta: &Value) -> Result<(), IndexError> {
    let bytes = meta.to_string().len();
    if bytes > MAX_META {
        return Err(IndexError::invalid(param, format!("{bytes} bytes; at most {MAX_META}")));
    }
    Ok(())
}

fn tags(tags: &[String]) -> Result<(), IndexError> {
    tags_to_ask("tags", tags)?;
    let own = ["origin=", "trust=", "flag=", "kind=", "lang="];
    if tags.iter().any(|tag| own.iter().any(|own| tag.starts_with(own))) {
        let what = format!("{} belong to the index itself", own.join(", "));
        return Err(IndexError::invalid("tags", what));
    }
    Ok(())
}

/// `key=value` each, and not too many.
pub(super) fn tags_to_ask(param: &str, tags: &[String]) -> Result<(), IndexError> {
    if tags.len() > MAX_TAGS {
        let what = format!("there are {}; at most {MAX_TAGS}", tags.len());
        return Err(IndexError::invalid(param, what));
    }
    for tag in tags {
        name(param, tag, 256)?;
        match tag.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {}
            _ => return Err(IndexError::invalid(param, "each must be key=value")),
        }
    }
    Ok(())
}

/// RFC 3339, from 1970 to 9999.
pub(super) fn time(param: &str, text: Option<&str>) -> Result<Option<i64>, IndexError> {
    let Some(text) = text else { return Ok(None) };
    let time = text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    match time.filter(|ms| (0..=LAST_MS).contains(ms)) {
        Some(ms) => Ok(Some(ms)),
        None => {
            let what = "must be a time such as 2026-11-21T12:00:00Z, from 1970 to 9999";
            Err(IndexError::invalid(param, what))
        }
    }
}
