//! Anchors (specification 6.1, 6.4) and ids of files: unique in a merge, the same for the same tree.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use redact::escape::is_control;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::model::{File, Repo, Snapshot};

/// What a marker looks like before the 12 digits of an id.
pub const MARKER: &str = "file:id=\"FILE:f_";

/// The 12 hex digits of an id, as bytes.
pub type Id = [u8; 6];

/// Anchors and ids of every file of a merge.
#[derive(Debug)]
pub struct Names {
    salt: u32,
    repos: Vec<String>,
    /// Index of a repository's first file.
    first: Vec<usize>,
    ids: Vec<Id>,
    /// What is appended to the anchors of those that share theirs.
    suffixes: HashMap<usize, String>,
}

impl Names {
    /// Names for all files, with ids over `repo:path`, or `repo:path:salt N` for a salt above 0.
    pub fn new(snapshot: &Snapshot, salt: u32) -> Self {
        let mut first = Vec::with_capacity(snapshot.repos.len());
        let mut count = 0;
        for repo in &snapshot.repos {
            first.push(count);
            count += repo.files.len();
        }
        let mut names = Self {
            salt,
            repos: repo_anchors(snapshot),
            first,
            ids: Vec::with_capacity(count),
            suffixes: HashMap::new(),
        };
        names.give_ids(snapshot);
        names.settle_anchors(snapshot);
        names
    }

    /// The salt of the ids; 0 for none.
    pub fn salt(&self) -> u32 {
        self.salt
    }

    /// The number of a file among all files of the merge.
    pub fn index(&self, repo: usize, file: usize) -> usize {
        self.first[repo] + file
    }

    /// The id of a file, without `FILE:f_`.
    pub fn id(&self, index: usize) -> String {
        hex(&self.ids[index])
    }

    /// All ids.
    pub fn ids(&self) -> &[Id] {
        &self.ids
    }

    /// The anchor of a file.
    pub fn anchor(&self, repo: &Repo, file: &File, index: usize) -> String {
        let mut anchor = base(&repo.name, &file.path);
        if let Some(suffix) = self.suffixes.get(&index) {
            anchor.push_str(suffix);
        }
        anchor
    }

    /// Whether a file shares its anchor with others and so has a suffix.
    pub fn has_suffix(&self, index: usize) -> bool {
        self.suffixes.contains_key(&index)
    }

    /// The anchor of a repository, without its prefix.
    pub fn repo(&self, repo: usize) -> &str {
        &self.repos[repo]
    }

    fn give_ids(&mut self, snapshot: &Snapshot) {
        for repo in &snapshot.repos {
            for file in &repo.files {
                let name = format!("{}:{}", repo.name, file.path);
                self.ids.push(id(&nfc(&name), self.salt));
            }
        }
        // Names that differ only in their normal form, or (never yet seen) in nothing but the hash.
        let mut salt = String::new();
        loop {
            let mut seen: HashMap<Id, u32> = HashMap::with_capacity(self.ids.len());
            for id in &self.ids {
                *seen.entry(*id).or_default() += 1;
            }
            if seen.values().all(|count| *count == 1) {
                return;
            }
            let mut index = 0;
            for repo in &snapshot.repos {
                for file in &repo.files {
                    if seen[&self.ids[index]] > 1 {
                        let name = format!("{}:{}{salt}", repo.name, file.path);
                        self.ids[index] = id(&name, self.salt);
                    }
                    index += 1;
                }
            }
            salt.push('\0');
        }
    }

    fn settle_anchors(&mut self, snapshot: &Snapshot) {
        let mut groups: HashMap<u64, Vec<usize>> = HashMap::with_capacity(self.ids.len());
        let mut hasher = Bases::new(snapshot, &self.first);
        for index in 0..self.ids.len() {
            groups.entry(hasher.short_hash(index)).or_default().push(index);
        }
        let shared: Vec<usize> =
            groups.into_values().filter(|group| group.len() > 1).flatten().collect();
        let ids: HashSet<String> =
            self.ids.iter().map(|id| format!("file-f_{}", hex(id))).collect();
        let mut by_base: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for index in shared {
            by_base.entry(hasher.base(index)).or_default().push(index);
        }
        // An anchor that looks like the id of a file counts as shared too.
        for index in 0..self.ids.len() {
            let (repo, _) = hasher.at(index);
            if repo.name.starts_with("f_") && ids.contains(&hasher.base(index)) {
                let group = by_base.entry(hasher.base(index)).or_default();
                if !group.contains(&index) {
                    group.push(index);
                }
                group.push(usize::MAX);
            }
        }
        by_base.retain(|_, group| group.len() > 1);
        if by_base.is_empty() {
            return;
        }
        let sharing: HashSet<usize> = by_base.values().flatten().copied().collect();
        let mut taken: HashSet<String> = ids;
        taken.extend(
            (0..self.ids.len()).filter(|i| !sharing.contains(i)).map(|index| hasher.base(index)),
        );
        for (base, group) in &by_base {
            for &index in group.iter().filter(|index| **index != usize::MAX) {
                let (repo, file) = hasher.at(index);
                let name = format!("{}:{}", repo.name, file.path);
                let digests =
                    [nfc(&name).as_ref(), &name].map(|name| hex(&Sha256::digest(name.as_bytes())));
                let candidates = digests.iter().flat_map(|digest| {
                    [6, 12, 24, 64].map(|digits| format!("-{}", &digest[..digits]))
                });
                let suffix = candidates
                    .into_iter()
                    .find(|suffix| !taken.contains(&format!("{base}{suffix}")));
                let suffix = suffix.unwrap_or_else(|| format!("-{}", hex(&self.ids[index])));
                taken.insert(format!("{base}{suffix}"));
                self.suffixes.insert(index, suffix);
            }
        }
    }
}

