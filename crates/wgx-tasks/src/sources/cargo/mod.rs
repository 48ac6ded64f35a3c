//! cargo: aliases, binaries of all workspace members, `xtask`, and nextest where it is configured.
//!
//! Built-in commands and examples are not listed.

mod alias;
mod bins;
mod members;

use super::Scan;
use super::scan::{Place, argv};
use crate::task::Program;
use members::{Package, Workspace};

const NEXTEST_CONFIG: &str = ".config/nextest.toml";

pub(super) fn discover(scan: &mut Scan<'_>) {
    if scan.has(".cargo") {
        alias::discover(scan);
    }
    if scan.has("Cargo.toml") {
        let workspace = members::load(scan);
        for package in &workspace.packages {
            list_bins(scan, &workspace, package);
        }
        if scan.has(".config") && scan.has(NEXTEST_CONFIG) {
            list_nextest(scan);
        }
        if workspace.package_in(&scan.path("xtask")).is_none() {
            list_own_xtask(scan);
        }
    } else {
        list_own_xtask(scan);
    }
}

fn list_bins(scan: &mut Scan<'_>, workspace: &Workspace, package: &Package) {
    for bin in bins::of(scan, workspace, package) {
        let mut words = vec!["cargo".to_owned(), "run".to_owned()];
        if package.dir != scan.dir {
            words.extend(["--package".to_owned(), package.name.clone()]);
        }
        push_bin(scan, package, &bin, words);
    }
}

fn push_bin(scan: &mut Scan<'_>, package: &Package, bin: &bins::Bin, mut words: Vec<String>) {
    words.extend(["--bin".to_owned(), bin.name.clone()]);
    if !bin.required_features.is_empty() {
        words.extend(["--features".to_owned(), bin.required_features.join(",")]);
    }
    let program = Program::Argv { argv: words, separator: Some("--") };
    let member = Some(package.dir.as_str()).filter(|dir| !dir.is_empty());
    let mut found = scan.declare_in(member, &bin.name, Place::new(&bin.file, bin.line), program);
    found.invocation.dir = scan.dir.to_owned();
    if bin.name == package.name || bin.only {
        found.task.description.clone_from(&package.description);
    }
    scan.push(found);
}

/// An `xtask` package that is no member of the workspace is started through its own manifest.
fn list_own_xtask(scan: &mut Scan<'_>) {
    if !scan.has("xtask") || !scan.files.is_file(&scan.path("xtask/Cargo.toml")) {
        return;
    }
    let dir = scan.path("xtask");
    let Some(package) = members::load_package(scan, &dir) else {
        return;
    };
    let alone = Workspace::default();
    for bin in bins::of(scan, &alone, &package) {
        let words = ["cargo", "run", "--manifest-path", "xtask/Cargo.toml"];
        push_bin(scan, &package, &bin, words.map(str::to_owned).to_vec());
    }
}

fn list_nextest(scan: &mut Scan<'_>) {
    let file = scan.path(NEXTEST_CONFIG);
    let Some(config) = scan.toml(&file) else {
        return;
    };
    let profiles = config.entry("profile");
    let names: Vec<&str> = profiles
        .map(|entry| entry.value.entries())
        .unwrap_or_default()
        .iter()
        .map(|profile| profile.key.as_str())
        .filter(|name| *name != "default")
        .collect();
    let line = profiles.map_or(1, |entry| entry.line);
    let program = argv(&["cargo", "nextest", "run"]);
    let mut found = scan.declare("nextest", Place::new(&file, line), program);
    found.task.description = Some(if names.is_empty() {
        "run the tests with cargo-nextest".into()
    } else {
        format!("run the tests with cargo-nextest (profiles: {})", names.join(", "))
    });
    scan.push(found);
}
