//! Reading a pack: nothing is believed, and facts come in together or not at all.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use contracts::memory::{PACK_MANIFEST, PACK_SCHEMA, PackManifest};
use flate2::read::GzDecoder;
use redact::Redactor;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::format::{MAX_FACT_BYTES, PackError, facts_entry, line, object_of_entry};
use crate::cas::{Cas, Digest};
use crate::facts::{TABLES, Table};
use crate::home::HomeError;
use crate::log::holds_secret;
use crate::log_text::index_missing;
use crate::store::{Store, StoreError, known_version};
use crate::tombstone::erase;

const MANIFEST_BYTES: u64 = 1 << 20;

/// A pack that unpacks to less than this may be compressed as well as it likes.
const RATIO_FREE_BYTES: u64 = 64 << 20;

/// How large a pack may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportLimits {
    /// All of it, unpacked. Default 8 GiB.
    pub max_bytes: u64,
    /// Unpacked size by packed size, for packs over 64 MiB. Default 200.
    pub max_ratio: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self { max_bytes: 8 << 30, max_ratio: 200 }
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Facts that are new here.
    pub new_facts: u64,
    /// Facts that were here already.
    pub known_facts: u64,
    /// Facts that were forgotten here and stay forgotten.
    pub forgotten_facts: u64,
    /// Facts that were here with another content; of the two, the one that sorts first is kept, so that
    /// all memories keep the same.
    pub conflicting_facts: u64,
    /// Objects that are new here.
    pub new_objects: u64,
    /// Objects that stayed out because something in them looks like a secret.
    pub objects_with_secrets: u64,
    /// Secrets that were masked in facts on the way in.
    pub masked: u64,
}

impl Store {
    /// Takes in a pack.
    ///
    /// # Errors
    /// The file is no pack, is damaged, newer, too large or holds what no pack holds. Then no fact was
    /// taken in; objects that were are removed by the next garbage collection.
    pub async fn import(
        &mut self,
        path: &Path,
        limits: &ImportLimits,
    ) -> Result<Imported, PackError> {
        let failed = |source| PackError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let packed = file.metadata().map_err(failed)?.len();
        let limit = limit_of(packed, limits);
        let read = Rc::new(Cell::new(0));
        let unpacked =
            Limited { inner: GzDecoder::new(BufReader::new(file)), limit, read: read.clone() };
        let mut import = Import {
            cas: self.cas.clone(),
            mask: self.mask.clone(),
            seen: BTreeSet::new(),
            done: Imported::default(),
        };
        // Errors of packs pass through the transaction beside its own.
        let mut fault = None;
        let done = self
            .write(async |conn| match import.run(conn, unpacked).await {
                Ok(done) => Ok(Some(done)),
                Err(PackError::Store(error)) => Err(error),
                Err(error) => {
                    fault = Some(error);
                    Err(StoreError::Invalid { what: "pack", reason: String::new() })
                }
            })
            .await;
        match (fault, done) {
            (Some(PackError::Damaged(_)), _) if read.get() >= limit => {
                Err(PackError::TooLarge { limit_bytes: limit })
            }
            (Some(fault), _) => Err(fault),
            (None, done) => Ok(done?.unwrap_or_default()),
        }
    }
}

fn limit_of(packed: u64, limits: &ImportLimits) -> u64 {
    let by_ratio = packed.saturating_mul(limits.max_ratio).max(RATIO_FREE_BYTES);
    limits.max_bytes.min(by_ratio)
}

/// Fails instead of giving more than the limit.
struct Limited<R> {
    inner: R,
    limit: u64,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.limit - self.read.get();
        if left == 0 {
            return Err(io::Error::other("the pack is larger than the limit"));
        }
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..wanted])?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

struct Import {
    cas: Cas,
    mask: Redactor,
    seen: BTreeSet<String>,
    done: Imported,
}

impl Import {
    async fn run(
        &mut self,
        conn: &mut SqliteConnection,
        unpacked: impl Read,
    ) -> Result<Imported, PackError> {
        // Facts refer to each other; that is judged when all are in.
        sqlx::raw_sql("PRAGMA defer_foreign_keys = ON")
            .execute(&mut *conn)
            .await
            .map_err(StoreError::from)?;
        let mut archive = tar::Archive::new(unpacked);
        let mut manifest = None;
        for entry in archive.entries().map_err(PackError::Damaged)? {
            let entry = entry.map_err(PackError::Damaged)?;
            let name = self.name_of(&entry)?;
            match &manifest {
                None => manifest = Some(read_manifest(&name, entry)?),
                Some(manifest) => self.take(conn, (&name, manifest), entry).await?,
            }
        }
        let Some(manifest) = manifest else {
            return Err(PackError::NotAPack { reason: "it is empty".to_owned() });
        };
        // The checksum of the compression comes last.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(PackError::Damaged)?;
        self.nothing_is_missing(&manifest)?;
        erase(conn).await?;
        crate::items::state::after_import(conn).await?;
        nothing_dangles(conn).await?;
        index_missing(conn, &self.cas).await?;
        Ok(self.done)
    }

