//! The scorer: BM25 over several fields with constants of our own, read straight from tantivy's postings. Counts of the terms
//! that stand for one word are added before they saturate. Every part of a score is a whole number, so sums do not depend on
//! the order of segments, words or threads.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED};

use super::loaded::{self, Bits, Collections, Loaded, Segment, Volume};
use super::overlay::{self, Overlay};
use super::params::{Bm25, TermScore, TextFound, TextHit, TextParams, TextQuery};
use super::query::{Group, Phrase, Plan};
use super::schema::{Field, Fields};
use crate::{ChunkId, Filter};

/// Scores are whole multiples of 1/SCALE.
const SCALE: f32 = (1 << 20) as f32;
/// Documents that are scored together.
const WINDOW: u32 = 4096;

/// Everything that is searched.
pub(super) struct View<'a> {
    pub(super) fields: &'a Fields,
    pub(super) loaded: &'a Loaded,
    pub(super) overlay: &'a Overlay,
    pub(super) collections: &'a Collections,
}

pub(super) fn search(view: &View<'_>, query: &TextQuery) -> tantivy::Result<TextFound> {
    let plan = Plan::of(query);
    let mut found =
        TextFound { searched: plan.groups.len(), left_out: plan.left_out, ..TextFound::default() };
    if plan.groups.is_empty() || query.k == 0 {
        return Ok(found);
    }
    let scorer = Scorer::new(view, &plan, &query.params)?;
    let mut best = Best::new(query.k);
    let admitted = view.loaded.admitted(&query.filter, view.fields)?;
    for at in 0..view.loaded.segments.len() {
        let admitted = admitted.as_ref().map(|all| &all[at]);
        scorer.segment(at, admitted, &query.filter, &mut best)?;
    }
    scorer.overlay(&query.filter, &mut best);
    found.hits = best
        .ranked()
        .into_iter()
        .map(|entry| TextHit {
            id: ChunkId(entry.id),
            score: entry.score as f32 / SCALE,
            terms: Vec::new(),
        })
        .collect();
    if query.params.explain {
        scorer.explain(&mut found.hits)?;
    }
    Ok(found)
}

/// A candidate: better is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    score: u64,
    smaller: Reverse<u64>,
    id: u64,
}

/// The best k so far.
struct Best {
    k: usize,
    heap: BinaryHeap<Reverse<Entry>>,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(4096) + 1) }
    }

    /// What a score must reach to be looked at.
    fn bar(&self) -> u64 {
        match self.heap.peek() {
            Some(Reverse(worst)) if self.heap.len() == self.k => worst.score,
            _ => 1,
        }
    }

    fn offer(&mut self, score: u64, id: u64) {
        self.heap.push(Reverse(Entry { score, smaller: Reverse(id), id }));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    fn ranked(self) -> Vec<Entry> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(entry)| entry).collect()
    }
}

/// How much a passage's length costs it: `base + slope × words`.
#[derive(Clone, Copy, Default)]
struct Norm {
    base: f32,
    slope: f32,
}

impl Norm {
    fn of(bm25: Bm25, volume: Volume) -> Self {
        let bm25 = bm25.sane();
        let usual = (volume.words as f64 / volume.passages.max(1) as f64).max(1.0) as f32;
        Self { base: bm25.k1 * (1.0 - bm25.b), slope: bm25.k1 * bm25.b / usual }
    }

    fn at(self, words: u32) -> f32 {
        self.base + self.slope * words as f32
    }
}

struct Scorer<'a> {
    view: &'a View<'a>,
    plan: &'a Plan,
    /// By ordinal of the collection.
    norms: Vec<Norm>,
    /// Of each group: boost × inverse document frequency, scaled.
    factors: Vec<f32>,
    /// Of each segment, group and leaf.
    infos: Vec<Vec<Vec<Option<TermInfo>>>>,
}

struct Cursor {
    postings: SegmentPostings,
    weight: f32,
}

