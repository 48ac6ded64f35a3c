//! What every plugin sees of the system: its programs and libraries, and few settings that programs need to run.

use std::fs;
use std::path::{Path, PathBuf};

use super::plan::{Access, Bind};

/// Where programs are looked for.
pub(super) const PROGRAM_FOLDERS: [&str; 5] =
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// Top folders of programs and libraries; on most systems all but `/usr` are links into it.
const SYSTEM: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/nix/store", "/gnu/store"];

/// Settings without which programs do not start or cannot check certificates; nothing that names people or holds keys.
const SETTINGS: [&str; 17] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/fonts",
    "/etc/python3",
    "/etc/os-release",
    "/etc/timezone",
    // The count of processors, which libraries divide their work by.
    "/sys/devices/system/cpu",
];

/// Devices that hold nothing of the machine.
pub(super) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Files that are written for the plugin rather than shown: the host's would name its people.
pub(super) const WRITTEN: [(&str, &str); 5] = [
    ("/etc/passwd", "plugin:x:1000:1000::/tmp:/usr/sbin/nologin\n"),
    ("/etc/group", "plugin:x:1000:\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("/etc/hostname", "plugin\n"),
];

/// Folders and files of the system as they are here, without links.
pub(super) fn system() -> Vec<Bind> {
    SYSTEM
        .iter()
        .chain(&SETTINGS)
        .map(Path::new)
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|about| !about.is_symlink()))
        // A setting may lie behind a linked folder; what it leads to is not what was meant.
        .filter(|path| path.canonicalize().is_ok_and(|real| real == *path))
        .map(|path| Bind::same(path, Access::Read))
        .collect()
}

/// Links of the system's top folder and its time zone, which the view has likewise.
pub(super) fn links() -> Vec<(PathBuf, PathBuf)> {
    let localtime = Path::new("/etc/localtime");
    let os_release = Path::new("/etc/os-release");
    SYSTEM
        .iter()
        .map(Path::new)
        .chain([localtime, os_release])
        .filter_map(|path| Some((path.to_owned(), fs::read_link(path).ok()?)))
        .filter(|(_, target)| target.to_str().is_some())
        .collect()
}

/// Whether a path begins with a folder that every plugin sees.
pub(super) fn is_of_system(path: &Path) -> bool {
    SYSTEM.iter().any(|folder| path.starts_with(folder))
}
