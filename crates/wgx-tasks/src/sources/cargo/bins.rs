//! Binaries of one package: `[[bin]]` and those that cargo finds by their place.

use std::collections::HashSet;

use crate::document::Node;
use crate::files;
use crate::sources::Scan;

use super::members::{Package, Workspace};

/// A binary target.
pub(super) struct Bin {
    pub(super) name: String,
    /// Where it is declared: the manifest for `[[bin]]`, else its source file.
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) required_features: Vec<String>,
    /// Whether the package has no other binary.
    pub(super) only: bool,
    path: Option<String>,
}

/// All binaries, declared ones first.
pub(super) fn of(scan: &Scan<'_>, workspace: &Workspace, package: &Package) -> Vec<Bin> {
    let mut bins = declared(package);
    let names: HashSet<String> = bins.iter().map(|bin| bin.name.clone()).collect();
    let paths: HashSet<String> = bins.iter().filter_map(|bin| bin.path.clone()).collect();
    if discovers(workspace, package, !bins.is_empty()) {
        let found = inferred(scan, package).into_iter();
        bins.extend(found.filter(|bin| !names.contains(&bin.name) && !paths.contains(&bin.file)));
    }
    let only = bins.len() == 1;
    for bin in &mut bins {
        bin.only = only;
    }
    bins
}

/// Whether cargo looks for binaries by place: in edition 2015 only where none is declared.
fn discovers(workspace: &Workspace, package: &Package, has_declared: bool) -> bool {
    let autobins = package.section().and_then(|section| section.get("autobins"));
    if let Some(autobins) = autobins.and_then(Node::as_bool) {
        return autobins;
    }
    !has_declared || package.edition(workspace) != Some("2015")
}

fn declared(package: &Package) -> Vec<Bin> {
    let bins = package.manifest.get("bin").map(Node::items).unwrap_or_default();
    let bin = |table: &Node| {
        let name = table.get("name")?;
        let path = table.get("path").and_then(Node::as_str);
        let features = table.get("required-features").map(Node::strings);
        Some(Bin {
            name: name.as_str()?.to_owned(),
            file: package.file.clone(),
            line: table.entry("name")?.line,
            required_features: features
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            only: false,
            path: path.and_then(|path| files::join(&package.dir, path)),
        })
    };
    bins.iter().filter_map(bin).collect()
}

fn inferred(scan: &Scan<'_>, package: &Package) -> Vec<Bin> {
    let mut bins = Vec::new();
    let at = |path: &str| files::join(&package.dir, path).unwrap_or_default();
    let main = at("src/main.rs");
    if scan.files.is_file(&main) {
        bins.push(by_place(&package.name, main));
    }
    for entry in scan.files.list(&at("src/bin")) {
        if entry.starts_with('.') {
            continue;
        }
        let path = at(&format!("src/bin/{entry}"));
        let main = format!("{path}/main.rs");
        match entry.strip_suffix(".rs") {
            Some(name) if scan.files.is_file(&path) => bins.push(by_place(name, path)),
            _ if scan.files.is_file(&main) => bins.push(by_place(&entry, main)),
            _ => {}
        }
    }
    bins
}

fn by_place(name: &str, file: String) -> Bin {
    Bin {
        name: name.to_owned(),
        file,
        line: 1,
        required_features: Vec::new(),
        only: false,
        path: None,
    }
}
