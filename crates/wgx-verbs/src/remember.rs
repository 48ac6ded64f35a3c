//! `wgx remember`: a note in the memory, by the person who types it.

use contracts::hauski::memory::Origin;
use contracts::wgx::recall::{REMEMBER_SCHEMA, RememberReport};
use jiff::Timestamp;
use memory::{DEFAULT_NAMESPACE, Layer, NewItem, Rules, StoreError, Ttl};
use redact::injection::Trust;

use crate::context::Context;
use crate::notebook::{Notebook, NotebookError};

/// A note.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// The text.
    pub text: String,
    /// The name under which it is found again; a new note of the same key stands before the old one.
    pub key: Option<String>,
    /// Namespace; none: `default`.
    pub namespace: Option<String>,
    /// Seconds that it stays; none: for good.
    pub ttl_sec: Option<u64>,
    /// Where it comes from: `path` or `path:line`; none: the person.
    pub source: Option<String>,
}

/// Keeps a note in the layer `long`.
///
/// # Errors
/// The text or a name is out of range, or the memory cannot be written.
pub fn remember(context: &Context, note: &Note) -> Result<RememberReport, NotebookError> {
    let mut notebook = Notebook::write(context)?;
    let name = context.variable("USER").filter(|name| !name.is_empty()).unwrap_or("person");
    let new = NewItem {
        namespace: note.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        key: note.key.clone(),
        value: note.text.clone(),
        is_json: false,
        layer: Some(Layer::Long),
        importance: None,
        trust: Trust::High,
        origin: match &note.source {
            Some(source) => of_source(source),
            None => Origin::Person { name: name.to_owned() },
        },
        ttl: note.ttl_sec.map_or(Ttl::Stays, Ttl::Seconds),
        pinned: None,
    };
    let now_ms = Timestamp::now().as_millisecond();
    let rules = Rules::default();
    let done = notebook.with(async |store| store.remember(&new, &rules, now_ms).await);
    let done = done.map_err(|error: StoreError| NotebookError::Store(error))?;
    notebook.close();
    Ok(RememberReport {
        schema: REMEMBER_SCHEMA.to_owned(),
        id: done.item.id,
        is_new: done.is_new,
        near: done.near.into_iter().map(|(id, _)| id).collect(),
        masked: done.masked,
    })
}

fn of_source(source: &str) -> Origin {
    let (path, line) = match source.rsplit_once(':') {
        Some((path, line)) if !path.is_empty() => match line.parse() {
            Ok(line) => (path, Some(line)),
            Err(_) => (source, None),
        },
        _ => (source, None),
    };
    Origin::Source { path: path.to_owned(), line, bytes: None, sha256: None }
}
