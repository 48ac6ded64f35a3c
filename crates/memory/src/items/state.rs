//! How things stand, derived from facts: one row an item, brought up to date in the transaction that writes.

use redact::injection::{Trust, suspect};
use sqlx::SqliteConnection;

use super::{Layer, near};
use crate::store::{Stamp, Store, StoreError};

/// Derives the row of one item from its facts. Nothing happens where the item is gone.
pub(super) async fn refresh(conn: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    let row = sqlx::query!(
        r#"SELECT i.namespace, i.key, i.value, i.recorded_at_ms, i.content_sha256, i.trust,
                  coalesce((SELECT m.value FROM memory_mark m WHERE m.item_id = i.id AND m.mark = 'layer'
                            ORDER BY m.recorded_at_ms DESC, m.id DESC LIMIT 1), i.layer) AS "layer!: String",
                  CAST(coalesce((SELECT m.value FROM memory_mark m WHERE m.item_id = i.id AND m.mark = 'importance'
                            ORDER BY m.recorded_at_ms DESC, m.id DESC LIMIT 1), i.importance) AS INTEGER) AS "importance!: i64",
                  CAST(coalesce((SELECT m.value FROM memory_mark m WHERE m.item_id = i.id AND m.mark = 'pinned'
                            ORDER BY m.recorded_at_ms DESC, m.id DESC LIMIT 1), i.pinned) AS INTEGER) AS "pinned!: i64",
                  nullif(CAST(coalesce((SELECT m.value FROM memory_mark m WHERE m.item_id = i.id AND m.mark = 'expires'
                            ORDER BY m.recorded_at_ms DESC, m.id DESC LIMIT 1), i.expires_at_ms, 0) AS INTEGER), 0) AS "expires?: i64",
                  nullif((SELECT m.value FROM memory_mark m WHERE m.item_id = i.id AND m.mark = 'merged'
                            ORDER BY m.recorded_at_ms DESC, m.id DESC LIMIT 1), '') AS "merged?: String",
                  coalesce((SELECT l.is_own FROM memory_local l WHERE l.item_id = i.id), 0) AS "is_own!: i64",
                  coalesce((SELECT l.released FROM memory_local l WHERE l.item_id = i.id), 0) AS "released!: i64",
                  (SELECT s.signs FROM memory_state s WHERE s.item_id = i.id) AS "signs?: String"
           FROM memory_item i WHERE i.id = ?1"#,
        id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let is_known = row.signs.is_some();
    let signs = row.signs.unwrap_or_else(|| {
        let signs: Vec<_> =
            suspect(&row.value).signs().map(redact::injection::Sign::as_str).collect();
        signs.join(" ")
    });
    // What another device said of itself is not believed here.
    let said = Trust::parse(&row.trust).unwrap_or(Trust::Low);
    let trust = if row.is_own == 1 { said } else { said.min(Trust::Medium) };
    let quarantined =
        row.released == 0 && !signs.is_empty() && suspect(&row.value).quarantines(trust);
    let layer = Layer::parse(&row.layer).unwrap_or_default().as_str();
    let importance = row.importance.clamp(1, 1000);
    let weight = weight(importance);
    let trust = trust.as_str();
    let doc = sqlx::query_scalar!(
        r#"INSERT INTO memory_state (item_id, namespace, key, recorded_at_ms, content_sha256, layer, importance,
                                     weight, trust, pinned, expires_at_ms, signs, quarantined, merged_into, superseded)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0)
           ON CONFLICT (item_id) DO UPDATE SET layer = excluded.layer, importance = excluded.importance,
               weight = excluded.weight, trust = excluded.trust, pinned = excluded.pinned,
               expires_at_ms = excluded.expires_at_ms, quarantined = excluded.quarantined,
               merged_into = excluded.merged_into
           RETURNING doc AS "doc!: i64""#,
        id,
        row.namespace,
        row.key,
        row.recorded_at_ms,
        row.content_sha256,
        layer,
        importance,
        weight,
        trust,
        row.pinned,
        row.expires,
        signs,
        quarantined,
        row.merged
    )
    .fetch_one(&mut *conn)
    .await?;
    if !is_known {
        let key = row.key.as_deref().unwrap_or_default();
        sqlx::query!(
            "INSERT INTO memory_text (rowid, key, body) VALUES (?1, ?2, ?3)",
            doc,
            key,
            row.value
        )
        .execute(&mut *conn)
        .await?;
        near::index(conn, (doc, &row.namespace), &row.value).await?;
        if let Some(key) = &row.key {
            settle_key(conn, &row.namespace, key).await?;
        }
    }
    Ok(())
}

/// 1000 x log2(importance / 1000), rounded: how many thousandths of a half-life it is worth.
fn weight(importance: i64) -> i64 {
    ((importance as f64 / 1000.0).log2() * 1000.0).round() as i64
}

