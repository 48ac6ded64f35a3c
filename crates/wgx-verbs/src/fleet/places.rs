//! Which work trees are remembered: preferences of the person's store, a key for each device and path.

use std::fs;
use std::path::{Path, PathBuf};

use memory::Access;
use wgx_tasks::git::Repository;

use super::FleetError;
use crate::context::Context;
use crate::notebook::{Notebook, NotebookError};

/// A remembered work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The name of its folder.
    pub(super) name: String,
    /// Its absolute path.
    pub(super) root: String,
}

/// The person's store; `None` where there is none yet.
pub(super) fn existing(context: &Context) -> Result<Option<Notebook>, FleetError> {
    match Notebook::open(&context.user_home, Access::Read, context) {
        Err(NotebookError::Store(error)) if error.is_missing() => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

/// What is remembered on this device, by name and path. The memory travels; folders do not.
pub(super) fn remembered(notebook: &mut Notebook) -> Result<Vec<Place>, FleetError> {
    let prefix = key(notebook, "");
    let all = notebook.with(async |store| store.preferences(None).await)?;
    let mut places: Vec<Place> = all
        .into_iter()
        .filter_map(|(key, name)| {
            let root = key.strip_prefix(&prefix)?.to_owned();
            Some(Place { name, root })
        })
        .collect();
    places.sort_by_cached_key(|place| (place.name.to_lowercase(), place.root.clone()));
    Ok(places)
}

pub(super) fn remember(notebook: &mut Notebook, root: &str) -> Result<(), FleetError> {
    let name = Path::new(root).file_name().map_or(root.into(), |name| name.to_string_lossy());
    set(notebook, root, Some(&name))
}

pub(super) fn forget(notebook: &mut Notebook, root: &str) -> Result<(), FleetError> {
    set(notebook, root, None)
}

fn set(notebook: &mut Notebook, root: &str, name: Option<&str>) -> Result<(), FleetError> {
    let key = key(notebook, root);
    Ok(notebook.with(async |store| store.set_preference(None, &key, name).await)?)
}

fn key(notebook: &Notebook, root: &str) -> String {
    format!("fleet:{}:{root}", notebook.store().device_id())
}

/// The work tree around a folder, as it is remembered.
pub(super) fn work_tree(folder: &Path) -> Result<String, FleetError> {
    let fault = |source| FleetError::NotAFolder { path: folder.to_owned(), source };
    let folder = fs::canonicalize(folder).map_err(fault)?;
    if !folder.is_dir() {
        return Err(fault(std::io::ErrorKind::NotADirectory.into()));
    }
    if is_bare(&folder) {
        return Err(FleetError::Bare(folder));
    }
    let Some(repository) = Repository::find(&folder) else {
        return Err(FleetError::NoWorkTree(folder));
    };
    text(repository.work_tree)
}

/// The path as text, which keys and reports are made of.
pub(super) fn text(path: PathBuf) -> Result<String, FleetError> {
    path.into_os_string().into_string().map_err(|path| FleetError::NotText(path.into()))
}

/// Whether a folder looks like what is otherwise in `.git`, the `.git` of a work tree included.
pub(super) fn is_bare(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && ["objects", "refs"].iter().all(|it| folder.join(it).is_dir())
}

/// The places that a word means: those of this name, and the one around or at this path, which may be gone.
pub(super) fn meant(places: Vec<Place>, word: &str, cwd: &Path) -> Vec<Place> {
    let path = resolved(&cwd.join(word));
    let around = Repository::find(&path).map(|repository| repository.work_tree);
    let is_there = |place: &Place| {
        let root = Path::new(&place.root);
        root == path || around.as_deref() == Some(root) || place.root == word
    };
    places.into_iter().filter(|place| place.name == word || is_there(place)).collect()
}

/// A path with the links resolved of as much as is there.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(found) = fs::canonicalize(path) {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => resolved(parent).join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Vec<Place> {
        let place = |name: &str, root: &str| Place { name: name.into(), root: root.into() };
        vec![place("app", "/gone/a/app"), place("app", "/gone/b/app"), place("tool", "/gone/tool")]
    }

    fn roots(word: &str) -> Vec<String> {
        let meant = meant(places(), word, Path::new("/gone"));
        meant.into_iter().map(|place| place.root).collect()
    }

    #[test]
    fn a_place_is_meant_by_its_name_and_by_its_path_even_where_it_is_gone() {
        assert_eq!(roots("tool"), ["/gone/tool"]);
        assert_eq!(roots("/gone/a/app"), ["/gone/a/app"]);
        assert_eq!(roots("b/app"), ["/gone/b/app"]);
        assert_eq!(roots("app"), ["/gone/a/app", "/gone/b/app"]);
        assert_eq!(roots("other"), [] as [&str; 0]);
        assert_eq!(roots("/gone"), [] as [&str; 0], "a folder above is no repository");
    }

    #[test]
    fn links_are_resolved_as_far_as_there_is_something() {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(real.join("real")).unwrap();
        std::os::unix::fs::symlink("real", real.join("link")).unwrap();
        assert_eq!(resolved(&real.join("link/gone/x")), real.join("real/gone/x"));
    }
}
