//! Fits the models of repoLens' ranking: gradient boosting of small trees on binned signals, with the
//! logistic loss. No randomness but a fixed hash, so the same data give the same model.

use repolens::pack::trees::{TreeNode, Trees};

const BINS: usize = 64;
const SHRINKAGE: f32 = 0.08;
const PENALTY: f32 = 5.0;
/// Least weight of the rows of a leaf, in units of the logistic's curvature.
const LEAST_CURVATURE: f32 = 1.0;

/// Rows to learn from.
#[derive(Default)]
pub(super) struct Lessons {
    /// Signals, row after row.
    pub(super) values: Vec<f32>,
    /// What each row should give, from 0 to 1.
    pub(super) wanted: Vec<f32>,
    /// How much each row counts.
    pub(super) weights: Vec<f32>,
}

/// How to fit.
pub(super) struct Effort {
    pub(super) trees: usize,
    pub(super) leaves: usize,
}

/// Fits a model to rows of `signals` values each.
pub(super) fn fit(lessons: &Lessons, signals: usize, effort: &Effort) -> Trees {
    let rows = lessons.wanted.len();
    let cuts: Vec<Vec<f32>> = (0..signals).map(|signal| cuts(lessons, signals, signal)).collect();
    let mut bins = vec![0_u8; rows * signals];
    for (signal, cuts) in cuts.iter().enumerate() {
        for row in 0..rows {
            let value = lessons.values[row * signals + signal];
            bins[signal * rows + row] = cuts.partition_point(|cut| *cut <= value) as u8;
        }
    }
    let all: f32 = lessons.weights.iter().sum();
    let hit: f32 = lessons.wanted.iter().zip(&lessons.weights).map(|(y, w)| y * w).sum();
    let mean = (hit / all.max(1e-6)).clamp(1e-6, 1.0 - 1e-6);
    let mut model = Trees { start: (mean / (1.0 - mean)).ln(), trees: Vec::new() };
    let mut sums = vec![model.start; rows];
    for number in 0..effort.trees {
        let slopes: Vec<(f32, f32)> = sums
            .iter()
            .enumerate()
            .map(|(row, sum)| {
                let chance = 1.0 / (1.0 + (-sum).exp());
                let weight = lessons.weights[row];
                (
                    weight * (chance - lessons.wanted[row]),
                    (weight * chance * (1.0 - chance)).max(1e-9),
                )
            })
            .collect();
        let grower = Grower { bins: &bins, rows, cuts: &cuts, slopes: &slopes, tree: number };
        let (tree, leaves) = grower.grow(effort.leaves);
        for (members, value) in leaves {
            for row in members {
                sums[row as usize] += value;
            }
        }
        model.trees.push(tree);
    }
    model
}

/// Borders between the bins of a signal: quantiles of a sample.
fn cuts(lessons: &Lessons, signals: usize, signal: usize) -> Vec<f32> {
    let rows = lessons.wanted.len();
    let step = (rows / 100_000).max(1);
    let mut sample: Vec<f32> =
        (0..rows).step_by(step).map(|row| lessons.values[row * signals + signal]).collect();
    // Rows that matter are few: their values are all in the sample.
    let telling = (0..rows).filter(|row| lessons.wanted[*row] > 0.0);
    sample.extend(telling.map(|row| lessons.values[row * signals + signal]));
    sample.sort_by(f32::total_cmp);
    let mut cuts: Vec<f32> = (1..BINS).map(|bin| sample[bin * (sample.len() - 1) / BINS]).collect();
    let mut distinct = sample;
    distinct.dedup();
    if distinct.len() <= BINS {
        cuts = distinct.into_iter().skip(1).collect();
    }
    cuts.dedup();
    cuts
}

struct Grower<'a> {
    bins: &'a [u8],
    rows: usize,
    cuts: &'a [Vec<f32>],
    slopes: &'a [(f32, f32)],
    tree: usize,
}

struct Leaf {
    members: Vec<u32>,
    best: Option<Cut>,
    /// Position of the node in the growing tree.
    node: usize,
}

#[derive(Clone, Copy)]
struct Cut {
    gain: f32,
    signal: usize,
    bin: usize,
}

enum Growing {
    Leaf(f32),
    Split { signal: usize, threshold: f32, left: usize, right: usize },
}

