//! Category and tags of a path. Only what a path says beyond doubt counts: whatever is unclear is
//! [`Category::Other`] and has no tags.

use crate::model::{Category, Tag};

/// Extensions of program code, lower case.
const SOURCE: &str = "ada adb ads applescript asm astro awk bash bat bzl c cc cjs cl clj cljc cljs cmd \
    coffee cpp cr cs css cts cu cuh cxx d dart el elm erl ex exs f f90 fish frag fs fsi \
    fsx gd gleam glsl go gql gradle groovy h hbs hcl hh hlsl hpp hrl hs htm html hx hxx \
    idr inl ipynb java jl js jsx kt kts less lhs lisp lua m metal mjs ml mli mm mts nim \
    nix nu pas php pl pm proto ps1 psm1 purs py pyi pyx r rb re rego res rkt rs s sass \
    scala scm scss sh sol sql svelte sv swift tcl tf thrift ts tsx v vala vb vert vhd \
    vhdl vim vue wat wgsl wit xsl xslt zig zsh";

/// Extensions of documents.
const DOC: &str = "1 5 7 8 adoc asciidoc markdown md mdown mdx org rdoc rst tex txt";

/// Names of documents without an extension that says so.
const DOC_NAMES: &str = "authors changelog changes code_of_conduct contributing contributors copying \
    copyright history install licence license maintainers news notice patents readme \
    security thanks todo unlicense";

/// Extensions of configuration.
const CONFIG: &str = "cfg cnf conf config editorconfig env ini json json5 jsonc lock lockfile plist \
    properties props service sum targets tfvars timer toml xml yaml yml";

/// Names of configuration, lower case, where the extension does not say so.
const CONFIG_NAMES: &str = "brewfile build.bazel caddyfile cartfile cmakelists.txt codeowners containerfile \
    dockerfile earthfile gemfile gnumakefile go.mod go.work jenkinsfile justfile kconfig \
    makefile manifest.in meson.build meson_options.txt module.bazel pipfile podfile \
    procfile rakefile requirements.txt tiltfile vagrantfile workspace.bazel";

/// Folders whose files are tests.
const TEST_FOLDERS: &str = "test tests __tests__ __mocks__ __snapshots__ testdata test-data test_data testsuite \
    e2e";

/// Lockfiles whose names do not end with `.lock`.
const LOCKFILES: &str = ".terraform.lock.hcl bun.lockb cabal.project.freeze cartfile.resolved conda-lock.yml \
    go.sum go.work.sum gradle.lockfile npm-shrinkwrap.json package-lock.json \
    package.resolved packages.lock.json pnpm-lock.yaml pnpm-lock.yml";

/// Files and folders by which pipelines are told, besides `.github/workflows`.
const CI_NAMES: &str = ".appveyor.yml .cirrus.yml .drone.yml .gitlab-ci.yml .travis.yml appveyor.yml \
    azure-pipelines.yml bitbucket-pipelines.yml jenkinsfile";

/// Notes that are written for agents, besides `*.ai-context.yml` and the README.
const AGENT_NOTES: &str =
    "agents.md claude.md copilot-instructions.md gemini.md llms.txt llms-full.txt";

/// Extensions of scripts that people start.
const SCRIPTS: &str = "bash bat cmd fish nu pl ps1 py rb sh zsh";

/// Whether one of the words is this one.
fn lists(words: &str, word: &str) -> bool {
    let words = words.as_bytes();
    let mut places = memchr::memmem::find_iter(words, word);
    !word.is_empty()
        && places.any(|at| {
            let ends = words.get(at + word.len()).is_none_or(|byte| *byte == b' ');
            ends && (at == 0 || words[at - 1] == b' ')
        })
}

/// A path in the pieces that the rules ask for, lower case.
struct Parts<'a> {
    folders: Vec<&'a str>,
    name: &'a str,
    /// The name without its last extension.
    stem: &'a str,
    /// The last extension without its dot; empty where there is none.
    extension: &'a str,
}

impl<'a> Parts<'a> {
    fn of(path: &'a str) -> Self {
        let mut folders: Vec<&str> = path.split('/').collect();
        let name = folders.pop().unwrap_or_default();
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, extension),
            _ => (name, ""),
        };
        Self { folders, name, stem, extension }
    }

    fn is_in(&self, folders: &str) -> bool {
        self.folders.iter().any(|folder| lists(folders, folder))
    }

    fn has_extension(&self, extensions: &str) -> bool {
        lists(extensions, self.extension)
    }

    fn is_yaml(&self) -> bool {
        matches!(self.extension, "yml" | "yaml")
    }
}

/// The category and the tags (in their own order) of a path relative to its repository.
pub fn classify(path: &str) -> (Category, Vec<Tag>) {
    let path = path.to_lowercase();
    let parts = Parts::of(&path);
    let tags = tags(&parts);
    (category(&parts, &tags), tags)
}

