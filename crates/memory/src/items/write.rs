//! Writing items: the end, the pin and the layer are settled here, once.

use contracts::hauski::memory::Origin;
use sqlx::SqliteConnection;

use super::{
    DEFAULT_IMPORTANCE, Item, Layer, MAX_NAME_BYTES, MAX_VALUE_BYTES, NewItem, Remembered, Rules,
    Ttl, collect, read, state,
};
use crate::cas::Digest;
use crate::store::{Stamp, Store, StoreError};

/// A hundred years.
const MAX_TTL_SEC: u64 = 3_155_760_000;

impl Store {
    /// Remembers an item: a new one, or the same text that is there, whose end is set anew.
    ///
    /// # Errors
    /// A name, the value or a number is out of range; the database cannot be written.
    pub async fn remember(
        &mut self,
        new: &NewItem,
        rules: &Rules,
        now_ms: i64,
    ) -> Result<Remembered, StoreError> {
        check(new)?;
        let (value, masked) = self.masked_value(new);
        let mut new = NewItem { value, ..new.clone() };
        new.key = new.key.map(|key| self.masked(&key));
        new.origin = match new.origin {
            Origin::Person { name } => Origin::Person { name: self.masked(&name) },
            Origin::Source { path, line, bytes, sha256 } => {
                Origin::Source { path: self.masked(&path), line, bytes, sha256 }
            }
            run @ Origin::Run { .. } => run,
        };
        let device_id = self.device_id.clone();
        let mut done =
            self.write(async |conn| store(conn, &device_id, (&new, rules), now_ms).await).await?;
        done.masked = masked;
        Ok(done)
    }

    /// Pins an item, or takes the pin away.
    ///
    /// # Errors
    /// There is no such item, or the database cannot be written.
    pub async fn pin_item(
        &mut self,
        id: &str,
        pinned: bool,
        now_ms: i64,
    ) -> Result<Item, StoreError> {
        let value = if pinned { "1" } else { "0" };
        self.mark_item(id, &[("pinned", value)], now_ms).await
    }

    /// Moves an item to another layer; its end is that of the layer, unless it has one of its own.
    ///
    /// # Errors
    /// There is no such item, it is history, or the database cannot be written.
    pub async fn move_item(
        &mut self,
        id: &str,
        layer: Layer,
        rules: &Rules,
        now_ms: i64,
    ) -> Result<Item, StoreError> {
        let device_id = self.device_id.clone();
        self.write(async |conn| {
            let item = read::one(conn, id).await?.ok_or_else(|| no_such(id))?;
            if item.superseded {
                let reason = "a newer item of its key stands before it".to_owned();
                return Err(StoreError::Invalid { what: "item", reason });
            }
            promote(conn, &device_id, (&item, layer, rules), now_ms).await?;
            read::one(conn, id).await?.ok_or_else(|| no_such(id))
        })
        .await
    }

    /// Lets an item out of quarantine on this device, or puts it back.
    ///
    /// # Errors
    /// There is no such item, or the database cannot be written.
    pub async fn release_item(&mut self, id: &str, released: bool) -> Result<Item, StoreError> {
        self.write(async |conn| {
            let item = read::one(conn, id).await?.ok_or_else(|| no_such(id))?;
            sqlx::query!(
                "INSERT INTO memory_local (item_id, is_own, uses, touched_ms, released)
                 VALUES (?1, 0, 0, ?2, ?3) ON CONFLICT (item_id) DO UPDATE SET released = ?3",
                id,
                item.touched_ms,
                released
            )
            .execute(&mut *conn)
            .await?;
            state::refresh(conn, id).await?;
            read::one(conn, id).await?.ok_or_else(|| no_such(id))
        })
        .await
    }

