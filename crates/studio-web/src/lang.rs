//! The languages of the pages. Texts stand where they are used, in both languages side by side.

/// A language that pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Lang {
    /// The best language for the header `accept-language`: the first one we have, by weight; English where there is none.
    pub fn accepted(header: &str) -> Self {
        let weighed = |part: &str| {
            let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
            let primary = tag.trim().split('-').next()?;
            let lang = Self::named(primary)?;
            let weight: f32 = weight.trim().parse().ok()?;
            (weight > 0.0).then_some((lang, weight))
        };
        let wishes = header.split(',').filter_map(weighed);
        let best = wishes.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::En, |(lang, _)| lang)
    }

    /// The language of a tag: `en` or `de`.
    pub fn named(tag: &str) -> Option<Self> {
        match tag.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "de" => Some(Self::De),
            _ => None,
        }
    }

    /// Its tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The text in this language.
    pub const fn say<'t>(self, english: &'t str, german: &'t str) -> &'t str {
        match self {
            Self::En => english,
            Self::De => german,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_known_language_wins() {
        for (header, wanted) in [
            ("", Lang::En),
            ("de", Lang::De),
            ("de-AT,en;q=0.8", Lang::De),
            ("fr,de;q=0.5,en;q=0.9", Lang::En),
            ("en;q=0.1, de;q=0.2", Lang::De),
            ("de;q=0,en;q=0.1", Lang::En),
            ("fr", Lang::En),
            (";;;q=,", Lang::En),
        ] {
            assert_eq!(Lang::accepted(header), wanted, "{header}");
        }
    }
}