/// Names of files that programs keep logins and keys in, lower case.
const SECRET_NAMES: &str = ".dockercfg .git-credentials .htdigest .htpasswd .my.cnf .netrc .pgpass .pypirc \
    .s3cfg .vault-token .vault_pass _netrc htpasswd pgpass.conf id_dsa id_ecdsa id_ed25519 id_rsa \
    secring.gpg";

/// Extensions of stores of keys, lower case.
const SECRET_STORES: &str = "jks kdbx keystore p12 pfx";

/// Whether the path is that of a file made to hold secrets, such as `.env` or `.pgpass`; the examples
/// that are meant to be read do not count.
pub fn is_secret_file(path: &str) -> bool {
    let path = path.to_lowercase();
    let Parts { folders, name, .. } = Parts::of(&path);
    let public = ["example", "template", "tmpl", "sample", "dist", "defaults"];
    if name.split('.').skip(1).any(|part| public.contains(&part)) {
        return false;
    }
    let settings =
        name.strip_prefix(".env").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let aws = name == "credentials" && folders.last() == Some(&".aws");
    let docker = name == "config.json" && folders.last() == Some(&".docker");
    let store = name.rsplit_once('.').is_some_and(|(_, extension)| lists(SECRET_STORES, extension));
    settings || aws || docker || store || lists(SECRET_NAMES, name)
}

fn tags(parts: &Parts<'_>) -> Vec<Tag> {
    let name = parts.name;
    let is_markdown = matches!(parts.extension, "md" | "markdown");
    let ai_context = name == "readme.md"
        || name.ends_with(".ai-context.yml")
        || name.ends_with(".ai-context.yaml")
        || lists(AGENT_NOTES, name);
    let runbook = is_markdown && (name.starts_with("runbook") || parts.is_in("runbooks"));
    let lockfile = parts.extension == "lock" || lists(LOCKFILES, name);
    let script = parts.is_in("scripts bin") && parts.has_extension(SCRIPTS);
    let workflow = has_folders(parts, &[".github", "workflows"]) && parts.is_yaml();
    let circle = parts.folders.last() == Some(&".circleci") && parts.is_yaml();
    let ci = workflow || circle || lists(CI_NAMES, name);
    let adr = is_markdown && parts.is_in("adr adrs");
    let feed = parts.extension == "jsonl" && parts.is_in("export exports");
    let profile = parts.folders.last() == Some(&".wgx") && name.starts_with("profile");
    [
        (ai_context, Tag::AiContext),
        (runbook, Tag::Runbook),
        (lockfile, Tag::Lockfile),
        (script, Tag::Script),
        (ci, Tag::Ci),
        (adr, Tag::Adr),
        (feed, Tag::Feed),
        (profile, Tag::WgxProfile),
    ]
    .into_iter()
    .filter_map(|(has, tag)| has.then_some(tag))
    .collect()
}

/// Whether the folders begin with these; nested copies of a workflow start nothing.
fn has_folders(parts: &Parts<'_>, folders: &[&str]) -> bool {
    parts.folders.starts_with(folders)
}

fn category(parts: &Parts<'_>, tags: &[Tag]) -> Category {
    let is_source = parts.has_extension(SOURCE);
    if is_document(parts) {
        Category::Doc
    } else if tags.contains(&Tag::Ci) || parts.is_in(".github .wgx") {
        Category::Config
    } else if parts.is_in(TEST_FOLDERS) || (is_source && is_test_name(parts)) {
        Category::Test
    } else if is_contract(parts) {
        Category::Contract
    } else if is_config(parts) || tags.contains(&Tag::Lockfile) {
        Category::Config
    } else if is_source || (parts.extension.is_empty() && parts.is_in("scripts")) {
        Category::Source
    } else if parts.has_extension(DOC) {
        Category::Doc
    } else {
        Category::Other
    }
}

/// Documents by their own name, wherever they stand. Plain text is one only outside of tests and
/// contracts, where it is mostly data.
fn is_document(parts: &Parts<'_>) -> bool {
    let prose = "adoc asciidoc markdown md mdown mdx org rdoc rst";
    let stem = parts.stem.split(['-', '.']).next().unwrap_or_default();
    let named = matches!(parts.extension, "" | "txt") || parts.stem.contains("license");
    parts.has_extension(prose) || (named && !parts.name.starts_with('.') && lists(DOC_NAMES, stem))
}

fn is_test_name(parts: &Parts<'_>) -> bool {
    let stem = parts.stem;
    let ends = ["_test", "_tests", "_spec", ".test", ".spec", "-test", "-spec"];
    stem.starts_with("test_")
        || ends.iter().any(|end| stem.ends_with(end))
        || matches!(stem, "conftest" | "test" | "tests")
}

fn is_contract(parts: &Parts<'_>) -> bool {
    let api = ["openapi", "swagger", "asyncapi"];
    let described = parts.is_yaml() || parts.extension == "json";
    parts.is_in("contracts")
        || parts.has_extension("avsc graphqls proto thrift wit xsd")
        || (described && (parts.stem.ends_with(".schema") || api.contains(&parts.stem)))
}

