//! The tamper matrix: every kind of change at the first line, in the middle, at the last line and at the edge
//! of a segment is detected and named, by the program and by the independent verifier.

use std::fs;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use audit::{Log, Verdict, VerifyOptions, verify};
use tempfile::TempDir;

use crate::files::{Files, Sealed, copy, lines_file, notes_file, options, sign, write};

/// A change, and under which names it may be found. `at` is a line, or a checkpoint or segment that holds it.
struct Kind {
    name: &'static str,
    found_as: &'static [&'static str],
    change: fn(&mut Files, usize),
}

const KINDS: &[Kind] = &[
    Kind {
        name: "a value is flipped",
        found_as: &["edited", "rewritten"],
        change: |f, at| f.replace(at, "\"ok\"", "\"denied\""),
    },
    Kind {
        name: "a digit of the time is flipped",
        found_as: &["edited", "rewritten", "clock-back"],
        change: |f, at| f.replace(at, "\"ts\":\"2", "\"ts\":\"3"),
    },
    Kind {
        name: "a space is added",
        found_as: &["not-canonical"],
        change: |f, at| f.replace(at, ",\"actor\"", ", \"actor\""),
    },
    Kind {
        name: "members change places",
        found_as: &["not-canonical"],
        change: |f, at| {
            f.replace(at, ",\"v\":1}", "}");
            f.replace(at, "{\"action\"", "{\"v\":1,\"action\"");
        },
    },
    Kind {
        name: "a member is taken out",
        found_as: &["wrong-member"],
        change: |f, at| f.replace(at, ",\"v\":1}", "}"),
    },
    Kind {
        name: "a member is named twice",
        found_as: &["duplicate-key"],
        change: |f, at| f.replace(at, ",\"v\":1}", ",\"v\":1,\"v\":1}"),
    },
    Kind {
        name: "a name is there twice in the data",
        found_as: &["not-json", "duplicate-key"],
        change: |f, at| f.replace(at, "\"data\":{", "\"data\":{\"a\":1,\"a\":1,"),
    },
    Kind {
        name: "a member is added",
        found_as: &["wrong-member"],
        change: |f, at| f.replace(at, ",\"v\":1}", ",\"v\":1,\"w\":1}"),
    },
    Kind {
        name: "a letter is written as an escape",
        found_as: &["not-canonical"],
        change: |f, at| f.replace(at, "\"actor\"", "\"\\u0061ctor\""),
    },
    Kind {
        name: "a number is written with a fraction",
        found_as: &["wrong-member"],
        change: |f, at| f.replace(at, ",\"v\":1}", ",\"v\":1.0}"),
    },
    Kind {
        name: "another version is named",
        found_as: &["version"],
        change: |f, at| f.replace(at, ",\"v\":1}", ",\"v\":2}"),
    },
    Kind {
        name: "another log is named",
        found_as: &["foreign-log", "wrong-header"],
        change: |f, at| f.replace(at, ",\"log\":\"", ",\"log\":\"x"),
    },
    Kind {
        name: "the position lies",
        found_as: &["deleted", "wrong-header"],
        change: |f, at| f.replace(at, ",\"seq\":", ",\"seq\":9"),
    },
    Kind {
        name: "the hash of the line before is changed",
        found_as: &["edited", "wrong-header"],
        change: flip_prev,
    },
    Kind {
        name: "it is no JSON",
        found_as: &["not-json"],
        change: |f, at| f.replace(at, "{\"action\"", "[\"action\""),
    },
    Kind {
        name: "something follows it",
        found_as: &["not-json"],
        change: |f, at| f.line(at).extend(b"{}"),
    },
    Kind {
        name: "a carriage return ends it",
        found_as: &["crlf"],
        change: |f, at| f.line(at).push(b'\r'),
    },
    Kind {
        name: "a byte order mark begins it",
        found_as: &["bom"],
        change: |f, at| {
            f.line(at).splice(0..0, *b"\xEF\xBB\xBF");
        },
    },
    Kind {
        name: "a letter is written overlong",
        found_as: &["not-utf8"],
        change: |f, at| {
            f.line(at).splice(2..3, *b"\xC1\xA1");
        },
    },
    Kind { name: "it is not UTF-8", found_as: &["not-utf8"], change: |f, at| f.line(at)[3] = 0xFF },
    Kind {
        name: "zeros stand in it",
        found_as: &["hole"],
        change: |f, at| f.line(at)[10..40].fill(0),
    },
    Kind {
        name: "it is all zeros",
        found_as: &["hole", "tail-cut"],
        change: |f, at| f.line(at).fill(0),
    },
    Kind {
        name: "half of it is gone",
        found_as: &["not-json"],
        change: |f, at| {
            let half = f.line(at).len() / 2;
            f.line(at).truncate(half);
        },
    },
    Kind { name: "it is empty", found_as: &["not-json"], change: |f, at| f.line(at).clear() },
    Kind {
        name: "ten megabytes stand in it",
        found_as: &["line-too-long"],
        change: |f, at| f.line(at).extend(vec![b' '; 10 << 20]),
    },
    Kind {
        name: "it is deleted",
        found_as: &["deleted", "tail-cut", "wrong-header", "segment-empty"],
        change: |f, at| {
            let (s, l) = f.place(at);
            f.segments[s].remove(l);
        },
    },
    Kind {
        name: "it stands there twice",
        found_as: &["duplicated"],
        change: |f, at| {
            let (s, l) = f.place(at);
            let line = f.line(at).clone();
            f.segments[s].insert(l + 1, line);
        },
    },
    Kind {
        name: "it changes places with the one before",
        found_as: &["reordered", "wrong-header", "deleted", "segment-edge"],
        change: swap,
    },
    Kind {
        name: "a line is inserted and the chain made to fit",
        found_as: &["clock-back", "rewritten", "wrong-header", "inserted"],
        change: insert,
    },
    Kind {
        name: "it is changed and the chain made to fit",
        found_as: &["rewritten", "wrong-header"],
        change: |f, at| {
            f.replace(at, "\"ok\"", "\"denied\"");
            f.chain_from(at + 1);
        },
    },
    Kind {
        name: "its time is set back and the chain made to fit",
        found_as: &["clock-back", "rewritten", "wrong-header"],
        change: |f, at| {
            f.replace(at, "\"ts\":\"2", "\"ts\":\"1");
            f.chain_from(at + 1);
        },
    },
    Kind { name: "two lines are joined", found_as: &["not-json"], change: join },
    Kind {
        name: "an empty line is inserted",
        found_as: &["not-json"],
        change: |f, at| {
            let (s, l) = f.place(at);
            f.segments[s].insert(l + 1, Vec::new());
        },
    },
    Kind {
        name: "a checkpoint is taken out",
        found_as: &["checkpoint-chain", "unsigned-tail"],
        change: |f, at| {
            let (s, n) = note(f, at);
            f.notes[s].remove(n);
        },
    },
    Kind {
        name: "a checkpoint stands there twice",
        found_as: &["checkpoint-order"],
        change: |f, at| {
            let (s, n) = note(f, at);
            let twice = f.notes[s][n].clone();
            f.notes[s].insert(n, twice);
        },
    },
    Kind {
        name: "the root in a checkpoint is changed",
        found_as: &["checkpoint-signature", "bad-checkpoint"],
        change: |f, at| edit_note(f, at, 2, |line| flip(line, 5)),
    },
    Kind {
        name: "the size in a checkpoint lies",
        found_as: &[
            "foreign-key",
            "retired-key",
            "checkpoint-signature",
            "checkpoint-order",
            "checkpoint-chain",
            "tail-cut",
        ],
        change: |f, at| edit_note(f, at, 1, |size| (size.parse::<u64>().unwrap() + 1).to_string()),
    },
    Kind {
        name: "a checkpoint names another log",
        found_as: &["foreign-checkpoint"],
        change: |f, at| edit_note(f, at, 0, |origin| format!("{origin}x")),
    },
    Kind {
        name: "the signature of a checkpoint is changed",
        found_as: &["checkpoint-signature"],
        change: |f, at| edit_note(f, at, 5, |line| flip(line, 80)),
    },
    Kind {
        name: "a checkpoint has no signature",
        found_as: &["bad-checkpoint", "torn-tail", "checkpoint-chain"],
        change: |f, at| edit_note(f, at, 5, |_| "nothing".to_owned()),
    },
    Kind {
        name: "a foreign key signs a checkpoint",
        found_as: &["foreign-key"],
        change: foreign_signature,
    },
    Kind {
        name: "all checkpoints of a segment are gone",
        found_as: &["checkpoint-chain", "unsigned-tail"],
        change: |f, at| {
            let (s, _) = f.place(at);
            f.notes[s].clear();
        },
    },
    Kind {
        name: "a checkpoint is there with other line ends",
        found_as: &["bad-checkpoint", "torn-tail"],
        change: |f, at| {
            let (s, n) = note(f, at);
            f.notes[s][n] = f.notes[s][n].replacen('\n', "\r\n", 1);
        },
    },
];

