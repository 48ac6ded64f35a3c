//! Files: defaults, faults with their places, budgets, and what changed.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use policy::{FileName, Paths, diff, load};

use crate::policies::Folder;

/// The file of the first specification, word for word.
const SEED: &str = "\
egress:
  default: deny
  allow:
    - https://api.matrix.example
routing:
  prefer_local: true
  cloud_fallback:
    enabled: false
";

#[test]
fn without_files_the_defaults_hold_and_nothing_may_be_dialled() {
    let policies = Folder::new().load();
    assert_eq!(policies.limits.latency.llm_p95_ms, 400);
    assert_eq!(policies.limits.request.max_body_bytes, 32 << 20);
    assert!(policies.routing.routing.prefer_local);
    assert!(!policies.routing.routing.cloud_fallback.enabled);
    assert_eq!(policies.egress.entries().count(), 0);
    assert!(policies.sources().iter().all(|(_, _, sha256)| sha256.is_none()));
}

#[test]
fn the_file_of_the_specification_loads() {
    let policies = Folder::new().with("routing.yaml", SEED).load();
    let entries: Vec<String> = policies.egress.entries().map(ToString::to_string).collect();
    assert_eq!(entries, ["https://api.matrix.example:443"]);
    // Computed by sha256sum.
    let sha256 = "5871c2942a78ef539cfb7fbd7706d0d0969d2e69f08e01a56dd033bd598175e8";
    assert_eq!(policies.sources()[0].2, Some(sha256));
}

#[test]
fn empty_files_and_files_of_comments_are_defaults() {
    for text in ["", "\n", "# nothing yet\n", "---\n", "\u{feff}# with a mark\n", "~\n", "{}\n"] {
        let folder = Folder::new().with("limits.yaml", text).with("routing.yaml", text);
        assert_eq!(folder.problems(), "no problems", "{text:?}");
        assert_eq!(folder.load().limits.latency.llm_p95_ms, 400);
    }
}

