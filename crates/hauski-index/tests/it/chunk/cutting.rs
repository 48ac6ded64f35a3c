//! Where passages begin and end, language by language and format by format.

use super::{cut, cut_small, shown};

const RUST: &str = r#"//! Doors and keys.

use std::fmt;

/// A door.
pub struct Door {
    open: bool,
}

impl Door {
    /// Opens the door with a key, and says whether it fitted into the lock.
    pub fn open(&mut self, key: &Key) -> bool {
        if key.fits(self) {
            self.open = true;
        }
        self.open
    }

    // Closes it again.
    #[inline]
    pub fn close(&mut self) {
        self.open = false;
    }
}

fn main() {
    let mut door = Door { open: false };
    println!("{}", door.open(&Key::new("brass", 12, 0.5, true, None, Some("spare"))));
    door.close();
}
"#;

#[test]
fn a_small_file_is_one_passage() {
    let chunks = cut("src/door.rs", RUST);
    assert_eq!(chunks.len(), 1, "{}", shown(&chunks));
    insta::assert_snapshot!(shown(&cut("a.py", "x = 1\n")), @"1-1 a.py");
}

#[test]
fn definitions_stay_whole_with_their_comments_and_name_what_encloses_them() {
    let chunks = cut_small("src/door.rs", RUST, 60);
    insta::assert_snapshot!(shown(&chunks), @r"
    1-8 src/door.rs :: pub struct Door
    10-17 src/door.rs :: impl Door :: pub fn open(&mut self, key: &Key) -> bool
    19-24 src/door.rs :: impl Door :: pub fn close(&mut self)
    26-28 src/door.rs :: fn main()
    29-30 src/door.rs :: fn main()
    ");
}
