//! Trees that somebody made to do harm.

use std::os::unix::fs::symlink;

use hauski_index::ingest::{PassOptions, TreeKind};

use super::{Shelf, skipped, tree, write};

#[test]
fn links_pipes_and_huge_files_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    write(dir.path(), "outside/secret.txt", "outside");
    write(&root, "a.txt", "inside\n");
    symlink("../outside/secret.txt", root.join("link.txt")).unwrap();
    symlink("../outside", root.join("folder")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    write(&root, "deep.json", "[".repeat(100_000));
    write(&root, "long.txt", "word ".repeat(50_000));
    let big = std::fs::File::create(root.join("sparse.bin")).unwrap();
    big.set_len(1 << 40).unwrap();
    let mut lines = String::new();
    for number in 0..30_000 {
        lines.push_str(&format!("line {number} of many words\n"));
    }
    write(&root, "big.txt", &lines);
    let mut shelf = Shelf::default();
    let options = PassOptions { window_bytes: 256 << 10, ..PassOptions::default() };
    let (report, changes) = shelf.pass(&tree(&root, TreeKind::Folder), &options);
    assert_eq!(changes, ["put a.txt", "put big.txt", "put deep.json", "put long.txt"]);
    assert_eq!(skipped(&report), [("symlink", 3), ("special", 1), ("binary", 1)]);
    let big = &shelf.documents["big.txt"];
    let last = big.chunks.last().unwrap();
    assert_eq!(report.cut_files, 1);
    assert_eq!(big.left_out_bytes, (lines.len() - last.span.end - 1) as u64);
    assert_eq!(report.left_out_bytes, big.left_out_bytes);
    assert!(lines[..last.span.end].ends_with("words") && last.span.end > 250 << 10);
    assert!(!format!("{:?}", shelf.documents).contains("outside"));
}
