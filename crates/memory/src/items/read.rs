//! Reading items. What has ended never leaves here, collected or not, unless the caller asks for the history.

use contracts::hauski::memory::Origin;
use redact::injection::Trust;
use sqlx::SqliteConnection;

use super::{Item, Layer};
use crate::store::{Store, StoreError};

/// Which items to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemFilter {
    /// Only of this namespace.
    pub namespace: Option<String>,
    /// Only in this layer.
    pub layer: Option<Layer>,
    /// Only with a key that begins like this.
    pub key_prefix: Option<String>,
    /// Only pinned ones, or only others.
    pub pinned: Option<bool>,
    /// Also what is kept apart because it may be a prompt injection.
    pub quarantined: bool,
    /// Also what a newer item of the same key or a merge stands before.
    pub history: bool,
}

/// A page of items, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<Item>,
    /// The id to go on after; none on the last page.
    pub next: Option<String>,
    /// How many match on all pages.
    pub total: u64,
}

/// How many items a layer of a namespace holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerCount {
    /// The namespace.
    pub namespace: String,
    /// The layer.
    pub layer: String,
    /// Items that are visible.
    pub items: u64,
    /// Pinned ones among them.
    pub pinned: u64,
}

/// Counts over all items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// By namespace and layer; visible ones only.
    pub layers: Vec<LayerCount>,
    /// Visible and pinned.
    pub pinned: u64,
    /// Visible and not pinned.
    pub unpinned: u64,
    /// Kept apart because they may be prompt injections.
    pub quarantined: u64,
    /// Ended, but not collected yet.
    pub expired: u64,
    /// Behind a newer item of their key, or merged into another.
    pub history: u64,
}

/// A row as it is stored.
struct Row {
    id: String,
    device_id: String,
    recorded_at_ms: i64,
    namespace: String,
    key: Option<String>,
    value: String,
    is_json: bool,
    content_sha256: String,
    layer: String,
    importance: i64,
    trust: String,
    origin: String,
    more_origins: String,
    pinned: bool,
    expires_at_ms: Option<i64>,
    signs: String,
    quarantined: bool,
    merged_into: Option<String>,
    supersedes: Option<String>,
    superseded: bool,
    uses: i64,
    touched_ms: i64,
}

impl Row {
    fn item(self) -> Item {
        let mut origins: Vec<Origin> = serde_json::from_str(&self.origin).into_iter().collect();
        let more: Vec<String> = serde_json::from_str(&self.more_origins).unwrap_or_default();
        for text in more {
            origins.extend(serde_json::from_str::<Origin>(&text).ok());
        }
        Item {
            id: self.id,
            device_id: self.device_id,
            recorded_at_ms: self.recorded_at_ms,
            namespace: self.namespace,
            key: self.key,
            value: self.value,
            is_json: self.is_json,
            content_sha256: self.content_sha256,
            layer: Layer::parse(&self.layer).unwrap_or_default(),
            importance: u16::try_from(self.importance).unwrap_or(1),
            trust: Trust::parse(&self.trust).unwrap_or(Trust::Low),
            origins,
            pinned: self.pinned,
            expires_at_ms: self.expires_at_ms,
            signs: self.signs.split_whitespace().map(str::to_owned).collect(),
            quarantined: self.quarantined,
            merged_into: self.merged_into,
            supersedes: self.supersedes,
            superseded: self.superseded,
            uses: self.uses.unsigned_abs(),
            touched_ms: self.touched_ms,
        }
    }
}

