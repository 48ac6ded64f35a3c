//! The files of a repository: which there are, what kind they are, and their content, read once.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use contracts::wgx::SkippedFiles;
use ignore::WalkBuilder;
use wgx_tasks::files::parent;

use super::GuardRequest;
use super::attributes::Attributes;
use super::editorconfig::EditorConfigs;

/// How many names of skipped files a report carries for each reason.
const SKIPPED_NAMES: usize = 10;

/// Why a file without a readable content is skipped.
const UNREADABLE: &str = "cannot be read";
/// Why a file is skipped whose name no report can hold.
pub(super) const UNNAMEABLE: &str = "the name is not UTF-8";

/// Why the checks could not start.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The root is not a folder that can be read.
    #[error("cannot read the repository at {}: {source}; check that the folder \
         exists", .path.display())]
    Root {
        /// The root as given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// `only` or `skip` name an unknown rule.
    #[error("there is no rule `{name}` here; the rules: {}", known.join(", "))]
    UnknownRule {
        /// The name as given.
        name: String,
        /// The rules there are, sorted.
        known: Vec<String>,
    },
    /// Checks ended by a fault of their own: what they would have found is not known.
    #[error("the checks of {files} files broke off: {message}")]
    BrokeOff {
        /// The files they had to look at; some of them were looked at.
        files: usize,
        /// What the fault says.
        message: String,
    },
}

/// A file of the repository.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// Bytes.
    pub(super) size: u64,
    /// The permission bits, where the system has them.
    pub(super) mode: Option<u32>,
    /// Empty for everything but text.
    pub(super) content: Vec<u8>,
    /// Whether the caller asks about this file.
    pub(super) wanted: bool,
}

/// What a file is to the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Its content is looked at.
    Text,
    /// UTF-16 text: only the search for secrets reads it.
    Wide,
    Link,
    Binary,
    Huge,
    Generated,
    Vendored,
    Unreadable,
    /// A link on the way leads out of the root.
    Outside,
    /// In the list, but not on disk, or neither file nor link.
    Absent,
}

impl SourceFile {
    /// The content, when it is UTF-8, without a byte order mark.
    pub(super) fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.content).ok()?;
        Some(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// The name without its folder.
    pub(super) fn name(&self) -> &str {
        wgx_tasks::files::file_name(&self.path)
    }

    /// The part of the name behind the last dot, in lower case.
    pub(super) fn extension(&self) -> String {
        let name = self.name();
        name.rsplit_once('.').map_or(String::new(), |(_, end)| end.to_ascii_lowercase())
    }

    pub(super) fn is_markdown(&self) -> bool {
        matches!(self.extension().as_str(), "md" | "markdown" | "mdx" | "mdown")
    }

    pub(super) fn is_executable(&self) -> bool {
        self.mode.is_some_and(|mode| mode & 0o111 != 0)
    }
}

/// All files of a repository.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    files: Vec<SourceFile>,
    index: HashMap<String, usize>,
    /// Files by the last part of their path.
    by_name: HashMap<String, Vec<usize>>,
    attributes: Attributes,
    editor: EditorConfigs,
    max_file_bytes: u64,
    /// What the walk saw and no check can look at: reason and name, as far as it can be shown.
    unseen: Vec<(&'static str, String)>,
}

impl Tree {
    /// Reads the files of the list, or of a walk where there is none.
    pub(super) fn read(
        request: &GuardRequest,
        list: Option<&[String]>,
    ) -> Result<Self, GuardError> {
        let error = |source| GuardError::Root { path: request.root.clone(), source };
        let root = fs::canonicalize(&request.root).map_err(error)?;
        fs::read_dir(&root).map_err(error)?;
        let (mut paths, unseen) = match list {
            Some(list) => (list.to_vec(), Vec::new()),
            None => walk(&root),
        };
        paths.sort_unstable();
        paths.dedup();
        let attributes = Attributes::read(&root, &paths);
        let editor = EditorConfigs::read(&root, &paths);
        let mut reader =
            Reader { root: &root, request, attributes: &attributes, parents: HashMap::new() };
        let files: Vec<SourceFile> = paths.into_iter().map(|path| reader.file(path)).collect();
        let index = files.iter().enumerate().map(|(at, file)| (file.path.clone(), at)).collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, file) in files.iter().enumerate() {
            by_name.entry(file.name().to_owned()).or_default().push(at);
        }
        let max_file_bytes = request.max_file_bytes;
        Ok(Self { root, files, index, by_name, attributes, editor, max_file_bytes, unseen })
    }

    /// The resolved root.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    pub(super) fn editor(&self) -> &EditorConfigs {
        &self.editor
    }

    /// Every file of the list.
    pub(super) fn all(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The files whose content is checked.
    pub(super) fn content(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.wanted && matches!(file.kind, Kind::Text | Kind::Wide))
    }

    /// Generated files below the size limit, read now.
    pub(super) fn generated(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        let generated =
            self.files.iter().filter(|file| file.wanted && file.kind == Kind::Generated);
        let small = generated.filter(|file| file.size <= self.max_file_bytes);
        small.filter_map(|file| {
            Some((file.path.as_str(), fs::read(self.root.join(&file.path)).ok()?))
        })
    }

    /// The files of that name, in any folder.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &SourceFile> {
        self.by_name.get(name).into_iter().flatten().map(|at| &self.files[*at])
    }

    pub(super) fn get(&self, path: &str) -> Option<&SourceFile> {
        self.index.get(path).map(|at| &self.files[*at])
    }

    /// The text of a file of the list, read now where the checks did not need it.
    pub(super) fn text_of(&self, path: &str) -> Option<String> {
        let file = self.get(path)?;
        match file.kind {
            Kind::Text if file.wanted => file.text().map(str::to_owned),
            Kind::Text | Kind::Huge | Kind::Generated | Kind::Vendored => {
                let text = fs::read_to_string(self.root.join(path)).ok()?;
                Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
            }
            _ => None,
        }
    }

    /// Whether the caller asks about this path.
    pub(super) fn is_wanted(&self, path: &str) -> bool {
        self.get(path).is_some_and(|file| file.wanted)
    }

    /// Whether a path exists, as a file of the list, a folder of one, or on disk.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.index.contains_key(path) || self.root.join(path).exists()
    }

    /// The files that were not looked at, by reason.
    pub(super) fn skipped(&self) -> Vec<SkippedFiles> {
        let mut groups: BTreeMap<&'static str, SkippedFiles> = BTreeMap::new();
        let wanted = self.files.iter().filter(|file| file.wanted);
        let skipped = wanted.filter_map(|file| Some((skip_reason(file.kind)?, &file.path)));
        let unseen = self.unseen.iter().map(|(reason, name)| (*reason, name));
        for (reason, name) in skipped.chain(unseen) {
            let empty = || SkippedFiles { reason: reason.to_owned(), count: 0, files: Vec::new() };
            let group = groups.entry(reason).or_insert_with(empty);
            group.count += 1;
            if group.files.len() < SKIPPED_NAMES {
                group.files.push(name.clone());
            }
        }
        groups.into_values().collect()
    }
}

