//! Searching items by their words, scored by how well they fit and how much they count now.

use sqlx::SqliteConnection;

use super::{Item, ItemFilter, Rules, read};
use crate::log_text::{fts_query, snippet, words_of};
use crate::store::{Store, StoreError};

/// So many best items by words are scored.
const CANDIDATES: i64 = 1000;

/// An item that holds the words.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemHit {
    /// The item.
    pub item: Item,
    /// fused x importance x 2^(-age / half-life), where fused is the share of the best fit: in (0, 1].
    pub score: f64,
    /// The line that holds most of the words.
    pub snippet: String,
}

impl Store {
    /// Visible items that hold all words, the best first; equal ones by id. Case and accents do not matter, words
    /// in double quotes must follow each other, `*` at the end of a word stands for any ending.
    ///
    /// # Errors
    /// There is no word in `words`, or the database cannot be read.
    pub async fn recall_items(
        &mut self,
        words: &str,
        filter: &ItemFilter,
        (rules, limit): (&Rules, usize),
        now_ms: i64,
    ) -> Result<Vec<ItemHit>, StoreError> {
        let query = query_of(words)?;
        // bm25() is negative, the best the smallest; a word in the key counts twice.
        let rows = sqlx::query!(
            r#"SELECT s.item_id AS "id!: String", bm25(memory_text, 2.0, 1.0) AS "rank!: f64"
               FROM memory_text JOIN memory_state s ON s.doc = memory_text.rowid
               WHERE memory_text MATCH ?1 ORDER BY 2, 1 LIMIT ?2"#,
            query,
            CANDIDATES
        )
        .fetch_all(&mut self.conn)
        .await?;
        let best = rows.first().map_or(-1.0, |row| row.rank);
        let words = words_of(words);
        let mut hits = Vec::new();
        for row in rows {
            let Some(item) = read::one(&mut self.conn, &row.id).await? else { continue };
            if !matches(&item, filter, now_ms) {
                continue;
            }
            let fused = if best < 0.0 { (row.rank / best).clamp(0.0, 1.0) } else { 1.0 };
            let score = fused * item.value_now(rules, now_ms);
            let line = best_line(&item.value, &words);
            hits.push(ItemHit { snippet: snippet(line, &words), score, item });
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.item.id.cmp(&b.item.id)));
        hits.truncate(limit);
        Ok(hits)
    }
}

fn matches(item: &Item, filter: &ItemFilter, now_ms: i64) -> bool {
    !item.is_expired(now_ms)
        && (filter.history || (!item.superseded && item.merged_into.is_none()))
        && (filter.quarantined || !item.quarantined)
        && filter.namespace.as_ref().is_none_or(|one| *one == item.namespace)
        && filter.layer.is_none_or(|one| one == item.layer)
        && filter.pinned.is_none_or(|one| one == item.pinned)
        && filter
            .key_prefix
            .as_ref()
            .is_none_or(|one| item.key.as_ref().is_some_and(|key| key.starts_with(one)))
}

fn best_line<'a>(text: &'a str, words: &[String]) -> &'a str {
    let count = |line: &str| {
        let lower = line.to_lowercase();
        words.iter().filter(|word| lower.contains(word.as_str())).count()
    };
    let mut best = (0, text.lines().next().unwrap_or_default());
    for line in text.lines() {
        let count = count(line);
        if count > best.0 {
            best = (count, line);
        }
    }
    best.1
}

/// All items with the words, whatever their state.
pub(super) async fn ids_with(
    conn: &mut SqliteConnection,
    words: &str,
) -> Result<Vec<String>, StoreError> {
    let query = query_of(words)?;
    Ok(sqlx::query_scalar!(
        r#"SELECT s.item_id AS "id!: String" FROM memory_text JOIN memory_state s ON s.doc = memory_text.rowid
           WHERE memory_text MATCH ?1 ORDER BY s.recorded_at_ms DESC, s.item_id DESC"#,
        query
    )
    .fetch_all(conn)
    .await?)
}

fn query_of(words: &str) -> Result<String, StoreError> {
    fts_query(words).ok_or_else(|| StoreError::Invalid {
        what: "search",
        reason: format!("`{words}` holds no word"),
    })
}
