//! Collection: what has ended goes, and what is too much of a layer. Neither leaves a tombstone: another device
//! may have pinned the same item, and its pin must win when the two meet.

use sqlx::SqliteConnection;

use super::{Layer, Rules, state};
use crate::store::{Store, StoreError};

impl Store {
    /// Deletes items that have ended, with what stood behind them, and what exceeds the sizes of the layers.
    /// Returns how many ended and how many were too many.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn collect_items(
        &mut self,
        rules: &Rules,
        now_ms: i64,
    ) -> Result<(u64, u64), StoreError> {
        let due = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM memory_state WHERE expires_at_ms <= ?1
                              AND (pinned = 0 OR superseded = 1)) AS "due!: bool""#,
            now_ms
        )
        .fetch_one(&mut self.conn)
        .await?;
        let layers = self.item_layers().await?;
        let full = layers
            .iter()
            .any(|(namespace, layer, items)| *items > rules.layer(namespace, *layer).max_items);
        if !due && !full {
            return Ok((0, 0));
        }
        self.write(async |conn| {
            let ended = collect_ended(conn, now_ms).await?;
            let mut evicted = 0;
            for (namespace, layer, _) in &layers {
                evicted += make_room(conn, (namespace, *layer, ""), rules, now_ms).await?;
            }
            Ok((ended, evicted))
        })
        .await
    }

    async fn item_layers(&mut self) -> Result<Vec<(String, Layer, u64)>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT namespace AS "namespace!: String", layer AS "layer!: String", count(*) AS "items!: i64"
               FROM memory_state GROUP BY namespace, layer ORDER BY namespace, layer"#
        )
        .fetch_all(&mut self.conn)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                (
                    row.namespace,
                    Layer::parse(&row.layer).unwrap_or_default(),
                    row.items.unsigned_abs(),
                )
            })
            .collect())
    }
}

/// An item of a key that has ended takes the older ones with it: none of them comes up again.
async fn collect_ended(conn: &mut SqliteConnection, now_ms: i64) -> Result<u64, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"SELECT item_id AS "id!: String" FROM memory_state WHERE expires_at_ms <= ?1
             AND (pinned = 0 OR superseded = 1)
           UNION SELECT o.item_id FROM memory_state s JOIN memory_state o
             ON o.namespace = s.namespace AND o.key = s.key AND o.superseded = 1
           WHERE s.expires_at_ms <= ?1 AND s.pinned = 0 AND s.superseded = 0 AND s.key IS NOT NULL"#,
        now_ms
    )
    .fetch_all(&mut *conn)
    .await?;
    drop_items(conn, &ids).await?;
    Ok(ids.len() as u64)
}

/// Deletes what is too much of a layer: older items of a key first, then those that count least. Pinned items
/// are neither counted nor deleted; `keep` is counted and stays.
pub(super) async fn make_room(
    conn: &mut SqliteConnection,
    (namespace, layer, keep): (&str, Layer, &str),
    rules: &Rules,
    now_ms: i64,
) -> Result<u64, StoreError> {
    let layer_rules = rules.layer(namespace, layer);
    let name = layer.as_str();
    let live = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!: i64" FROM memory_state
           WHERE namespace = ?1 AND layer = ?2 AND (pinned = 0 OR superseded = 1)
             AND (expires_at_ms IS NULL OR expires_at_ms > ?3)"#,
        namespace,
        name,
        now_ms
    )
    .fetch_one(&mut *conn)
    .await?;
    let excess = live.saturating_sub(i64::try_from(layer_rules.max_items).unwrap_or(i64::MAX));
    if excess <= 0 {
        return Ok(0);
    }
    // 2^(-age / half-life) x importance, as a time: whatever the hour, the order is the same.
    let half_life = layer_rules.half_life_ms.min(i64::MAX / 16_384);
    let ids = sqlx::query_scalar!(
        r#"SELECT s.item_id AS "id!: String" FROM memory_state s LEFT JOIN memory_local l ON l.item_id = s.item_id
           WHERE s.namespace = ?1 AND s.layer = ?2 AND (s.pinned = 0 OR s.superseded = 1)
             AND (s.expires_at_ms IS NULL OR s.expires_at_ms > ?3) AND s.item_id <> ?4
           ORDER BY s.superseded DESC,
                    coalesce(l.touched_ms, s.recorded_at_ms) + ?5 * s.weight / 1000, s.item_id
           LIMIT ?6"#,
        namespace,
        name,
        now_ms,
        keep,
        half_life,
        excess
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut all = ids.clone();
    for id in &ids {
        // What stood behind it must not come up in its place.
        let behind = sqlx::query_scalar!(
            r#"SELECT o.item_id AS "id!: String" FROM memory_state s JOIN memory_state o
               ON o.namespace = s.namespace AND o.key = s.key AND o.superseded = 1
               WHERE s.item_id = ?1 AND s.superseded = 0 AND s.key IS NOT NULL"#,
            id
        )
        .fetch_all(&mut *conn)
        .await?;
        all.extend(behind);
    }
    all.sort_unstable();
    all.dedup();
    drop_items(conn, &all).await?;
    Ok(all.len() as u64)
}

/// Deletes items and what was decided about them, without tombstones.
async fn drop_items(conn: &mut SqliteConnection, ids: &[String]) -> Result<(), StoreError> {
    for id in ids {
        let doc = sqlx::query_scalar!(
            r#"SELECT doc AS "doc!: i64" FROM memory_state WHERE item_id = ?1"#,
            id
        )
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(doc) = doc {
            state::drop_row(conn, doc).await?;
        }
        sqlx::query!(
            "INSERT OR IGNORE INTO permit (fact_id) SELECT id FROM memory_mark WHERE item_id = ?1
             UNION SELECT ?1",
            id
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!("DELETE FROM memory_mark WHERE item_id = ?1", id).execute(&mut *conn).await?;
        sqlx::query!("DELETE FROM memory_item WHERE id = ?1", id).execute(&mut *conn).await?;
        sqlx::query!("DELETE FROM memory_local WHERE item_id = ?1", id).execute(&mut *conn).await?;
        sqlx::raw_sql("DELETE FROM permit").execute(&mut *conn).await?;
    }
    Ok(())
}