    fn name_of(&mut self, entry: &tar::Entry<'_, impl Read>) -> Result<String, PackError> {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let refuse = |reason| Err(PackError::Entry { entry: name.clone(), reason });
        if entry.header().entry_type() != tar::EntryType::Regular {
            return refuse("it is not a plain file");
        }
        if name.starts_with('/') || name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse("its path leads out of the pack");
        }
        if !self.seen.insert(name.clone()) {
            return refuse("it is there twice");
        }
        Ok(name)
    }

    async fn take(
        &mut self,
        conn: &mut SqliteConnection,
        (name, manifest): (&str, &PackManifest),
        entry: impl Read,
    ) -> Result<(), PackError> {
        if let Some(digest) = object_of_entry(name) {
            return self.take_object(name, &digest, entry);
        }
        let Some(table) = TABLES.iter().find(|table| facts_entry(table) == name) else {
            let reason = "no entry of a pack has this name";
            return Err(PackError::Entry { entry: name.to_owned(), reason });
        };
        let mut reader = HashingLines { inner: BufReader::new(entry), hash: Sha256::new() };
        let mut number = 0;
        while let Some(text) = reader.next_line(name, number + 1)? {
            number += 1;
            let fact = read_fact(table, &text).map_err(|reason| PackError::Fact {
                file: name.to_owned(),
                line: number,
                reason,
            })?;
            self.take_fact(conn, table, fact).await?;
        }
        let found = Digest::from_hash(reader.hash);
        let said = manifest.facts.get(table.name);
        if said.is_none_or(|said| said.sha256 != found.as_str() || said.rows != number) {
            return Err(PackError::Mismatch { entry: name.to_owned() });
        }
        Ok(())
    }

    async fn take_fact(
        &mut self,
        conn: &mut SqliteConnection,
        table: &Table,
        mut fact: Map<String, Value>,
    ) -> Result<(), StoreError> {
        self.done.masked += table.mask(&self.mask, &mut fact);
        if is_forgotten(conn, &fact).await? {
            self.done.forgotten_facts += 1;
        } else if table.insert(conn, &fact).await? {
            self.done.new_facts += 1;
        } else if same_as_here(conn, table, &fact).await? {
            self.done.known_facts += 1;
        } else {
            self.done.conflicting_facts += 1;
        }
        Ok(())
    }

    fn take_object(
        &mut self,
        name: &str,
        digest: &Digest,
        mut content: impl Read,
    ) -> Result<(), PackError> {
        let mut writer = self.cas.writer();
        let copied = io::copy(&mut content, &mut writer);
        copied.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                HomeError::from_io(&writer.path(), error).into()
            }
            _ => PackError::Damaged(error),
        })?;
        if writer.digest() != *digest {
            return Err(PackError::Mismatch { entry: name.to_owned() });
        }
        let at = |error| HomeError::from_io(&writer.path(), error);
        if holds_secret(&self.mask, writer.content().map_err(at)?).map_err(at)? {
            self.done.objects_with_secrets += 1;
        } else if self.cas.verify(digest).is_err() {
            self.cas.heal(digest)?;
            writer.finish()?;
            self.done.new_objects += 1;
        }
        Ok(())
    }

    /// Every file and every object that the manifest announces must have come.
    fn nothing_is_missing(&self, manifest: &PackManifest) -> Result<(), PackError> {
        let expected = TABLES.iter().filter(|table| table.since <= manifest.store_version);
        let facts = expected.map(facts_entry).find(|entry| !self.seen.contains(entry));
        if let Some(entry) = facts {
            return Err(PackError::NotAPack { reason: format!("`{entry}` is missing") });
        }
        let objects = self.seen.iter().filter(|name| name.starts_with("cas/")).count() as u64;
        if objects != manifest.objects {
            let reason = format!("it has {objects} objects, not {}", manifest.objects);
            return Err(PackError::NotAPack { reason });
        }
        Ok(())
    }
}

