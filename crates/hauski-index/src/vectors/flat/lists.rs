//! Which rows of a segment have a tag or are in a collection: one list each, sparse or dense, whichever is smaller.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use crate::vectors::rows::Rows;
use crate::{Attributes, Filter};

const COLLECTION: u64 = 1 << 32;
const SPARSE: u8 = 0;
const DENSE: u8 = 1;
/// Size of a line of the table: key, offset and length of the list.
const LINE: usize = 16;

/// Lists while a segment is written.
#[derive(Default)]
pub(super) struct ListsBuilder(BTreeMap<u64, RoaringBitmap>);

impl ListsBuilder {
    /// Notes the attributes of the next row.
    pub(super) fn push(&mut self, row: u32, of: &Attributes) {
        let keys = of.tags.iter().map(|&tag| u64::from(tag));
        for key in keys.chain([COLLECTION | u64::from(of.collection)]) {
            self.0.entry(key).or_default().insert(row);
        }
    }

    /// A table of keys, then the lists.
    pub(super) fn write(&self, rows: usize) -> Vec<u8> {
        let mut table = (self.0.len() as u32).to_le_bytes().to_vec();
        let mut bodies = Vec::new();
        let start = 4 + self.0.len() * LINE;
        for (key, list) in &self.0 {
            let from = bodies.len();
            if list.serialized_size() < rows.div_ceil(64) * 8 {
                bodies.push(SPARSE);
                // Writing to memory cannot fail.
                let _ = list.serialize_into(&mut bodies);
            } else {
                bodies.push(DENSE);
                let mut dense = Rows::none(rows);
                list.iter().for_each(|row| dense.insert(row as usize));
                dense.words().iter().for_each(|word| bodies.extend(word.to_le_bytes()));
            }
            table.extend(key.to_le_bytes());
            table.extend(((start + from) as u32).to_le_bytes());
            table.extend(((bodies.len() - from) as u32).to_le_bytes());
        }
        table.extend(bodies);
        table
    }
}

/// Lists of a sealed segment, in place.
pub(super) struct Lists<'a> {
    bytes: &'a [u8],
    rows: usize,
}

/// The lists cannot be read, although their checksum was right.
#[derive(Debug)]
pub(super) struct BadLists;

impl<'a> Lists<'a> {
    pub(super) fn new(bytes: &'a [u8], rows: usize) -> Self {
        Self { bytes, rows }
    }

    /// Takes out of `rows` what a filter does not admit by collections and tags.
    pub(super) fn narrow(&self, rows: &mut Rows, filter: &Filter) -> Result<(), BadLists> {
        if !filter.collections.is_empty() {
            let mut any = Rows::none(self.rows);
            for &collection in &filter.collections {
                any.add(self.find(COLLECTION | u64::from(collection))?);
            }
            rows.keep(any.words().iter().copied());
        }
        for &tag in &filter.all_tags {
            rows.keep(self.find(u64::from(tag))?);
        }
        for &tag in &filter.none_tags {
            rows.drop_all(self.find(u64::from(tag))?);
        }
        Ok(())
    }

    /// Collection and tags of every row.
    pub(super) fn attributes(&self) -> Result<Vec<Attributes>, BadLists> {
        let mut all = vec![Attributes::default(); self.rows];
        for line in 0..self.count()? {
            let (key, body) = self.line(line)?;
            let list = self.read(body)?;
            let mut rows = Rows::none(self.rows);
            rows.add(list);
            for row in rows.iter() {
                if key >= COLLECTION {
                    all[row].collection = key as u32;
                } else {
                    all[row].tags.push(key as u32);
                }
            }
        }
        Ok(all)
    }

    fn count(&self) -> Result<usize, BadLists> {
        let count = self.bytes.first_chunk::<4>().ok_or(BadLists)?;
        Ok(u32::from_le_bytes(*count) as usize)
    }

    fn line(&self, at: usize) -> Result<(u64, &'a [u8]), BadLists> {
        let from = 4 + at * LINE;
        let line = self.bytes.get(from..from + LINE).ok_or(BadLists)?;
        let number = |range: std::ops::Range<usize>| {
            line[range].iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte))
        };
        let (key, offset, len) = (number(0..8), number(8..12) as usize, number(12..16) as usize);
        Ok((key, self.bytes.get(offset..offset + len).ok_or(BadLists)?))
    }

    /// The rows of a key, a bit a row; none when nothing has it.
    fn find(&self, key: u64) -> Result<Vec<u64>, BadLists> {
        let (mut low, mut high) = (0, self.count()?);
        while low < high {
            let middle = usize::midpoint(low, high);
            let (found, body) = self.line(middle)?;
            match found.cmp(&key) {
                std::cmp::Ordering::Equal => return self.read(body),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(Vec::new())
    }

    fn read(&self, body: &[u8]) -> Result<Vec<u64>, BadLists> {
        let (kind, body) = body.split_first().ok_or(BadLists)?;
        if *kind == DENSE {
            let words = body.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            return Ok(words.collect());
        }
        let list = RoaringBitmap::deserialize_from(body).map_err(|_| BadLists)?;
        let mut rows = Rows::none(self.rows);
        for row in list {
            if row as usize >= self.rows {
                return Err(BadLists);
            }
            rows.insert(row as usize);
        }
        Ok(rows.words().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_admit_what_the_filter_admits(
            rows in prop::collection::vec((0u32..4, prop::collection::btree_set(0u32..6, 0..4)), 1..300),
            collections in prop::collection::vec(0u32..5, 0..3),
            all in prop::collection::vec(0u32..7, 0..3),
            none in prop::collection::vec(0u32..7, 0..3),
        ) {
            let rows: Vec<Attributes> = rows
                .into_iter()
                .map(|(collection, tags)| Attributes {
                    collection,
                    tags: tags.into_iter().collect(),
                    ..Attributes::default()
                })
                .collect();
            let mut builder = ListsBuilder::default();
            for (row, attributes) in rows.iter().enumerate() {
                builder.push(row as u32, attributes);
            }
            let bytes = builder.write(rows.len());
            let lists = Lists::new(&bytes, rows.len());
            let filter =
                Filter { collections, all_tags: all, none_tags: none, ..Filter::default() };
            let mut found = Rows::all(rows.len());
            lists.narrow(&mut found, &filter).unwrap();
            let expected: Vec<usize> =
                (0..rows.len()).filter(|&row| filter.admits(&rows[row])).collect();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
            prop_assert_eq!(lists.attributes().unwrap(), rows);
        }

        #[test]
        fn wrong_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let lists = Lists::new(&bytes, 10);
            let _ = lists.attributes();
            let filter = Filter { all_tags: vec![1], ..Filter::default() };
            let _ = lists.narrow(&mut Rows::all(10), &filter);
        }
    }
}
