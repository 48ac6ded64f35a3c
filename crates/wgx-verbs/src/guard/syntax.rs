//! YAML, TOML and JSON must parse.

use contracts::wgx::FixKind;
use wgx_tasks::document::{
    DocumentError, Node, parse_json, parse_jsonc, parse_toml, parse_yaml_stream,
};

use super::tree::{Kind, SourceFile};
use super::{Check, Context, Found, Rule};

pub(super) struct Yaml;
pub(super) struct Toml;
pub(super) struct Json;

static YAML: Rule = Rule {
    id: "yaml-syntax",
    finds: "YAML that does not parse, or has a key twice (several documents and own tags are fine; \
            templates are passed over)",
    why: "whatever reads the file stops there, or silently takes one of the two values",
    fix: "correct the syntax there",
    kind: FixKind::Manual,
};

static TOML: Rule = Rule {
    id: "toml-syntax",
    finds: "TOML that does not parse",
    why: "whatever reads the file stops there",
    fix: "correct the syntax there",
    kind: FixKind::Manual,
};

static JSON: Rule = Rule {
    id: "json-syntax",
    finds: "JSON that does not parse; comments and trailing commas are fine where the file's \
         reader \
            takes them (tsconfig, .vscode, devcontainer, *.jsonc …)",
    why: "whatever reads the file stops there",
    fix: "correct the syntax there",
    kind: FixKind::Manual,
};

impl Check for Yaml {
    fn rule(&self) -> &'static Rule {
        &YAML
    }

    fn file(&self, file: &SourceFile, _context: &Context<'_>) -> Vec<Found> {
        if !matches!(file.extension().as_str(), "yml" | "yaml") {
            return Vec::new();
        }
        parsed(file, |text| {
            let is_template = || text.contains("{{") || text.contains("{%");
            parse_yaml_stream(text)
                .map(|_| ())
                .or_else(|error| if is_template() { Ok(()) } else { Err(error) })
        })
    }
}

impl Check for Toml {
    fn rule(&self) -> &'static Rule {
        &TOML
    }

    fn file(&self, file: &SourceFile, _context: &Context<'_>) -> Vec<Found> {
        let locks = ["Cargo.lock", "poetry.lock", "uv.lock", "Pipfile"];
        if file.extension() != "toml" && !locks.contains(&file.name()) {
            return Vec::new();
        }
        parsed(file, |text| parse_toml(text).map(|_| ()))
    }
}

impl Check for Json {
    fn rule(&self) -> &'static Rule {
        &JSON
    }

    fn file(&self, file: &SourceFile, _context: &Context<'_>) -> Vec<Found> {
        match dialect(&file.path) {
            None => Vec::new(),
            Some(parse) => parsed(file, |text| parse(text).map(|_| ())),
        }
    }
}

fn parsed(file: &SourceFile, parse: impl Fn(&str) -> Result<(), DocumentError>) -> Vec<Found> {
    if file.kind != Kind::Text {
        return Vec::new();
    }
    let Some(text) = file.text() else {
        let valid =
            std::str::from_utf8(&file.content).map_or_else(|error| error.valid_up_to(), str::len);
        let line = file.content[..valid].iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        return vec![Found::new(&file.path, Some(line), "holds bytes that are not UTF-8")];
    };
    match parse(text) {
        Ok(()) => Vec::new(),
        Err(error) => vec![Found::new(&file.path, Some(error.line), error.message)],
    }
}

type Parse = fn(&str) -> Result<Node, DocumentError>;

/// How a JSON file is read; `None` where it is no JSON document.
fn dialect(path: &str) -> Option<Parse> {
    let lower = path.to_ascii_lowercase();
    let name = wgx_tasks::files::file_name(&lower);
    let relaxed_end = [".jsonc", ".code-workspace", ".code-snippets", ".sublime-project"];
    let relaxed_start = ["tsconfig", "jsconfig", "devcontainer", ".devcontainer"];
    let relaxed_name = [
        "api-extractor.json",
        "deno.json",
        "turbo.json",
        "nx.json",
        "project.json",
        "biome.json",
        "language-configuration.json",
        "tslint.json",
        ".eslintrc.json",
        ".eslintrc",
        ".babelrc",
        ".swcrc",
        ".jshintrc",
        ".jscsrc",
        ".hintrc",
        "typedoc.json",
        "rush.json",
        "wrangler.json",
        "babel.config.json",
        ".markdownlint.json",
        ".oxlintrc.json",
        "pyrightconfig.json",
        "angular.json",
        "workspace.json",
        "renovate.json",
        ".luarc.json",
        "launchsettings.json",
        "appsettings.json",
        "vcpkg.json",
    ];
    let folders = [".vscode", ".zed", ".devcontainer", ".fleet"];
    let in_folder =
        || wgx_tasks::files::parent(&lower).split('/').any(|dir| folders.contains(&dir));
    let is_json = name.ends_with(".json");
    if relaxed_end.iter().any(|end| name.ends_with(end))
        || relaxed_name.contains(&name)
        || is_json && (relaxed_start.iter().any(|start| name.starts_with(start)) || in_folder())
        || is_json && name.starts_with("appsettings.")
    {
        return Some(parse_jsonc);
    }
    let strict = [".webmanifest", ".geojson", ".ipynb", ".har"];
    let is_strict = is_json || strict.iter().any(|end| name.ends_with(end));
    (is_strict || name == "composer.lock").then_some(parse_json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_follow_the_reader() {
        let text = "{\"a\": 1, // note\n}";
        for path in [
            "tsconfig.build.json",
            ".vscode/settings.json",
            "x/.devcontainer/devcontainer.json",
            "a.jsonc",
            "sub/turbo.json",
        ] {
            assert!(dialect(path).unwrap()(text).is_ok(), "{path}");
        }
        for path in ["package.json", "data/x.JSON", "composer.lock"] {
            assert!(dialect(path).unwrap()(text).is_err(), "{path}");
        }
        assert!(dialect("a.json5").is_none() && dialect("log.jsonl").is_none());
    }
}
