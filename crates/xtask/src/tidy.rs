//! `cargo xtask tidy`: layers, file headers, verbs that equal files, dependencies that stay light.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use walkdir::WalkDir;
use wgx_tasks::document;

use crate::{cargo, workspace};

/// Crates that would bring C++, cmake, bindgen or a second C library into the default build.
const HEAVY: &[&str] =
    &["bindgen", "cmake", "cxx", "onig", "onig_sys", "openssl-sys", "link-cplusplus"];
/// Most packages that may stand behind the `wgx` binary on this machine's platform.
const MAX_WGX_PACKAGES: usize = 220;

pub(crate) fn run(_arguments: &[String]) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    faults.extend(layers()?);
    faults.extend(headers()?);
    faults.extend(verbs()?);
    faults.extend(workflows()?);
    faults.extend(set_up()?);
    faults.extend(light_build()?);
    faults.extend(same_features()?);
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{} breach(es):\n{}", faults.len(), faults.join("\n"));
}

/// Crates may use only crates of lower layers, as the root manifest states them.
fn layers() -> anyhow::Result<Vec<String>> {
    let manifest = read_toml(&workspace().join("Cargo.toml"))?;
    let layers = manifest["workspace"]["metadata"]["layers"].as_array().context("no layers")?;
    let mut height = BTreeMap::new();
    for (level, names) in layers.iter().enumerate() {
        for name in names.as_array().context("a layer is a list")? {
            height.insert(name.as_str().unwrap_or_default().to_owned(), level);
        }
    }
    let mut faults = Vec::new();
    for folder in crate_folders()? {
        let manifest = read_toml(&folder.join("Cargo.toml"))?;
        let name = manifest["package"]["name"].as_str().unwrap_or_default().to_owned();
        let Some(own) = height.get(&name) else {
            faults.push(format!("crate {name} is in no layer of the root manifest"));
            continue;
        };
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        for used in dependencies.into_iter().flat_map(toml::Table::keys) {
            if height.get(used).is_some_and(|level| level >= own) {
                faults.push(format!("crate {name} uses {used}, which is not in a lower layer"));
            }
        }
    }
    Ok(faults)
}

/// Every source file opens with `//!`.
fn headers() -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in rust_files() {
        let text = fs::read_to_string(&path)?;
        if !text.starts_with("//!") {
            faults.push(format!("{} does not open with //!", path.display()));
        }
    }
    Ok(faults)
}

/// The subcommands of `wgx` are exactly the files of its `verbs/` folder.
fn verbs() -> anyhow::Result<Vec<String>> {
    let folder = workspace().join("crates/wgx/src/verbs");
    let mut files: Vec<String> = fs::read_dir(&folder)?
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .filter(|name| name != "mod")
        .collect();
    files.sort_unstable();
    let cli = fs::read_to_string(workspace().join("crates/wgx/src/cli.rs"))?;
    let mut named: Vec<String> = cli
        .lines()
        .filter_map(|line| line.trim().split_once("(verbs::")?.1.strip_suffix("::Args),"))
        .map(str::to_owned)
        .collect();
    named.sort_unstable();
    if files == named {
        return Ok(Vec::new());
    }
    Ok(vec![format!("verbs of cli.rs {named:?} differ from the files of verbs/ {files:?}")])
}

/// Workflows are YAML, say what they may do, and pin every action to a full version.
fn workflows() -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for entry in fs::read_dir(workspace().join(".github/workflows"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        match document::parse_yaml(&text) {
            Err(error) => faults.push(format!("{name}: {error}")),
            Ok(node) if node.get("permissions").is_none() => {
                faults.push(format!("{name} does not say its permissions"));
            }
            Ok(_) => {}
        }
        let uses = text
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
        let loose = uses.filter(|action| !is_pinned(action));
        faults.extend(loose.map(|action| format!("{name}: {action} is not pinned")));
    }
    Ok(faults)
}

/// `OWNER/NAME@vX.Y.Z`, a commit, or a file of this repository.
fn is_pinned(action: &str) -> bool {
    let Some((_, version)) = action.split_once('@') else { return action.starts_with("./") };
    let commit = version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit());
    let full = version.trim_start_matches('v').split('.').filter(|part| !part.is_empty()).count();
    commit || full == 3
}

/// The two set-up commands stand in the README, and CI runs the second one.
fn set_up() -> anyhow::Result<Vec<String>> {
    let readme = fs::read_to_string(workspace().join("README.md"))?;
    let ci = fs::read_to_string(workspace().join(".ci/run"))?;
    let mut faults = Vec::new();
    for command in ["cargo wgx run studio", "cargo wgx run test"] {
        if !readme.contains(command) {
            faults.push(format!("README.md lacks `{command}`"));
        }
    }
    if !ci.contains("cargo wgx run test") {
        faults.push(".ci/run does not call the README's test command".to_owned());
    }
    Ok(faults)
}

/// The default build needs Rust and a C compiler and nothing else; `wgx` stays small.
fn light_build() -> anyhow::Result<Vec<String>> {
    let all = packages(&["--workspace", "--edges", "normal,build"])?;
    let heavy = all.iter().filter(|(name, _)| HEAVY.contains(&name.as_str()));
    let mut faults: Vec<String> =
        heavy.map(|(name, _)| format!("the default build contains {name}")).collect();
    let behind = packages(&["--package", "wgx", "--edges", "normal,build"])?.len();
    if behind > MAX_WGX_PACKAGES {
        faults.push(format!("{behind} packages stand behind wgx; the limit is {MAX_WGX_PACKAGES}"));
    }
    Ok(faults)
}

/// `wgx` alone and the whole workspace resolve the same features, else everything is built twice.
fn same_features() -> anyhow::Result<Vec<String>> {
    let whole = packages(&["--workspace"])?;
    let alone = packages(&["--package", "wgx", "--edges", "normal,build"])?;
    let differs = |(name, variants): (&String, &BTreeSet<String>)| {
        let others = whole.get(name)?;
        (!variants.is_subset(others)).then(|| {
            format!(
                "{name} has other features in the workspace: {others:?} instead of {variants:?}"
            )
        })
    };
    Ok(alone.iter().filter_map(differs).collect())
}

/// `name version` → each set of features it is built with (once for this machine's programs, once
/// for the macros), as cargo resolves them.
fn packages(selection: &[&str]) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut arguments = vec!["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"];
    arguments.extend(selection);
    let output = cargo(&arguments).output()?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let Some((package, features)) = line.trim_end_matches(" (*)").split_once('|') else {
            continue;
        };
        let name = package.split(" (").next().unwrap_or(package);
        packages.entry(name.to_owned()).or_default().insert(features.to_owned());
    }
    Ok(packages)
}

fn rust_files() -> Vec<PathBuf> {
    let walk = WalkDir::new(workspace().join("crates")).sort_by_file_name();
    let files = walk.into_iter().flatten().map(walkdir::DirEntry::into_path);
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn crate_folders() -> anyhow::Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(workspace().join("crates"))?.flatten().map(|entry| entry.path()).collect();
    folders.sort_unstable();
    Ok(folders)
}

fn read_toml(path: &Path) -> anyhow::Result<toml::Table> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.parse()?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_is_tidy() {
        super::run(&[]).unwrap();
    }
}
