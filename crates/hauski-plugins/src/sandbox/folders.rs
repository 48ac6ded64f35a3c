//! Which folders a plugin may be given: they exist, are what they are called, and hold nobody's home.

use std::path::{Component, Path, PathBuf};

use super::plan::{Paths, Refusal};

/// Folders that are never given as a whole.
pub(super) struct KeepOut {
    /// The daemon's home and the person's, without symbolic links.
    homes: Vec<PathBuf>,
    /// Parts of the daemon's home that may be given.
    shown: Vec<PathBuf>,
}

impl KeepOut {
    pub(super) fn new(paths: &Paths) -> Self {
        let known = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let home = known(&paths.home);
        let shown = vec![home.join("plugins"), home.join("models")];
        let mut homes = vec![home];
        homes.extend(paths.person.as_deref().map(known));
        homes.retain(|home| home.parent().is_some());
        Self { homes, shown }
    }

    /// Refuses `folder` when it is the top folder, holds a home, or lies in the daemon's.
    pub(super) fn check(&self, folder: &Path, field: &str) -> Result<(), Refusal> {
        let refuse = |reason: String| Err(Refusal::new(field, reason));
        if folder.parent().is_none() {
            return refuse("the top folder is not given to plugins".to_owned());
        }
        if let Some(home) = self.homes.iter().find(|home| home.starts_with(folder)) {
            return Err(Refusal::new(
                field,
                format!("{} holds the home folder {}", folder.display(), home.display()),
            )
            .hint("name the folders inside it that the plugin needs"));
        }
        let daemon = self.homes.first();
        let inside = daemon.is_some_and(|home| folder.starts_with(home));
        if inside && !self.shown.iter().any(|part| folder.starts_with(part)) {
            return refuse(format!("{} belongs to the daemon", folder.display()));
        }
        Ok(())
    }
}

/// `path` as it really is.
pub(super) fn real(path: &Path, field: &str) -> Result<PathBuf, Refusal> {
    let real = path
        .canonicalize()
        .map_err(|error| Refusal::new(field, format!("{}: {error}", path.display())))?;
    if real.to_str().is_none() {
        return Err(Refusal::new(field, format!("{} is not UTF-8", path.display())));
    }
    Ok(real)
}

/// A folder that `plugins.json` names: relative to the folder of that file, or absolute.
pub(super) fn declared(
    base: &Path,
    name: &str,
    field: &str,
    keep_out: &KeepOut,
) -> Result<PathBuf, Refusal> {
    let refuse = |reason: String| Refusal::new(field, reason);
    let mut path = if Path::new(name).is_absolute() { PathBuf::from("/") } else { base.to_owned() };
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(refuse(format!("{name:?} goes upwards")).hint("name it absolutely"));
            }
        }
    }
    let real = path.canonicalize().map_err(|error| {
        refuse(format!("{}: {error}", path.display()))
            .hint("make the folder; the sandbox does not make what is declared")
    })?;
    // A plugin that may write could put a link in the place of a folder and be given what it leads to the next time.
    if real != path {
        return Err(refuse(format!(
            "{} is or goes through a symbolic link; it is {}",
            path.display(),
            real.display()
        ))
        .hint("declare the folder by its own path"));
    }
    if real.to_str().is_none() {
        return Err(refuse(format!("{} is not UTF-8", path.display())));
    }
    keep_out.check(&real, field)?;
    Ok(real)
}