#[test]
fn faults_are_told_with_their_place_and_a_hint() {
    let folder = Folder::new()
        .with("routing.yaml", "egress:\n  default: deny\n  alow:\n    - https://a.example\n")
        .with("limits.yaml", "latency:\n  llm_p95_ms: fast\n")
        .with("memory.yaml", "layers:\n  short:\n    ttl_sec: 60\n  short:\n    ttl_sec: 61\n")
        .with("models.yml", "models:\n  - id: demo\n");
    assert_snapshot!(folder.problems(), @r"
routing.yaml:3:3: unknown key alow
  did you mean allow? Known here: default, allow
limits.yaml:2:15: a value of the wrong kind; expected a whole number
  numbers are written plainly, without quotes, units or signs
memory.yaml:4:3: the key short stands here twice
  keep one of the two
models.yml:2:5: the key path is missing
  add path:
");
}

#[test]
fn layers_of_the_memory_have_ranges_and_names() {
    let folder = Folder::new().with(
        "memory.yaml",
        "layers:\n  short: {half_life_sec: 0, max_items: 0, promote_after_uses: 2000000}\n  \
         long: {promote_after_uses: 1}\n  deep: {}\nnamespaces:\n  chat:\n    layers:\n      \
         short: {max_items: 99000000}\n      broad: {}\n",
    );
    assert_snapshot!(folder.problems(), @r"
memory.yaml:4:9: no such layer
  short, working or long
memory.yaml:3:30: there is no layer after long
  remove it
memory.yaml:2:26: layers.short.half_life_sec is 0, out of range
  from 1 to 3155760000 s
memory.yaml:2:40: layers.short.max_items is 0, out of range
  from 1 to 10000000
memory.yaml:2:63: layers.short.promote_after_uses is 2000000, out of range
  from 0 to 1000000
memory.yaml:9:14: no such layer
  short, working or long
memory.yaml:8:26: namespaces.chat.layers.short.max_items is 99000000, out of range
  from 1 to 10000000
");
    let folder = Folder::new().with(
        "memory.yaml",
        "default_ttl_sec: 300\npin_allowlist: [profile.*]\nlayers:\n  short: {ttl_sec: 60}\n  long: {pinned: true}\n\
         namespaces:\n  chat: {layers: {short: {max_items: 5, promote_after_uses: 0}}}\n",
    );
    assert_eq!(folder.problems(), "no problems");
    let memory = folder.load().memory;
    assert_eq!(memory.namespaces["chat"].layers["short"].max_items, Some(5));
}

#[test]
fn every_number_has_a_range() {
    let folder = Folder::new()
        .with(
            "limits.yaml",
            "latency:\n  llm_p95_ms: 0\n  routes:\n    GET /health: 700000\n    not a route: 5\n\
             request:\n  max_body_bytes: 1\n  max_seconds: 0\n  max_concurrent: 0\n  max_output_tokens: 0\n\
             thermal:\n  gpu_max_c: 500\n  dgpu_power_w: 0\nasr:\n  wer_max_pct: .nan\n",
        )
        .with("memory.yaml", "default_ttl_sec: 0\npin_allowlist: [a*, '*']\nlayers:\n  long: {ttl_sec: 5, pinned: true}\n")
        .with("models.yml", "models:\n  - {id: a, path: /a, vram_min_gb: -1}\n  - {id: a, path: ''}\n");
    assert_snapshot!(folder.problems(), @r"
limits.yaml:15:16: a value of the wrong kind; expected a finite number
  -
memory.yaml:1:18: default_ttl_sec is 0, out of range
  from 1 to 3155760000 s
memory.yaml:4:9: a layer is either pinned or has a ttl_sec
  remove one of the two
memory.yaml:2:21: not a key or the beginning of keys
  for example `profile.name` or `profile.*`; a * stands at the end only, after something
models.yml:2:36: models[0].vram_min_gb is -1, out of range
  from 0 to 4096 GB
models.yml:3:10: the model a stands here twice
  give each model its own id
models.yml:3:19: a model needs its file
  path: /where/it/lies.gguf
");
}

#[test]
fn entries_that_would_allow_too_much_or_nothing_are_refused() {
    let folder = Folder::new().with(
        "routing.yaml",
        "egress:
  allow:
    - http://example.org
    - https://*.org
    - https://*
    - https://a.*.example.org
    - https://user:word@example.org
    - https://example.org/path
    - https://example.org?
    - https://169.254.169.254
    - https://10.0.0.7
    - origin: https://10.0.0.7
      privat: true
    - example.org
    - ftp://example.org
    - https://2130706433
    - https:example.org
    - https://example.org
    - https://EXAMPLE.org:443
    - {origin: 'http://localhost:8080', private: true}
    - 7
",
    );
    assert_snapshot!(folder.problems(), @r"
routing.yaml:13:7: unknown key privat
  did you mean private? Known here: origin, private, purpose
");
}

#[test]
fn each_entry_has_its_own_complaint() {
    let folder = Folder::new().with(
        "routing.yaml",
        "egress:
  allow:
    - http://example.org
    - https://*.org
    - https://*
    - https://a.*.example.org
    - https://user:word@example.org
    - https://example.org/path
    - https://example.org?
    - https://169.254.169.254
    - https://10.0.0.7
    - example.org
    - ftp://example.org
    - https://2130706433
    - https:example.org
    - https://example.org
    - https://EXAMPLE.org:443
    - {origin: 'http://localhost:8080', private: true}
",
    );
    assert_snapshot!(folder.problems(), @r"
routing.yaml:3:7: http is for one's own machine only
  write https://, or name 127.0.0.1, [::1] or localhost
routing.yaml:4:7: a wildcard below a top level domain would allow everybody
  for example https://*.example.org
routing.yaml:5:7: a wildcard stands for one label at the beginning
  for example https://*.example.org
routing.yaml:6:7: a wildcard stands for one label at the beginning
  for example https://*.example.org
routing.yaml:7:7: a destination has no user and no password
  write https://host or https://host:port, nothing after it
routing.yaml:8:7: a destination has no path: all or nothing of a host is allowed
  write https://host or https://host:port, nothing after it
routing.yaml:9:7: a destination has no path: all or nothing of a host is allowed
  write https://host or https://host:port, nothing after it
routing.yaml:10:7: 169.254.169.254 is a metadata service of a cloud, which is never dialled
  name a host or an address that can be reached globally
routing.yaml:11:7: 10.0.0.7 is an address of a private network
  add `private: true` if it is a machine of your own network
routing.yaml:12:7: not a destination: relative URL without a base
  write https://host or https://host:port, nothing after it
routing.yaml:13:7: only https, wss and, for one's own machine, http exist here
  write https://host or https://host:port, nothing after it
routing.yaml:14:7: spelled so that programs may read it differently
  write https://host or https://host:port, nothing after it
routing.yaml:15:7: spelled so that programs may read it differently
  write https://host or https://host:port, nothing after it
routing.yaml:17:7: https://example.org:443 stands here twice
  keep one of the two
routing.yaml:18:7: private is not for one's own machine
  remove `private: true`: naming loopback says it already
");
}

#[test]
fn an_upstream_must_be_reachable_and_its_key_elsewhere() {
    let folder = Folder::new().with(
        "routing.yaml",
        "egress:
  allow: [https://api.example.org]
routing:
  cloud_fallback:
    enabled: true
    only_if: [chat, No Capability]
    upstreams:
      - {name: good, base_url: 'https://api.example.org/v1', key: secret://env/PROVIDER, models: {small: their-small}}
      - {name: good, base_url: 'https://api.example.org/v1'}
      - {name: elsewhere, base_url: 'https://api.example.com/v1'}
      - {name: pasted, base_url: 'https://api.example.org/v1', key: do-not-repeat-me}
",
    );
    let problems = folder.problems();
    assert!(!problems.contains("do-not-repeat-me"), "{problems}");
    assert_snapshot!(problems, @r"
routing.yaml:6:21: not a capability
  dotted words such as `chat` or `repo.read`
routing.yaml:9:16: an upstream of this name stands above
  give each upstream its own name
routing.yaml:10:37: base_url: no entry of egress.allow names this host
  if it is meant, add its origin to egress.allow in routing.yaml
routing.yaml:11:69: key is not a reference to a secret
  for example secret://env/NAME; the key itself never stands in a file of policies
");
}

#[test]
fn a_file_that_somebody_named_must_be_there() {
    let folder = Folder::new();
    let paths = Paths::in_dir(folder.dir()).with(FileName::Routing, folder.path("rooting.yaml"));
    let problem = load(&paths).unwrap_err();
    assert_eq!((problem.what.as_str(), problem.line), ("no such file", None));
    assert!(problem.hint.is_some());
}

#[test]
fn what_is_no_text_file_is_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("routing.yaml")).unwrap();
    folder.write("limits.yaml", b"latency:\n  llm\xff_p95_ms: 5\n");
    folder.write("memory.yaml", b"- a list\n");
    folder.write("models.yml", &b"#".repeat(10_000_001));
    assert_snapshot!(folder.problems(), @r"
routing.yaml: is not a file
  -
limits.yaml:2:6: is not UTF-8 text
  save the file as UTF-8
memory.yaml:1:1: holds no keys
  start with a key and a colon; docs/policies.md lists the keys
models.yml: is larger than 10 MB
  a policy is a page of text; is this the right file?
");
}

#[test]
fn bombs_are_refused_before_they_unfold() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
    }
    let bombs = [
        laughs,
        format!("egress: {}", "[".repeat(100_000)),
        format!("egress: {}", "{a: ".repeat(100_000)),
        format!("a: &a x\nb: [{}]", "*a, ".repeat(50_000)),
        format!("egress:\n  allow: [{}]", "a, ".repeat(200_000)),
        "a: &a [*a]\n".to_owned(),
        format!("a: {}\n", "? ".repeat(50_000)),
    ];
    for bomb in bombs {
        let folder = Folder::new().with("routing.yaml", &bomb);
        // Unfolded they would take minutes and all memory; the margin is for other work on the machine.
        let start = Instant::now();
        assert!(load(&Paths::in_dir(folder.dir())).is_err(), "{}", bomb.get(..40).unwrap_or(&bomb));
        assert!(start.elapsed() < Duration::from_secs(10), "{}", bomb.get(..40).unwrap_or(&bomb));
    }
}

#[test]
fn what_changed_is_told_by_key() {
    let old = Folder::new().with("routing.yaml", SEED).load();
    let new = Folder::new()
        .with(
            "routing.yaml",
            "egress:
  allow:
    - https://new.example
    - https://api.matrix.example
routing:
  cloud_fallback:
    enabled: true
",
        )
        .with("limits.yaml", "latency:\n  llm_p95_ms: 300\n")
        .with(
            "models.yml",
            "models:\n  - {id: demo, path: /tmp/demo.gguf, vram_min_gb: 4, canary: true}\n",
        )
        .load();
    let lines: Vec<String> = diff(&old, &new).iter().map(ToString::to_string).collect();
    assert_snapshot!(lines.join("\n"), @r#"
routing.yaml: egress.allow[https://new.example] nothing → "https://new.example"
routing.yaml: routing.cloud_fallback.enabled false → true
limits.yaml: latency.llm_p95_ms 400 → 300
models.yml: models[demo].canary nothing → true
models.yml: models[demo].id nothing → "demo"
models.yml: models[demo].path nothing → "/tmp/demo.gguf"
models.yml: models[demo].vram_min_gb nothing → 4.0
"#);
    assert!(diff(&old, &old).is_empty());
}