    /// Counts uses of items that are visible; who was used often enough moves up. Returns the ids of those.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn use_items(
        &mut self,
        ids: &[String],
        rules: &Rules,
        now_ms: i64,
    ) -> Result<Vec<String>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let device_id = self.device_id.clone();
        self.write(async |conn| {
            let mut promoted = Vec::new();
            for id in ids {
                let Some(item) = read::one(conn, id).await? else { continue };
                if item.superseded || item.is_expired(now_ms) {
                    continue;
                }
                sqlx::query!(
                    "INSERT INTO memory_local (item_id, is_own, uses, touched_ms, released)
                     VALUES (?1, 0, 1, ?2, 0) ON CONFLICT (item_id) DO UPDATE
                     SET uses = uses + 1, touched_ms = max(touched_ms, ?2)",
                    id,
                    now_ms
                )
                .execute(&mut *conn)
                .await?;
                let enough = rules.layer(&item.namespace, item.layer).promote_after_uses;
                if let Some(next) = item.layer.next()
                    && enough > 0
                    && item.uses + 1 >= enough
                {
                    promote(conn, &device_id, (&item, next, rules), now_ms).await?;
                    promoted.push(id.clone());
                }
            }
            Ok(promoted)
        })
        .await
    }

    pub(super) async fn mark_item(
        &mut self,
        id: &str,
        marks: &[(&str, &str)],
        now_ms: i64,
    ) -> Result<Item, StoreError> {
        let device_id = self.device_id.clone();
        self.write(async |conn| {
            read::one(conn, id).await?.ok_or_else(|| no_such(id))?;
            for (mark, value) in marks {
                state::mark(conn, &device_id, (id, mark, value), now_ms).await?;
            }
            state::refresh(conn, id).await?;
            read::one(conn, id).await?.ok_or_else(|| no_such(id))
        })
        .await
    }

    /// JSON stays JSON: only its strings are masked.
    fn masked_value(&self, new: &NewItem) -> (String, u64) {
        if new.is_json
            && let Ok(mut value) = serde_json::from_str(&new.value)
        {
            let masked = crate::facts::mask_strings(&self.mask, &mut value);
            return (value.to_string(), masked);
        }
        let masked = self.mask.mask(&new.value);
        (masked.text, masked.findings.len() as u64)
    }
}

pub(super) fn no_such(id: &str) -> StoreError {
    StoreError::Invalid { what: "item", reason: format!("there is none with the id `{id}`") }
}

fn check(new: &NewItem) -> Result<(), StoreError> {
    let invalid = |what, reason: &str| Err(StoreError::Invalid { what, reason: reason.to_owned() });
    let is_name = |name: &str| {
        !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control)
    };
    if !is_name(&new.namespace) {
        return invalid("namespace", "1 to 512 bytes without control characters");
    }
    if new.key.as_deref().is_some_and(|key| !is_name(key)) {
        return invalid("key", "1 to 512 bytes without control characters");
    }
    if new.value.len() > MAX_VALUE_BYTES {
        return invalid("value", "at most 256 KiB");
    }
    if new.key.is_none() && new.value.trim().is_empty() {
        return invalid("value", "an item without a key needs a text");
    }
    if new.importance.is_some_and(|one| !(1..=1000).contains(&one)) {
        return invalid("importance", "from 0.001 to 1");
    }
    match (&new.ttl, &new.origin) {
        (Ttl::Seconds(seconds), _) if !(1..=MAX_TTL_SEC).contains(seconds) => {
            invalid("ttl_sec", "from 1 to 3155760000 s")
        }
        (_, Origin::Person { name }) if name.trim().is_empty() => {
            invalid("origin", "a person needs a name")
        }
        (_, Origin::Run { id }) if uuid::Uuid::parse_str(id).is_err() => {
            invalid("origin", "a run is named by its id")
        }
        (_, Origin::Source { path, .. }) if path.is_empty() => {
            invalid("origin", "a source needs its path")
        }
        _ => Ok(()),
    }
}

