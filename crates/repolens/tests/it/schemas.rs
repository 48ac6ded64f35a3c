//! The published schemas against what the program really writes: they accept it, and reject it once it is
//! broken. The checker knows the keywords that our schemas use and fails on any other.

use std::fs;
use std::path::Path;

use regex::Regex;
use repolens::delta::{Base, delta};
use repolens::select::Selection;
use serde_json::{Map, Value, json};

use crate::merging::{merged, repolens};
use crate::tree::Tree;

/// Keywords that say nothing about which values fit.
const REMARKS: [&str; 8] =
    ["$schema", "$id", "$defs", "title", "description", "default", "format", "examples"];

struct Schema {
    root: Value,
}

impl Schema {
    fn published(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(name);
        let text = fs::read_to_string(&path).expect(name);
        Self { root: serde_json::from_str(&text).expect(name) }
    }

    fn fault(&self, value: &Value) -> Option<String> {
        self.check(&self.root, value, "$").err()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let keywords = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{at}: nothing fits here")),
            Value::Object(keywords) => keywords,
            other => panic!("no schema: {other}"),
        };
        for (keyword, wanted) in keywords {
            let fits = self.keyword(keywords, keyword, wanted, value, at)?;
            if !fits {
                return Err(format!("{at}: {keyword} {wanted} does not allow {value}"));
            }
        }
        Ok(())
    }

    fn keyword(
        &self,
        keywords: &Map<String, Value>,
        keyword: &str,
        wanted: &Value,
        value: &Value,
        at: &str,
    ) -> Result<bool, String> {
        let number = || wanted.as_f64().expect("a bound is a number");
        let schemas = || wanted.as_array().expect("a list of schemas").iter();
        Ok(match keyword {
            "$ref" => {
                let pointer = wanted.as_str().and_then(|text| text.strip_prefix('#'));
                let target = pointer.and_then(|pointer| self.root.pointer(pointer));
                self.check(target.expect("a reference leads somewhere"), value, at)?;
                true
            }
            "type" => match wanted {
                Value::Array(names) => names.iter().any(|name| is_type(name, value)),
                name => is_type(name, value),
            },
            "const" => wanted == value,
            "enum" => wanted.as_array().expect("a list").contains(value),
            "pattern" => value.as_str().is_none_or(|text| {
                Regex::new(wanted.as_str().expect("a text")).expect("a pattern").is_match(text)
            }),
            "minimum" => value.as_f64().is_none_or(|given| given >= number()),
            "maximum" => value.as_f64().is_none_or(|given| given <= number()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as f64 >= number()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as f64 <= number()),
            "anyOf" => schemas().any(|schema| self.check(schema, value, at).is_ok()),
            "oneOf" => {
                schemas().filter(|schema| self.check(schema, value, at).is_ok()).count() == 1
            }
            "required" => value.as_object().is_none_or(|object| {
                schemas().all(|key| object.contains_key(key.as_str().expect("a key")))
            }),
            "properties" => {
                let properties = wanted.as_object().expect("properties");
                for (key, schema) in properties {
                    if let Some(inner) = value.get(key) {
                        self.check(schema, inner, &format!("{at}.{key}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = keywords.get("properties").and_then(Value::as_object);
                for (key, inner) in value.as_object().into_iter().flatten() {
                    if !known.is_some_and(|known| known.contains_key(key)) {
                        self.check(wanted, inner, &format!("{at}.{key}"))?;
                    }
                }
                true
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(wanted, item, &format!("{at}[{number}]"))?;
                }
                true
            }
            remark if REMARKS.contains(&remark) => true,
            unknown => panic!("{at}: the checker does not know `{unknown}`"),
        })
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type: {other}"),
    }
}

/// Accepts the document; rejects it without any of the keys that it must have, and with a value of another
/// type at each of them.
fn holds(name: &str, document: &Value) {
    let schema = Schema::published(name);
    assert_eq!(schema.fault(document), None, "{name}: {document}");
    let required = schema.root["required"].as_array().expect("some keys are required").clone();
    for key in required.iter().map(|key| key.as_str().expect("a key")) {
        let mut broken = document.clone();
        broken.as_object_mut().expect("an object").remove(key);
        assert!(schema.fault(&broken).is_some(), "{name} without {key}");
        broken[key] = json!([[["none of our values"]]]);
        assert!(schema.fault(&broken).is_some(), "{name} with a wrong {key}");
    }
}

fn tree() -> Tree {
    let token = format!("ghp_{}", "016C7gHVNMKbOj9ZRPTpsJHD4QvLrW2l0gqM");
    Tree::new()
        .file("README.md", "# T\n\nA tree with one of everything.\n")
        .file("src/main.rs", format!("fn main() {{}}\nconst KEY: &str = \"{token}\";\n"))
        .file("long.txt", "a line\n".repeat(200))
        .file("latin.txt", b"gr\xFCn\n")
        .file("logo.png", b"\x89PNG\0")
        .file(".env", "A=b\n")
        .file(b"odd\xFF.md", "x\n")
        .link("link", "README.md")
}

fn output(tree: &Tree, words: &[&str]) -> Value {
    let ran = repolens(&tree.root(), words);
    assert!(ran.code <= 1, "{words:?}: {}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

#[test]
fn schemas_accept_what_is_written_and_reject_it_broken() {
    let tree = tree();
    let mut merges = Vec::new();
    for words in [
        &["--name", "all", "--extras", "all", "--json-sidecar"][..],
        &["--name", "cut", "--json-sidecar", "--max-file-bytes", "100", "--no-tokens"],
        &["--name", "none", "--json-sidecar", "--meta-none", "--ext", "rs"],
        &["--name", "plan", "--json-sidecar", "--plan-only"],
    ] {
        let made = merged(&tree, words);
        holds("repolens.merge.1.schema.json", &serde_json::to_value(&made.report).unwrap());
        let sidecar = made.report.merges[0].sidecar.clone().unwrap();
        let sidecar: Value = serde_json::from_str(&fs::read_to_string(sidecar).unwrap()).unwrap();
        holds("repolens-agent.v2.schema.json", &sidecar);
        let text = made.text();
        let block = text.split("<!-- @meta:start -->\n```yaml\n").nth(1).unwrap();
        let block = block.split("```\n<!-- @meta:end -->").next().unwrap();
        holds("repolens-report.schema.json", &repolens::reader::parse_meta(block).unwrap());
        merges.push(made.report.merges[0].files[0].clone());
    }
    let into = tree.outside().join("back");
    let into = into.to_str().unwrap();
    for (schema, words) in [
        ("repolens.validate.1.schema.json", &["validate", &merges[0], "--debug", "--json"][..]),
        ("repolens.diff.1.schema.json", &["diff", &merges[0], &merges[1], "--json"]),
        ("repolens.stats.1.schema.json", &["stats", &merges[0], "--json"]),
        ("repolens.unpack.1.schema.json", &["unpack", &merges[0], into, "--partial", "--json"]),
        ("repolens.prescan.1.schema.json", &["prescan", ".", "--json"]),
        ("repolens.pack.1.schema.json", &["pack", "main key", "--budget", "900", "--json"]),
        (
            "repolens.pack.1.schema.json",
            &["pack", "main key", "--budget", "900", "--json", "--explain"],
        ),
    ] {
        holds(schema, &output(&tree, words));
    }
}

#[test]
fn the_delta_has_its_schema() {
    let tree = tree();
    let base = merged(&tree, &["--name", "before"]).report.merges[0].files[0].clone();
    let tree = tree.file("new.md", "n\n").file("README.md", "# Other\n");
    let base = Base::parse(&base, &tree.root()).unwrap();
    let snapshot = tree.scan();
    let facts = vec![Default::default(); snapshot.repos[0].files.len()];
    let made = delta(&base, &snapshot, &facts, &Selection::default(), "2023-11-14T22:13:20Z");
    holds("repolens-delta.schema.json", &serde_json::to_value(made.unwrap().report).unwrap());
}

#[test]
fn the_treemap_is_one_plain_picture_of_all_files() {
    let tree = Tree::new()
        .file("a & b/<x>.md", "word ".repeat(300))
        .file("a & b/y.md", "word ".repeat(100))
        .file("c.rs", "fn c() {}\n".repeat(40));
    let svg = tree.outside().join("map.svg");
    let ran = repolens(&tree.root(), &["stats", "--svg", svg.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = fs::read_to_string(&svg).unwrap();
    assert!(text.starts_with("<svg xmlns=") && text.ends_with("</svg>\n"), "{text}");
    assert!(!text.contains("<script") && !text.contains("<x>") && !text.contains("a & b"));
    for name in ["a &amp; b", r"\u{3c}x\u{3e}.md", "y.md", "c.rs"] {
        assert!(text.contains(name), "{name}\n{text}");
    }
    for open in ["<g>", "<title", "<text"] {
        let name = open.trim_matches(['<', '>']);
        assert_eq!(
            text.matches(open).count(),
            text.matches(&format!("</{name}>")).count(),
            "{name}"
        );
    }
    // Rectangles lie inside the picture.
    for rect in text.split("<rect ").skip(1) {
        let number = |name: &str| -> f64 {
            let (_, rest) = rect.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        assert!(number("x") + number("width") <= 1200.1 && number("y") + number("height") <= 800.1);
    }
}
