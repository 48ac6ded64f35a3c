//! Shebang and executable bit belong together.

use contracts::wgx::FixKind;

use super::tree::SourceFile;
use super::{Check, Context, Found, Rule};

pub(super) struct Executable;

pub(super) static RULE: Rule = Rule {
    id: "executable-bit",
    finds: "scripts (`#!`) without the executable bit, and executable text files without `#!`",
    why: "the script cannot be started by its name, or starting it does something unexpected",
    fix: "set the executable bit for everybody who may read the file",
    kind: FixKind::Safe,
};

impl Check for Executable {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn absent(&self, context: &Context<'_>) -> Option<&'static str> {
        bits_mean_nothing(context).then_some("this file system does not keep executable bits")
    }

    fn file(&self, file: &SourceFile, context: &Context<'_>) -> Vec<Found> {
        if file.mode.is_none() || bits_mean_nothing(context) {
            return Vec::new();
        }
        match (interpreter(&file.content), file.is_executable()) {
            (Some(interpreter), false) => {
                let message = format!("starts with `#!{interpreter}` but is not executable");
                vec![Found::new(&file.path, Some(1), message)]
            }
            (None, true) if !file.content.is_empty() => {
                let message = "is executable, but its first line names no interpreter";
                let advice = "put `#!` and the interpreter into the first line, or `chmod -x` it";
                vec![Found::new(&file.path, Some(1), message).advise(advice)]
            }
            _ => Vec::new(),
        }
    }
}

/// The interpreter of the first line. `#![…]` is an attribute of Rust, and a bare `#!` names
/// nothing.
fn interpreter(content: &[u8]) -> Option<String> {
    let line = content.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let path = line.split(u8::is_ascii_whitespace).next()?;
    path.starts_with(b"/").then(|| String::from_utf8_lossy(line).into_owned())
}

/// Mounts of other systems show every file as executable.
fn bits_mean_nothing(context: &Context<'_>) -> bool {
    let mut files = context.tree.all().filter(|file| file.mode.is_some() && file.size > 0).take(50);
    let mut count = 0;
    let all = files.all(|file| {
        count += 1;
        file.is_executable()
    });
    all && count >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters() {
        assert_eq!(interpreter(b"#!/bin/sh -e\nx").as_deref(), Some("/bin/sh -e"));
        assert_eq!(
            interpreter(b"#! /usr/bin/env python3\r\n").as_deref(),
            Some("/usr/bin/env python3")
        );
        for text in ["#![allow(x)]\n", "#!\n", "# !/bin/sh", "", "#!nonsense"] {
            assert_eq!(interpreter(text.as_bytes()), None, "{text}");
        }
    }
}
