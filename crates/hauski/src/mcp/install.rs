//! `hauski mcp install`: writes this server into the settings of a client, and leaves everything else as it is.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Clients whose settings are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Client {
    /// Claude Code: `.mcp.json`
    Claude,
    /// VS Code: `.vscode/mcp.json`
    Vscode,
    /// Cursor: `.cursor/mcp.json`
    Cursor,
}

impl Client {
    /// Its file below the folder, and the key below which servers stand.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Claude => (".mcp.json", "mcpServers"),
            Self::Vscode => (".vscode/mcp.json", "servers"),
            Self::Cursor => (".cursor/mcp.json", "mcpServers"),
        }
    }
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// The file.
    pub(crate) file: PathBuf,
    /// False where it already said so.
    pub(crate) changed: bool,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// The file cannot be read or written.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It is not the JSON that the client reads.
    #[error("{file}: {why}; nothing was changed")]
    NotOurs {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        why: String,
    },
}

/// Writes the server `hauski` into the client's settings below `folder`.
///
/// # Errors
/// When the file holds something else than a JSON object, or cannot be written; it is then as it was.
pub(crate) fn install(
    client: Client,
    folder: &Path,
    program: &Path,
) -> Result<Installed, InstallError> {
    let (name, key) = client.place();
    let file = folder.join(name);
    let io = |source| InstallError::Io { file: file.clone(), source };
    let not_ours = |why: String| InstallError::NotOurs { file: file.clone(), why };
    let before = match fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(io(error)),
    };
    let mut settings = match before.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        None => Map::new(),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(settings)) => settings,
            Ok(_) => return Err(not_ours("it is not a JSON object".into())),
            Err(error) => return Err(not_ours(format!("it is not JSON ({error})"))),
        },
    };
    let servers = settings.entry(key).or_insert_with(|| json!({}));
    let Value::Object(servers) = servers else {
        return Err(not_ours(format!("`{key}` is not an object")));
    };
    let server = json!({ "type": "stdio", "command": program.to_string_lossy(), "args": ["mcp"] });
    if servers.get("hauski") == Some(&server) {
        return Ok(Installed { file, changed: false });
    }
    servers.insert("hauski".into(), server);
    let mut text = serde_json::to_string_pretty(&settings).map_err(|e| not_ours(e.to_string()))?;
    text.push('\n');
    let parent = file.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(io)?;
    let mut new = tempfile::NamedTempFile::new_in(parent).map_err(io)?;
    new.write_all(text.as_bytes()).map_err(io)?;
    keep_mode(&file, new.as_file()).map_err(io)?;
    new.persist(&file).map_err(|error| io(error.error))?;
    Ok(Installed { file, changed: true })
}

/// The new file gets the rights of the old one, or those of a file that may be committed.
fn keep_mode(old: &Path, new: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(old).map_or(0o644, |about| about.permissions().mode() & 0o777);
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_servers_and_settings_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".mcp.json");
        fs::write(&file, r#"{"mcpServers":{"other":{"command":"x"}},"keep":1}"#).unwrap();
        let program = Path::new("/opt/hauski");
        let first = install(Client::Claude, folder.path(), program).unwrap();
        let again = install(Client::Claude, folder.path(), program).unwrap();
        assert_eq!((first.changed, again.changed), (true, false));
        let now: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let server = json!({"type": "stdio", "command": "/opt/hauski", "args": ["mcp"]});
        assert_eq!(
            now,
            json!({"mcpServers": {"other": {"command": "x"}, "hauski": server}, "keep": 1})
        );
    }

    #[test]
    fn what_is_not_json_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".vscode/mcp.json");
        fs::create_dir(folder.path().join(".vscode")).unwrap();
        fs::write(&file, "{ // comments are allowed here\n}").unwrap();
        assert!(install(Client::Vscode, folder.path(), Path::new("/opt/hauski")).is_err());
        assert_eq!(fs::read_to_string(file).unwrap(), "{ // comments are allowed here\n}");
    }
}
