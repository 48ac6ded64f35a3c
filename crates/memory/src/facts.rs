//! The tables of facts as data: what packs, tombstones and checks walk over.

use redact::Redactor;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::cas::Digest;
use crate::env::Environment;
use crate::evidence::EvidenceSummary;
use crate::run::Artefact;
use crate::store::StoreError;

/// One table of facts.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The version of the store that made it: packs of older ones lack it.
    pub(crate) since: i64,
    pub(crate) columns: &'static [(&'static str, Kind)],
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A UUID, or the SHA-256 that is the id of an environment.
    Id,
    /// A SHA-256 as lower-case hex, or null.
    Digest,
    /// A whole number, or null.
    Number,
    /// Text that people wrote, or null. Masked.
    Text,
    /// JSON: a list of words. Masked.
    Words,
    /// JSON: a list of artefacts. Masked.
    Artefacts,
    /// JSON: an environment. Masked.
    Environment,
    /// JSON: the summary of an evidence pack. Masked.
    Summary,
    /// JSON: where an item comes from. Masked.
    Origin,
}

macro_rules! table {
    ($name:literal: $($column:literal $kind:ident),* $(,)?) => { table!($name, 1: $($column $kind),*) };
    ($name:literal, $since:literal: $($column:literal $kind:ident),* $(,)?) => {
        Table {
            name: $name,
            since: $since,
            columns: &[
                ("id", Kind::Id), ("device_id", Kind::Id), ("recorded_at_ms", Kind::Number), $(($column, Kind::$kind)),*
            ],
        }
    };
}

/// The tables that packs carry, those that others refer to first. Trust is not among them: a pack from
/// elsewhere must never permit anything here.
pub(crate) static TABLES: [Table; 13] = [
    table!("tombstone": "kind" Text, "fact_id" Id, "reason" Text),
    table!("repo": "repo_key" Digest, "key_kind" Text, "name" Text, "origin_url" Text, "tags" Words,
           "default_tasks" Words),
    table!("env": "body" Environment),
    table!("run_started": "repo_key" Digest, "task" Text, "source" Text, "args" Words, "env_id" Id,
           "cwd" Text, "reason" Text, "parent_run" Id),
    table!("run_finished": "exit_code" Number, "signal" Number, "duration_ms" Number,
           "log_sha256" Digest, "log_bytes" Number, "signature" Digest, "artefacts" Artefacts),
    table!("policy_event": "repo_key" Digest, "run_id" Id, "rule" Text, "outcome" Text, "place" Text,
           "message" Text, "fix_link" Text, "auto_fixable" Number),
    table!("evidence_pack": "repo_key" Digest, "run_id" Id, "summary" Summary, "guard_diff" Text,
           "files" Artefacts, "linked_pr" Text),
    table!("seed_snapshot": "repo_key" Digest, "name" Text, "schema_version" Text, "export_cmd" Text,
           "checksum" Digest),
    table!("secret_ref": "repo_key" Digest, "name" Text, "provider" Text, "scope" Text),
    table!("preference": "repo_key" Digest, "key" Text, "value" Text),
    table!("meaning": "repo_key" Digest, "phrase" Text, "steps" Words),
    table!("memory_item", 3: "namespace" Text, "key" Text, "value" Text, "is_json" Number, "content_sha256" Digest,
           "layer" Text, "importance" Number, "trust" Text, "origin" Origin, "pinned" Number, "ttl_sec" Number,
           "expires_at_ms" Number, "supersedes" Id),
    table!("memory_mark", 3: "item_id" Id, "mark" Text, "value" Text),
];

impl Table {
    /// All facts as JSON objects with the columns in order, sorted by id.
    pub(crate) async fn rows(
        &self,
        conn: &mut SqliteConnection,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let sql = self.select("TRUE");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await?;
        let unreadable = |source| StoreError::Unreadable { what: "fact", source };
        rows.iter().map(|row| serde_json::from_str(row).map_err(unreadable)).collect()
    }

    /// One fact by its id.
    pub(crate) async fn row(
        &self,
        conn: &mut SqliteConnection,
        id: &str,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        let sql = self.select("id = ?");
        let row: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(id).fetch_optional(conn).await?;
        let unreadable = |source| StoreError::Unreadable { what: "fact", source };
        row.map(|row| serde_json::from_str(&row).map_err(unreadable)).transpose()
    }

