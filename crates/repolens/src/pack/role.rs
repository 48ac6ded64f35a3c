//! What a file is for, judged by its path alone.

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Program code.
    Code,
    /// Tests, examples, benchmarks.
    Test,
    /// Prose.
    Doc,
    /// Settings and build files.
    Config,
    /// Locks, fixtures, snapshots, translations, generated or vendored files.
    Data,
}

const CODE: &[&str] = &[
    "rs", "py", "pyi", "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "go", "java", "kt",
    "kts", "scala", "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "hxx", "m", "mm", "cs", "fs", "vb",
    "rb", "erb", "rake", "php", "phtml", "sh", "bash", "zsh", "fish", "ps1", "lua", "pl", "pm",
    "ex", "exs", "erl", "hs", "ml", "mli", "clj", "cljs", "swift", "dart", "r", "jl", "zig", "nim",
    "vue", "svelte", "sql", "proto", "graphql", "css", "scss", "less", "html", "twig", "tf", "nix",
    "groovy", "gradle", "v", "awk", "el", "vim", "haml", "slim", "jinja", "j2", "tmpl", "tpl",
    "blade",
];
const PROSE: &[&str] = &["md", "rst", "txt", "adoc", "mdx", "org", "tex", "textile"];
const CONFIG: &[&str] = &[
    "toml",
    "yaml",
    "yml",
    "json",
    "json5",
    "jsonc",
    "ini",
    "cfg",
    "conf",
    "xml",
    "properties",
    "mk",
];
const DATA_FOLDERS: &[&str] = &[
    "vendor",
    "vendored",
    "third_party",
    "thirdparty",
    "node_modules",
    "fixtures",
    "testdata",
    "snapshots",
    "__snapshots__",
    "locales",
    "locale",
    "i18n",
    "translations",
    "lang",
    "dist",
    "generated",
    "__fixtures__",
];
const TEST_FOLDERS: &[&str] = &[
    "test",
    "tests",
    "spec",
    "specs",
    "__tests__",
    "testing",
    "e2e",
    "examples",
    "example",
    "benches",
    "bench",
    "benchmarks",
    "features",
];

/// The extension in lower case; empty without one.
#[must_use]
pub fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default()
}

/// Whether a file is program code, test or not.
#[must_use]
pub fn is_code(path: &str) -> bool {
    CODE.contains(&extension(path).as_str())
}

/// The role of a path.
#[must_use]
pub fn role(path: &str) -> Role {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let mut folders = lower.split('/').rev().skip(1);
    let extension = extension(path);
    let generated =
        [".min.js", ".min.css", ".pb.go", "_pb2.py", ".generated.", ".lock", ".snap", ".map"];
    let locks = ["package-lock.json", "pnpm-lock.yaml", "go.sum", "npm-shrinkwrap.json"];
    if generated.iter().any(|end| name.contains(end)) || locks.contains(&name) {
        return Role::Data;
    }
    if folders.clone().any(|folder| DATA_FOLDERS.contains(&folder)) {
        return Role::Data;
    }
    let is_code = CODE.contains(&extension.as_str());
    let in_tests = folders.any(|folder| TEST_FOLDERS.contains(&folder));
    if is_code && (in_tests || is_test_name(name)) {
        return Role::Test;
    }
    if is_code {
        return Role::Code;
    }
    if PROSE.contains(&extension.as_str()) {
        return Role::Doc;
    }
    if CONFIG.contains(&extension.as_str()) || !name.contains('.') || name.starts_with('.') {
        return Role::Config;
    }
    Role::Data
}

fn is_test_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let marks = [".test.", ".spec.", "_test.", "_spec.", "test_", "tests."];
    marks.iter().any(|mark| match *mark {
        "test_" => stem.starts_with("test_"),
        mark => name.contains(mark),
    }) || stem == "test"
        || stem == "conftest"
}

/// The name without extension and test marks, by which a test finds what it tests: `test_app.py`,
/// `app.spec.ts` and `AppTest.php` all give `app`.
#[must_use]
pub fn companion_stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or(name);
    let stem = stem.strip_suffix("Test").or_else(|| stem.strip_suffix("Tests")).unwrap_or(stem);
    let stem = stem.to_lowercase();
    let stem = stem.strip_prefix("test_").unwrap_or(&stem);
    let ends = ["_test", "_tests", "_spec", "-test", "-spec"];
    let stem = ends.iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_follow_names_and_folders() {
        assert_eq!(role("src/lib.rs"), Role::Code);
        assert_eq!(role("tests/it/main.rs"), Role::Test);
        assert_eq!(role("pkg/server_test.go"), Role::Test);
        assert_eq!(role("web/app.spec.ts"), Role::Test);
        assert_eq!(role("latest.py"), Role::Code);
        assert_eq!(role("docs/a.md"), Role::Doc);
        assert_eq!(role("Makefile"), Role::Config);
        assert_eq!(role("Cargo.lock"), Role::Data);
        assert_eq!(role("vendor/x/y.go"), Role::Data);
    }

    #[test]
    fn tests_find_what_they_test() {
        for path in ["a/test_app.py", "app.spec.ts", "AppTest.php", "app_test.go", "src/app.rs"] {
            assert_eq!(companion_stem(path), "app", "{path}");
        }
    }
}
