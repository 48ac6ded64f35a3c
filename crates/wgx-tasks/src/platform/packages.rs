//! System package managers: the command that a person would type. Nothing here runs one.

use std::collections::BTreeSet;

use super::System;

/// Where dpkg keeps the state of packages.
const DPKG_STATUS: &str = "/var/lib/dpkg/status";

/// A system's package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the name of a well-known tool")]
pub enum PackageManager {
    Apt,
    /// `pkg` of Termux.
    Pkg,
    Brew,
    Dnf,
    Pacman,
    Apk,
    Zypper,
    Nix,
}

impl PackageManager {
    /// The one that comes with a system.
    pub fn of(system: System) -> Option<Self> {
        Some(match system {
            System::Debian | System::Ubuntu | System::PopOs => Self::Apt,
            System::Termux => Self::Pkg,
            System::MacOs => Self::Brew,
            System::Fedora => Self::Dnf,
            System::Arch => Self::Pacman,
            System::Alpine => Self::Apk,
            System::OpenSuse => Self::Zypper,
            System::NixOs => Self::Nix,
            System::OtherLinux | System::Other => return None,
        })
    }

    /// Whether it changes the whole system, so that everybody but root needs sudo.
    pub fn needs_root(self) -> bool {
        !matches!(self, Self::Pkg | Self::Brew | Self::Nix)
    }

    /// The words that install packages, without sudo.
    pub fn install(self, packages: &[String]) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Apt => &["apt-get", "install", "--yes", "--"],
            Self::Pkg => &["pkg", "install", "-y"],
            Self::Brew => &["brew", "install"],
            Self::Dnf => &["dnf", "install", "-y"],
            Self::Pacman => &["pacman", "-S", "--needed", "--noconfirm"],
            Self::Apk => &["apk", "add"],
            Self::Zypper => &["zypper", "install", "-y"],
            Self::Nix => &["nix-env", "-iA"],
        };
        let fixed = words.iter().map(|word| (*word).to_owned());
        fixed.chain(packages.iter().map(|package| self.package(package))).collect()
    }

    /// Names of the installed packages, read from the manager's own file; `None` where that is not
    /// known how to do or the file cannot be read.
    pub fn installed(self) -> Option<BTreeSet<String>> {
        match self {
            Self::Apt => Some(installed_debs(&std::fs::read_to_string(DPKG_STATUS).ok()?)),
            _ => None,
        }
    }

    fn package(self, package: &str) -> String {
        match self {
            Self::Nix => format!("nixpkgs.{package}"),
            _ => package.to_owned(),
        }
    }
}

/// Whether `name` is one that a Debian package can have (Debian Policy 5.6.1). Anything else could be an
/// option or a pattern of apt-get.
pub fn is_deb_name(name: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = name.bytes();
    name.len() > 1
        && bytes.next().is_some_and(is_start)
        && bytes.all(|byte| is_start(byte) || b"+.-".contains(&byte))
}

/// The packages of a dpkg status file that are fully installed, with what they stand in for.
fn installed_debs(status: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for paragraph in status.split("\n\n") {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if field("Status") != Some("install ok installed") {
            continue;
        }
        names.extend(field("Package").map(str::to_owned));
        let provided = field("Provides").unwrap_or_default().split(',');
        let plain = provided.filter_map(|entry| entry.split_whitespace().next());
        names.extend(plain.map(str::to_owned));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let status = "Package: git\nStatus: install ok installed\nProvides: git-core, vcs (= 1)\n\n\
                      Package: zsh\nStatus: deinstall ok config-files\n\nbroken\n";
        let names: Vec<String> = installed_debs(status).into_iter().collect();
        assert_eq!(names, ["git", "git-core", "vcs"]);
    }
}
