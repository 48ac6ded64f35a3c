//! No secret leaves a repository in a merge: not in contents, names, targets of links or extras, and not as a
//! hash that a guess could be tested with.

use md5::Md5;
use repolens::render::anchors::hex;
use sha2::{Digest as _, Sha256};

use crate::merging::{Made, merged, merged_roots, repolens};
use crate::tree::Tree;

fn token() -> String {
    format!("ghp_{}", "016C7gHVNMKbOj9ZRPTpsJHD4QvLrW2l0gqM")
}

/// Everything that a call wrote or said.
fn all(made: &Made) -> String {
    let sidecar = made.report.merges[0].sidecar.as_ref();
    let sidecar =
        sidecar.map(|path| std::fs::read_to_string(path).expect("a sidecar")).unwrap_or_default();
    let report = serde_json::to_string(&made.report).expect("JSON");
    [made.parts().concat(), sidecar, report, made.stderr.clone()].concat()
}

fn valid(tree: &Tree, made: &Made) {
    let sidecar = made.report.merges[0].sidecar.as_deref().unwrap_or_default();
    let words = ["validate", &made.report.merges[0].files[0], "--sidecar", sidecar];
    let ran = repolens(&tree.outside(), &words);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

#[test]
fn names_and_targets_are_masked_counted_and_not_read() {
    let tree = Tree::new()
        .file(format!("keys/{}.txt", token()), "content of a file with a telling name\n")
        .file(format!("{}/deep/a.rs", token()), "fn a() {}\n")
        .link("pointer", format!("/somewhere/{}", token()))
        .file("plain.md", "plain\n");
    let made = merged(&tree, &["--json-sidecar", "--debug", "--extras", "all"]);
    let everything = all(&made);
    assert!(!everything.contains(&token()), "{everything}");
    assert!(!everything.contains("telling name"), "what bears such a name is not read");
    let text = made.text();
    assert!(text.contains("| `keys/«redacted:github-token:"), "{text}");
    assert!(text.contains("meta-only (secret name)") && text.contains("🔗 `pointer` →"), "{text}");
    assert!(text.contains("- Secrets masked: 0, and 3 outside of contents\n"), "{text}");
    assert!(text.contains("\n  redacted_elsewhere: 3\n"), "{text}");
    assert_eq!(made.report.merges[0].redacted_elsewhere, 3);
    assert_eq!(made.report.merges[0].meta_only["secret name"], 2);
    valid(&tree, &made);
}

#[test]
fn the_name_of_a_working_copy_is_masked() {
    let tree = Tree::named(&token()).file("a.md", "a\n");
    let made = merged(&tree, &["--json-sidecar"]);
    let sidecar = serde_json::to_string(&made.sidecar()).unwrap();
    assert!(!made.text().contains(&token()) && !sidecar.contains(&token()));
    assert!(!made.report.merges[0].files[0].rsplit('/').next().unwrap().contains(&token()));
    valid(&tree, &made);
}

#[test]
fn files_that_hold_logins_are_named_and_not_shown() {
    let paths =
        [".pgpass", "web/.htpasswd", "home/.netrc", "keys/id_rsa", ".aws/credentials", ".env"];
    let mut tree = Tree::new().file(".htpasswd.example", "user:example\n");
    for path in paths {
        tree = tree.file(path, format!("login of {path}\n"));
    }
    let made = merged(&tree, &["--json-sidecar"]);
    let text = made.text();
    for path in paths {
        assert!(text.contains(&format!("| `{path}` |")), "{path}\n{text}");
        assert!(!all(&made).contains(&format!("login of {path}")), "{path}");
    }
    assert_eq!(made.report.merges[0].meta_only["secret file"], paths.len() as u64);
    assert!(text.contains("user:example"));
}

#[test]
fn the_values_of_kubernetes_secrets_are_masked() {
    let value = ["aHVu", "dGVy", "Mg=="].concat();
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: {value}\n---\nkind: ConfigMap\ndata:\n  shown: yes\n"
    );
    let tree = Tree::new().file("deploy/db.yaml", manifest);
    let made = merged(&tree, &["--json-sidecar"]);
    assert!(!all(&made).contains(&value));
    assert!(made.text().contains("  password: «redacted:kubernetes-secret:00000000»\n"));
    assert!(made.text().contains("  shown: yes\n"));
    valid(&tree, &made);
}

#[test]
fn no_hash_of_a_masked_file_lets_a_guess_be_tested() {
    let content = |secret: &str| format!("host = db\npassword = \"{secret}\"\n");
    let secret = ["tr0ub4dor", "&3x"].concat();
    let tree = |secret: &str| Tree::new().file("app.ini", content(secret)).file("b.md", "b\n");
    for words in [
        &["--json-sidecar"][..],
        &["--json-sidecar", "--level", "overview"],
        &["--json-sidecar", "--max-file-bytes", "12"],
    ] {
        let tree = tree(&secret);
        for run in ["cold", "from the cache"] {
            let made = merged(&tree, words);
            let everything = all(&made);
            let on_disk = content(&secret);
            for hash in [hex(&Md5::digest(&on_disk)), hex(&Sha256::digest(&on_disk))] {
                assert!(!everything.contains(&hash), "{words:?} {run}");
            }
            assert!(everything.contains(&hex(&Sha256::digest("b\n"))), "others keep their hashes");
            valid(&tree, &made);
        }
    }
    // Two trees that differ in nothing but a password give one merge.
    let made = |secret: &str| merged(&tree(secret), &["--no-cache"]).text();
    let other = ["c0rrect", "-h0rs"].concat();
    assert_eq!(secret.len(), other.len());
    assert!(made(&secret).contains("«redacted:"));
    assert_eq!(made(&secret), made(&other));
}

#[test]
fn secrets_in_extras_are_masked_and_counted() {
    let tree = Tree::new()
        .file("README.md", format!("# T\n\nUse {} to log in.\n", token()))
        .file("demo_augment.yml", format!("token: {}\n", token()))
        .file("package.json", format!("{{\"name\":\"x\",\"scripts\":{{\"{}\":\"y\"}}}}", token()));
    let made = merged(&tree, &["--extras", "all"]);
    assert!(!all(&made).contains(&token()));
    // The purpose, the augment file, the script; in the contents they are counted as such.
    assert_eq!(made.report.merges[0].redacted_elsewhere, 3);
    assert_eq!(made.report.merges[0].redacted.values().sum::<u64>(), 3);
    let roots = [tree.root()];
    let text = merged_roots(&tree, &roots, &["--meta-none"]).text();
    assert!(text.contains(", and 1 outside of contents\n"), "only the purpose is shown: {text}");
}
