//! The inner loops: estimates from signs, sixty-four rows at a time, and products of bytes.
//!
//! The loops are plain and total; `dispatch` compiles each of them for several sets of instructions. Sums are integers, and what
//! follows is one fixed sequence of single operations a row, so that every set gives the same bits.

mod dispatch;

pub(super) use self::dispatch::Level;

/// Rows in a block of signs. Word `w` of row `r` of a block stands at `w * BLOCK + r`.
pub(super) const BLOCK: usize = 64;

/// One segment's signs and what a query makes of them.
pub(super) struct Scan<'a> {
    /// Which segment the rows belong to, for the hits.
    pub(super) segment: u32,
    /// Rows that may be hits, a word a block.
    pub(super) admitted: &'a [u64],
    /// Blocks of signs.
    pub(super) signs: &'a [u64],
    /// How far a row is from the mean along its signs, in units of `stretch_step`; a full block is there.
    pub(super) stretch: &'a [u16],
    /// The product of the mean and the row's way from it, in units of `offset_step`; a full block is there.
    pub(super) offset: &'a [i16],
    /// The query's way from the mean in four bits: for every word the bits worth 1, 2, 4 and -8.
    pub(super) planes: &'a [[u64; 4]],
    /// The sum of those numbers.
    pub(super) planes_sum: i32,
    /// The product of the query and the mean.
    pub(super) base: f32,
    /// Size of a unit of `stretch`, the query's own unit included.
    pub(super) stretch_step: f32,
    /// Size of a unit of `offset`.
    pub(super) offset_step: f32,
}

/// A row and the estimate of its cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The estimate.
    pub(super) score: f32,
    /// As in [`Scan::segment`].
    pub(super) segment: u32,
    /// The row in it.
    pub(super) row: u32,
}

/// The best candidates seen so far. Of equal estimates the earlier row stays.
pub(super) struct Best {
    keep: usize,
    found: Vec<Candidate>,
    threshold: f32,
}

impl Best {
    /// Keeps this many, at least one.
    pub(super) fn new(keep: usize) -> Self {
        let keep = keep.max(1);
        Self { keep, found: Vec::with_capacity(keep * 2), threshold: f32::NEG_INFINITY }
    }

    /// Takes a candidate; they come by ascending segment and row.
    #[inline]
    fn push(&mut self, candidate: Candidate) {
        if candidate.score > self.threshold {
            self.found.push(candidate);
            if self.found.len() == self.keep * 2 {
                self.prune();
            }
        }
    }

    #[inline(never)]
    fn prune(&mut self) {
        self.found.select_nth_unstable_by(self.keep - 1, |left, right| {
            let place = |of: &Candidate| (of.segment, of.row);
            right.score.total_cmp(&left.score).then_with(|| place(left).cmp(&place(right)))
        });
        self.found.truncate(self.keep);
        self.threshold = self.found[self.keep - 1].score;
    }

    /// What was kept, by segment and row.
    pub(super) fn into_rows(mut self) -> Vec<Candidate> {
        if self.found.len() > self.keep {
            self.prune();
        }
        self.found.sort_unstable_by_key(|candidate| (candidate.segment, candidate.row));
        self.found
    }
}

/// Offers every admitted row of a segment.
#[inline(always)]
fn scan_rows(job: &Scan<'_>, best: &mut Best) {
    let words = job.planes.len();
    let blocks = job.signs.chunks_exact(words * BLOCK).zip(job.stretch.chunks_exact(BLOCK));
    let blocks = blocks.zip(job.offset.chunks_exact(BLOCK)).zip(job.admitted);
    for (at, (((signs, stretch), offset), &admitted)) in blocks.enumerate() {
        if admitted == 0 {
            continue;
        }
        let mut scores = [0f32; BLOCK];
        for (group, scores) in scores.chunks_exact_mut(16).enumerate() {
            let mut sums = [0i64; 16];
            for (word, plane) in job.planes.iter().enumerate() {
                let from = word * BLOCK + group * 16;
                let column = &signs[from..from + 16];
                for lane in 0..16 {
                    let common = |bits: u64| i64::from((column[lane] & bits).count_ones());
                    sums[lane] +=
                        common(plane[0]) + (common(plane[1]) << 1) + (common(plane[2]) << 2)
                            - (common(plane[3]) << 3);
                }
            }
            let from = group * 16;
            let (stretch, offset) = (&stretch[from..from + 16], &offset[from..from + 16]);
            for lane in 0..16 {
                let along = (2 * sums[lane] as i32 - job.planes_sum) as f32;
                scores[lane] = job.base
                    + job.offset_step * f32::from(offset[lane])
                    + job.stretch_step * f32::from(stretch[lane]) * along;
            }
        }
        let mut over = 0u32;
        for score in &scores {
            over += u32::from(*score > best.threshold);
        }
        if over == 0 {
            continue;
        }
        for (lane, &score) in scores.iter().enumerate() {
            if admitted >> lane & 1 == 1 {
                let row = (at * BLOCK + lane) as u32;
                best.push(Candidate { score, segment: job.segment, row });
            }
        }
    }
}