impl Store {
    /// One item by its id, whatever its state.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn item(&mut self, id: &str) -> Result<Option<Item>, StoreError> {
        one(&mut self.conn, id).await
    }

    /// The item that stands for a key now; none where it has ended. It may be quarantined.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn item_of_key(
        &mut self,
        namespace: &str,
        key: &str,
        now_ms: i64,
    ) -> Result<Option<Item>, StoreError> {
        let item = newest(&mut self.conn, namespace, key).await?;
        Ok(item.filter(|item| !item.is_expired(now_ms)))
    }

    /// Items that match, newest first, a page after the id `after`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn items(
        &mut self,
        filter: &ItemFilter,
        (after, limit): (Option<&str>, u32),
        now_ms: i64,
    ) -> Result<ItemPage, StoreError> {
        let layer = filter.layer.map(Layer::as_str);
        let ids = sqlx::query_scalar!(
            r#"SELECT item_id AS "id!: String" FROM memory_state s
               WHERE (?1 IS NULL OR namespace = ?1) AND (?2 IS NULL OR layer = ?2)
                 AND (?3 IS NULL OR substr(key, 1, length(?3)) = ?3) AND (?4 IS NULL OR pinned = ?4)
                 AND (?5 OR quarantined = 0) AND (?6 OR (superseded = 0 AND merged_into IS NULL))
                 AND (expires_at_ms IS NULL OR expires_at_ms > ?7 OR (pinned = 1 AND superseded = 0))
               ORDER BY recorded_at_ms DESC, item_id DESC"#,
            filter.namespace,
            layer,
            filter.key_prefix,
            filter.pinned,
            filter.quarantined,
            filter.history,
            now_ms
        )
        .fetch_all(&mut self.conn)
        .await?;
        let from = after.map_or(0, |after| {
            ids.iter().position(|id| id == after).map_or(ids.len(), |place| place + 1)
        });
        let to = ids.len().min(from + limit as usize);
        let mut items = Vec::with_capacity(to - from);
        for id in &ids[from..to] {
            items.extend(one(&mut self.conn, id).await?);
        }
        let next = (to < ids.len()).then(|| ids.get(to.wrapping_sub(1)).cloned()).flatten();
        Ok(ItemPage { items, next, total: ids.len() as u64 })
    }

    /// The items of a key, the newest first, also those that have ended and are not collected.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn item_history(
        &mut self,
        namespace: &str,
        key: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let ids = sqlx::query_scalar!(
            r#"SELECT item_id AS "id!: String" FROM memory_state WHERE namespace = ?1 AND key = ?2
               ORDER BY recorded_at_ms DESC, item_id DESC"#,
            namespace,
            key
        )
        .fetch_all(&mut self.conn)
        .await?;
        let mut items = Vec::new();
        for id in &ids {
            items.extend(one(&mut self.conn, id).await?);
        }
        Ok(items)
    }

    /// Counts.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn item_counts(&mut self, now_ms: i64) -> Result<ItemCounts, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT namespace AS "namespace!: String", layer AS "layer!: String", count(*) AS "items!: i64",
                      sum(pinned) AS "pinned!: i64" FROM memory_state
               WHERE superseded = 0 AND merged_into IS NULL AND quarantined = 0
                 AND (expires_at_ms IS NULL OR expires_at_ms > ?1 OR pinned = 1)
               GROUP BY namespace, layer ORDER BY namespace, layer"#,
            now_ms
        )
        .fetch_all(&mut self.conn)
        .await?;
        let others = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM memory_state WHERE quarantined = 1) AS "quarantined!: i64",
                      (SELECT count(*) FROM memory_state WHERE expires_at_ms <= ?1
                       AND (pinned = 0 OR superseded = 1)) AS "expired!: i64",
                      (SELECT count(*) FROM memory_state WHERE superseded = 1
                       OR merged_into IS NOT NULL) AS "history!: i64""#,
            now_ms
        )
        .fetch_one(&mut self.conn)
        .await?;
        let layers: Vec<_> = rows
            .into_iter()
            .map(|row| LayerCount {
                namespace: row.namespace,
                layer: row.layer,
                items: row.items.unsigned_abs(),
                pinned: row.pinned.unsigned_abs(),
            })
            .collect();
        let pinned = layers.iter().map(|one| one.pinned).sum();
        Ok(ItemCounts {
            pinned,
            unpinned: layers.iter().map(|one| one.items).sum::<u64>() - pinned,
            quarantined: others.quarantined.unsigned_abs(),
            expired: others.expired.unsigned_abs(),
            history: others.history.unsigned_abs(),
            layers,
        })
    }
}

pub(super) async fn one(conn: &mut SqliteConnection, id: &str) -> Result<Option<Item>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.device_id, i.recorded_at_ms, i.namespace, i.key, i.value, i.is_json AS "is_json: bool",
                  i.content_sha256, s.layer, s.importance, s.trust, i.origin,
                  (SELECT json_group_array(value) FROM (SELECT m.value FROM memory_mark m
                   WHERE m.item_id = i.id AND m.mark = 'origin' ORDER BY m.recorded_at_ms, m.id)) AS "more_origins!: String",
                  s.pinned AS "pinned: bool", s.expires_at_ms, s.signs, s.quarantined AS "quarantined: bool",
                  s.merged_into, i.supersedes, s.superseded AS "superseded: bool", coalesce(l.uses, 0) AS "uses!: i64",
                  coalesce(l.touched_ms, i.recorded_at_ms) AS "touched_ms!: i64"
           FROM memory_item i JOIN memory_state s ON s.item_id = i.id
           LEFT JOIN memory_local l ON l.item_id = i.id WHERE i.id = ?1"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Row::item))
}

/// The newest item of a key, ended or not.
pub(super) async fn newest(
    conn: &mut SqliteConnection,
    namespace: &str,
    key: &str,
) -> Result<Option<Item>, StoreError> {
    let id = sqlx::query_scalar!(
        r#"SELECT item_id AS "id!: String" FROM memory_state
           WHERE namespace = ?1 AND key = ?2 AND superseded = 0"#,
        namespace,
        key
    )
    .fetch_optional(&mut *conn)
    .await?;
    match id {
        Some(id) => one(conn, &id).await,
        None => Ok(None),
    }
}

/// A visible item without a key that holds this text.
pub(super) async fn same_text(
    conn: &mut SqliteConnection,
    namespace: &str,
    sha256: &str,
    now_ms: i64,
) -> Result<Option<Item>, StoreError> {
    let id = sqlx::query_scalar!(
        r#"SELECT item_id AS "id!: String" FROM memory_state
           WHERE content_sha256 = ?2 AND namespace = ?1 AND key IS NULL AND merged_into IS NULL
             AND (expires_at_ms IS NULL OR expires_at_ms > ?3 OR pinned = 1)
           ORDER BY recorded_at_ms, item_id LIMIT 1"#,
        namespace,
        sha256,
        now_ms
    )
    .fetch_optional(&mut *conn)
    .await?;
    match id {
        Some(id) => one(conn, &id).await,
        None => Ok(None),
    }
}

/// Items that say almost the same as this one, the most similar first.
pub(super) async fn near(
    conn: &mut SqliteConnection,
    id: &str,
) -> Result<Vec<(String, u16)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT o.item_id AS "id!: String", n.similarity AS "similarity!: i64"
           FROM memory_state s JOIN memory_near n ON n.doc = s.doc JOIN memory_state o ON o.doc = n.other
           WHERE s.item_id = ?1 AND o.superseded = 0 AND o.merged_into IS NULL
           ORDER BY n.similarity DESC, o.item_id"#,
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, u16::try_from(row.similarity).unwrap_or(0))).collect())
}
