//! Matrices in the order in which the kernels read them: without a step between two numbers that are used together.

/// Columns of a tile.
pub(crate) const COLUMNS: usize = 32;
/// Rows of the largest tile.
pub(crate) const ROWS: usize = 12;
/// Bytes that one step of a product of bytes takes together.
pub(crate) const STEP: usize = 4;

/// The right side of a product, in panels of [`COLUMNS`] columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Floats {
    pub(crate) depth: usize,
    pub(crate) columns: usize,
    /// For each panel `depth` times its columns; the last panel is filled up with zeros.
    pub(crate) panels: Vec<[f32; COLUMNS]>,
}

impl Floats {
    /// From a matrix that holds the columns as its rows, as weights are stored.
    pub(crate) fn pack(weights: &[f32], columns: usize, depth: usize) -> Self {
        let mut packed = Self::default();
        packed.set_columns(weights, depth, columns, depth);
        packed
    }

    /// As [`Floats::pack`], where columns begin every `stride` numbers; memory is used again.
    pub(crate) fn set_columns(
        &mut self,
        from: &[f32],
        stride: usize,
        columns: usize,
        depth: usize,
    ) {
        self.clear(columns, depth);
        for (column, numbers) in from.chunks(stride.max(1)).take(columns).enumerate() {
            let first = column / COLUMNS * depth;
            let panel = self.panels.get_mut(first..first + depth).unwrap_or_default();
            for (line, number) in panel.iter_mut().zip(numbers) {
                line[column % COLUMNS] = *number;
            }
        }
    }

    /// From a matrix that holds the rows, which begin every `stride` numbers; memory is used again.
    pub(crate) fn set_rows(&mut self, from: &[f32], stride: usize, columns: usize, depth: usize) {
        self.clear(columns, depth);
        for (row, numbers) in from.chunks(stride.max(1)).take(depth).enumerate() {
            let numbers = numbers.get(..columns).unwrap_or_default();
            for (panel, part) in numbers.chunks(COLUMNS).enumerate() {
                if let Some(line) = self.panels.get_mut(panel * depth + row) {
                    line[..part.len()].copy_from_slice(part);
                }
            }
        }
    }

    fn clear(&mut self, columns: usize, depth: usize) {
        (self.columns, self.depth) = (columns, depth);
        self.panels.clear();
        self.panels.resize(columns.div_ceil(COLUMNS) * depth, [0.0; COLUMNS]);
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.panels.len() * size_of::<[f32; COLUMNS]>()
    }
}

/// Rows of the tiles that cover so many rows: full ones, then the smallest that holds the rest.
pub(crate) fn tiles(rows: usize) -> impl Iterator<Item = usize> {
    let rest = rows % ROWS;
    let last = (rest > 0).then_some(rest.div_ceil(4) * 4);
    std::iter::repeat_n(ROWS, rows / ROWS).chain(last)
}

/// The left side of a product, in tiles of up to [`ROWS`] rows, each tile column by column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Left {
    pub(crate) depth: usize,
    pub(crate) rows: usize,
    pub(crate) numbers: Vec<f32>,
}

impl Left {
    /// Takes `rows` rows of `depth` numbers, which begin every `stride` numbers.
    pub(crate) fn pack(&mut self, from: &[f32], stride: usize, rows: usize, depth: usize) {
        (self.rows, self.depth) = (rows, depth);
        self.numbers.clear();
        let height: usize = tiles(rows).sum();
        self.numbers.resize(height * depth, 0.0);
        let mut all = from.chunks(stride.max(1)).take(rows);
        let mut rest = self.numbers.as_mut_slice();
        for tile in tiles(rows) {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(tile * depth);
            rest = others;
            for (at, row) in all.by_ref().take(tile).enumerate() {
                for (line, number) in own.chunks_exact_mut(tile).zip(row) {
                    line[at] = *number;
                }
            }
        }
    }
}

/// The right side of a product of bytes: each column has a scale of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes {
    pub(crate) depth: usize,
    pub(crate) columns: usize,
    /// For each panel `depth / 4` times, rounded up, four bytes of each of its columns.
    pub(crate) panels: Vec<[i8; COLUMNS * STEP]>,
    /// What a byte of a column stands for; filled up to whole panels.
    pub(crate) scales: Vec<[f32; COLUMNS]>,
    /// 128 times the sum of a column: the left side is kept above zero by as much.
    pub(crate) offsets: Vec<[i32; COLUMNS]>,
}

impl Bytes {
    /// From a matrix that holds the columns as its rows.
    pub(crate) fn pack(weights: &[f32], columns: usize, depth: usize) -> Self {
        let (steps, panels) = (depth.div_ceil(STEP), columns.div_ceil(COLUMNS));
        let mut packed = Self {
            depth,
            columns,
            panels: vec![[0; COLUMNS * STEP]; panels * steps],
            scales: vec![[0.0; COLUMNS]; panels],
            offsets: vec![[0; COLUMNS]; panels],
        };
        for (column, numbers) in weights.chunks(depth.max(1)).take(columns).enumerate() {
            let (panel, at) = (column / COLUMNS, column % COLUMNS);
            let largest = numbers.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
            let scale = largest / 127.0;
            let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            let mut sum = 0;
            for (k, number) in numbers.iter().enumerate() {
                let byte = (number * factor).round_ties_even() as i8;
                sum += i32::from(byte);
                packed.panels[panel * steps + k / STEP][at * STEP + k % STEP] = byte;
            }
            packed.scales[panel][at] = scale;
            packed.offsets[panel][at] = 128 * sum;
        }
        packed
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.panels.len() * COLUMNS * STEP + self.scales.len() * COLUMNS * 8
    }
}

/// The left side of a product of bytes: each row has a scale of its own, and 128 is added to each byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeftBytes {
    pub(crate) depth: usize,
    pub(crate) rows: usize,
    /// For each tile, four bytes of each of its rows at a time.
    pub(crate) steps: Vec<[u8; STEP]>,
    /// What a byte of a row stands for; filled up to whole tiles.
    pub(crate) scales: Vec<f32>,
}
