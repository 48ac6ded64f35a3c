//! Lock files that fit and lock files that do not, for each ecosystem.

use super::super::tests::Fixture;

fn drift(files: &[(&str, &str)]) -> Vec<String> {
    let report = Fixture::new(files).check();
    let drift = report.findings.iter().filter(|finding| finding.rule == "lockfile-drift");
    let line = |line: Option<u32>| line.map_or(String::new(), |line| format!(":{line}"));
    drift
        .map(|finding| format!("{}{} {}", finding.file, line(finding.line), finding.message))
        .collect()
}

const CARGO_LOCK: &str = "\
[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\nversion = \
\"1.0.200\"\n\n\
[[package]]\nname = \"member\"\nversion = \"0.1.0\"\n";

#[test]
fn cargo() {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\n\n[workspace]\nmembers = \
         [\"m/*\"]\n\n\
                    [workspace.dependencies]\nserde = \"1.0.100\"\n\n[dependencies]\n\
                    serde.workspace = true\n";
    let member = "[package]\nname = \"member\"\n\n[target.'cfg(unix)'.dependencies]\n\
                  other = { package = \"serde\", version = \"1\" }\n";
    let fits = [("Cargo.lock", CARGO_LOCK), ("Cargo.toml", manifest), ("m/a/Cargo.toml", member)];
    assert_eq!(drift(&fits), Vec::<String>::new());
    let member =
        "[package]\nname = \"newcomer\"\n\n[dev-dependencies]\nserde = \"2\"\nrand = \"0.9\"\n";
    let drifted =
        [("Cargo.lock", CARGO_LOCK), ("Cargo.toml", manifest), ("m/a/Cargo.toml", member)];
    let expected = [
        "m/a/Cargo.toml:2 the package `newcomer` is not in Cargo.lock",
        "m/a/Cargo.toml:5 `serde` is wanted as `2`, but Cargo.lock has 1.0.200",
        "m/a/Cargo.toml:6 `rand` is not in Cargo.lock",
    ];
    assert_eq!(drift(&drifted), expected);
}

#[test]
fn npm() {
    let lock = "{\"lockfileVersion\": 3, \"packages\": {\"\": {\n\"dependencies\": {\n\"a\": \
         \"^1.0.0\",\n\
                \"old\": \"1\"\n},\n\"optionalDependencies\": {\"c\": \"1\"}\n}}}\n";
    let fits = "{\"dependencies\": {\"a\": \"^1.0.0\", \"old\": \"1\", \"c\": \"1\"},\n\
                \"optionalDependencies\": {\"c\": \"1\"}}\n";
    assert_eq!(drift(&[("package-lock.json", lock), ("package.json", fits)]), Vec::<String>::new());
    let differs = "{\"dependencies\": {\n\"a\": \"^2.0.0\",\n\"b\": \"1\", \"c\": \"1\"\n}}\n";
    let expected = [
        "package-lock.json:4 `old` is locked, but package.json does not name it",
        "package.json:2 `a` is wanted as `^2.0.0`, but package-lock.json has `^1.0.0`",
        "package.json:3 `b` is not in package-lock.json",
    ];
    assert_eq!(drift(&[("package-lock.json", lock), ("package.json", differs)]), expected);
}

#[test]
fn pnpm() {
    let lock = "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        \
         specifier: ^1.0.0\n        \
                version: 1.2.0\n  pkg/x:\n    devDependencies:\n      b:\n        specifier: 'catalog:'\n        \
                version: 2.0.0\n";
    let fits = [
        ("pnpm-lock.yaml", lock),
        ("package.json", "{\"dependencies\": {\"a\": \"^1.0.0\"}}\n"),
        ("pkg/x/package.json", "{\"devDependencies\": {\"b\": \"catalog:\"}}\n"),
    ];
    assert_eq!(drift(&fits), Vec::<String>::new());
    let differs = [
        ("pnpm-lock.yaml", lock),
        ("package.json", "{\"dependencies\": {\"a\": \"^1.1.0\"}}\n"),
        ("pkg/x/package.json", "{\"devDependencies\": {\"c\": \"1\"}}\n"),
    ];
    let expected = [
        "package.json:1 `a` is wanted as `^1.1.0`, but pnpm-lock.yaml has `^1.0.0`",
        "pkg/x/package.json:1 `c` is not in pnpm-lock.yaml",
    ];
    assert_eq!(drift(&differs), expected);
}

#[test]
fn yarn() {
    let classic = "# yarn lockfile v1\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":\n  version \"1.2.0\"\n\
         \nb@2:\n  version \"2.0.0\"\n";
    let berry = "__metadata:\n  version: 8\n\n\"@s/a@npm:^1.1.0\":\n  version: 1.2.0\n\n\
         \"b@npm:2\":\n  version: 2.0.0\n";
    let fits = "{\"dependencies\": {\"@s/a\": \"^1.1.0\", \"b\": \"2\", \"own\": \"1\", \"l\": \
         \"file:../l\"}}\n";
    let member = ("pkg/package.json", "{\"name\": \"own\"}\n");
    for lock in [classic, berry] {
        assert_eq!(
            drift(&[("yarn.lock", lock), ("package.json", fits), member]),
            Vec::<String>::new()
        );
        let differs = "{\"dependencies\": {\"@s/a\": \"^3\", \"c\": \"1\"}}\n";
        let expected = [
            "package.json:1 `@s/a` is wanted as `^3`, which yarn.lock does not answer",
            "package.json:1 `c` is not in yarn.lock",
        ];
        assert_eq!(drift(&[("yarn.lock", lock), ("package.json", differs)]), expected);
    }
}

#[test]
fn poetry() {
    let lock = |hash: &str| {
        format!(
            "[[package]]\nname = \"requests\"\nversion = \"2.0\"\n\n[metadata]\ncontent-hash = \
                 \"{hash}\"\n"
        )
    };
    let manifest = "[tool.poetry]\nname = \"x\"\n\n[tool.poetry.dependencies]\npython = \
         \"^3.9\"\nRequests = \"*\"\n";
    // SHA-256 of {"dependencies": {"Requests": "*", "python": "^3.9"}, "dev-dependencies": null,
    // "extras": null, "source": null}, computed with Python's json and hashlib.
    let right = "b7f4dd4a523a9ad723d4be5b27f80bc67e4eb5e2b0c4f662e48a10d3b1631452";
    let fits = [("poetry.lock", &*lock(right)), ("pyproject.toml", manifest)];
    assert_eq!(drift(&fits), Vec::<String>::new());
    let wrong = lock(&right.replace(&right[..1], "x"));
    let expected = ["poetry.lock:6 the content hash is not that of pyproject.toml"];
    assert_eq!(drift(&[("poetry.lock", &*wrong), ("pyproject.toml", manifest)]), expected);
    let more = format!("{manifest}rich = \"*\"\n");
    let expected = ["pyproject.toml:7 `rich` is not in poetry.lock"];
    assert_eq!(drift(&[("poetry.lock", &*lock(right)), ("pyproject.toml", &more)]), expected);
}

#[test]
fn uv() {
    let lock = "[[package]]\nname = \"app\"\n\n[[package]]\nname = \"typing-extensions\"\n\
         version = \"4\"\n";
    let manifest = "[project]\nname = \"app\"\ndependencies = [\n  \"Typing_Extensions>=4\",\n  \
         \"app[x]\",\n  \
                    \"win; sys_platform == 'win32'\",\n]\n";
    assert_eq!(drift(&[("uv.lock", lock), ("pyproject.toml", manifest)]), Vec::<String>::new());
    let more = format!("{manifest}\n[dependency-groups]\ndev = [\"pytest\"]\n");
    let expected = ["pyproject.toml:10 `pytest` is not in uv.lock"];
    assert_eq!(drift(&[("uv.lock", lock), ("pyproject.toml", &more)]), expected);
}

#[test]
fn composer() {
    // MD5 of {"name":"a\/b","require":{"php":">=8"}}, computed with Python's hashlib.
    let lock = |hash: &str| format!("{{\n\"content-hash\": \"{hash}\"\n}}\n");
    let manifest = "{\"name\": \"a/b\", \"description\": \"x\", \"require\": {\"php\": \">=8\"}}\n";
    let fits = [
        ("composer.lock", &*lock("3dca40ea753d26ff30539ad5999437ec")),
        ("composer.json", manifest),
    ];
    assert_eq!(drift(&fits), Vec::<String>::new());
    let expected = ["composer.lock:2 the content hash is not that of composer.json"];
    assert_eq!(drift(&[("composer.lock", &*lock("0")), ("composer.json", manifest)]), expected);
}

#[test]
fn go() {
    let sums =
        "a.test/x v1.0.0 h1:x=\na.test/x v1.0.0/go.mod h1:y=\na.test/z v2.0.0/go.mod h1:z=\n";
    let module = "module m\n\ngo 1.22\n\nrequire a.test/x v1.0.0\n\nrequire (\n\ta.test/w v1.0.0 \
         // indirect\n\
                  \ta.test/local v0.0.0\n)\n\nreplace a.test/w => a.test/z v2.0.0\nreplace \
                  a.test/local => ../l\n";
    assert_eq!(drift(&[("go.sum", sums), ("go.mod", module)]), Vec::<String>::new());
    let module = "module m\n\nrequire (\n\ta.test/x v1.1.0\n)\n";
    let expected = ["go.mod:4 `a.test/x v1.1.0` is not in go.sum"];
    assert_eq!(drift(&[("go.sum", sums), ("go.mod", module)]), expected);
    let workspace = [("go.sum", sums), ("go.mod", module), ("go.work", "go 1.22\n")];
    assert_eq!(drift(&workspace), Vec::<String>::new(), "the sums may lie in go.work.sum");
}

#[test]
fn bundler() {
    let lock = "GEM\n  specs:\n    rake (13.0)\n\nDEPENDENCIES\n  rake (~> 13)\n  own!\n\n\
         BUNDLED WITH\n   2.5\n";
    let gemfile = "source 'https://x.test'\ngem \"rake\", '~> 13'\ngem('own', path: '.')\n";
    assert_eq!(drift(&[("Gemfile.lock", lock), ("Gemfile", gemfile)]), Vec::<String>::new());
    let more = format!("{gemfile}gem 'rspec' # tests\n");
    let expected = ["Gemfile:4 `rspec` is not in Gemfile.lock"];
    assert_eq!(drift(&[("Gemfile.lock", lock), ("Gemfile", &more)]), expected);
    let computed = format!("{more}gem 'x' if true\n");
    assert_eq!(drift(&[("Gemfile.lock", lock), ("Gemfile", &computed)]), Vec::<String>::new());
}

#[test]
fn broken_and_foreign_files_are_silent() {
    for lock in [
        "Cargo.lock",
        "package-lock.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "poetry.lock",
        "uv.lock",
        "composer.lock",
        "go.sum",
        "Gemfile.lock",
    ] {
        assert_eq!(drift(&[(lock, "{{{ nonsense\n")]), Vec::<String>::new(), "{lock}");
    }
}