    fn select(&self, condition: &str) -> String {
        let columns: Vec<_> =
            self.columns.iter().map(|(name, _)| format!("'{name}', {name}")).collect();
        format!(
            "SELECT json_object({}) FROM {} WHERE {condition} ORDER BY id",
            columns.join(", "),
            self.name
        )
    }

    /// Writes a checked fact. `false` when there is one with this id.
    pub(crate) async fn insert(
        &self,
        conn: &mut SqliteConnection,
        fact: &Map<String, Value>,
    ) -> Result<bool, StoreError> {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING",
            self.name,
            names.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for name in names {
            query = match fact.get(name) {
                Some(Value::String(text)) => query.bind(text.as_str()),
                Some(Value::Number(number)) => query.bind(number.as_i64()),
                _ => query.bind(None::<&str>),
            };
        }
        Ok(query.execute(conn).await?.rows_affected() == 1)
    }

    /// What is wrong with a fact that comes from outside, if anything is.
    pub(crate) fn fault(&self, fact: &Map<String, Value>) -> Option<String> {
        if fact.len() != self.columns.len() {
            return Some(format!("it has {} fields, not {}", fact.len(), self.columns.len()));
        }
        self.columns.iter().find_map(|(name, kind)| match fact.get(*name) {
            None => Some(format!("`{name}` is missing")),
            Some(value) if !kind.fits(value) => Some(format!("`{name}` is malformed")),
            Some(_) => None,
        })
    }

    /// Masks all that people wrote. Returns how many secrets there were.
    pub(crate) fn mask(&self, mask: &Redactor, fact: &mut Map<String, Value>) -> u64 {
        let mut masked = 0;
        for (name, kind) in self.columns {
            let Some(Value::String(text)) = fact.get_mut(*name) else {
                continue;
            };
            match kind {
                Kind::Id | Kind::Digest | Kind::Number => {}
                Kind::Text => masked += mask_text(mask, text),
                Kind::Words
                | Kind::Artefacts
                | Kind::Environment
                | Kind::Summary
                | Kind::Origin => {
                    let Ok(mut value) = serde_json::from_str(text) else {
                        continue;
                    };
                    let found = mask_strings(mask, &mut value);
                    if found > 0 {
                        *text = value.to_string();
                    }
                    masked += found;
                }
            }
        }
        masked
    }
}

fn mask_text(mask: &Redactor, text: &mut String) -> u64 {
    let masked = mask.mask(text);
    *text = masked.text;
    masked.findings.len() as u64
}

/// Digests and commits are no secrets and stay what they are.
pub(crate) fn mask_strings(mask: &Redactor, value: &mut Value) -> u64 {
    match value {
        Value::String(text) if is_hex(text) => 0,
        Value::String(text) => mask_text(mask, text),
        Value::Array(items) => items.iter_mut().map(|item| mask_strings(mask, item)).sum(),
        Value::Object(fields) => fields.values_mut().map(|item| mask_strings(mask, item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn is_hex(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Kind {
    /// Whether a value from outside can be read back. (Whether it may be null says the table.)
    fn fits(self, value: &Value) -> bool {
        let text = match value {
            Value::Null => return true,
            Value::Number(number) => return self == Self::Number && number.is_i64(),
            Value::String(text) => text,
            _ => return false,
        };
        match self {
            Self::Id => uuid::Uuid::parse_str(text).is_ok() || Digest::parse(text).is_ok(),
            Self::Digest => Digest::parse(text).is_ok(),
            Self::Number => false,
            Self::Text => true,
            Self::Words => serde_json::from_str::<Vec<String>>(text).is_ok(),
            Self::Artefacts => serde_json::from_str::<Vec<Artefact>>(text)
                .is_ok_and(|files| files.iter().all(|file| Digest::parse(&file.sha256).is_ok())),
            Self::Environment => serde_json::from_str::<Environment>(text).is_ok(),
            Self::Summary => serde_json::from_str::<EvidenceSummary>(text).is_ok(),
            Self::Origin => serde_json::from_str::<contracts::hauski::memory::Origin>(text).is_ok(),
        }
    }
}