/// The checkpoint that covers a line.
fn note(files: &Files, at: usize) -> (usize, usize) {
    let (segment, _) = files.place(at);
    let size = |note: &String| note.lines().nth(1).unwrap().parse::<usize>().unwrap();
    let place = files.notes[segment].iter().position(|note| size(note) > at).unwrap();
    (segment, place)
}

fn edit_note(files: &mut Files, at: usize, line: usize, edit: impl FnOnce(&str) -> String) {
    let (segment, place) = note(files, at);
    let note = &mut files.notes[segment][place];
    let mut lines: Vec<String> = note.lines().map(str::to_owned).collect();
    lines[line] = edit(&lines[line]);
    *note = lines.join("\n") + "\n";
}

/// Another letter of base64 at a place.
fn flip(text: &str, at: usize) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
    letters.into_iter().collect()
}

fn flip_prev(files: &mut Files, at: usize) {
    let line = String::from_utf8(files.line(at).clone()).unwrap();
    let start = line.find("\"prev\":\"").unwrap() + 8;
    let digit = if &line[start..=start] == "0" { "1" } else { "0" };
    *files.line(at) = format!("{}{digit}{}", &line[..start], &line[start + 1..]).into_bytes();
}

fn swap(files: &mut Files, at: usize) {
    let other = if at == 0 { 1 } else { at - 1 };
    let (one, two) = (files.line(at).clone(), files.line(other).clone());
    *files.line(at) = two;
    *files.line(other) = one;
}

