//! Takes out of the environment what `cargo run` and rustup put there when wgx was started as
//! `cargo wgx`, so that tasks and fingerprints see the person's own environment.
//!
//! Read off cargo 1.95 and rustup 1.28 by comparing the environment inside and outside `cargo run`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// An environment: names and values as the system gives them.
pub type Variables = Vec<(OsString, OsString)>;

/// The environment without cargo's additions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CleanEnvironment {
    /// What tasks get, in the given order. Search paths are shortened to the person's own entries.
    pub kept: Variables,
    /// Names that were removed, in the given order.
    pub removed: Vec<OsString>,
}

/// Set by cargo for the program it runs; never needed by a task of another repository.
const CARGO_NAMES: &[&str] = &[
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
    "RUST_RECURSION_COUNT",
    "RUSTUP_TOOLCHAIN_SOURCE",
];
const CARGO_PREFIXES: &[&str] = &["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_EXE_"];
/// Search paths of the dynamic linker that cargo prepends to: Linux, then macOS.
const LIBRARY_PATHS: &[&str] =
    &["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// Removes what cargo and rustup add, when cargo started `package` (`CARGO_PKG_NAME` says so);
/// otherwise everything is kept: a person's own `cargo xtask` that calls wgx stays as it is.
///
/// `RUSTUP_TOOLCHAIN` is kept when rustup says that it came from the environment (rustup 1.28 and
/// later). An older rustup does not say, then it is removed: it would silently beat the toolchain
/// file of the repository. `CARGO_HOME` and `RUSTUP_HOME` go only where they say the default.
#[must_use]
pub fn clean_environment(variables: Variables, package: &str) -> CleanEnvironment {
    if !started_by_cargo(&variables, package) {
        return CleanEnvironment { kept: variables, removed: Vec::new() };
    }
    let keep_toolchain = value(&variables, "RUSTUP_TOOLCHAIN_SOURCE")
        .is_some_and(|source| source.as_bytes() == b"env");
    let home = value(&variables, "HOME").map(PathBuf::from);
    let mut clean = CleanEnvironment::default();
    for (name, value) in variables {
        let kept = match name.to_str() {
            Some("RUSTUP_TOOLCHAIN") => keep_toolchain.then_some(value),
            Some("CARGO_HOME") => (!is_default(&value, home.as_deref(), ".cargo")).then_some(value),
            Some("RUSTUP_HOME") => {
                (!is_default(&value, home.as_deref(), ".rustup")).then_some(value)
            }
            Some(name) if LIBRARY_PATHS.contains(&name) => own_library_path(&value),
            Some(name) if is_cargo_name(name) => None,
            _ => Some(value),
        };
        match kept {
            Some(value) => clean.kept.push((name, value)),
            None => clean.removed.push(name),
        }
    }
    clean
}

fn started_by_cargo(variables: &Variables, package: &str) -> bool {
    value(variables, "CARGO_MANIFEST_DIR").is_some()
        && value(variables, "CARGO_PKG_NAME").is_some_and(|name| name == package)
}

fn value<'v>(variables: &'v Variables, name: &str) -> Option<&'v OsStr> {
    variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
}