/// The base anchors of all files, made when asked for: many files must not cost much memory.
struct Bases<'a> {
    snapshot: &'a Snapshot,
    first: &'a [usize],
}

impl<'a> Bases<'a> {
    fn new(snapshot: &'a Snapshot, first: &'a [usize]) -> Self {
        Self { snapshot, first }
    }

    fn at(&self, index: usize) -> (&'a Repo, &'a File) {
        // The last repository that begins at or before it; empty ones begin where the next does.
        let repo = self.first.partition_point(|first| *first <= index) - 1;
        let repo_ref = &self.snapshot.repos[repo];
        (repo_ref, &repo_ref.files[index - self.first[repo]])
    }

    fn base(&self, index: usize) -> String {
        let (repo, file) = self.at(index);
        base(&repo.name, &file.path)
    }

    fn short_hash(&mut self, index: usize) -> u64 {
        // FNV-1a: only groups candidates, which are then compared as a whole.
        let base = self.base(index);
        base.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

fn base(repo: &str, path: &str) -> String {
    let mut anchor = String::with_capacity(repo.len() + path.len() + 6);
    anchor.push_str("file-");
    slug(repo, &mut anchor);
    anchor.push('-');
    slug(path, &mut anchor);
    anchor
}

/// `/`, `.`, white space, and what would end a link, an attribute or a heading become `-`.
fn slug(name: &str, out: &mut String) {
    out.reserve(name.len());
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@#=,~%".contains(&byte);
    if name.bytes().all(usual) {
        out.extend(name.chars().map(|c| if matches!(c, '/' | '.') { '-' } else { c }));
        return;
    }
    for c in nfc(name).chars() {
        let gone = matches!(
            c,
            '/' | '.' | '"' | '<' | '>' | '`' | '|' | '\\' | '(' | ')' | '{' | '}' | '&'
        );
        out.push(if gone || c.is_whitespace() || is_control(c) { '-' } else { c });
    }
}

fn repo_anchors(snapshot: &Snapshot) -> Vec<String> {
    let slugs: Vec<String> = { snapshot.repos.iter() }
        .map(|repo| {
            let mut out = String::new();
            slug(&repo.name, &mut out);
            out
        })
        .collect();
    let with_suffix = |(index, slug): (usize, &String)| {
        if slugs.iter().filter(|other| *other == slug).count() < 2 {
            return slug.clone();
        }
        let digest = hex(&Sha256::digest(snapshot.repos[index].name.as_bytes()));
        format!("{slug}-{}", &digest[..6])
    };
    slugs.iter().enumerate().map(with_suffix).collect()
}

fn id(name: &str, salt: u32) -> Id {
    let mut hash = Sha1::new();
    hash.update(name.as_bytes());
    if salt > 0 {
        hash.update(format!(":salt {salt}").as_bytes());
    }
    let digest = hash.finalize();
    let mut id = Id::default();
    id.copy_from_slice(&digest[..6]);
    id
}

fn nfc(name: &str) -> Cow<'_, str> {
    match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => Cow::Borrowed(name),
        _ => Cow::Owned(name.nfc().collect()),
    }
}

/// Hex digits, lower case.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    out
}

/// The ids whose markers stand in a content.
pub fn markers_in(content: &[u8], found: &mut HashSet<Id>) {
    for at in memchr::memmem::find_iter(content, MARKER.as_bytes()) {
        let digits = content.get(at + MARKER.len()..at + MARKER.len() + 12);
        if let Some(id) = digits.and_then(parse_id) {
            found.insert(id);
        }
    }
}

fn parse_id(digits: &[u8]) -> Option<Id> {
    let text = str::from_utf8(digits).ok()?;
    let mut id = Id::default();
    for (index, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(id)
}