fn insert(files: &mut Files, at: usize) {
    let (segment, place) = files.place(at);
    let line = files.segments[0][3].clone();
    files.segments[segment].insert(place + 1, line);
    files.chain_from(at + 1);
}

fn join(files: &mut Files, at: usize) {
    let (segment, place) = files.place(at);
    let lines = &mut files.segments[segment];
    let place = if place + 1 < lines.len() { place } else { place - 1 };
    let next = lines.remove(place + 1);
    lines[place].extend(next);
}

fn foreign_signature(files: &mut Files, at: usize) {
    let other = Sealed::new();
    let key = fs::read_to_string(other.folder.path().join("key")).unwrap();
    let (segment, place) = note(files, at);
    let text = files.notes[segment][place].split_once("\n\n").unwrap().0.to_owned() + "\n";
    files.notes[segment][place] = sign(&text, &key);
}

/// First line, middle, last line, first line of a segment and the one before it.
fn positions(files: &Files) -> [usize; 5] {
    let edge = files.segments[0].len() + files.segments[1].len();
    [0, files.segments[0].len() + 2, files.count() - 1, edge, edge - 1]
}

fn verdict(folder: &Path, anchors: &[PathBuf]) -> (Verdict, String, u64) {
    let options = VerifyOptions { anchors: anchors.to_vec(), ..VerifyOptions::default() };
    let report = verify(folder, &options).unwrap();
    let found = report.tampering.or(report.tail);
    let (kind, seq) = found.map_or((String::new(), 0), |found| (found.kind, found.seq));
    (report.verdict, kind, seq)
}

/// What the independent verifier says of folders, one word each.
fn independent(folders: &[&Path], anchors: &[PathBuf]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-verify.py");
    #[expect(clippy::disallowed_methods, reason = "the verifier is a program of its own")]
    let mut command = Command::new("python3");
    command.arg(script).args(folders);
    anchors.iter().for_each(|anchor| {
        command.arg("--anchors").arg(anchor);
    });
    let output = command.output().expect("python3 runs the independent verifier");
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.lines().count(), folders.len(), "{text}{errors}");
    text.lines().map(|line| line.split(": ").nth(1).unwrap().to_owned()).collect()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Sound => "sound",
        Verdict::Tampered => "tampered",
        Verdict::Unverifiable => "tail not verifiable",
    }
}