fn skip_reason(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Wide => None,
        Kind::Link => Some("symbolic link: only its target is looked at"),
        Kind::Binary => Some("binary"),
        Kind::Huge => Some("larger than the size limit"),
        Kind::Generated => Some("generated (linguist-generated): searched for secrets only"),
        Kind::Vendored => Some("vendored"),
        Kind::Unreadable => Some(UNREADABLE),
        Kind::Outside => Some("reached through a link that leads out of the repository"),
        Kind::Absent => Some("not on disk, or neither file nor link"),
    }
}

/// The files below a folder, by its ignore files, hidden ones included, `.git` left out; and what cannot be
/// named in a report or read, each with the reason.
fn walk(root: &Path) -> (Vec<String>, Vec<(&'static str, String)>) {
    let mut builder = WalkBuilder::new(root);
    builder.hidden(false).require_git(false).follow_links(false).parents(false).git_global(false);
    builder.filter_entry(|entry| entry.file_name() != ".git");
    let (mut named, mut unseen) = (Vec::new(), Vec::new());
    for entry in builder.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                unseen.push((UNREADABLE, error.to_string()));
                continue;
            }
        };
        if entry.file_type().is_none_or(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        match path.to_str() {
            Some(path) => named.push(path.replace(std::path::MAIN_SEPARATOR, "/")),
            None => unseen.push((UNNAMEABLE, path.to_string_lossy().into_owned())),
        }
    }
    (named, unseen)
}

struct Reader<'a> {
    root: &'a Path,
    request: &'a GuardRequest,
    attributes: &'a Attributes,
    /// Whether a folder lies inside the root, links resolved.
    parents: HashMap<String, bool>,
}

impl Reader<'_> {
    fn file(&mut self, path: String) -> SourceFile {
        let changed = self.request.changed.as_ref();
        let wanted = changed.is_none_or(|changed| changed.contains(&path));
        let full = self.root.join(&path);
        let metadata = fs::symlink_metadata(&full).ok();
        let mut kind = self.kind(&path, metadata.as_ref());
        let mut content = Vec::new();
        if kind == Kind::Text && wanted {
            (kind, content) = read(&full);
        }
        let size = metadata.as_ref().map_or(0, Metadata::len);
        let mode = metadata.as_ref().and_then(mode);
        SourceFile { path, kind, size, mode, content, wanted }
    }

    fn kind(&mut self, path: &str, metadata: Option<&Metadata>) -> Kind {
        let Some(metadata) = metadata else { return Kind::Absent };
        if !self.is_inside(parent(path)) {
            return Kind::Outside;
        }
        if metadata.file_type().is_symlink() {
            return Kind::Link;
        }
        if !metadata.is_file() {
            return Kind::Absent;
        }
        if self.attributes.is_generated(path) {
            return Kind::Generated;
        }
        if self.attributes.is_vendored(path) {
            return Kind::Vendored;
        }
        if metadata.len() > self.request.max_file_bytes {
            return Kind::Huge;
        }
        Kind::Text
    }

    fn is_inside(&mut self, dir: &str) -> bool {
        if let Some(known) = self.parents.get(dir) {
            return *known;
        }
        let resolved = fs::canonicalize(self.root.join(dir));
        let inside = resolved.is_ok_and(|path| path.starts_with(self.root));
        self.parents.insert(dir.to_owned(), inside);
        inside
    }
}

fn read(path: &Path) -> (Kind, Vec<u8>) {
    let Ok(content) = fs::read(path) else { return (Kind::Unreadable, Vec::new()) };
    if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
        return (Kind::Wide, content);
    }
    // As git does: a NUL near the beginning makes a file binary.
    if content[..content.len().min(8000)].contains(&0) {
        return (Kind::Binary, Vec::new());
    }
    (Kind::Text, content)
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(metadata.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_metadata: &Metadata) -> Option<u32> {
    None
}