/// The newest item of a key stands before the others.
pub(super) async fn settle_key(
    conn: &mut SqliteConnection,
    namespace: &str,
    key: &str,
) -> Result<(), StoreError> {
    let newest = sqlx::query_scalar!(
        r#"SELECT item_id AS "id!: String" FROM memory_state WHERE namespace = ?1 AND key = ?2
           ORDER BY recorded_at_ms DESC, item_id DESC LIMIT 1"#,
        namespace,
        key
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(newest) = newest else { return Ok(()) };
    sqlx::query!(
        "UPDATE memory_state SET superseded = 1
         WHERE namespace = ?1 AND key = ?2 AND superseded = 0 AND item_id <> ?3",
        namespace,
        key,
        newest
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE memory_state SET superseded = 0 WHERE item_id = ?1 AND superseded = 1",
        newest
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes out the rows of items that are gone, and makes those of items that have none. Returns how many changed.
pub(crate) async fn catch_up(conn: &mut SqliteConnection) -> Result<u64, StoreError> {
    let gone = sqlx::query!(
        r#"SELECT doc, namespace, key FROM memory_state
           WHERE item_id NOT IN (SELECT id FROM memory_item)"#
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in &gone {
        drop_row(conn, row.doc).await?;
    }
    for row in &gone {
        if let Some(key) = &row.key {
            settle_key(conn, &row.namespace, key).await?;
        }
    }
    let new = sqlx::query_scalar!(
        r#"SELECT id AS "id!: String" FROM memory_item
           WHERE id NOT IN (SELECT item_id FROM memory_state) ORDER BY recorded_at_ms, id"#
    )
    .fetch_all(&mut *conn)
    .await?;
    for id in &new {
        refresh(conn, id).await?;
    }
    Ok((gone.len() + new.len()) as u64)
}

/// Derives everything anew.
pub(super) async fn rebuild(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::raw_sql(
        "DELETE FROM memory_state; DELETE FROM memory_text; DELETE FROM memory_band; DELETE FROM memory_near",
    )
    .execute(&mut *conn)
    .await?;
    catch_up(conn).await?;
    Ok(())
}

/// After an import: new items, and marks for old ones.
pub(crate) async fn after_import(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    catch_up(conn).await?;
    let marked = sqlx::query_scalar!(
        r#"SELECT DISTINCT item_id AS "id!: String" FROM memory_mark
           WHERE item_id IN (SELECT item_id FROM memory_state)"#
    )
    .fetch_all(&mut *conn)
    .await?;
    for id in &marked {
        refresh(conn, id).await?;
    }
    Ok(())
}

/// Takes one derived row out with all that hangs on it.
pub(super) async fn drop_row(conn: &mut SqliteConnection, doc: i64) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM memory_text WHERE rowid = ?1", doc).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM memory_band WHERE doc = ?1", doc).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM memory_near WHERE doc = ?1 OR other = ?1", doc)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM memory_state WHERE doc = ?1", doc).execute(conn).await?;
    Ok(())
}

/// Says something about an item later. Newer than what was said before, whatever the clock says.
pub(super) async fn mark(
    conn: &mut SqliteConnection,
    device_id: &str,
    (item, mark, value): (&str, &str, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    let last = sqlx::query_scalar!(
        r#"SELECT max(recorded_at_ms) AS "last?: i64" FROM memory_mark WHERE item_id = ?1 AND mark = ?2"#,
        item,
        mark
    )
    .fetch_one(&mut *conn)
    .await?;
    let at_ms = last.map_or(now_ms, |last| now_ms.max(last.saturating_add(1)));
    let stamp = Stamp::at(at_ms);
    if !matches!(mark, "origin" | "distinct") {
        // Only the newest counts; the ones before it are no history that anybody reads.
        sqlx::query!(
            "INSERT OR IGNORE INTO permit (fact_id) SELECT id FROM memory_mark WHERE item_id = ?1 AND mark = ?2",
            item,
            mark
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!("DELETE FROM memory_mark WHERE item_id = ?1 AND mark = ?2", item, mark)
            .execute(&mut *conn)
            .await?;
        sqlx::raw_sql("DELETE FROM permit").execute(&mut *conn).await?;
    }
    sqlx::query!(
        "INSERT INTO memory_mark (id, device_id, recorded_at_ms, item_id, mark, value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        stamp.id,
        device_id,
        stamp.at_ms,
        item,
        mark,
        value
    )
    .execute(conn)
    .await?;
    Ok(())
}

impl Store {
    /// Derives how items stand anew from the facts: words, sketches, newest ones.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn rebuild_items(&mut self) -> Result<(), StoreError> {
        self.write(async |conn| rebuild(conn).await).await
    }
}
