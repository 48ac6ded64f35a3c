//! Names as text: UTF-8 stays as it is, anything else is escaped byte by byte.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// A name as text; see [`crate::model::File::path`].
pub(super) fn escaped(name: &OsStr) -> String {
    text(name.as_bytes()).0
}

/// The text of a path and whether it is an escaped form.
pub(super) fn text(raw: &[u8]) -> (String, bool) {
    match str::from_utf8(raw) {
        Ok(path) => (path.to_owned(), false),
        Err(_) => (escape(raw, 0), true),
    }
}

/// Escapes foreign bytes, `%`, and the first `more` other bytes: any number of them stands for the
/// same name, so a clash with a file that is really called so can be avoided.
pub(super) fn escape(raw: &[u8], more: usize) -> String {
    let mut text = String::with_capacity(raw.len() + 8);
    let hex = |text: &mut String, byte: u8| {
        write!(text, "%{byte:02X}").expect("writing to a string cannot fail");
    };
    let mut more = more;
    for chunk in raw.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' {
                text.push_str("%25");
            } else if more > 0 && character.is_ascii() && character != '/' {
                more -= 1;
                hex(&mut text, character as u8);
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            hex(&mut text, *byte);
        }
    }
    text
}
