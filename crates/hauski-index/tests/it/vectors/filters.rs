//! Filters: every kind alone and with others, over a small library.

use hauski_index::{Attributes, Filter};

use super::bed::{Bed, noise};
use super::conformance::Case;

const DIMS: usize = 6;
const COUNT: u64 = 60;

/// Sixty passages in four collections; tags 10, 11 and 12 on every second, third and fifth; made every 100 ms; every fourth
/// expires a second after it was made, every tenth before it was made.
fn library(bed: &mut Bed) {
    let passage = |id: u64| {
        let tag = |every: u64, tag: u32| (id.is_multiple_of(every)).then_some(tag);
        let at_ms = id as i64 * 100;
        let attributes = Attributes {
            collection: (id % 4) as u32,
            tags: [tag(2, 10), tag(3, 11), tag(5, 12)].into_iter().flatten().collect(),
            at_ms,
            expires_at_ms: match id {
                id if id % 10 == 0 => Some(at_ms - 1),
                id if id % 4 == 0 => Some(at_ms + 1000),
                _ => None,
            },
        };
        (id, noise(DIMS, id), attributes)
    };
    let rows: Vec<_> = (0..COUNT).map(passage).collect();
    for rows in rows.chunks(20) {
        bed.put(rows);
    }
}

fn collections(of: &[u32]) -> Filter {
    Filter { collections: of.to_vec(), ..Filter::default() }
}

fn all_tags(of: &[u32]) -> Filter {
    Filter { all_tags: of.to_vec(), ..Filter::default() }
}

fn none_tags(of: &[u32]) -> Filter {
    Filter { none_tags: of.to_vec(), ..Filter::default() }
}

fn between(from_ms: Option<i64>, until_ms: Option<i64>) -> Filter {
    Filter { from_ms, until_ms, ..Filter::default() }
}

fn alive(at: i64) -> Filter {
    Filter { alive_at_ms: Some(at), ..Filter::default() }
}

/// Filters of one kind. Pairs of them are tried too.
fn simple() -> Vec<(&'static str, Filter)> {
    vec![
        ("everything", Filter::default()),
        ("a collection", collections(&[2])),
        ("two collections", collections(&[0, 3])),
        ("a collection twice", collections(&[1, 1])),
        ("all collections", collections(&[0, 1, 2, 3])),
        ("a collection that is not there", collections(&[9])),
        ("a collection and one not there", collections(&[9, 1])),
        ("a tag", all_tags(&[10])),
        ("two tags", all_tags(&[10, 11])),
        ("three tags", all_tags(&[12, 11, 10])),
        ("a tag twice", all_tags(&[12, 12])),
        ("a tag that is not there", all_tags(&[99])),
        ("a tag and one not there", all_tags(&[10, 99])),
        ("a tag with the number of a collection", all_tags(&[2])),
        ("without a tag", none_tags(&[10])),
        ("without two tags", none_tags(&[11, 12])),
        ("without any tag of the library", none_tags(&[10, 11, 12])),
        ("without a tag that is not there", none_tags(&[99])),
        ("from a time", between(Some(3000), None)),
        ("from between two times", between(Some(3001), None)),
        ("until a time", between(None, Some(3000))),
        ("within a span", between(Some(1000), Some(2000))),
        ("within one moment", between(Some(1000), Some(1001))),
        ("within an empty span", between(Some(1000), Some(1000))),
        ("within a span the wrong way round", between(Some(2000), Some(1000))),
        ("before everything", between(None, Some(-1))),
        ("after everything", between(Some(1_000_000), None)),
        ("since the beginning of time", between(Some(i64::MIN), Some(i64::MAX))),
        ("alive at the beginning", alive(-1)),
        ("alive when the first expires", alive(0)),
        ("alive in the middle", alive(3000)),
        ("alive a moment before an end", alive(1399)),
        ("alive at an end", alive(1400)),
        ("alive at the end", alive(10_000)),
        ("alive at the end of time", alive(i64::MAX - 1)),
    ]
}

fn both(one: &Filter, other: &Filter) -> Filter {
    let joined = |a: &[u32], b: &[u32]| [a, b].concat();
    Filter {
        collections: joined(&one.collections, &other.collections),
        all_tags: joined(&one.all_tags, &other.all_tags),
        none_tags: joined(&one.none_tags, &other.none_tags),
        from_ms: one.from_ms.or(other.from_ms),
        until_ms: one.until_ms.or(other.until_ms),
        alive_at_ms: one.alive_at_ms.or(other.alive_at_ms),
    }
}

pub(crate) fn all() -> Vec<Case> {
    let mut filters: Vec<(String, Filter)> = Vec::new();
    let simple = simple();
    filters.extend(simple.iter().map(|(name, filter)| ((*name).to_owned(), filter.clone())));
    // Every kind with every other: a representative of each.
    let kinds = ["a collection", "a tag", "without two tags", "from a time", "alive in the middle"];
    let kinds: Vec<_> = simple.iter().filter(|(name, _)| kinds.contains(name)).collect();
    for (at, (name, filter)) in kinds.iter().enumerate() {
        for (other_name, other) in &kinds[at + 1..] {
            filters.push((format!("{name}, {other_name}"), both(filter, other)));
        }
    }
    let mut everything = Filter::default();
    for (name, filter) in kinds {
        everything = both(&everything, filter);
        filters.push((format!("all up to: {name}"), everything.clone()));
    }
    let mut cases = Vec::new();
    for (name, filter) in filters {
        cases.push(Case::new(&format!("filter: {name}"), DIMS, move |bed| {
            library(bed);
            bed.check_filter(&filter);
            // What is gone or replaced passes no filter any more.
            bed.delete(&[8, 9, 10, 11, 30]);
            let other = Attributes { collection: 2, tags: vec![10], ..Attributes::default() };
            bed.put(&[(12, noise(DIMS, 512), other.clone()), (13, noise(DIMS, 513), other)]);
            bed.check_filter(&filter);
            bed.compact();
            bed.check_filter(&filter);
        }));
    }
    cases
}
