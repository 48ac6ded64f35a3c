//! The tree of RFC 6962 over the lines: leaf and node hashes, and a compact range that grows by a leaf at
//! a time and keeps one hash for each bit of its size.

use sha2::{Digest as _, Sha256};

/// A hash of a leaf, a node or a root.
pub(crate) type Hash = [u8; 32];

/// The hash of a line without its line feed; also what the next line names as `prev`.
pub(crate) fn leaf_hash(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The roots of the full subtrees that a list of leaves falls into, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// From parts; `None` unless there is one hash for each set bit of the size.
    pub(crate) fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's root; of no leaves, the hash of nothing.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The leaves, first and end, whose subtree roots make the audit path of leaf `index` in a tree of `size`
/// leaves; from the leaf to the root.
pub(crate) fn path_ranges(index: u64, size: u64) -> Vec<(u64, u64)> {
    let mut ranges = Vec::new();
    let (mut low, mut high) = (0, size);
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            ranges.push((middle, high));
            high = middle;
        } else {
            ranges.push((low, middle));
            low = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The root that leaf `index` of `size` and its audit path lead to; `None` when the path has not the
/// length that they call for.
pub(crate) fn root_of_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let ranges = path_ranges(index, size);
    if ranges.len() != path.len() {
        return None;
    }
    Some(ranges.iter().zip(path).fold(leaf, |hash, ((_, end), sibling)| {
        if *end <= index { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) }
    }))
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// Lower-case hex.
pub(crate) fn hex(hash: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(hash.len() * 2);
    for byte in hash {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// A hash from 64 lower-case hex digits.
pub(crate) fn from_hex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leaves and roots that the implementations of RFC 6962 test themselves with.
    #[test]
    fn roots_equal_the_vectors_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut range = CompactRange::default();
        assert_eq!(
            hex(&range.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (leaf, root) in leaves.iter().zip(roots) {
            range.push(leaf_hash(leaf));
            assert_eq!(hex(&range.root()), root, "of {} leaves", range.size());
        }
    }

    #[test]
    fn every_leaf_of_every_small_tree_leads_to_its_root_and_to_no_other() {
        let leaves: Vec<Hash> = (0..70_u8).map(|n| leaf_hash(&[n])).collect();
        let root_of = |from: u64, end: u64| {
            let mut range = CompactRange::default();
            leaves[from as usize..end as usize].iter().for_each(|leaf| range.push(*leaf));
            range.root()
        };
        for size in 1..=70 {
            for index in 0..size {
                let path: Vec<Hash> = path_ranges(index, size)
                    .iter()
                    .map(|(from, end)| root_of(*from, *end))
                    .collect();
                let leaf = leaves[index as usize];
                assert_eq!(root_of_path(leaf, index, size, &path), Some(root_of(0, size)));
                let other = (index + 1) % size;
                if other != index {
                    assert_ne!(root_of_path(leaf, other, size, &path), Some(root_of(0, size)));
                }
                assert_eq!(root_of_path(leaf, size, size, &path), None);
            }
        }
    }

    #[test]
    fn hex_of_a_hash_comes_back() {
        let hash = leaf_hash(b"x");
        assert_eq!(from_hex(&hex(&hash)), Some(hash));
        assert_eq!(from_hex(&hex(&hash).to_uppercase()), None);
        assert_eq!(from_hex("00"), None);
    }
}
