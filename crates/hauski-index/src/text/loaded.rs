//! One committed state of the index, with what a search wants at hand: lengths and collections of all passages, live counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::columnar::Column;
use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, IndexReader, SegmentReader, TERMINATED, Term};

use super::schema::{self, Field, Fields};
use crate::Filter;

/// Filters whose sets are remembered, and live counts that are.
const MAX_FILTERS: usize = 16;
const MAX_COUNTS: usize = 100_000;

/// A set of documents of one segment, a bit each.
pub(super) type Bits = Vec<u64>;

/// Passages and words of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) passages: u64,
    pub(super) words: u64,
}

/// Numbers the collections in the order in which they are met; the numbers stay.
#[derive(Debug, Default)]
pub(super) struct Collections {
    ids: Vec<u32>,
    ordinals: HashMap<u32, u32>,
}

impl Collections {
    pub(super) fn ordinal(&mut self, collection: u32) -> u32 {
        *self.ordinals.entry(collection).or_insert_with(|| {
            self.ids.push(collection);
            self.ids.len() as u32 - 1
        })
    }

    pub(super) fn known(&self, collection: u32) -> Option<u32> {
        self.ordinals.get(&collection).copied()
    }

    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }
}

/// What never changes about a segment.
pub(super) struct Lengths {
    pub(super) words: Vec<u32>,
    pub(super) collections: Vec<u32>,
}

pub(super) struct Segment {
    pub(super) reader: SegmentReader,
    pub(super) lengths: Arc<Lengths>,
    pub(super) ids: Column<u64>,
    /// Documents that are not deleted; nothing when all are alive.
    pub(super) alive: Option<Bits>,
    at: Column<i64>,
    expires: Option<Column<i64>>,
}

impl Segment {
    fn open(
        reader: SegmentReader,
        lengths: Option<Arc<Lengths>>,
        collections: &mut Collections,
    ) -> tantivy::Result<Self> {
        let fast = reader.fast_fields();
        let lengths = match lengths {
            Some(lengths) => lengths,
            None => {
                let words = fast.u64(schema::WORDS)?;
                let of = fast.u64(schema::COLLECTION)?;
                let all = 0..reader.max_doc();
                Arc::new(Lengths {
                    words: all.clone().map(|doc| words.first(doc).unwrap_or(0) as u32).collect(),
                    collections: all
                        .map(|doc| collections.ordinal(of.first(doc).unwrap_or(0) as u32))
                        .collect(),
                })
            }
        };
        Ok(Self {
            lengths,
            alive: reader.has_deletes().then(|| alive(&reader)),
            ids: fast.u64(schema::ID)?,
            at: fast.i64(schema::AT)?,
            expires: fast.column_opt::<i64>(schema::EXPIRES)?,
            reader,
        })
    }

    pub(super) fn id(&self, doc: DocId) -> u64 {
        self.ids.first(doc).unwrap_or(0)
    }

    /// Whether a filter's conditions on time admit a document.
    pub(super) fn in_time(&self, doc: DocId, filter: &Filter) -> bool {
        if (filter.from_ms.is_some() || filter.until_ms.is_some()) && {
            let at = self.at.first(doc).unwrap_or(0);
            filter.from_ms.is_some_and(|from| at < from)
                || filter.until_ms.is_some_and(|until| at >= until)
        } {
            return false;
        }
        match (filter.alive_at_ms, &self.expires) {
            (Some(now), Some(expires)) => expires.first(doc).is_none_or(|end| end > now),
            _ => true,
        }
    }
}

/// The index as of one commit.
pub(super) struct Loaded {
    pub(super) segments: Vec<Segment>,
    /// By ordinal of the collection.
    pub(super) volumes: Vec<Volume>,
    filters: Mutex<Vec<(Filter, Arc<Vec<Bits>>)>>,
    counts: Mutex<HashMap<(usize, Field, String), u32>>,
}

impl Loaded {
    /// Reads the state that `reader` shows; lengths of segments that `before` knows are taken from there.
    pub(super) fn read(
        reader: &IndexReader,
        before: Option<&Self>,
        collections: &mut Collections,
    ) -> tantivy::Result<Self> {
        let known: HashMap<SegmentId, Arc<Lengths>> = before
            .into_iter()
            .flat_map(|loaded| &loaded.segments)
            .map(|segment| (segment.reader.segment_id(), Arc::clone(&segment.lengths)))
            .collect();
        let mut segments = Vec::new();
        for reader in reader.searcher().segment_readers() {
            let lengths = known.get(&reader.segment_id()).cloned();
            segments.push(Segment::open(reader.clone(), lengths, collections)?);
        }
        let mut volumes = vec![Volume::default(); collections.ids().len()];
        for segment in &segments {
            for doc in 0..segment.reader.max_doc() {
                if !segment.reader.is_deleted(doc) {
                    let volume = &mut volumes[segment.lengths.collections[doc as usize] as usize];
                    volume.passages += 1;
                    volume.words += u64::from(segment.lengths.words[doc as usize]);
                }
            }
        }
        Ok(Self { segments, volumes, filters: Mutex::default(), counts: Mutex::default() })
    }

