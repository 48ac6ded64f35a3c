//! Pools: what is selected of which repository.

use repolens::pool::{Pool, Pools};

fn parse(text: &str) -> Result<Pools, String> {
    Pools::parse(text).map_err(|error| error.to_string())
}

#[test]
fn null_is_everything_an_empty_list_nothing_and_a_list_its_paths() {
    let pools = parse(
        r#"{
            "all": {"raw": [], "compressed": null},
            "block": {"raw": ["a"], "compressed": []},
            "Hub/Part": {"raw": ["x"], "compressed": ["src/", "./docs/a.md"]},
            "old": ["a/b"],
            "old-empty": []
        }"#,
    )
    .unwrap();
    assert_eq!(*pools.of("all"), Pool::All);
    assert_eq!(*pools.of("never-named"), Pool::All);
    assert_eq!(*pools.of("block"), Pool::Block);
    assert_eq!(*pools.of("old-empty"), Pool::Block);
    let part = pools.of("part");
    for (path, listed) in [
        ("src/main.rs", true),
        ("src/a/b.rs", true),
        ("srcs/a.rs", false),
        ("docs/a.md", true),
        ("docs/a.md.bak", false),
        ("x", false),
    ] {
        assert_eq!(part.lists(path), listed, "{path}");
    }
    assert!(pools.of("OLD").lists("a/b/c"));
    assert!(!pools.of("old").lists("a"));
}

#[test]
fn whatever_is_no_pool_is_refused_with_its_place() {
    let texts = [
        "[",
        "[]",
        r#"{"a": 1}"#,
        r#"{"a": {}}"#,
        r#"{"a": {"raw": ["x"]}}"#,
        r#"{"a": {"compressed": "x"}}"#,
        r#"{"a": {"raw": "x", "compressed": null}}"#,
        r#"{"a": ["x", 3]}"#,
        r#"{"a": ["../x"]}"#,
        r#"{"a": ["/etc"]}"#,
        r#"{"a": [""]}"#,
        r#"{"hub/a": ["x"], "A": null}"#,
        r#"{"hub/a": ["x"], "A": ["y"]}"#,
    ];
    let errors: Vec<_> = texts.iter().map(|text| parse(text).unwrap_err()).collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    the pool is not JSON: EOF while parsing a list at line 1 column 1
    the pool is not an object from repository names to entries
    the entry of `a` is neither a list of paths nor an object with `compressed` (null, or a list of paths)
    the entry of `a` is neither a list of paths nor an object with `compressed` (null, or a list of paths)
    the entry of `a` is neither a list of paths nor an object with `compressed` (null, or a list of paths)
    the entry of `a` is neither a list of paths nor an object with `compressed` (null, or a list of paths)
    the entry of `a` is neither a list of paths nor an object with `compressed` (null, or a list of paths)
    the entry of `a` lists 3, which is no path inside the repository
    the entry of `a` lists "../x", which is no path inside the repository
    the entry of `a` lists "/etc", which is no path inside the repository
    the entry of `a` lists "", which is no path inside the repository
    the entry of `A` is neither a list of paths nor an object with `compressed` (null, or a list of paths)
    `A` and another key of the pool mean the same repository
    "#);
}
