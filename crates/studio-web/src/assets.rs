//! The files that pages load: one style sheet, and small modules that make pages live.

/// A file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its name below `/studio/assets/`.
    pub name: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// All of them.
pub const ASSETS: &[Asset] = &[
    Asset {
        name: "studio.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("assets/studio.css"),
    },
    Asset {
        name: "studio.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/studio.js"),
    },
    Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/live.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
];

/// The file of a name.
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Where a page finds it: the address changes with the content, so that it can be kept for good.
pub(crate) fn path(name: &str) -> String {
    let text = asset(name).map_or("", |asset| asset.text);
    format!("/studio/assets/{name}?v={:08x}", fingerprint(text.as_bytes()))
}

/// FNV-1a, 32 bits: tells versions of our own files apart, nothing else.
const fn fingerprint(bytes: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_change_with_the_content() {
        assert_ne!(fingerprint(b"a"), fingerprint(b"b"));
        assert!(path("studio.css").starts_with("/studio/assets/studio.css?v="));
    }

    #[test]
    fn modules_never_parse_html_or_code() {
        for asset in ASSETS.iter().filter(|asset| asset.name.ends_with(".js")) {
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "Function(",
            ] {
                assert!(!asset.text.contains(forbidden), "{}: {forbidden}", asset.name);
            }
            assert!(asset.text.lines().count() <= 300, "{}", asset.name);
        }
    }
}