fn read_manifest(name: &str, entry: impl Read) -> Result<PackManifest, PackError> {
    let not_a_pack = |reason: &str| PackError::NotAPack { reason: reason.to_owned() };
    if name != PACK_MANIFEST {
        return Err(not_a_pack("its first entry is not the manifest"));
    }
    let mut text = String::new();
    entry.take(MANIFEST_BYTES).read_to_string(&mut text).map_err(PackError::Damaged)?;
    let value: Value =
        serde_json::from_str(&text).map_err(|_| not_a_pack("its manifest is not JSON"))?;
    let schema = value.get("schema").and_then(Value::as_str).unwrap_or_default();
    if schema != PACK_SCHEMA {
        let known = PACK_SCHEMA.to_owned();
        let ours = schema.rsplit_once('/').map(|(kind, _)| kind);
        return Err(match ours == known.rsplit_once('/').map(|(kind, _)| kind) {
            true => PackError::Newer { found: schema.to_owned(), known },
            false => not_a_pack("its manifest is of something else"),
        });
    }
    let manifest: PackManifest =
        serde_json::from_value(value).map_err(|error| not_a_pack(&error.to_string()))?;
    if manifest.store_version > known_version() {
        return Err(PackError::Newer {
            found: manifest.store_version.to_string(),
            known: known_version().to_string(),
        });
    }
    Ok(manifest)
}

fn read_fact(table: &Table, text: &str) -> Result<Map<String, Value>, String> {
    let fact: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match table.fault(&fact) {
        Some(fault) => Err(fault),
        None => Ok(fact),
    }
}

/// Whether the fact, or the run that it hangs on, has a tombstone.
async fn is_forgotten(
    conn: &mut SqliteConnection,
    fact: &Map<String, Value>,
) -> Result<bool, StoreError> {
    let id = fact.get("id").and_then(Value::as_str);
    let run_id = fact.get("run_id").and_then(Value::as_str);
    let item_id = fact.get("item_id").and_then(Value::as_str);
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM tombstone WHERE fact_id IN (?1, ?2, ?3)) AS "found!: bool""#,
        id,
        run_id,
        item_id
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Of two facts with one id, keeps the one whose line sorts first. `true` when they are equal.
async fn same_as_here(
    conn: &mut SqliteConnection,
    table: &Table,
    fact: &Map<String, Value>,
) -> Result<bool, StoreError> {
    let id = fact.get("id").and_then(Value::as_str).unwrap_or_default();
    let Some(here) = table.row(conn, id).await? else {
        return Ok(false);
    };
    let (here, new) = (line(table, &here), line(table, fact));
    if here <= new {
        return Ok(here == new);
    }
    sqlx::query!("INSERT INTO permit (fact_id) VALUES (?1)", id).execute(&mut *conn).await?;
    let delete = format!("DELETE FROM {} WHERE id = ?", table.name);
    sqlx::query(AssertSqlSafe(delete)).bind(id).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM permit WHERE fact_id = ?1", id).execute(&mut *conn).await?;
    table.insert(conn, fact).await?;
    Ok(false)
}

async fn nothing_dangles(conn: &mut SqliteConnection) -> Result<(), PackError> {
    let violations = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *conn).await;
    let dangling = violations.map_err(StoreError::from)?.len();
    let without = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!: i64" FROM run_started WHERE env_id NOT IN (SELECT id FROM env)"#
    )
    .fetch_one(conn)
    .await
    .map_err(StoreError::from)?;
    if dangling > 0 || without > 0 {
        let reason = format!("{} facts name facts that it lacks", dangling as i64 + without);
        return Err(PackError::NotAPack { reason });
    }
    Ok(())
}

/// Lines of bounded length, hashed as they are read.
struct HashingLines<R> {
    inner: BufReader<R>,
    hash: Sha256,
}

impl<R: Read> HashingLines<R> {
    fn next_line(&mut self, file: &str, number: u64) -> Result<Option<String>, PackError> {
        let mut bytes = Vec::new();
        let limit = MAX_FACT_BYTES as u64;
        let read = (&mut self.inner).take(limit).read_until(b'\n', &mut bytes);
        if read.map_err(PackError::Damaged)? == 0 {
            return Ok(None);
        }
        self.hash.update(&bytes);
        let fault = |reason: &str| PackError::Fact {
            file: file.to_owned(),
            line: number,
            reason: reason.to_owned(),
        };
        if bytes.pop() != Some(b'\n') {
            return Err(fault("it has no end"));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| fault("it is not UTF-8"))
    }
}
