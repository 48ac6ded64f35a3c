//! Writing a pack: sorted, without times and owners, masked once more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use contracts::memory::{PACK_MANIFEST, PACK_SCHEMA, PackFacts, PackManifest};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::format::{PackError, facts_entry, line, object_entry};
use crate::cas::Digest;
use crate::facts::{TABLES, Table};
use crate::home::HomeError;
use crate::log::holds_secret;
use crate::store::{Store, StoreError, known_version};
use crate::tombstone::referenced_objects;

/// What goes into a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    /// Logs and artefacts too, not only facts. Default yes.
    pub objects: bool,
    /// Objects larger than this stay out, counted. Default 64 MiB.
    pub max_object_bytes: u64,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { objects: true, max_object_bytes: 64 << 20 }
    }
}

/// What went into a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// What it says about itself.
    pub manifest: PackManifest,
    /// Size of the file.
    pub bytes: u64,
    /// Objects that stayed out because they are larger than asked for, or not wanted at all.
    pub objects_too_large: u64,
    /// Objects that stayed out because something in them looks like a secret.
    pub objects_with_secrets: u64,
    /// Objects that stayed out because they are not in the store, or damaged there.
    pub objects_missing: u64,
    /// Secrets that were masked in facts on the way out.
    pub masked: u64,
}

/// Facts by table, each as its file in the pack.
type FactFiles = Vec<(&'static Table, String)>;

impl Store {
    /// Writes the whole memory into one file: complete, or not at all. Equal memories give equal packs.
    ///
    /// # Errors
    /// The file cannot be written, or the store cannot be read.
    pub async fn export(
        &mut self,
        path: &Path,
        options: &ExportOptions,
    ) -> Result<Exported, PackError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let failed = |source| PackError::File { path: path.to_owned(), source };
        let mut draft = tempfile::Builder::new()
            .prefix(".pack-")
            .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))
            .map_err(failed)?;
        let exported = self.export_into(draft.as_file_mut(), options).await?;
        draft.as_file().sync_all().map_err(failed)?;
        draft.persist(path).map_err(|error| failed(error.error))?;
        let bytes = path.metadata().map_err(failed)?.len();
        Ok(Exported { bytes, ..exported })
    }

    /// SHA-256 over all facts that packs carry: equal for memories that say the same.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn fingerprint(&mut self) -> Result<String, StoreError> {
        let (files, _) = self.fact_files().await?;
        let mut hash = Sha256::new();
        for (table, file) in files {
            hash.update(table.name);
            hash.update(file);
        }
        Ok(Digest::from_hash(hash).as_str().to_owned())
    }

    async fn export_into(
        &mut self,
        file: &mut File,
        options: &ExportOptions,
    ) -> Result<Exported, PackError> {
        // One read transaction: all tables as of one moment.
        sqlx::raw_sql("BEGIN").execute(&mut self.conn).await.map_err(StoreError::from)?;
        let read = self.read_all().await;
        sqlx::raw_sql("COMMIT").execute(&mut self.conn).await.map_err(StoreError::from)?;
        let (files, masked, objects) = read?;
        let (objects, mut exported) = self.choose(&objects, options)?;
        exported.masked = masked;
        exported.manifest.facts =
            files.iter().map(|(table, file)| described(table, file)).collect();
        write_pack(file, &exported.manifest, &files, |pack| {
            for (digest, bytes) in &objects {
                let content = self.cas.get(digest)?;
                append(pack, &object_entry(digest), *bytes, content.take(*bytes))?;
            }
            Ok(())
        })?;
        Ok(exported)
    }

    async fn read_all(&mut self) -> Result<(FactFiles, u64, BTreeSet<Digest>), StoreError> {
        let (files, masked) = self.fact_files().await?;
        Ok((files, masked, referenced_objects(&mut self.conn).await?))
    }

    async fn fact_files(&mut self) -> Result<(FactFiles, u64), StoreError> {
        let mut files = Vec::new();
        let mut masked = 0;
        for table in &TABLES {
            let mut file = String::new();
            for mut fact in table.rows(&mut self.conn).await? {
                masked += table.mask(&self.mask, &mut fact);
                push_line(&mut file, table, &fact);
            }
            files.push((table, file));
        }
        Ok((files, masked))
    }

    /// The objects that may go, with their sizes.
    fn choose(
        &self,
        objects: &BTreeSet<Digest>,
        options: &ExportOptions,
    ) -> Result<(Vec<(Digest, u64)>, Exported), PackError> {
        let mut exported = Exported::empty();
        let mut chosen = Vec::new();
        for digest in objects {
            let size = self.cas.path(digest).metadata().map_or(0, |metadata| metadata.len());
            if !options.objects || size > options.max_object_bytes {
                exported.objects_too_large += 1;
            } else if self.cas.verify(digest).is_err() {
                exported.objects_missing += 1;
            } else if holds_secret(&self.mask, self.cas.get(digest)?)
                .map_err(|error| HomeError::from_io(&self.cas.path(digest), error))?
            {
                exported.objects_with_secrets += 1;
            } else {
                chosen.push((digest.clone(), size));
                exported.manifest.objects += 1;
                exported.manifest.object_bytes += size;
            }
        }
        exported.manifest.objects_left_out = (objects.len() - chosen.len()) as u64;
        Ok((chosen, exported))
    }
}

impl Exported {
    fn empty() -> Self {
        Self {
            manifest: PackManifest {
                schema: PACK_SCHEMA.to_owned(),
                store_version: known_version(),
                facts: BTreeMap::new(),
                objects: 0,
                object_bytes: 0,
                objects_left_out: 0,
            },
            bytes: 0,
            objects_too_large: 0,
            objects_with_secrets: 0,
            objects_missing: 0,
            masked: 0,
        }
    }
}

fn push_line(file: &mut String, table: &Table, fact: &Map<String, Value>) {
    file.push_str(&line(table, fact));
    file.push('\n');
}

fn described(table: &Table, file: &str) -> (String, PackFacts) {
    let facts = PackFacts {
        rows: file.lines().count() as u64,
        bytes: file.len() as u64,
        sha256: Digest::of(file.as_bytes()).as_str().to_owned(),
    };
    (table.name.to_owned(), facts)
}

type Pack<'a> = tar::Builder<GzEncoder<BufWriter<&'a mut File>>>;

fn write_pack(
    file: &mut File,
    manifest: &PackManifest,
    facts: &FactFiles,
    objects: impl FnOnce(&mut Pack<'_>) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let gzip = GzEncoder::new(BufWriter::new(file), Compression::default());
    let mut pack = tar::Builder::new(gzip);
    let text = serde_json::to_string_pretty(manifest)
        .map_err(|source| StoreError::Unreadable { what: "manifest", source })?;
    append(&mut pack, PACK_MANIFEST, text.len() as u64, text.as_bytes())?;
    objects(&mut pack)?;
    for (table, file) in facts {
        append(&mut pack, &facts_entry(table), file.len() as u64, file.as_bytes())?;
    }
    let finished = pack.into_inner().and_then(GzEncoder::finish);
    finished.and_then(|mut file| file.flush()).map_err(PackError::Damaged)
}

fn append(
    pack: &mut Pack<'_>,
    name: &str,
    bytes: u64,
    content: impl Read,
) -> Result<(), PackError> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    pack.append_data(&mut header, name, content).map_err(PackError::Damaged)
}