fn is_config(parts: &Parts<'_>) -> bool {
    let is_source = parts.has_extension(SOURCE);
    let dotted = parts.name.starts_with('.') && !is_source;
    lists(CONFIG_NAMES, parts.name)
        || parts.has_extension(CONFIG)
        || dotted
        || (parts.stem.starts_with("requirements") && parts.extension == "txt")
        || parts.name.starts_with("dockerfile.")
        || (parts.is_in("config") && !is_source && !parts.has_extension(DOC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_path_that_shows_it() {
        use Category::{Config, Contract, Doc, Other, Source, Test};
        let cases: &[(&str, Category, &[Tag])] = &[
            ("README.md", Doc, &[Tag::AiContext]),
            ("crates/a/README.md", Doc, &[Tag::AiContext]),
            (".ai-context.yml", Config, &[Tag::AiContext]),
            ("hauski.ai-context.yml", Config, &[Tag::AiContext]),
            ("AGENTS.md", Doc, &[Tag::AiContext]),
            ("runbook-backup.md", Doc, &[Tag::Runbook]),
            ("docs/runbooks/restore.md", Doc, &[Tag::Runbook]),
            ("runbook.py", Source, &[]),
            ("Cargo.lock", Config, &[Tag::Lockfile]),
            ("web/package-lock.json", Config, &[Tag::Lockfile]),
            ("go.sum", Config, &[Tag::Lockfile]),
            ("src/block.rs", Source, &[]),
            ("src/lock.py", Source, &[]),
            ("scripts/build.sh", Source, &[Tag::Script]),
            ("scripts/build", Source, &[]),
            ("bin/run.py", Source, &[Tag::Script]),
            ("src/run.sh", Source, &[]),
            (".github/workflows/ci.yml", Config, &[Tag::Ci]),
            (".github/workflows/README.md", Doc, &[Tag::AiContext]),
            (".github/dependabot.yml", Config, &[]),
            ("tests/fixture/.github/workflows/ci.yml", Config, &[]),
            (".gitlab-ci.yml", Config, &[Tag::Ci]),
            ("docs/adr/0001-x.md", Doc, &[Tag::Adr]),
            ("docs/address.md", Doc, &[]),
            ("export/day.jsonl", Other, &[Tag::Feed]),
            ("data/day.jsonl", Other, &[]),
            (".wgx/profile.yml", Config, &[Tag::WgxProfile]),
            ("contracts/event.json", Contract, &[]),
            ("contracts/README.md", Doc, &[Tag::AiContext]),
            ("contracts/list.txt", Contract, &[]),
            ("api/openapi.yaml", Contract, &[]),
            ("x.schema.json", Contract, &[]),
            ("proto/a.proto", Contract, &[]),
            ("tests/data.json", Test, &[]),
            ("tests/notes.txt", Test, &[]),
            ("src/x_test.rs", Test, &[]),
            ("src/x.test.ts", Test, &[]),
            ("pkg/x_test.go", Test, &[]),
            ("test_x.py", Test, &[]),
            ("src/latest.rs", Source, &[]),
            ("src/contest.py", Source, &[]),
            ("testing_plan.txt", Doc, &[]),
            ("src/config/mod.rs", Source, &[]),
            ("config/app", Config, &[]),
            ("Makefile", Config, &[]),
            ("CMakeLists.txt", Config, &[]),
            ("requirements-dev.txt", Config, &[]),
            (".gitignore", Config, &[]),
            ("LICENSE", Doc, &[]),
            ("LICENSE-MIT", Doc, &[]),
            ("NOTICE.txt", Doc, &[]),
            ("docs/conf.py", Source, &[]),
            ("docs/logo.svg", Other, &[]),
            ("src/data.bin", Other, &[]),
            ("crates/x/blob", Other, &[]),
            ("data.csv", Other, &[]),
            ("", Other, &[]),
            ("a/", Other, &[]),
        ];
        for (path, category, tags) in cases {
            assert_eq!(classify(path), (*category, tags.to_vec()), "{path}");
        }
    }

    #[test]
    fn env_files_are_secret_and_their_examples_are_not() {
        for path in [
            ".env",
            "a/.env",
            ".env.local",
            ".ENV",
            ".env.production",
            ".pgpass",
            "deploy/.htpasswd",
            "home/.aws/credentials",
            "keys/id_ed25519",
            "keys/release.p12",
        ] {
            assert!(is_secret_file(path), "{path}");
        }
        for path in [
            ".env.example",
            ".env.sample",
            ".env.local.template",
            ".envrc",
            "env",
            "x.env",
            ".htpasswd.example",
            "id_rsa.pub",
            "credentials",
            "src/credentials.rs",
            "keystore.rs",
        ] {
            assert!(!is_secret_file(path), "{path}");
        }
    }
}