    /// Where a passage is: segment and document.
    pub(super) fn locate(
        &self,
        fields: &Fields,
        id: u64,
    ) -> tantivy::Result<Option<(usize, DocId)>> {
        let term = Term::from_field_u64(fields.id, id);
        for (at, segment) in self.segments.iter().enumerate() {
            let inverted = segment.reader.inverted_index(fields.id)?;
            let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::Basic)?
            else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if !segment.reader.is_deleted(doc) {
                    return Ok(Some((at, doc)));
                }
                doc = postings.advance();
            }
        }
        Ok(None)
    }

    /// In how many live documents of a segment a term stands. Counts that deletions make dear are remembered, so the answer is
    /// the same whether or not a merge took the deleted ones away.
    pub(super) fn count(
        &self,
        at: usize,
        field: Field,
        term: &str,
        info: &TermInfo,
        fields: &Fields,
    ) -> tantivy::Result<u32> {
        let segment = &self.segments[at];
        let Some(alive) = segment.reader.alive_bitset() else { return Ok(info.doc_freq) };
        let key = (at, field, term.to_owned());
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get(&key) {
            return Ok(*count);
        }
        let inverted = segment.reader.inverted_index(fields.text(field))?;
        let postings = inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        let count = postings.doc_freq_given_deletes(alive);
        if counts.len() < MAX_COUNTS {
            counts.insert(key, count);
        }
        Ok(count)
    }

    /// The documents that a filter's collections and tags admit, by segment; nothing when it names none.
    pub(super) fn admitted(
        &self,
        filter: &Filter,
        fields: &Fields,
    ) -> tantivy::Result<Option<Arc<Vec<Bits>>>> {
        if filter.collections.is_empty()
            && filter.all_tags.is_empty()
            && filter.none_tags.is_empty()
        {
            return Ok(None);
        }
        let key = Filter { from_ms: None, until_ms: None, alive_at_ms: None, ..filter.clone() };
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = filters.iter().position(|(known, _)| *known == key) {
            let entry = filters.remove(at);
            let bits = Arc::clone(&entry.1);
            filters.push(entry);
            return Ok(Some(bits));
        }
        drop(filters);
        let mut all = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            all.push(admitted_in(segment, &key, fields)?);
        }
        let all = Arc::new(all);
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if filters.len() == MAX_FILTERS {
            filters.remove(0);
        }
        filters.push((key, Arc::clone(&all)));
        Ok(Some(all))
    }
}

fn admitted_in(segment: &Segment, filter: &Filter, fields: &Fields) -> tantivy::Result<Bits> {
    let blocks = segment.reader.max_doc().div_ceil(64) as usize;
    let mut bits = vec![if filter.collections.is_empty() { u64::MAX } else { 0 }; blocks];
    for collection in &filter.collections {
        each(segment, &Term::from_field_u64(fields.collection, u64::from(*collection)), |doc| {
            set(&mut bits, doc);
        })?;
    }
    for tag in &filter.all_tags {
        let mut tagged = vec![0; blocks];
        each(segment, &Term::from_field_u64(fields.tag, u64::from(*tag)), |doc| {
            set(&mut tagged, doc);
        })?;
        bits.iter_mut().zip(&tagged).for_each(|(bits, tagged)| *bits &= tagged);
    }
    for tag in &filter.none_tags {
        each(segment, &Term::from_field_u64(fields.tag, u64::from(*tag)), |doc| {
            unset(&mut bits, doc);
        })?;
    }
    Ok(bits)
}

fn each(segment: &Segment, term: &Term, mut visit: impl FnMut(DocId)) -> tantivy::Result<()> {
    let inverted = segment.reader.inverted_index(term.field())?;
    if let Some(mut postings) = inverted.read_postings(term, IndexRecordOption::Basic)? {
        while postings.doc() != TERMINATED {
            visit(postings.doc());
            postings.advance();
        }
    }
    Ok(())
}

fn alive(reader: &SegmentReader) -> Bits {
    let mut bits = vec![0; reader.max_doc().div_ceil(64) as usize];
    for doc in reader.doc_ids_alive() {
        set(&mut bits, doc);
    }
    bits
}

pub(super) fn has(bits: &[u64], doc: DocId) -> bool {
    bits[doc as usize / 64] >> (doc % 64) & 1 == 1
}

pub(super) fn set(bits: &mut [u64], doc: DocId) {
    bits[doc as usize / 64] |= 1 << (doc % 64);
}

pub(super) fn unset(bits: &mut [u64], doc: DocId) {
    bits[doc as usize / 64] &= !(1 << (doc % 64));
}
