//! `cargo xtask observability`: alert rules, the dashboard and `docs/metrics.md` from the daemon's registry of metrics.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, bail};

use crate::{cargo, workspace};

/// Writes what follows from the registry, or with `--check` only compares.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let check = args.iter().any(|arg| arg == "--check");
    let words = ["run", "--quiet", "--locked", "--package", "hauski", "--", "observability"];
    let output = cargo(&words).output().context("starting cargo")?;
    if !output.status.success() {
        bail!("hauski observability failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let files: BTreeMap<String, String> = serde_json::from_slice(&output.stdout)?;
    for (name, text) in files {
        let path = workspace().join(name);
        if fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
            continue;
        }
        if check {
            bail!("{} is stale; run `cargo xtask observability`", path.display());
        }
        fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