#[test]
fn every_change_at_every_place_is_detected_and_named() {
    let sealed = Sealed::new();
    assert_eq!(verdict(sealed.folder.path(), &[]).0, Verdict::Sound);
    let mut missed = Vec::new();
    let mut cases: Vec<(String, TempDir, Verdict)> = Vec::new();
    cases.push(("nothing".to_owned(), sealed.copy(), Verdict::Sound));
    for kind in KINDS {
        for at in positions(&Files::read(sealed.folder.path())) {
            let folder = sealed.copy();
            let mut files = Files::read(folder.path());
            (kind.change)(&mut files, at);
            files.write();
            let (verdict, found, seq) = verdict(folder.path(), &[]);
            // A checkpoint covers five lines, and a segment without any begins a dozen lines earlier.
            let near = seq <= at as u64 + 5 && seq + 16 > at as u64;
            if verdict == Verdict::Sound || !kind.found_as.contains(&found.as_str()) || !near {
                missed.push(format!("{}, at {at}: {verdict:?} {found} at {seq}", kind.name));
            }
            cases.push((format!("{}, at {at}", kind.name), folder, verdict));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let folders: Vec<&Path> = cases.iter().map(|(_, folder, _)| folder.path()).collect();
    for ((name, _, verdict), says) in cases.iter().zip(independent(&folders, &[])) {
        assert_eq!(says, word(*verdict), "{name}");
    }
}

/// A change to whole segments: the first, one in the middle, the last.
type SegmentChange = fn(&Path, usize, usize);

const SEGMENT_KINDS: &[(&str, &[&str], SegmentChange)] = &[
    ("is missing", &["segment-missing"], |folder, at, _| {
        fs::remove_file(lines_file(folder, at)).unwrap();
    }),
    ("is missing with its checkpoints", &["segment-missing", "not-closed"], |folder, at, _| {
        fs::remove_file(lines_file(folder, at)).unwrap();
        fs::remove_file(notes_file(folder, at)).unwrap();
    }),
    ("is empty", &["segment-empty"], |folder, at, _| {
        fs::write(lines_file(folder, at), "").unwrap();
    }),
    ("is a link", &["not-plain"], |folder, at, _| {
        let (path, aside) = (lines_file(folder, at), folder.join("aside"));
        fs::rename(&path, &aside).unwrap();
        symlink(aside, path).unwrap();
    }),
    ("is a folder", &["not-plain"], |folder, at, _| {
        let path = lines_file(folder, at);
        fs::remove_file(&path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    ("changed places with another", &["segment-swapped", "wrong-header"], |folder, at, count| {
        let other = (at + 1) % count;
        let (one, two) = (lines_file(folder, at), lines_file(folder, other));
        let (a, b) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
        fs::write(one, b).unwrap();
        fs::write(two, a).unwrap();
    }),
    ("is that of another log", &["foreign-log", "wrong-header"], |folder, at, _| {
        let other = Sealed::new();
        fs::copy(lines_file(other.folder.path(), at), lines_file(folder, at)).unwrap();
        fs::copy(notes_file(other.folder.path(), at), notes_file(folder, at)).unwrap();
    }),
    ("lost its last lines", &["tail-cut"], |folder, at, _| {
        let mut files = Files::read(folder);
        let len = files.segments[at].len();
        files.segments[at].truncate(len - 2);
        files.write();
    }),
    (
        "lost its last lines and checkpoints",
        &["deleted", "not-closed", "unsigned-tail"],
        |folder, at, _| {
            let mut files = Files::read(folder);
            files.notes[at].pop();
            let before: usize = files.segments[..at].iter().map(Vec::len).sum();
            let size = |note: &String| note.lines().nth(1).unwrap().parse::<usize>().unwrap();
            let covered = files.notes[at].last().map_or(1, |note| size(note) - before);
            files.segments[at].truncate(covered);
            files.write();
        },
    ),
    ("has a hole", &["hole", "tail-cut"], |folder, at, _| {
        let path = lines_file(folder, at);
        let len = fs::metadata(&path).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&vec![0; 700], len / 2).unwrap();
    }),
    ("ends in a hole", &["hole", "tail-cut", "inserted"], |folder, at, _| {
        let path = lines_file(folder, at);
        let len = fs::metadata(&path).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(len - 300).unwrap();
        file.set_len(len + 4096).unwrap();
    }),
    ("names another tree", &["wrong-header"], |folder, at, _| {
        let mut files = Files::read(folder);
        let first: usize = files.segments[..at].iter().map(Vec::len).sum();
        if at == 0 {
            files.replace(first, "\"segment\":1", "\"segment\":01");
        } else {
            files.replace(first, "\"peaks\":[\"", "\"peaks\":[\"00");
        }
        files.write();
    }),
    (
        "has lines of another writer behind its end",
        &["inserted", "duplicated", "wrong-header"],
        |folder, at, _| {
            let mut files = Files::read(folder);
            let mut line = files.segments[at].last().unwrap().clone();
            let end = line.len() - 10;
            line[end] ^= 1;
            let before = files.segments[at].len() - 2;
            let other = files.segments[at][before].clone();
            files.segments[at].push(other);
            files.write();
        },
    ),
];

#[test]
fn every_change_to_whole_segments_is_detected_and_named() {
    let sealed = Sealed::new();
    let count = Files::read(sealed.folder.path()).segments.len();
    let mut cases = Vec::new();
    let mut missed = Vec::new();
    for (name, found_as, change) in SEGMENT_KINDS {
        for at in [0, 1, count / 2, count - 1] {
            let folder = sealed.copy();
            change(folder.path(), at, count);
            let (verdict, found, seq) = verdict(folder.path(), &[]);
            if verdict == Verdict::Sound
                || !(found_as.contains(&found.as_str()) || found == "not-json" && at == 0)
            {
                missed.push(format!("segment {at} {name}: {verdict:?} {found} at {seq}"));
            }
            cases.push((format!("segment {at} {name}"), folder, verdict));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let folders: Vec<&Path> = cases.iter().map(|(_, folder, _)| folder.path()).collect();
    for ((name, _, verdict), says) in cases.iter().zip(independent(&folders, &[])) {
        assert_eq!(says, word(*verdict), "{name}");
    }
}

fn anchors(folder: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "notes"))
        .collect()
}

/// Both verifiers, with the anchors: tampered, and named so.
fn caught_by_anchors(folder: &Path, anchor: &TempDir, kind: &str) -> u64 {
    let anchors = anchors(anchor);
    let (found_verdict, found, seq) = verdict(folder, &anchors);
    assert_eq!((found_verdict, found.as_str()), (Verdict::Tampered, kind));
    assert_eq!(independent(&[folder], &anchors), ["tampered"]);
    seq
}

#[test]
fn whoever_has_the_key_and_writes_another_history_is_caught_by_an_anchor() {
    for before in [1, 20, 40] {
        let (folder, anchor) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let log = Log::open(folder.path(), options(Some(anchor.path()))).unwrap();
        write(&log, before);
        log.close().unwrap();
        let fork = copy(folder.path());
        for (folder, anchor, count) in
            [(folder.path(), Some(anchor.path()), 30), (fork.path(), None, 45)]
        {
            let log = Log::open(folder, options(anchor)).unwrap();
            write(&log, count);
            log.close().unwrap();
            assert_eq!(verdict(folder, &[]).0, Verdict::Sound);
        }
        assert_eq!(verdict(folder.path(), &anchors(&anchor)).0, Verdict::Sound);
        let seq = caught_by_anchors(fork.path(), &anchor, "fork");
        assert!((before..before + 20).contains(&seq), "forked after {before}, named {seq}");
    }
}

#[test]
fn an_older_state_of_a_log_is_caught_by_an_anchor() {
    let (folder, anchor) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = Log::open(folder.path(), options(Some(anchor.path()))).unwrap();
    write(&log, 12);
    log.close().unwrap();
    let older = copy(folder.path());
    let lines = verify(older.path(), &VerifyOptions::default()).unwrap().lines;
    let log = Log::open(folder.path(), options(Some(anchor.path()))).unwrap();
    write(&log, 12);
    log.close().unwrap();
    assert_eq!(verdict(older.path(), &[]).0, Verdict::Sound);
    assert_eq!(caught_by_anchors(older.path(), &anchor, "tail-cut"), lines);
}

#[test]
fn the_log_of_another_machine_is_caught_by_an_anchor_and_by_the_known_key() {
    let (sealed, other) = (Sealed::new(), Sealed::new());
    caught_by_anchors(other.folder.path(), &sealed.anchor, "foreign-log");
    let key = verify(sealed.folder.path(), &VerifyOptions::default()).unwrap().key.unwrap();
    let pinned = VerifyOptions { key: Some(key.parse().unwrap()), ..VerifyOptions::default() };
    let report = verify(other.folder.path(), &pinned).unwrap();
    assert_eq!(report.tampering.unwrap().kind, "foreign-key");
}

#[test]
fn a_changed_anchor_is_no_proof_of_tampering_with_the_log_but_is_named() {
    let sealed = Sealed::new();
    let path = &anchors(&sealed.anchor)[0];
    let text = fs::read_to_string(path).unwrap();
    let last = text.trim_end().rfind("\n\n").unwrap();
    let changed = format!("{}{}", &text[..last + 85], flip(&text[last + 85..], 2));
    fs::write(path, changed).unwrap();
    let (verdict, found, _) = verdict(sealed.folder.path(), &anchors(&sealed.anchor));
    assert_eq!((verdict, found.as_str()), (Verdict::Tampered, "foreign-key"));
}

#[test]
fn another_key_file_beside_the_log_is_named_and_the_log_not_continued() {
    let (folder, other) = (Sealed::new().copy(), Sealed::new());
    fs::copy(other.folder.path().join("key"), folder.path().join("key")).unwrap();
    assert_eq!(verdict(folder.path(), &[]).1, "foreign-key");
    let error = Log::open(folder.path(), options(None)).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the audit log was tampered with: foreign-key at line 0 of key: it is not the key that signs this log");
}

#[test]
fn a_key_that_was_replaced_signs_nothing_any_more() {
    let sealed = Sealed::new();
    let folder = sealed.copy();
    let mut files = Files::read(folder.path());
    let last = files.notes.len() - 1;
    for note in &mut files.notes[last] {
        let text = note.split_once("\n\n").unwrap().0.to_owned() + "\n";
        *note = sign(&text, &sealed.old_key);
    }
    files.write();
    assert_eq!(verdict(folder.path(), &[]).1, "retired-key");
    assert_eq!(independent(&[folder.path()], &[]), ["tampered"]);
}

#[test]
fn a_new_key_that_the_old_one_did_not_sign_is_named() {
    let sealed = Sealed::new();
    let mut files = Files::read(sealed.folder.path());
    let at = (0..files.count())
        .find(|at| files.line(*at).windows(9).any(|part| part == b"\"log.key\""))
        .unwrap();
    let line = String::from_utf8(files.line(at).clone()).unwrap();
    let signatures: Vec<&str> = line.split("\\n\u{2014} ").collect();
    assert_eq!(signatures.len(), 3);
    // The first signature is the old key's, the second the new one's.
    for gone in [
        signatures[1].to_owned() + "\\n\u{2014} ",
        "\\n\u{2014} ".to_owned() + signatures[2].split("\\n").next().unwrap(),
    ] {
        let folder = sealed.copy();
        let mut files = Files::read(folder.path());
        files.replace(at, &gone, "");
        files.write();
        let (_, found, seq) = verdict(folder.path(), &[]);
        assert_eq!((found.as_str(), seq), ("rotation-unsigned", at as u64));
        assert_eq!(independent(&[folder.path()], &[]), ["tampered"]);
    }
}

#[test]
fn a_log_that_somebody_else_wrote_to_is_neither_signed_nor_continued() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), options(None)).unwrap();
    write(&log, 3);
    let path = lines_file(folder.path(), 0);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{}\n");
    fs::write(&path, bytes).unwrap();
    let error = log.checkpoint().wait().unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the audit log cannot be written: its file was moved, replaced or changed by another program");
    drop(log);
    let error = Log::open(folder.path(), options(None)).unwrap_err().to_string();
    assert!(error.contains("not-json") || error.contains("wrong-member"), "{error}");
}
