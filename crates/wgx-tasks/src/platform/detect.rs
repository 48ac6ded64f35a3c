//! From a snapshot to a platform. Pure.

use super::{PackageManager, Platform, PlatformSnapshot, Surrounding, System};

/// Judges a snapshot.
pub fn detect(snapshot: &PlatformSnapshot) -> Platform {
    let release = snapshot.os_release.as_deref().unwrap_or_default();
    let system = system(snapshot, release);
    let version = version(snapshot, system, release);
    Platform {
        system,
        label: label(system, release, &version),
        version,
        surroundings: surroundings(snapshot, system),
        machine: snapshot.machine.clone(),
        is_root: snapshot.is_root,
        is_ci: snapshot.is_on("CI"),
        packages: PackageManager::of(system),
    }
}

fn system(snapshot: &PlatformSnapshot, release: &str) -> System {
    if is_termux(snapshot) {
        return System::Termux;
    }
    if snapshot.os == "macos" || snapshot.kernel_name == "Darwin" {
        return System::MacOs;
    }
    if snapshot.os != "linux" && snapshot.kernel_name != "Linux" {
        return System::Other;
    }
    let own = field(release, "ID");
    let like = field(release, "ID_LIKE");
    let mut ids = std::iter::once(own.as_str()).chain(like.split_whitespace());
    ids.find_map(distribution).unwrap_or(System::OtherLinux)
}

/// A derived distribution counts as the first one that it names in `ID_LIKE`.
fn distribution(id: &str) -> Option<System> {
    Some(match id {
        "debian" | "raspbian" => System::Debian,
        "ubuntu" => System::Ubuntu,
        "pop" => System::PopOs,
        "fedora" | "rhel" | "centos" => System::Fedora,
        "arch" | "archarm" => System::Arch,
        "alpine" => System::Alpine,
        "nixos" => System::NixOs,
        "suse" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" => System::OpenSuse,
        _ => return None,
    })
}

fn is_termux(snapshot: &PlatformSnapshot) -> bool {
    let android = ["ANDROID_ROOT", "ANDROID_DATA", "HOME"];
    snapshot.is_set("TERMUX_VERSION")
        || snapshot.variable("PREFIX").contains("com.termux")
        || android.iter().all(|name| snapshot.is_set(name))
}

fn version(snapshot: &PlatformSnapshot, system: System, release: &str) -> String {
    match system {
        System::Termux => snapshot.variable("TERMUX_VERSION").to_owned(),
        System::MacOs | System::Other => snapshot.kernel_release.clone(),
        _ => field(release, "VERSION_ID"),
    }
}

fn label(system: System, release: &str, version: &str) -> String {
    let fallback = match system {
        System::MacOs => format!("macOS (Darwin {version})"),
        System::Termux => format!("Termux {version}"),
        System::Other => "unknown system".to_owned(),
        _ => field(release, "PRETTY_NAME"),
    };
    let label = fallback.trim();
    if label.is_empty() { "Linux".to_owned() } else { label.to_owned() }
}

fn surroundings(snapshot: &PlatformSnapshot, system: System) -> Vec<Surrounding> {
    if matches!(system, System::MacOs | System::Termux | System::Other) {
        return Vec::new();
    }
    let container = container(snapshot);
    wsl(snapshot).into_iter().chain(container).collect()
}

/// A container on a Windows machine shares the kernel of the subsystem, so both are named.
fn wsl(snapshot: &PlatformSnapshot) -> Option<Surrounding> {
    let kernel = snapshot.proc_version.as_deref().unwrap_or(&snapshot.kernel_release);
    let kernel = kernel.to_lowercase();
    let named = snapshot.is_set("WSL_DISTRO_NAME") || snapshot.is_set("WSL_INTEROP");
    if !named && !kernel.contains("microsoft") {
        return None;
    }
    let second = kernel.contains("wsl2") || kernel.contains("microsoft-standard");
    Some(if second { Surrounding::Wsl2 } else { Surrounding::Wsl1 })
}

fn container(snapshot: &PlatformSnapshot) -> Option<Surrounding> {
    let has = |file: &str| snapshot.marker_files.contains(file);
    if snapshot.is_on("CODESPACES")
        || snapshot.is_set("CODESPACE_NAME")
        || has("/workspaces/.codespaces")
    {
        return Some(Surrounding::Codespaces);
    }
    let remote = ["REMOTE_CONTAINERS", "REMOTE_CONTAINERS_IPC", "DEVCONTAINER"];
    if remote.iter().any(|name| snapshot.is_on(name))
        || has("/usr/local/etc/vscode-dev-containers/meta.env")
    {
        return Some(Surrounding::Devcontainer);
    }
    let inside = has("/.dockerenv") || has("/run/.containerenv") || snapshot.is_set("container");
    inside.then_some(Surrounding::Container)
}

/// A field of an os-release file: `NAME=value` with optional quotes.
fn field(release: &str, name: &str) -> String {
    let value = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        (key == name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    release.lines().find_map(value).unwrap_or_default()
}
