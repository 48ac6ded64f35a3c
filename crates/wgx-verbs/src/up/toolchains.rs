//! Which versions of which tools the toolchain files in the root ask for. Every file is only read.

use wgx_tasks::document::{self, Node};
use wgx_tasks::files::RepoFiles;

use super::needs::ToolNeed;

/// Looks at every known toolchain file.
pub(super) fn find(files: &RepoFiles) -> Vec<ToolNeed> {
    let mut needs = Vec::new();
    for (file, read) in READERS {
        // A file that cannot be read as text is the business of doctor and guard.
        if let Ok(Some(text)) = files.read(file) {
            let add =
                |(name, requirement): Asked| needs.push(ToolNeed::new(&name, requirement, file));
            read(&text).into_iter().for_each(add);
        }
    }
    needs
}

/// A tool and the requirement for its version, `None` for any.
type Asked = (String, Option<String>);

/// Reads one file's text.
type Reader = fn(&str) -> Vec<Asked>;

const READERS: &[(&str, Reader)] = &[
    ("rust-toolchain.toml", rust_toolchain_toml),
    ("rust-toolchain", rust_toolchain),
    ("Cargo.toml", cargo_manifest),
    (".nvmrc", |text| plain("node", text)),
    (".node-version", |text| plain("node", text)),
    (".python-version", |text| plain("python3", text)),
    (".ruby-version", |text| plain("ruby", text)),
    (".java-version", |text| plain("java", text)),
    (".go-version", |text| plain("go", text)),
    (".terraform-version", |text| plain("terraform", text)),
    (".tool-versions", tool_versions),
    ("mise.toml", mise),
    (".mise.toml", mise),
    ("devbox.json", |_| vec![("devbox".to_owned(), None)]),
    ("go.mod", go_mod),
    ("global.json", global_json),
    ("package.json", package_json),
    ("pyproject.toml", pyproject),
    ("composer.json", composer),
    ("deno.json", |_| vec![("deno".to_owned(), None)]),
    ("deno.jsonc", |_| vec![("deno".to_owned(), None)]),
];

/// The name of a tool's program, where version managers call it otherwise.
fn program(name: &str) -> &str {
    match name {
        "nodejs" => "node",
        "golang" => "go",
        "python" => "python3",
        "rust" => "rustc",
        "java" | "openjdk" | "temurin" => "java",
        "maven" => "mvn",
        "dotnet-core" | "dotnet-sdk" => "dotnet",
        // Back ends of mise: `npm:prettier`, `cargo:just`.
        name => name.rsplit([':', '/']).next().unwrap_or(name),
    }
}

/// A pinned version as a requirement: a full one exactly, a shorter one with anything below it;
/// words (`lts/*`, `stable`, `latest`, `system`) ask for any.
fn pinned(version: &str) -> Option<String> {
    let number = version.trim().trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-');
    let number = number.trim();
    if !number.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let parts: Vec<&str> = number.split('.').collect();
    let numeric = |part: &&str| part.chars().all(|c| c.is_ascii_digit());
    match parts.as_slice() {
        [major] if numeric(major) => Some(format!("^{major}")),
        [major, minor] if numeric(major) && numeric(minor) => Some(format!("~{major}.{minor}")),
        _ => Some(format!("={number}")),
    }
}

/// The first line that says something; `lts/iron` has no number to compare.
fn plain(tool: &str, text: &str) -> Vec<Asked> {
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let Some(line) = lines.find(|line| !line.is_empty()) else {
        return Vec::new();
    };
    let version = if line.contains('/') { None } else { pinned(line) };
    vec![(tool.to_owned(), version)]
}

fn rust(channel: Option<&str>) -> Vec<Asked> {
    vec![("rustc".to_owned(), channel.and_then(pinned)), ("cargo".to_owned(), None)]
}

fn rust_toolchain_toml(text: &str) -> Vec<Asked> {
    let node = document::parse_toml(text).ok();
    rust(node.as_ref().and_then(|node| node.path(&["toolchain", "channel"])?.as_str()))
}

/// Either one line with the channel, or the same TOML.
fn rust_toolchain(text: &str) -> Vec<Asked> {
    if text.contains('[') { rust_toolchain_toml(text) } else { rust(text.lines().next()) }
}

fn cargo_manifest(text: &str) -> Vec<Asked> {
    let Ok(node) = document::parse_toml(text) else {
        return Vec::new();
    };
    let places =
        [["package", "rust-version"].as_slice(), &["workspace", "package", "rust-version"]];
    let minimum = places.iter().find_map(|place| node.path(place)?.as_str());
    let requirement = minimum.map(|version| format!(">={version}"));
    vec![("rustc".to_owned(), requirement), ("cargo".to_owned(), None)]
}

/// `NAME VERSION [FALLBACK…]` a line.
fn tool_versions(text: &str) -> Vec<Asked> {
    let asked = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (name, version) = (words.next()?, words.next()?);
        Some((program(name).to_owned(), pinned(version)))
    };
    text.lines().filter_map(asked).collect()
}

/// `[tools]`: text, a list of versions (the first counts), or a table with `version`.
fn mise(text: &str) -> Vec<Asked> {
    let mut asked = vec![("mise".to_owned(), None)];
    let node = document::parse_toml(text).ok();
    let Some(tools) = node.as_ref().and_then(|node| node.get("tools")) else {
        return asked;
    };
    for entry in tools.entries() {
        let version = entry.value.get("version").unwrap_or(&entry.value);
        let version = version.items().first().unwrap_or(version).scalar();
        asked.push((program(&entry.key).to_owned(), version.and_then(pinned)));
    }
    asked
}

/// `go 1.22` is the lowest version.
fn go_mod(text: &str) -> Vec<Asked> {
    let mut lines = text.lines().map(str::trim);
    let version = lines.find_map(|line| line.strip_prefix("go ")).map(str::trim);
    vec![("go".to_owned(), version.map(|version| format!(">={version}")))]
}

/// By its default the SDK may be newer within the same feature band; any newer one is accepted
/// here.
fn global_json(text: &str) -> Vec<Asked> {
    let node = document::parse_jsonc(text).ok();
    let version = node.as_ref().and_then(|node| node.path(&["sdk", "version"])?.as_str());
    vec![("dotnet".to_owned(), version.map(|version| format!(">={version}")))]
}

fn package_json(text: &str) -> Vec<Asked> {
    let Ok(node) = document::parse_json(text) else {
        return Vec::new();
    };
    let engines = node.get("engines").map_or(&[][..], Node::entries);
    let known = |name: &str| matches!(name, "node" | "npm" | "pnpm" | "yarn" | "bun" | "deno");
    let mut asked: Vec<Asked> = Vec::new();
    for entry in engines.iter().filter(|entry| known(&entry.key)) {
        asked.push((entry.key.clone(), entry.value.as_str().map(str::to_owned)));
    }
    if !asked.iter().any(|(name, _)| name == "node" || name == "bun" || name == "deno") {
        asked.push(("node".to_owned(), None));
    }
    asked
}

fn pyproject(text: &str) -> Vec<Asked> {
    let node = document::parse_toml(text).ok();
    let stated =
        node.as_ref().and_then(|node| node.path(&["project", "requires-python"])?.as_str());
    vec![("python3".to_owned(), stated.map(str::to_owned))]
}

fn composer(text: &str) -> Vec<Asked> {
    let node = document::parse_json(text).ok();
    let stated = node.as_ref().and_then(|node| node.path(&["require", "php"])?.as_str());
    // Composer joins alternatives with one bar.
    vec![("php".to_owned(), stated.map(|text| text.replace("||", "|").replace('|', "||")))]
}