impl<'a> Scorer<'a> {
    fn new(view: &'a View<'a>, plan: &'a Plan, params: &TextParams) -> tantivy::Result<Self> {
        let volumes = volumes(view);
        let passages: u64 = volumes.iter().map(|volume| volume.passages).sum();
        let norms = volumes
            .iter()
            .zip(view.collections.ids())
            .map(|(volume, id)| {
                Norm::of(*params.by_collection.get(id).unwrap_or(&params.bm25), *volume)
            })
            .collect();
        let mut infos = Vec::with_capacity(view.loaded.segments.len());
        let mut counts = vec![0_u64; plan.groups.len()];
        for (at, segment) in view.loaded.segments.iter().enumerate() {
            let mut of_segment = Vec::with_capacity(plan.groups.len());
            for (group, count) in plan.groups.iter().zip(&mut counts) {
                let mut of_group = Vec::with_capacity(group.leaves.len());
                for leaf in &group.leaves {
                    let field = view.fields.text(leaf.field);
                    let inverted = segment.reader.inverted_index(field)?;
                    let info = inverted.terms().get(leaf.term.as_bytes())?;
                    if let Some(info) = &info
                        && counts_documents(leaf.field, group)
                    {
                        let live =
                            view.loaded.count(at, leaf.field, &leaf.term, info, view.fields)?;
                        *count += u64::from(live);
                        *count -= hidden_with(view, at, leaf.field, info)?.min(*count);
                    }
                    of_group.push(info);
                }
                of_segment.push(of_group);
            }
            infos.push(of_segment);
        }
        for (group, count) in plan.groups.iter().zip(&mut counts) {
            for leaf in group.leaves.iter().filter(|leaf| counts_documents(leaf.field, group)) {
                *count += view.overlay.postings(leaf.field, &leaf.term).count() as u64;
            }
        }
        let factors = plan
            .groups
            .iter()
            .zip(&counts)
            .map(|(group, count)| {
                let (all, with) = (passages as f64, (*count).min(passages) as f64);
                group.boost * (1.0 + (all - with + 0.5) / (with + 0.5)).ln() as f32 * SCALE
            })
            .collect();
        Ok(Self { view, plan, norms, factors, infos })
    }

    /// What a group gives a passage.
    fn part(&self, group: usize, count: f32, norm: f32) -> u64 {
        (self.factors[group] * (count / (count + norm))) as u64
    }

    fn norm(&self, segment: &Segment, doc: DocId) -> f32 {
        let collection = segment.lengths.collections[doc as usize];
        self.norms[collection as usize].at(segment.lengths.words[doc as usize])
    }

    fn cursors(&self, at: usize) -> tantivy::Result<Vec<(usize, Vec<Cursor>)>> {
        let segment = &self.view.loaded.segments[at];
        let mut all = Vec::new();
        for (number, (group, infos)) in self.plan.groups.iter().zip(&self.infos[at]).enumerate() {
            let mut cursors = Vec::new();
            for (leaf, info) in group.leaves.iter().zip(infos) {
                let Some(info) = info else { continue };
                let inverted = segment.reader.inverted_index(self.view.fields.text(leaf.field))?;
                let postings =
                    inverted.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
                cursors.push(Cursor { postings, weight: leaf.weight });
            }
            if !cursors.is_empty() {
                all.push((number, cursors));
            }
        }
        Ok(all)
    }

    fn segment(
        &self,
        at: usize,
        admitted: Option<&Bits>,
        filter: &Filter,
        best: &mut Best,
    ) -> tantivy::Result<()> {
        let segment = &self.view.loaded.segments[at];
        let mut cursors = self.cursors(at)?;
        // Least first: while the bar is above what the first of them can give together, a document that has only those is of no
        // interest, and they are looked up for the others alone (MaxScore).
        cursors.sort_by_key(|(group, _)| (self.most(*group), *group));
        let mut sum = 0;
        let together: Vec<u64> = cursors
            .iter()
            .map(|(group, _)| {
                sum += self.most(*group);
                sum
            })
            .collect();
        let allowed = self.allowed(at, admitted)?;
        let mut window = Window::new();
        loop {
            let optional = together.iter().take_while(|most| **most < best.bar()).count();
            let (optional, needed) = cursors.split_at_mut(optional);
            let next = needed
                .iter()
                .flat_map(|(_, cursors)| cursors)
                .map(|cursor| cursor.postings.doc())
                .min();
            let Some(first) = next.filter(|doc| *doc != TERMINATED) else { return Ok(()) };
            window.begin = first / WINDOW * WINDOW;
            for (group, cursors) in needed {
                self.fill(*group, cursors, segment, allowed.as_ref(), &mut window);
            }
            window.drain(|doc, mut score| {
                for (place, (group, cursors)) in optional.iter_mut().enumerate().rev() {
                    if score + together[place] < best.bar() {
                        return;
                    }
                    let count = count_at(cursors, doc);
                    if count > 0.0 {
                        score += self.part(*group, count, self.norm(segment, doc));
                    }
                }
                if score >= best.bar() && segment.in_time(doc, filter) {
                    best.offer(score, segment.id(doc));
                }
            });
        }
    }

