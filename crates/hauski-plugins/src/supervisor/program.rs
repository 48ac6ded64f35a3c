//! Which file a plugin's command means, and whether it is the one that was allowed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use contracts::hauski::plugin::Plugin;
use sha2::{Digest, Sha256};

/// Where a program without a folder is looked for, and the `PATH` of plugins.
pub(super) const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The file of a program; opened where its content was checked.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) opened: Option<File>,
}

/// Finds the program of a plugin and checks its SHA-256 where the manifest gives one. The file that was read is
/// the one that is executed.
pub(super) fn find(plugin: &Plugin, folder: &Path) -> Result<Program, String> {
    let name = plugin.command.first().map_or("", String::as_str);
    let path = locate(name, folder).ok_or_else(|| {
        format!("there is no program {name:?} in {} or {SEARCH_PATH}", folder.display())
    })?;
    let Some(expected) = &plugin.sha256 else {
        return Ok(Program { path, opened: None });
    };
    let failed = |error: io::Error| format!("failed to read {}: {error}", path.display());
    let file = File::open(&path).map_err(failed)?;
    let found = sha256(&file).map_err(failed)?;
    if found != *expected {
        return Err(format!(
            "{} has the SHA-256 {found}, the manifest allows only {expected}",
            path.display()
        ));
    }
    Ok(Program { path, opened: Some(file) })
}

/// A relative program lies below the folder of the manifest; one without any folder may also be a program of
/// the system.
fn locate(name: &str, folder: &Path) -> Option<PathBuf> {
    let own = folder.join(name);
    if name.contains('/') || own.is_file() {
        return Some(own);
    }
    SEARCH_PATH.split(':').map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

fn sha256(mut file: &File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hash.update(chunk.get(..read).unwrap_or_default()),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
