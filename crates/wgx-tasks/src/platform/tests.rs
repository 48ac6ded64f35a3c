//! Recordings of machines, and what they are.

use super::*;

const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
                      VERSION_ID=\"12\"\nID=debian\n";
const UBUNTU: &str =
    "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nVERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n";
const POP: &str = "NAME=\"Pop!_OS\"\nVERSION=\"22.04 LTS\"\nID=pop\nID_LIKE=\"ubuntu debian\"\n\
                   PRETTY_NAME=\"Pop!_OS 22.04 LTS\"\nVERSION_ID=\"22.04\"\n";

fn linux(release: &str, kernel: &str, variables: &[(&str, &str)]) -> PlatformSnapshot {
    PlatformSnapshot {
        os: "linux".into(),
        variables: variables.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        os_release: Some(release.into()),
        proc_version: Some(format!("Linux version {kernel} (builder@host) #1 SMP")),
        marker_files: BTreeSet::new(),
        kernel_name: "Linux".into(),
        kernel_release: kernel.into(),
        machine: "x86_64".into(),
        is_root: false,
    }
}

fn with_file(mut snapshot: PlatformSnapshot, file: &str) -> PlatformSnapshot {
    snapshot.marker_files.insert(file.into());
    snapshot
}

fn told(snapshot: &PlatformSnapshot) -> String {
    let platform = detect(snapshot);
    let around: Vec<_> = platform.surroundings.iter().map(|around| around.as_str()).collect();
    let manager = platform.packages.map(|manager| format!("{manager:?}"));
    format!(
        "{} | {} | {} | {}",
        platform.system.as_str(),
        platform.label,
        around.join("+"),
        manager.unwrap_or_default()
    )
    .trim_end()
    .to_owned()
}

#[test]
fn distributions_by_their_own_word() {
    let machines = [
        linux(DEBIAN, "6.1.0-18-amd64", &[]),
        linux(UBUNTU, "6.8.0-45-generic", &[]),
        linux(POP, "6.9.3-76060903-generic", &[]),
        linux(
            "ID=fedora\nVERSION_ID=41\nPRETTY_NAME=\"Fedora Linux 41\"\n",
            "6.11.4-301.fc41",
            &[],
        ),
        linux("NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\n", "6.12.1-arch1-1", &[]),
        linux(
            "ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n",
            "6.6.58-0-lts",
            &[],
        ),
        linux("ID=nixos\nVERSION_ID=\"24.05\"\nPRETTY_NAME=\"NixOS 24.05\"\n", "6.6.60", &[]),
        linux(
            "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nPRETTY_NAME=\"openSUSE Leap 15.6\"\n",
            "6.4.0",
            &[],
        ),
        linux(
            "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nPRETTY_NAME=\"Linux Mint 22\"\n",
            "6.8.0",
            &[],
        ),
        linux("ID=void\nPRETTY_NAME=\"Void Linux\"\n", "6.6.1", &[]),
        linux("", "5.10.0", &[]),
    ];
    let all: Vec<String> = machines.iter().map(told).collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    debian | Debian GNU/Linux 12 (bookworm) |  | Apt
    ubuntu | Ubuntu 24.04.1 LTS |  | Apt
    pop-os | Pop!_OS 22.04 LTS |  | Apt
    fedora | Fedora Linux 41 |  | Dnf
    arch | Arch Linux |  | Pacman
    alpine | Alpine Linux v3.20 |  | Apk
    nixos | NixOS 24.05 |  | Nix
    opensuse | openSUSE Leap 15.6 |  | Zypper
    ubuntu | Linux Mint 22 |  | Apt
    linux | Void Linux |  |
    linux | Linux |  |
    ");
}

#[test]
fn subsystem_codespace_and_containers() {
    let wsl2 = "5.15.153.1-microsoft-standard-WSL2";
    let machines = [
        linux(UBUNTU, wsl2, &[("WSL_DISTRO_NAME", "Ubuntu")]),
        linux(DEBIAN, "4.4.0-19041-Microsoft", &[]),
        linux(UBUNTU, "6.5.0-1025-azure", &[("CODESPACES", "true"), ("CODESPACE_NAME", "n")]),
        with_file(linux(DEBIAN, "6.5.0", &[("REMOTE_CONTAINERS", "true")]), "/.dockerenv"),
        with_file(linux(DEBIAN, wsl2, &[("DEVCONTAINER", "1")]), "/.dockerenv"),
        with_file(linux(DEBIAN, "6.5.0", &[]), "/usr/local/etc/vscode-dev-containers/meta.env"),
        with_file(linux(DEBIAN, "6.5.0", &[("CODESPACES", "false")]), "/run/.containerenv"),
    ];
    let all: Vec<String> = machines.iter().map(told).collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    ubuntu | Ubuntu 24.04.1 LTS | wsl2 | Apt
    debian | Debian GNU/Linux 12 (bookworm) | wsl1 | Apt
    ubuntu | Ubuntu 24.04.1 LTS | codespaces | Apt
    debian | Debian GNU/Linux 12 (bookworm) | devcontainer | Apt
    debian | Debian GNU/Linux 12 (bookworm) | wsl2+devcontainer | Apt
    debian | Debian GNU/Linux 12 (bookworm) | devcontainer | Apt
    debian | Debian GNU/Linux 12 (bookworm) | container | Apt
    ");
}

#[test]
fn a_mac_and_a_phone() {
    let mac = PlatformSnapshot {
        os: "macos".into(),
        kernel_name: "Darwin".into(),
        kernel_release: "23.6.0".into(),
        machine: "arm64".into(),
        ..PlatformSnapshot::default()
    };
    let phone = PlatformSnapshot {
        os: "android".into(),
        variables: [
            ("TERMUX_VERSION", "0.118.1"),
            ("PREFIX", "/data/data/com.termux/files/usr"),
            ("ANDROID_ROOT", "/system"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into(),
        kernel_name: "Linux".into(),
        kernel_release: "5.10.198-android13".into(),
        machine: "aarch64".into(),
        ..PlatformSnapshot::default()
    };
    let older = PlatformSnapshot {
        variables: [("ANDROID_ROOT", "/s"), ("ANDROID_DATA", "/d"), ("HOME", "/h")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        ..phone.clone()
    };
    assert_eq!(told(&mac), "macos | macOS (Darwin 23.6.0) |  | Brew");
    assert_eq!(told(&phone), "termux | Termux 0.118.1 |  | Pkg");
    assert_eq!(told(&older), "termux | Termux |  | Pkg");
}

#[test]
fn a_recording_keeps_only_the_markers() {
    let environment = [("CI", "true"), ("SECRET_TOKEN", "x"), ("HOME", "/h")];
    let environment = environment.map(|(k, v)| (k.into(), v.into())).into();
    let snapshot = PlatformSnapshot::record(&environment);
    let names: Vec<_> = snapshot.variables.keys().collect();
    assert_eq!(names, ["CI", "HOME"]);
    assert_eq!(snapshot.os, std::env::consts::OS);
    assert!(detect(&snapshot).is_ci);
}

#[test]
fn only_managers_of_the_whole_system_need_root() {
    let packages = ["jq".to_owned()];
    assert_eq!(PackageManager::Apt.install(&packages), ["apt-get", "install", "--yes", "--", "jq"]);
    assert_eq!(PackageManager::Nix.install(&packages), ["nix-env", "-iA", "nixpkgs.jq"]);
    assert!(PackageManager::Apt.needs_root() && !PackageManager::Pkg.needs_root());
}