fn is_cargo_name(name: &str) -> bool {
    CARGO_NAMES.contains(&name) || CARGO_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_default(value: &OsStr, home: Option<&Path>, folder: &str) -> bool {
    home.is_some_and(|home| Path::new(value) == home.join(folder))
}

/// What is left of a search path without the entries cargo put in front; `None` when nothing is.
fn own_library_path(value: &OsStr) -> Option<OsString> {
    let entries: Vec<&[u8]> = value.as_bytes().split(|byte| *byte == b':').collect();
    let own = entries.iter().position(|entry| !is_cargo_entry(entry, &entries))?;
    let rest = entries[own..].join(&b':');
    (!rest.is_empty()).then(|| OsString::from_vec(rest))
}

/// cargo puts the build folder, its `deps` and native outputs below `build` in front, then the
/// libraries of the toolchain; rustup adds the toolchain's `lib`.
fn is_cargo_entry(entry: &[u8], all: &[&[u8]]) -> bool {
    let path = Path::new(OsStr::from_bytes(entry));
    let is_listed = |path: &Path| all.contains(&path.as_os_str().as_bytes());
    if path.ends_with("deps") {
        return path.parent().is_some_and(is_listed);
    }
    is_listed(&path.join("deps"))
        || path.ancestors().any(|up| {
            up.ends_with("build") && up.parent().is_some_and(|build| is_listed(&build.join("deps")))
        })
        || is_toolchain_library(path)
        || all.iter().any(|other| {
            let other = Path::new(OsStr::from_bytes(other));
            is_toolchain_library(other) && other.ancestors().nth(3) == Some(path)
        })
}

/// `SYSROOT/lib/rustlib/TRIPLE/lib`.
fn is_toolchain_library(path: &Path) -> bool {
    path.ends_with("lib") && path.ancestors().nth(2).is_some_and(|up| up.ends_with("lib/rustlib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSROOT: &str = "/home/ada/.rustup/toolchains/stable-x86_64-unknown-linux-gnu";

    fn variables(text: &str) -> Variables {
        text.lines()
            .filter_map(|line| line.trim().split_once('='))
            .map(|(name, value)| (name.into(), value.replace("SYSROOT", SYSROOT).into()))
            .collect()
    }

    /// As captured inside `cargo run` of cargo 1.95 under rustup 1.28 (authors and texts left out).
    const CAPTURED: &str = "CARGO=SYSROOT/bin/cargo
        CARGO_HOME=/home/ada/.cargo
        CARGO_MANIFEST_DIR=/src/wgx/crates/wgx
        CARGO_MANIFEST_PATH=/src/wgx/crates/wgx/Cargo.toml
        CARGO_PKG_AUTHORS=
        CARGO_PKG_NAME=wgx
        CARGO_PKG_VERSION=0.1.0
        CARGO_PKG_VERSION_MAJOR=0
        HOME=/home/ada
        OUT_DIR=/src/wgx/target/debug/build/wgx-ee69ccb76e862d29/out
        PATH=/home/ada/.cargo/bin:/usr/bin
        RUSTUP_HOME=/home/ada/.rustup
        RUSTUP_TOOLCHAIN=stable-x86_64-unknown-linux-gnu
        RUST_BACKTRACE=1
        RUST_RECURSION_COUNT=1
        CARGO_TARGET_DIR=/src/wgx/target";

    fn with(lines: &str) -> Variables {
        variables(&format!("{CAPTURED}\n{lines}"))
    }

    fn kept(clean: &CleanEnvironment, name: &str) -> Option<String> {
        value(&clean.kept, name).map(|value| value.to_string_lossy().into_owned())
    }

    #[test]
    fn a_run_of_this_program_by_cargo_loses_what_cargo_added() {
        let clean = clean_environment(with("RUSTUP_TOOLCHAIN_SOURCE=default"), "wgx");
        let names: Vec<_> = clean.kept.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["HOME", "PATH", "RUST_BACKTRACE", "CARGO_TARGET_DIR"]);
        assert!(clean.removed.contains(&"RUSTUP_TOOLCHAIN".into()));
        assert_eq!(clean.kept.len() + clean.removed.len(), 17);
    }

    #[test]
    fn another_program_of_cargo_and_a_plain_start_keep_everything() {
        for variables in [with(""), variables("RUSTUP_TOOLCHAIN=1.90\nPATH=/bin\nCARGO=x")] {
            let clean = clean_environment(variables.clone(), "other");
            assert_eq!(clean.kept, variables);
            assert!(clean.removed.is_empty());
        }
    }

    #[test]
    fn a_toolchain_the_person_set_survives_where_rustup_says_so() {
        let person = clean_environment(with("RUSTUP_TOOLCHAIN_SOURCE=env"), "wgx");
        assert_eq!(kept(&person, "RUSTUP_TOOLCHAIN").unwrap(), "stable-x86_64-unknown-linux-gnu");
        let unknown = clean_environment(with(""), "wgx");
        assert_eq!(kept(&unknown, "RUSTUP_TOOLCHAIN"), None);
    }

    #[test]
    fn a_home_of_its_own_survives() {
        let mut given = with("");
        given.iter_mut().find(|(name, _)| name == "CARGO_HOME").unwrap().1 = "/opt/cargo".into();
        let clean = clean_environment(given, "wgx");
        assert_eq!(kept(&clean, "CARGO_HOME").unwrap(), "/opt/cargo");
        assert_eq!(kept(&clean, "RUSTUP_HOME"), None);
    }

    #[test]
    fn library_paths_lose_only_the_entries_in_front() {
        let cargo = "/src/wgx/target/debug:/src/wgx/target/debug/deps:\
                     SYSROOT/lib/rustlib/x86_64-unknown-linux-gnu/lib:SYSROOT/lib";
        let native = "/src/wgx/target/debug/build/z-1/out/lib";
        let table = [
            (cargo.to_owned(), None),
            (format!("{cargo}:/opt/a:/opt/b"), Some("/opt/a:/opt/b")),
            (format!("{native}:{cargo}:/opt/a:"), Some("/opt/a:")),
            (format!("{cargo}:/opt/lib:/opt/x/deps"), Some("/opt/lib:/opt/x/deps")),
            ("/opt/only".to_owned(), Some("/opt/only")),
        ];
        for (given, expected) in table {
            let clean = clean_environment(with(&format!("LD_LIBRARY_PATH={given}")), "wgx");
            assert_eq!(kept(&clean, "LD_LIBRARY_PATH").as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn names_and_values_that_are_not_utf_8_pass_through() {
        let mut given = with("");
        let odd = (OsString::from_vec(vec![b'N', 0xff]), OsString::from_vec(vec![0xfe]));
        given.push(odd.clone());
        assert!(clean_environment(given, "wgx").kept.contains(&odd));
    }
}
