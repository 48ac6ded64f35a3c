//! What a plugins.json may say, and where it says that something is wrong.

use std::path::Path;

use hauski_plugins::Manifest;

fn fault(text: &str) -> String {
    let parsed = Manifest::parse(Path::new("plugins.json"), Path::new("/p"), text);
    parsed.expect_err("a fault").to_string()
}

/// A manifest with one plugin, its fields as lines of JSON.
fn with(fields: &str) -> String {
    format!("{{ \"schema\": 1,\n  \"plugins\": [\n    {{ \"name\": \"a\",\n      {fields} }}\n] }}")
}

#[test]
fn faults_are_told_with_their_place() {
    let all = [
        with(r#""command": ["x"], "comand": ["y"]"#),
        with(r#""command": []"#),
        with(r#""command": ["../x"]"#),
        with("\"command\": [\"x\"],\n      \"limits\": { \"queue\": 1000000 }"),
        with("\"command\": [\"x\"],\n      \"restart\": { \"jitter\": 7 }"),
        with("\"command\": [\"x\"],\n      \"env\": { \"LD_PRELOAD\": \"evil.so\" }"),
        with(r#""command": ["x"], "sha256": "abc""#),
        with(r#""command": ["x"], "after": ["b"]"#),
        with(r#""command": ["x"], "routes": [{ "path": "/../" }]"#),
        with(r#""command": ["x"], "capabilities": ["so so"]"#),
        with(r#""command": ["x"], "config": { "n": "1" }, "config_schema": { "properties": { "n": { "type": "integer" } } }"#),
        r#"{ "schema": 2, "plugins": [] }"#.to_owned(),
        "{ \"schema\": 1,\n \"plugins\": [ }".to_owned(),
        r#"{ "schema": 1, "plugins": [{ "name": "a", "command": ["x"] }, { "name": "a", "command": ["x"] }] }"#.to_owned(),
        r#"{ "schema": 1, "plugins": [{ "name": "a", "command": ["x"], "after": ["b"] }, { "name": "b", "command": ["x"], "after": ["a"] }] }"#.to_owned(),
    ];
    let faults: Vec<_> = all.iter().map(|text| fault(text)).collect();
    insta::assert_snapshot!(faults.join("\n"), @r#"
    plugins.json:4:32: unknown field `comand`, expected one of `name`, `version`, `description`, `kind`, `command`, `cwd`, `env`, `sha256`, `autostart`, `enabled`, `after`, `capabilities`, `calls`, `grants`, `events`, `routes`, `health`, `restart`, `stop`, `limits`, `sandbox`, `config`, `config_schema`
    plugins.json:4:7: plugin "a": command names no program
    plugins.json:4:7: plugin "a": "../x" leaves the folder of plugins.json
    plugins.json:5:19: plugin "a": queue is 1000000, it goes from 0 to 100000
    plugins.json:5:20: plugin "a": jitter is 7, it goes from 0 to 1
    plugins.json:5:7: plugin "a": LD_PRELOAD would load foreign code into the plugin
    plugins.json:4:25: plugin "a": sha256 is not 64 hexadecimal digits (sha256sum prints it, in lower case)
    plugins.json:3:5: plugin "a" starts after "b", which is not there
    plugins.json:4:38: plugin "a": "/../" leaves the plugin's own routes
    plugins.json:4:25: plugin "a": "so so" is not a capability: words of a-z, 0-9, _ and - with dots
    plugins.json:4:25: plugin "a": config.n is "1", it is of type "integer"
    plugins.json:1:3: schema is 2, this program reads 1
    plugins.json:2:15: expected value
    plugins.json:1:63: two plugins have the name "a"
    plugins.json:1:28: these plugins wait for each other in a circle: a, b (remove one of their `after` entries)
    "#);
}

#[test]
fn plugins_come_after_those_they_need() {
    let text = r#"{ "schema": 1, "plugins": [
        { "name": "c", "command": ["x"], "after": ["b", "a"] },
        { "name": "b", "command": ["x"], "after": ["a"] },
        { "name": "a", "command": ["x"] } ] }"#;
    let manifest = Manifest::parse(Path::new("plugins.json"), Path::new("/p"), text);
    let manifest = manifest.expect("a sound manifest");
    let names: Vec<_> = manifest.plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}
