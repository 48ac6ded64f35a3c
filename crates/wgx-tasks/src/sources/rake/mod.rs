//! rake tasks: the Rakefile, `rakelib`, and what they import, load or require.

mod engine;
mod lexer;
mod libraries;
mod loading;
mod loops;
mod reader;
mod structure;
mod values;

use super::Scan;

/// Names in the order in which rake looks for them.
const FILE_NAMES: [&str; 4] = ["rakefile", "Rakefile", "rakefile.rb", "Rakefile.rb"];

pub(super) fn discover(scan: &mut Scan<'_>) {
    let found = FILE_NAMES
        .iter()
        .filter(|name| scan.has(name))
        .map(|name| scan.path(name))
        .find(|path| scan.files.is_file(path));
    let Some(file) = found else {
        return;
    };
    let mut reader = reader::Reader::new(scan);
    reader.file(&file);
    reader.rakelib("rakelib");
    reader.finish();
}
