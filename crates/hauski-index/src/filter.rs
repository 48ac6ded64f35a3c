//! What every store of the index knows of a passage beside its content, and how a search narrows it down.

/// A passage: a row of the database, numbered upwards and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub u64);

/// What a search can ask of a passage. Names are interned by the database: a collection, a tag and a namespace are small
/// numbers everywhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The collection that the passage belongs to.
    pub collection: u32,
    /// Interned `key=value` pairs (`lang=rust`, `flag=possible_prompt_injection` …), ascending, each once.
    pub tags: Vec<u32>,
    /// When its source was made or changed, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// From when on it is never shown again, in the same unit.
    pub expires_at_ms: Option<i64>,
}

/// Which passages a search may return. The default lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these collections; empty means any.
    pub collections: Vec<u32>,
    /// Every one of these tags.
    pub all_tags: Vec<u32>,
    /// None of these tags.
    pub none_tags: Vec<u32>,
    /// Not older than this, in milliseconds since 1970-01-01 UTC.
    pub from_ms: Option<i64>,
    /// Older than this.
    pub until_ms: Option<i64>,
    /// Not expired at this time; absent means that expiry is not looked at.
    pub alive_at_ms: Option<i64>,
}

impl Filter {
    /// Whether a passage with these attributes passes.
    pub fn admits(&self, of: &Attributes) -> bool {
        let tagged = |tag: &u32| of.tags.binary_search(tag).is_ok();
        (self.collections.is_empty() || self.collections.contains(&of.collection))
            && self.all_tags.iter().all(tagged)
            && !self.none_tags.iter().any(tagged)
            && self.from_ms.is_none_or(|from| of.at_ms >= from)
            && self.until_ms.is_none_or(|until| of.at_ms < until)
            && self.alive_at_ms.is_none_or(|now| of.expires_at_ms.is_none_or(|end| end > now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_must_hold() {
        let passage =
            Attributes { collection: 3, tags: vec![1, 5], at_ms: 100, expires_at_ms: Some(200) };
        let admits = |filter: Filter| filter.admits(&passage);
        assert!(admits(Filter::default()));
        assert!(admits(Filter {
            collections: vec![2, 3],
            all_tags: vec![5, 1],
            ..Filter::default()
        }));
        assert!(!admits(Filter { collections: vec![2], ..Filter::default() }));
        assert!(!admits(Filter { all_tags: vec![1, 2], ..Filter::default() }));
        assert!(!admits(Filter { none_tags: vec![5], ..Filter::default() }));
        assert!(admits(Filter { from_ms: Some(100), until_ms: Some(101), ..Filter::default() }));
        assert!(!admits(Filter { until_ms: Some(100), ..Filter::default() }));
        assert!(!admits(Filter { alive_at_ms: Some(200), ..Filter::default() }));
        assert!(admits(Filter { alive_at_ms: Some(199), ..Filter::default() }));
    }
}
