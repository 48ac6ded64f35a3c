//! `cargo xtask schemas`: `schemas/*.json` from the contracts, `schemas/openapi.json` from the daemon and `man/*.1` from
//! the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::{cargo, workspace};

pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let check = arguments.iter().any(|argument| argument == "--check");
    let mut wanted = schemas()?;
    wanted.insert("openapi.json".to_owned(), openapi(check)?);
    settle(&workspace().join("schemas"), &wanted, check)?;
    settle(&workspace().join("man"), &manual_pages()?, check)
}

/// File name → text of every published schema.
fn schemas() -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for published in contracts::schemas() {
        let mut schema = (published.generate)();
        schema.insert("$id".into(), published.id.into());
        let text = serde_json::to_string_pretty(&schema)?;
        let name = published.id.replace('/', ".");
        files.insert(format!("{name}.schema.json"), format!("{text}\n"));
    }
    Ok(files)
}

/// The daemon's OpenAPI document. Whether the committed one is that of the code, a test of the daemon says, so that
/// a check here need not build it.
fn openapi(check: bool) -> anyhow::Result<String> {
    let committed = workspace().join("schemas/openapi.json");
    if check {
        return fs::read_to_string(&committed).with_context(|| committed.display().to_string());
    }
    let words = ["run", "--quiet", "--package", "hauski", "--", "openapi"];
    let output = cargo(&words).stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("`hauski openapi` failed: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn manual_pages() -> anyhow::Result<BTreeMap<String, String>> {
    let folder = workspace().join("target/man");
    // Pages of verbs that are gone must not survive.
    let _ = fs::remove_dir_all(&folder);
    let out = folder.to_string_lossy().into_owned();
    for program in ["wgx", "repolens"] {
        let words = ["run", "--quiet", "--package", program, "--", "man", "--out", &out];
        let built = cargo(&words).status()?;
        if !built.success() {
            bail!("`{program} man` failed: {built}");
        }
    }
    texts(&folder)
}

fn texts(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, fs::read_to_string(&path)?);
    }
    Ok(files)
}

/// Makes a folder hold exactly these files, or says what differs.
fn settle(folder: &Path, wanted: &BTreeMap<String, String>, check: bool) -> anyhow::Result<()> {
    let present = texts(folder)?;
    if present == *wanted {
        return Ok(());
    }
    if check {
        let names = wanted.keys().chain(present.keys());
        let stale: Vec<&String> =
            names.filter(|name| wanted.get(*name) != present.get(*name)).collect();
        bail!("{} is stale ({stale:?}); run `cargo xtask schemas`", folder.display());
    }
    fs::create_dir_all(folder)?;
    for name in present.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    for (name, text) in wanted {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn schemas_and_manual_pages_are_those_of_the_code() {
        super::run(&["--check".to_owned()]).unwrap();
    }
}