impl Grower<'_> {
    fn grow(&self, most: usize) -> (Vec<TreeNode>, Vec<(Vec<u32>, f32)>) {
        let sampled = |row: &u32| mix(u64::from(*row) ^ ((self.tree as u64) << 32)) % 10 < 8;
        let members: Vec<u32> = (0..self.rows as u32).filter(sampled).collect();
        let rest: Vec<u32> = (0..self.rows as u32).filter(|row| !sampled(row)).collect();
        let mut nodes = vec![Growing::Leaf(self.value(&members))];
        let mut leaves = vec![Leaf { best: self.best(&members), members, node: 0 }];
        while leaves.len() < most {
            let gain = |leaf: &Leaf| leaf.best.map_or(0.0, |cut| cut.gain);
            let Some(at) =
                (0..leaves.len()).max_by(|a, b| gain(&leaves[*a]).total_cmp(&gain(&leaves[*b])))
            else {
                break;
            };
            let Some(cut) = leaves[at].best.filter(|cut| cut.gain > 1e-6) else { break };
            let leaf = leaves.swap_remove(at);
            let column = &self.bins[cut.signal * self.rows..(cut.signal + 1) * self.rows];
            let (left, right): (Vec<u32>, Vec<u32>) = leaf
                .members
                .into_iter()
                .partition(|row| usize::from(column[*row as usize]) <= cut.bin);
            let threshold = self.cuts[cut.signal][cut.bin];
            nodes[leaf.node] = Growing::Split {
                signal: cut.signal,
                threshold,
                left: nodes.len(),
                right: nodes.len() + 1,
            };
            for members in [left, right] {
                nodes.push(Growing::Leaf(self.value(&members)));
                leaves.push(Leaf { best: self.best(&members), members, node: nodes.len() - 1 });
            }
        }
        let mut tree = Vec::new();
        preorder(&nodes, 0, &mut tree);
        let mut members: Vec<(Vec<u32>, f32)> = Vec::new();
        for leaf in leaves {
            if let Growing::Leaf(value) = nodes[leaf.node] {
                members.push((leaf.members, value));
            }
        }
        for row in rest {
            members.push((vec![row], self.walk(&nodes, row)));
        }
        (tree, members)
    }

    fn walk(&self, nodes: &[Growing], row: u32) -> f32 {
        let mut at = 0;
        loop {
            match nodes[at] {
                Growing::Leaf(value) => return value,
                Growing::Split { signal, threshold, left, right } => {
                    let bin = usize::from(self.bins[signal * self.rows + row as usize]);
                    let below = bin == 0 || self.cuts[signal][bin - 1] < threshold;
                    at = if below { left } else { right };
                }
            }
        }
    }

    fn value(&self, members: &[u32]) -> f32 {
        let (slope, curve) = members.iter().fold((0.0_f64, 0.0_f64), |(slope, curve), row| {
            let (s, c) = self.slopes[*row as usize];
            (slope + f64::from(s), curve + f64::from(c))
        });
        -SHRINKAGE * slope as f32 / (curve as f32 + PENALTY)
    }

    fn best(&self, members: &[u32]) -> Option<Cut> {
        let signals: Vec<usize> = (0..self.cuts.len())
            .filter(|signal| mix((self.tree as u64) << 8 | *signal as u64) % 10 < 6)
            .collect();
        let half = signals.len().div_ceil(2).max(1);
        let found: Vec<Option<Cut>> = std::thread::scope(|scope| {
            let parts: Vec<_> = signals
                .chunks(half)
                .map(|part| {
                    scope.spawn(move || {
                        let cuts = part.iter().filter_map(|signal| self.best_of(members, *signal));
                        cuts.max_by(|a, b| a.gain.total_cmp(&b.gain).then(b.signal.cmp(&a.signal)))
                    })
                })
                .collect();
            parts.into_iter().map(|part| part.join().ok().flatten()).collect()
        });
        found
            .into_iter()
            .flatten()
            .max_by(|a, b| a.gain.total_cmp(&b.gain).then(b.signal.cmp(&a.signal)))
    }

    fn best_of(&self, members: &[u32], signal: usize) -> Option<Cut> {
        let column = &self.bins[signal * self.rows..(signal + 1) * self.rows];
        let mut sums = [(0.0_f32, 0.0_f32); BINS + 1];
        for row in members {
            let (slope, curve) = self.slopes[*row as usize];
            let sum = &mut sums[usize::from(column[*row as usize])];
            sum.0 += slope;
            sum.1 += curve;
        }
        let (slope, curve) =
            sums.iter().fold((0.0, 0.0), |all, sum| (all.0 + sum.0, all.1 + sum.1));
        let worth = |slope: f32, curve: f32| slope * slope / (curve + PENALTY);
        let mut left = (0.0, 0.0);
        let mut best: Option<Cut> = None;
        for (bin, sum) in sums.iter().enumerate().take(self.cuts[signal].len()) {
            left = (left.0 + sum.0, left.1 + sum.1);
            let right = (slope - left.0, curve - left.1);
            if left.1 < LEAST_CURVATURE || right.1 < LEAST_CURVATURE {
                continue;
            }
            let gain = worth(left.0, left.1) + worth(right.0, right.1) - worth(slope, curve);
            if best.is_none_or(|best| gain > best.gain) {
                best = Some(Cut { gain, signal, bin });
            }
        }
        best
    }
}

fn preorder(nodes: &[Growing], at: usize, tree: &mut Vec<TreeNode>) {
    match nodes[at] {
        // Five digits are more than the signals are worth, and keep the files small.
        Growing::Leaf(value) => tree.push(TreeNode::Leaf(short(value))),
        Growing::Split { signal, threshold, left, right } => {
            let place = tree.len();
            tree.push(TreeNode::Leaf(0.0));
            preorder(nodes, left, tree);
            let right_at = tree.len() as u16;
            preorder(nodes, right, tree);
            tree[place] = TreeNode::Split { feature: signal as u16, threshold, right: right_at };
        }
    }
}

fn short(value: f32) -> f32 {
    format!("{value:.5}").parse().unwrap_or(value)
}

/// A well-mixed number (splitmix64).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_a_rule_of_two_signals() {
        let mut lessons = Lessons::default();
        for number in 0..4000_u32 {
            let (a, b) = (f32::from(number as u16 % 61), f32::from(number as u16 % 37));
            lessons.values.extend([a, b]);
            lessons.wanted.push(f32::from(u8::from(a > 30.0 && b < 10.0)));
            lessons.weights.push(1.0);
        }
        let model = fit(&lessons, 2, &Effort { trees: 60, leaves: 6 });
        assert!(model.sum(&[50.0, 5.0]) > 1.0);
        assert!(model.sum(&[50.0, 20.0]) < -1.0);
        assert!(model.sum(&[10.0, 5.0]) < -1.0);
    }
}
