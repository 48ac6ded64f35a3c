//! Merging is only ever proposed: two texts that say almost the same, and a decision that can be taken back.

use super::{Item, read};
use crate::store::{Store, StoreError};

/// Two items that say almost the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The later one, which would be merged.
    pub item: Item,
    /// The earlier one, which would stay.
    pub into: Item,
    /// Common shingles in thousandths.
    pub similarity: u16,
}

/// What is decided about a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The later one steps behind the earlier one; both stay.
    Merge,
    /// They are different things; the pair is not proposed again.
    Distinct,
    /// The merge is taken back.
    Undo,
}

impl Store {
    /// Pairs of visible items without keys that nobody decided about, the most similar first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn merge_proposals(
        &mut self,
        limit: u32,
        now_ms: i64,
    ) -> Result<Vec<Proposal>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT a.item_id AS "item!: String", b.item_id AS "into!: String", n.similarity AS "similarity!: i64"
               FROM memory_near n JOIN memory_state a ON a.doc = n.doc JOIN memory_state b ON b.doc = n.other
               WHERE a.key IS NULL AND b.key IS NULL AND a.merged_into IS NULL AND b.merged_into IS NULL
                 AND a.quarantined = 0 AND b.quarantined = 0
                 AND NOT EXISTS (SELECT 1 FROM memory_mark m WHERE m.mark = 'distinct'
                     AND ((m.item_id = a.item_id AND m.value = b.item_id)
                       OR (m.item_id = b.item_id AND m.value = a.item_id)))
               ORDER BY n.similarity DESC, a.item_id, b.item_id"#
        )
        .fetch_all(&mut self.conn)
        .await?;
        let mut proposals = Vec::new();
        for row in rows {
            let (Some(item), Some(into)) = (
                read::one(&mut self.conn, &row.item).await?,
                read::one(&mut self.conn, &row.into).await?,
            ) else {
                continue;
            };
            if item.is_expired(now_ms) || into.is_expired(now_ms) {
                continue;
            }
            let similarity = u16::try_from(row.similarity).unwrap_or(0);
            proposals.push(Proposal { item, into, similarity });
            if proposals.len() >= limit as usize {
                break;
            }
        }
        Ok(proposals)
    }

    /// Decides about a pair. Nothing is lost by it.
    ///
    /// # Errors
    /// An item is unknown, has a key, or is merged already; the database cannot be written.
    pub async fn decide_merge(
        &mut self,
        (item, into): (&str, &str),
        decision: Decision,
        now_ms: i64,
    ) -> Result<Item, StoreError> {
        let invalid =
            |reason: &str| Err(StoreError::Invalid { what: "merge", reason: reason.to_owned() });
        let (Some(one), Some(other)) =
            (read::one(&mut self.conn, item).await?, read::one(&mut self.conn, into).await?)
        else {
            return invalid("one of the two items is not there");
        };
        if item == into || one.namespace != other.namespace {
            return invalid("two different items of one namespace are needed");
        }
        match decision {
            Decision::Merge if one.key.is_some() || other.key.is_some() => {
                invalid("items with keys are never merged: set the key anew instead")
            }
            Decision::Merge if one.merged_into.is_some() || other.merged_into.is_some() => {
                invalid("one of the two is merged already; undo that first")
            }
            Decision::Merge => self.mark_item(item, &[("merged", into)], now_ms).await,
            Decision::Distinct => self.mark_item(item, &[("distinct", into)], now_ms).await,
            Decision::Undo if one.merged_into.as_deref() != Some(into) => {
                invalid("the first is not merged into the second")
            }
            Decision::Undo => self.mark_item(item, &[("merged", "")], now_ms).await,
        }
    }
}