/// The products of a query with rows of bytes. Rows are `query.len()` bytes apart. The caller scales queries so that no
/// sum leaves 32 bits.
#[inline(always)]
fn row_products(codes: &[i8], query: &[i16], rows: &[u32], products: &mut Vec<i32>) {
    let stride = query.len();
    for &row in rows {
        let from = row as usize * stride;
        let code = &codes[from..from + stride];
        let mut sum = 0i32;
        for (byte, number) in code.iter().zip(query) {
            sum = sum.wrapping_add(i32::from(*byte) * i32::from(*number));
        }
        products.push(sum);
    }
}

/// The product of two rows of bytes.
#[inline(always)]
fn pair_product(left: &[i8], right: &[i8]) -> i32 {
    let mut sum = 0i32;
    for (left, right) in left.iter().zip(right) {
        sum = sum.wrapping_add(i32::from(*left) * i32::from(*right));
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sums and estimates the long way.
    fn scan_plainly(job: &Scan<'_>, keep: usize) -> Vec<Candidate> {
        let words = job.planes.len();
        let mut found = Vec::new();
        for row in 0..job.stretch.len() {
            if job.admitted[row / 64] >> (row % 64) & 1 == 0 {
                continue;
            }
            let mut sum = 0i32;
            for bit in 0..words * 64 {
                let word =
                    job.signs[(row / BLOCK) * words * BLOCK + bit / 64 * BLOCK + row % BLOCK];
                let weight: i32 = [1, 2, 4, -8]
                    .iter()
                    .zip(job.planes[bit / 64])
                    .map(|(weight, plane)| weight * (plane >> (bit % 64) & 1) as i32)
                    .sum();
                sum += weight * (word >> (bit % 64) & 1) as i32;
            }
            let score = job.base
                + job.offset_step * f32::from(job.offset[row])
                + job.stretch_step
                    * f32::from(job.stretch[row])
                    * (2 * sum - job.planes_sum) as f32;
            found.push(Candidate { score, segment: job.segment, row: row as u32 });
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        found.truncate(keep);
        found.sort_by_key(|candidate| candidate.row);
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_set_of_instructions_finds_the_same_rows(
            words in 1usize..8,
            blocks in 1usize..5,
            keep in 1usize..40,
            seed: u64,
        ) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state ^ state >> 29
            };
            let rows = blocks * BLOCK;
            let signs: Vec<u64> = (0..blocks * words * BLOCK).map(|_| next()).collect();
            let admitted: Vec<u64> = (0..blocks).map(|at| if at == 1 { 0 } else { next() | next() }).collect();
            let stretch: Vec<u16> = (0..rows).map(|_| (next() >> 50) as u16).collect();
            let offset: Vec<i16> = (0..rows).map(|_| (next() >> 48) as i16).collect();
            let planes: Vec<[u64; 4]> = (0..words).map(|_| [next(), next(), next(), next()]).collect();
            let job = Scan {
                segment: 3,
                admitted: &admitted,
                signs: &signs,
                stretch: &stretch,
                offset: &offset,
                planes: &planes,
                planes_sum: (next() >> 54) as i32 - 512,
                base: 0.25,
                stretch_step: 1e-6,
                offset_step: 1e-6,
            };
            let expected = scan_plainly(&job, keep);
            for level in Level::all() {
                let mut best = Best::new(keep);
                level.scan(&job, &mut best);
                prop_assert_eq!(best.into_rows(), expected.clone(), "{}", level.name());
            }
        }

        #[test]
        fn every_set_of_instructions_multiplies_alike(
            stride in 1usize..200,
            count in 1usize..20,
            seed: u64,
        ) {
            let mut state = seed | 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 33
            };
            let codes: Vec<i8> = (0..stride * count).map(|_| next() as i8).collect();
            let query: Vec<i16> = (0..stride).map(|_| next() as i16).collect();
            let rows: Vec<u32> = (0..count as u32).rev().collect();
            let expected: Vec<i32> = rows.iter().map(|&row| {
                let code = &codes[row as usize * stride..][..stride];
                let sum: i64 = code.iter().zip(&query).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum();
                i32::try_from(sum).expect("200 products fit")
            }).collect();
            for level in Level::all() {
                let mut products = Vec::new();
                level.products(&codes, &query, &rows, &mut products);
                prop_assert_eq!(&products, &expected, "{}", level.name());
                let (left, right) = (&codes[..stride], &codes[stride * (count - 1)..]);
                let product: i32 = left.iter().zip(right).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
                prop_assert_eq!(level.product(left, right), product, "{}", level.name());
            }
        }
    }
}