async fn store(
    conn: &mut SqliteConnection,
    device_id: &str,
    (new, rules): (&NewItem, &Rules),
    now_ms: i64,
) -> Result<Remembered, StoreError> {
    let sha256 = Digest::of(new.value.as_bytes()).as_str().to_owned();
    let head = match &new.key {
        Some(key) => read::newest(conn, &new.namespace, key).await?,
        None => read::same_text(conn, &new.namespace, &sha256, now_ms).await?,
    };
    let live = head.clone().filter(|item| !item.is_expired(now_ms));
    let layer = new.layer.or(live.as_ref().map(|item| item.layer)).unwrap_or_default();
    let layer_rules = rules.layer(&new.namespace, layer);
    let ttl_sec = match (new.ttl, &live) {
        (Ttl::Seconds(seconds), _) => Some(i64::try_from(seconds).unwrap_or(i64::MAX)),
        (Ttl::Stays, _) => Some(0),
        (Ttl::Unsaid, Some(item)) => own_ttl(conn, &item.id).await?,
        (Ttl::Unsaid, None) => None,
    };
    let expires_at_ms = end(ttl_sec, layer_rules.ttl_sec, now_ms);
    let listed = new.key.as_deref().is_some_and(|key| rules.lists(key)) || layer_rules.pinned;
    let pinned =
        new.pinned.unwrap_or_else(|| listed || live.as_ref().is_some_and(|item| item.pinned));
    let origin = origin_text(&new.origin)?;
    let same = live.filter(|item| item.content_sha256 == sha256 && item.is_json == new.is_json);
    let (id, is_new) = if let Some(item) = same {
        let settled = Settled { layer, ttl_sec, expires_at_ms, pinned };
        renew(conn, device_id, &item, (&settled, new, &origin), now_ms).await?;
        (item.id, false)
    } else {
        let at_ms = head
            .as_ref()
            .filter(|_| new.key.is_some())
            .map_or(now_ms, |head| now_ms.max(head.recorded_at_ms.saturating_add(1)));
        let supersedes = head.filter(|_| new.key.is_some());
        let importance = new
            .importance
            .or(supersedes.as_ref().map(|item| item.importance))
            .unwrap_or(DEFAULT_IMPORTANCE);
        let supersedes = supersedes.map(|item| item.id);
        let stamp = Stamp::at(at_ms);
        let (layer, trust) = (layer.as_str(), new.trust.as_str());
        sqlx::query!(
            "INSERT INTO memory_item (id, device_id, recorded_at_ms, namespace, key, value, is_json, content_sha256,
                                      layer, importance, trust, origin, pinned, ttl_sec, expires_at_ms, supersedes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            stamp.id,
            device_id,
            stamp.at_ms,
            new.namespace,
            new.key,
            new.value,
            new.is_json,
            sha256,
            layer,
            importance,
            trust,
            origin,
            pinned,
            ttl_sec,
            expires_at_ms,
            supersedes
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!(
            "INSERT INTO memory_local (item_id, is_own, uses, touched_ms, released) VALUES (?1, 1, 0, ?2, 0)",
            stamp.id,
            now_ms
        )
        .execute(&mut *conn)
        .await?;
        state::refresh(conn, &stamp.id).await?;
        (stamp.id, true)
    };
    let evicted = collect::make_room(conn, (&new.namespace, layer, &id), rules, now_ms).await?;
    let near = read::near(conn, &id).await?;
    let item = read::one(conn, &id).await?.ok_or_else(|| no_such(&id))?;
    Ok(Remembered { item, is_new, near, evicted, masked: 0 })
}

/// What holds for an item that is written.
struct Settled {
    layer: Layer,
    ttl_sec: Option<i64>,
    expires_at_ms: Option<i64>,
    pinned: bool,
}

async fn renew(
    conn: &mut SqliteConnection,
    device_id: &str,
    item: &Item,
    (settled, new, origin): (&Settled, &NewItem, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    let Settled { layer, ttl_sec, expires_at_ms, pinned } = *settled;
    let expires = expires_at_ms.unwrap_or(0).to_string();
    let mut marks = Vec::new();
    if new.ttl != Ttl::Unsaid {
        marks.push(("ttl", ttl_sec.unwrap_or(0).to_string()));
    }
    if item.expires_at_ms != expires_at_ms {
        marks.push(("expires", expires));
    }
    if item.layer != layer {
        marks.push(("layer", layer.as_str().to_owned()));
    }
    if item.pinned != pinned {
        marks.push(("pinned", u8::from(pinned).to_string()));
    }
    if let Some(importance) = new.importance
        && importance != item.importance
    {
        marks.push(("importance", importance.to_string()));
    }
    if !item.origins.contains(&new.origin) {
        marks.push(("origin", origin.to_owned()));
    }
    for (mark, value) in &marks {
        state::mark(conn, device_id, (&item.id, mark, value), now_ms).await?;
    }
    sqlx::query!(
        "INSERT INTO memory_local (item_id, is_own, uses, touched_ms, released)
         VALUES (?1, 0, 0, ?2, 0) ON CONFLICT (item_id) DO UPDATE SET touched_ms = max(touched_ms, ?2)",
        item.id,
        now_ms
    )
    .execute(&mut *conn)
    .await?;
    state::refresh(conn, &item.id).await
}

/// Into another layer: uses count from zero, and the end is the layer's unless the item has one of its own.
async fn promote(
    conn: &mut SqliteConnection,
    device_id: &str,
    (item, layer, rules): (&Item, Layer, &Rules),
    now_ms: i64,
) -> Result<(), StoreError> {
    let layer_rules = rules.layer(&item.namespace, layer);
    state::mark(conn, device_id, (&item.id, "layer", layer.as_str()), now_ms).await?;
    if own_ttl(conn, &item.id).await?.is_none() {
        let expires = end(None, layer_rules.ttl_sec, now_ms).unwrap_or(0).to_string();
        state::mark(conn, device_id, (&item.id, "expires", &expires), now_ms).await?;
    }
    if layer_rules.pinned && !item.pinned {
        state::mark(conn, device_id, (&item.id, "pinned", "1"), now_ms).await?;
    }
    sqlx::query!("UPDATE memory_local SET uses = 0 WHERE item_id = ?1", item.id)
        .execute(&mut *conn)
        .await?;
    state::refresh(conn, &item.id).await?;
    collect::make_room(conn, (&item.namespace, layer, &item.id), rules, now_ms).await?;
    Ok(())
}

/// What was said about the end of an item itself; 0: it stays; none: the layer decides.
async fn own_ttl(conn: &mut SqliteConnection, id: &str) -> Result<Option<i64>, StoreError> {
    let ttl = sqlx::query_scalar!(
        r#"SELECT CAST(coalesce((SELECT m.value FROM memory_mark m WHERE m.item_id = i.id AND m.mark = 'ttl'
                  ORDER BY m.recorded_at_ms DESC, m.id DESC LIMIT 1), i.ttl_sec) AS INTEGER) AS "ttl?: i64"
           FROM memory_item i WHERE i.id = ?1"#,
        id
    );
    Ok(ttl.fetch_optional(conn).await?.flatten())
}

fn end(own_ttl: Option<i64>, layer_ttl: Option<u64>, now_ms: i64) -> Option<i64> {
    let seconds = match own_ttl {
        Some(0) => return None,
        Some(seconds) => seconds,
        None => i64::try_from(layer_ttl?).ok()?,
    };
    Some(now_ms.saturating_add(seconds.saturating_mul(1000)))
}

fn origin_text(origin: &Origin) -> Result<String, StoreError> {
    serde_json::to_string(origin)
        .map_err(|source| StoreError::Unreadable { what: "origin", source })
}
