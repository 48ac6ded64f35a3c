//! Boosted trees: how the signals of a file or a piece become one number.
//!
//! A model is a text that `cargo xtask eval-lens --train` writes: comments, one line `start VALUE`,
//! and one line a tree with its nodes in preorder, `FEATURE<THRESHOLD` or `=VALUE`.

use std::fmt;

/// A sum of decision trees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trees {
    /// What every sum begins with.
    pub start: f32,
    /// The trees.
    pub trees: Vec<Vec<TreeNode>>,
}

/// One node; its left child is the next node of the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TreeNode {
    /// Below the threshold it goes left (to the next node), else to `right`.
    Split {
        /// Which signal.
        feature: u16,
        /// What it is compared with.
        threshold: f32,
        /// Position of the right child.
        right: u16,
    },
    /// What the tree adds.
    Leaf(f32),
}

impl Trees {
    /// Reads a model. Lines that are none are left out, so a broken model ranks badly and harms
    /// nothing; a test reads the ones that are built in.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut model = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(start) = line.strip_prefix("start ") {
                model.start = start.parse().unwrap_or_default();
                continue;
            }
            let mut nodes = Vec::new();
            let mut words = line.split_ascii_whitespace();
            if read(&mut words, &mut nodes, 0).is_some() {
                model.trees.push(nodes);
            }
        }
        model
    }

    /// The sum for one row of signals.
    #[must_use]
    pub fn sum(&self, row: &[f32]) -> f32 {
        self.start + self.trees.iter().map(|tree| walk(tree, row)).sum::<f32>()
    }
}

fn walk(tree: &[TreeNode], row: &[f32]) -> f32 {
    let mut at = 0;
    loop {
        match tree.get(at) {
            Some(TreeNode::Split { feature, threshold, right }) => {
                let value = row.get(usize::from(*feature)).copied().unwrap_or_default();
                at = if value < *threshold { at + 1 } else { usize::from(*right) };
            }
            Some(TreeNode::Leaf(value)) => return *value,
            None => return 0.0,
        }
    }
}

fn read<'t>(
    words: &mut impl Iterator<Item = &'t str>,
    nodes: &mut Vec<TreeNode>,
    depth: usize,
) -> Option<()> {
    let word = words.next()?;
    if let Some(value) = word.strip_prefix('=') {
        nodes.push(TreeNode::Leaf(value.parse().ok()?));
        return Some(());
    }
    let (feature, threshold) = word.split_once('<')?;
    let (feature, threshold) = (feature.parse().ok()?, threshold.parse().ok()?);
    let place = nodes.len();
    nodes.push(TreeNode::Leaf(0.0));
    if depth > 16 {
        return None;
    }
    read(words, nodes, depth + 1)?;
    let right = u16::try_from(nodes.len()).ok()?;
    read(words, nodes, depth + 1)?;
    nodes[place] = TreeNode::Split { feature, threshold, right };
    Some(())
}

impl fmt::Display for Trees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "start {}", self.start)?;
        for tree in &self.trees {
            // Nodes are kept in preorder, which is the order of the text.
            let words = tree.iter().map(|node| match node {
                TreeNode::Split { feature, threshold, .. } => format!("{feature}<{threshold}"),
                TreeNode::Leaf(value) => format!("={value}"),
            });
            writeln!(f, "{}", words.collect::<Vec<_>>().join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_read_as_it_was_written() {
        let text = "start -1\n0<0.5 =1 1<2 =2 =4\n=0.25\n";
        let model = Trees::parse(text);
        assert_eq!(model.to_string(), text);
        assert!((model.sum(&[0.0, 0.0]) - 0.25).abs() < 1e-6);
        assert!((model.sum(&[0.5, 1.9]) - 1.25).abs() < 1e-6);
        assert!((model.sum(&[0.5, 2.0]) - 3.25).abs() < 1e-6);
    }
}
