//! Sets of rows of one segment: a bit a row.

/// A set of rows, dense. Bits beyond the number of rows are never set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    words: Vec<u64>,
    len: usize,
}

impl Rows {
    /// No row of `len`.
    pub(super) fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// Every row of `len`.
    pub(super) fn all(len: usize) -> Self {
        let mut rows = Self { words: vec![u64::MAX; len.div_ceil(64)], len };
        rows.trim();
        rows
    }

    /// Whether a row is in the set.
    pub(super) fn contains(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Adds a row below the length.
    pub(super) fn insert(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    /// How many are in it.
    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Sixty-four rows at a time.
    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Keeps what is in `words` too.
    pub(super) fn keep(&mut self, words: impl IntoIterator<Item = u64>) {
        let mut words = words.into_iter();
        for mine in &mut self.words {
            *mine &= words.next().unwrap_or(0);
        }
    }

    /// Adds what is in `words`.
    pub(super) fn add(&mut self, words: impl IntoIterator<Item = u64>) {
        for (mine, word) in self.words.iter_mut().zip(words) {
            *mine |= word;
        }
        self.trim();
    }

    /// Takes out what is in `words`.
    pub(super) fn drop_all(&mut self, words: impl IntoIterator<Item = u64>) {
        for (mine, word) in self.words.iter_mut().zip(words) {
            *mine &= !word;
        }
    }

    /// The rows, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(at * 64 + bit)
            })
        })
    }

    fn trim(&mut self) {
        if let Some(last) = self.words.last_mut().filter(|_| !self.len.is_multiple_of(64)) {
            *last &= u64::MAX >> (64 - self.len % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_the_rows_are_never_set() {
        for len in [0, 1, 63, 64, 65, 200] {
            let mut rows = Rows::all(len);
            assert_eq!(rows.count(), len);
            rows.add(vec![u64::MAX; 4]);
            assert_eq!(rows.iter().collect::<Vec<_>>(), (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn sets_combine() {
        let mut rows = Rows::none(70);
        for row in [0, 5, 64, 69] {
            rows.insert(row);
        }
        rows.drop_all([1 << 5]);
        assert!(rows.contains(64) && !rows.contains(5) && !rows.contains(1000));
        rows.drop_all([1, 0]);
        assert_eq!(rows.iter().collect::<Vec<_>>(), [64, 69]);
        rows.keep([u64::MAX]);
        assert_eq!(rows.count(), 0);
    }
}
