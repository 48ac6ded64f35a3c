//! The check before a merge gets its name (specification 12): the whole validator reads what was
//! written. Only hashes are left out, which were taken from the same bytes a moment ago.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use crate::validate::{Options, Validator};

const PORTION_BYTES: usize = 256 * 1024;

/// The first fault of a merge in the order of its parts; nothing when there is none.
pub(super) fn fault<'a>(
    parts: impl Iterator<Item = io::Result<(&'a str, File)>>,
) -> io::Result<Option<String>> {
    let options = Options { hashes: false, ..Options::default() };
    let mut validator = Validator::new(options);
    let mut portion = vec![0; PORTION_BYTES];
    for part in parts {
        let (name, mut file) = part?;
        file.seek(SeekFrom::Start(0))?;
        validator.begin_part(name);
        loop {
            match file.read(&mut portion) {
                Ok(0) => break,
                Ok(count) => validator.push(&portion[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        validator.end_part();
    }
    let verdict = validator.finish();
    let first = verdict.findings.iter().find(|finding| finding.severity == "error");
    Ok(first.filter(|_| !verdict.valid).map(|finding| {
        let more = match verdict.errors {
            1 => String::new(),
            errors => format!(" ({} more)", errors - 1),
        };
        let at = match finding.line {
            0 => String::new(),
            line => format!("line {line} of "),
        };
        format!("{at}{}: {} [{}]{more}", finding.file, finding.message, finding.rule)
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn judge(text: &str) -> Option<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        fault(std::iter::once(Ok(("demo_merge.md", file)))).unwrap()
    }

    /// A merge of one file, as the program writes it.
    fn merge() -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.rs"), "fn main() {}\n").unwrap();
        let request = crate::merge::tests::request(dir.path());
        let mut merged = crate::merge::merge(&request, None, &crate::merge::Silent).unwrap();
        let mut text = String::new();
        merged.remove(0).stream.unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_wrong_structure_is_told_before_anything_gets_its_name() {
        let whole = merge();
        assert_eq!(judge(&whole), None);
        for line in ["- Spec-Version: 2.4\n", "- Contract: repolens-report\n", "§§ manifest\n"] {
            assert!(judge(&whole.replacen(line, "", 1)).is_some(), "{line}");
        }
        let cut = &whole[..whole.find("§§ content").unwrap()];
        assert!(judge(cut).is_some_and(|what| what.contains("[")), "the contents are missing");
        let link = whole.replacen("](#file-", "](#elsewhere-", 1);
        assert!(judge(&link).is_some_and(|what| what.contains("[link-target]")));
        let longer = whole.replacen("fn main() {}\n", "fn main() { }\n", 1);
        assert!(judge(&longer).is_some_and(|what| what.contains("[content-length]")));
    }
}