    /// More than this a group gives no passage.
    fn most(&self, group: usize) -> u64 {
        self.factors[group] as u64
    }

    /// Adds what one group gives the documents of a window that may be returned.
    fn fill(
        &self,
        group: usize,
        cursors: &mut [Cursor],
        segment: &Segment,
        allowed: Option<&Bits>,
        window: &mut Window,
    ) {
        let end = window.begin + WINDOW;
        let admits = |doc: DocId| allowed.is_none_or(|bits| loaded::has(bits, doc));
        if let [cursor] = cursors {
            while cursor.postings.doc() < end {
                let doc = cursor.postings.doc();
                if admits(doc) {
                    let count = cursor.weight * cursor.postings.term_freq() as f32;
                    window.add(doc, self.part(group, count, self.norm(segment, doc)));
                }
                cursor.postings.advance();
            }
            return;
        }
        for cursor in cursors {
            while cursor.postings.doc() < end {
                let doc = cursor.postings.doc();
                if admits(doc) {
                    window.count(doc, cursor.weight * cursor.postings.term_freq() as f32);
                }
                cursor.postings.advance();
            }
        }
        window.settle(|doc, count| self.part(group, count, self.norm(segment, doc)));
    }

    /// Which documents of a segment may be returned; nothing when all may.
    fn allowed(&self, at: usize, admitted: Option<&Bits>) -> tantivy::Result<Option<Bits>> {
        let segment = &self.view.loaded.segments[at];
        let hidden = self.view.overlay.hidden.get(at).filter(|hidden| !hidden.is_empty());
        let plan = self.plan;
        if admitted.is_none()
            && hidden.is_none()
            && segment.alive.is_none()
            && plan.required.is_empty()
            && plan.excluded.is_empty()
        {
            return Ok(None);
        }
        let blocks = segment.reader.max_doc().div_ceil(64) as usize;
        let mut bits = admitted.cloned().unwrap_or_else(|| vec![u64::MAX; blocks]);
        if let Some(alive) = &segment.alive {
            bits.iter_mut().zip(alive).for_each(|(bits, alive)| *bits &= alive);
        }
        for doc in hidden.into_iter().flatten() {
            loaded::unset(&mut bits, *doc);
        }
        for phrase in &plan.required {
            let mut with = vec![0; blocks];
            self.phrase(segment, phrase, |doc| loaded::set(&mut with, doc))?;
            bits.iter_mut().zip(&with).for_each(|(bits, with)| *bits &= with);
        }
        for phrase in &plan.excluded {
            self.phrase(segment, phrase, |doc| loaded::unset(&mut bits, doc))?;
        }
        Ok(Some(bits))
    }

    /// The documents in which a phrase stands.
    fn phrase(
        &self,
        segment: &Segment,
        phrase: &Phrase,
        mut visit: impl FnMut(DocId),
    ) -> tantivy::Result<()> {
        for field in [Field::Prose, Field::Code] {
            let inverted = segment.reader.inverted_index(self.view.fields.text(field))?;
            for reading in &phrase.readings {
                let mut cursors = Vec::with_capacity(reading.len());
                for (distance, term) in reading {
                    let Some(info) = inverted.terms().get(term.as_bytes())? else { break };
                    let option = IndexRecordOption::WithFreqsAndPositions;
                    cursors.push((*distance, inverted.read_postings_from_terminfo(&info, option)?));
                }
                if cursors.len() == reading.len() {
                    phrase_in(&mut cursors, &mut visit);
                }
            }
        }
        Ok(())
    }

    fn overlay(&self, filter: &Filter, best: &mut Best) {
        let overlay = self.view.overlay;
        let mut scores: BTreeMap<u32, u64> = BTreeMap::new();
        for group in 0..self.plan.groups.len() {
            for (doc, count) in self.overlay_counts(group) {
                *scores.entry(doc).or_default() += self.overlay_part(group, doc, count);
            }
        }
        for (doc, score) in scores {
            let Some(pending) = overlay.get(doc) else { continue };
            let field =
                if pending.text(Field::Prose).is_empty() { Field::Code } else { Field::Prose };
            let stands = |phrase: &Phrase| overlay::stands_in(phrase, pending.text(field));
            if score >= best.bar()
                && filter.admits(&pending.attributes)
                && self.plan.required.iter().all(stands)
                && !self.plan.excluded.iter().any(stands)
            {
                best.offer(score, pending.id);
            }
        }
    }

    /// Weighted counts of a group's terms in the passages that wait. Leaves in their order, as on disk.
    fn overlay_counts(&self, group: usize) -> BTreeMap<u32, f32> {
        let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
        for leaf in &self.plan.groups[group].leaves {
            for (doc, count) in self.view.overlay.postings(leaf.field, &leaf.term) {
                *counts.entry(doc).or_default() += leaf.weight * count as f32;
            }
        }
        counts
    }

    fn overlay_part(&self, group: usize, doc: u32, count: f32) -> u64 {
        let Some(pending) = self.view.overlay.get(doc) else { return 0 };
        let ordinal =
            self.view.collections.known(pending.attributes.collection).unwrap_or(0) as usize;
        let norm = self.norms.get(ordinal).copied().unwrap_or_default();
        self.part(group, count, norm.at(pending.fields.words))
    }

    /// Says of each hit what each word gave it.
    fn explain(&self, hits: &mut [TextHit]) -> tantivy::Result<()> {
        let wanted: BTreeMap<u64, usize> =
            hits.iter().enumerate().map(|(at, hit)| (hit.id.0, at)).collect();
        let mut parts: Vec<Vec<(usize, u64)>> = vec![Vec::new(); hits.len()];
        let mut places: BTreeMap<usize, BTreeMap<DocId, usize>> = BTreeMap::new();
        for (id, hit) in &wanted {
            if let Some((at, doc)) = self.view.loaded.locate(self.view.fields, *id)?
                && !self.view.overlay.hidden.get(at).is_some_and(|hidden| hidden.contains(&doc))
            {
                places.entry(at).or_default().insert(doc, *hit);
            }
        }
        for (at, docs) in &places {
            let segment = &self.view.loaded.segments[*at];
            for (group, cursors) in &mut self.cursors(*at)? {
                for (doc, hit) in docs {
                    let count = count_at(cursors, *doc);
                    if count > 0.0 {
                        parts[*hit]
                            .push((*group, self.part(*group, count, self.norm(segment, *doc))));
                    }
                }
            }
        }
        for group in 0..self.plan.groups.len() {
            for (doc, count) in self.overlay_counts(group) {
                let hit = self.view.overlay.get(doc).and_then(|pending| wanted.get(&pending.id));
                if let Some(hit) = hit {
                    parts[*hit].push((group, self.overlay_part(group, doc, count)));
                }
            }
        }
        for (hit, mut parts) in hits.iter_mut().zip(parts) {
            parts.sort_by_key(|(group, score)| (Reverse(*score), *group));
            hit.terms = parts
                .into_iter()
                .map(|(group, score)| TermScore {
                    word: self.plan.groups[group].shown.clone(),
                    score: score as f32 / SCALE,
                })
                .collect();
        }
        Ok(())
    }
}

/// The weighted count of a group's terms in a document; documents are asked for in ascending order. Sums go in the order of the
/// leaves, as everywhere.
fn count_at(cursors: &mut [Cursor], doc: DocId) -> f32 {
    let mut count = 0.0;
    for cursor in cursors {
        if cursor.postings.doc() < doc {
            cursor.postings.seek(doc);
        }
        if cursor.postings.doc() == doc {
            count += cursor.weight * cursor.postings.term_freq() as f32;
        }
    }
    count
}

/// Whether a leaf says in how many passages a group's word stands. Titles repeat what the passage's main field has.
fn counts_documents(field: Field, group: &Group) -> bool {
    field != Field::Title || group.leaves.iter().all(|leaf| leaf.field == Field::Title)
}

/// Passages and words by collection, without what is hidden and with what waits.
pub(super) fn volumes(view: &View<'_>) -> Vec<Volume> {
    let mut volumes = view.loaded.volumes.clone();
    volumes.resize(view.collections.ids().len(), Volume::default());
    for (segment, hidden) in view.loaded.segments.iter().zip(&view.overlay.hidden) {
        for doc in hidden {
            let volume = &mut volumes[segment.lengths.collections[*doc as usize] as usize];
            volume.passages -= 1;
            volume.words -= u64::from(segment.lengths.words[*doc as usize]);
        }
    }
    for pending in view.overlay.live() {
        if let Some(volume) = view
            .collections
            .known(pending.attributes.collection)
            .and_then(|ordinal| volumes.get_mut(ordinal as usize))
        {
            volume.passages += 1;
            volume.words += u64::from(pending.fields.words);
        }
    }
    volumes
}

/// How many hidden documents of a segment have a term.
fn hidden_with(view: &View<'_>, at: usize, field: Field, info: &TermInfo) -> tantivy::Result<u64> {
    let Some(hidden) = view.overlay.hidden.get(at).filter(|hidden| !hidden.is_empty()) else {
        return Ok(0);
    };
    let inverted = view.loaded.segments[at].reader.inverted_index(view.fields.text(field))?;
    let mut postings = inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    let mut with = 0;
    for doc in hidden {
        if postings.doc() < *doc {
            postings.seek(*doc);
        }
        with += u64::from(postings.doc() == *doc);
    }
    Ok(with)
}

fn phrase_in(cursors: &mut [(u32, SegmentPostings)], visit: &mut impl FnMut(DocId)) {
    let mut doc = cursors[0].1.doc();
    let (mut starts, mut here) = (Vec::new(), Vec::new());
    'documents: while doc != TERMINATED {
        for (_, postings) in cursors.iter_mut() {
            if postings.doc() < doc {
                postings.seek(doc);
            }
            if postings.doc() > doc {
                doc = postings.doc();
                continue 'documents;
            }
        }
        starts.clear();
        for (number, (distance, postings)) in cursors.iter_mut().enumerate() {
            postings.positions(&mut here);
            here.retain_mut(|position| {
                let fits = *position >= *distance;
                *position = position.saturating_sub(*distance);
                fits
            });
            if number == 0 {
                std::mem::swap(&mut starts, &mut here);
            } else {
                starts.retain(|start| here.binary_search(start).is_ok());
            }
        }
        if !starts.is_empty() {
            visit(doc);
        }
        doc = cursors[0].1.advance();
    }
}

/// Scores of [`WINDOW`] neighbouring documents.
struct Window {
    begin: DocId,
    scores: Vec<u64>,
    matched: [u64; WINDOW as usize / 64],
    counts: Vec<f32>,
    counted: [u64; WINDOW as usize / 64],
}

impl Window {
    fn new() -> Self {
        Self {
            begin: 0,
            scores: vec![0; WINDOW as usize],
            matched: [0; WINDOW as usize / 64],
            counts: vec![0.0; WINDOW as usize],
            counted: [0; WINDOW as usize / 64],
        }
    }

    fn add(&mut self, doc: DocId, part: u64) {
        let at = (doc - self.begin) as usize;
        self.scores[at] += part;
        self.matched[at / 64] |= 1 << (at % 64);
    }

    fn count(&mut self, doc: DocId, count: f32) {
        let at = (doc - self.begin) as usize;
        self.counts[at] += count;
        self.counted[at / 64] |= 1 << (at % 64);
    }

    /// Turns counts into parts of scores.
    fn settle(&mut self, part: impl Fn(DocId, f32) -> u64) {
        for block in 0..self.counted.len() {
            let mut bits = std::mem::take(&mut self.counted[block]);
            self.matched[block] |= bits;
            while bits != 0 {
                let at = block * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let count = std::mem::take(&mut self.counts[at]);
                self.scores[at] += part(self.begin + at as u32, count);
            }
        }
    }

    /// Gives out all documents with their scores and is empty again.
    fn drain(&mut self, mut visit: impl FnMut(DocId, u64)) {
        for block in 0..self.matched.len() {
            let mut bits = std::mem::take(&mut self.matched[block]);
            while bits != 0 {
                let at = block * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                visit(self.begin + at as u32, std::mem::take(&mut self.scores[at]));
            }
        }
    }
}
