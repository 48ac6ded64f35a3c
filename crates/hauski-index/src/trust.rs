//! What a score is multiplied with: trust of the source, age, and the weight of its place; and what is kept apart
//! because it may try to give orders to a model.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use contracts::hauski::index::{POSSIBLE_PROMPT_INJECTION, TrustLevel, Weights};
use redact::injection::{self, Trust};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::truth::Document;

/// Seconds after which a passage counts half where nothing else is said: seven days.
const HALF_LIFE_S: u64 = 7 * 24 * 3600;

/// Weights, as `trust.yaml` and `context.yaml` of the house know them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weighting {
    /// Factor by trust of the source, above 0 to 1.
    pub trust_weights: TrustWeights,
    /// No factor of trust is below this, 0 to 1.
    pub min_weight: f64,
    /// What age does.
    pub recency: Recency,
    /// By name: factor of a namespace or an origin; `_default` for all others. 0 to 10.
    pub profiles: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Factor by trust.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustWeights {
    /// The person's own.
    pub high: f64,
    /// Usual.
    pub medium: f64,
    /// Anybody's.
    pub low: f64,
}

/// What age does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recency {
    /// Seconds after which a passage counts half, at least 1.
    pub default_half_life_seconds: u64,
    /// No factor of age is below this, 0 to 1.
    pub min_weight: f64,
}

impl Default for TrustWeights {
    fn default() -> Self {
        Self { high: 1.0, medium: 0.7, low: 0.3 }
    }
}

impl Default for Recency {
    fn default() -> Self {
        Self { default_half_life_seconds: HALF_LIFE_S, min_weight: 0.1 }
    }
}

impl Default for Weighting {
    fn default() -> Self {
        Self {
            trust_weights: TrustWeights::default(),
            min_weight: 0.1,
            recency: Recency::default(),
            profiles: BTreeMap::new(),
        }
    }
}

/// What is weighed of a passage.
#[derive(Clone, Copy, Debug)]
pub struct Weighed<'a> {
    /// Its collection.
    pub collection: &'a str,
    /// Its origin.
    pub origin: &'a str,
    /// How far that is trusted.
    pub trust: TrustLevel,
    /// When its source was made or changed.
    pub at_ms: i64,
    /// Half-life of the collection where one was set.
    pub half_life_s: Option<u64>,
}

impl Weighting {
    /// What is out of range, in words; nothing when all is well.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut within = |name: &str, value: f64, most: f64| {
            if !(0.0..=most).contains(&value) {
                faults.push(format!("{name} is {value} and must be between 0 and {most}"));
            }
        };
        within("trust_weights.high", self.trust_weights.high, 1.0);
        within("trust_weights.medium", self.trust_weights.medium, 1.0);
        within("trust_weights.low", self.trust_weights.low, 1.0);
        within("min_weight", self.min_weight, 1.0);
        within("recency.min_weight", self.recency.min_weight, 1.0);
        for (profile, weights) in &self.profiles {
            for (name, value) in weights {
                within(&format!("profiles.{profile}.{name}"), *value, 10.0);
            }
        }
        if self.recency.default_half_life_seconds == 0 {
            faults.push("recency.default_half_life_seconds must be at least 1".to_owned());
        }
        faults
    }

    /// SHA-256 of the weights, hexadecimal: equal hashes mean equal scores.
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(text) {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// Seconds after which a passage of this collection counts half. Files of repositories and folders do not age: an
    /// old file that still stands there is as true as a new one.
    pub fn half_life(&self, collection: &str, set: Option<u64>) -> Option<u64> {
        let ageless = collection.starts_with("repo:") || collection.starts_with("folder:");
        set.or_else(|| (!ageless).then_some(self.recency.default_half_life_seconds))
    }

    /// The factor of age.
    pub fn recency(&self, collection: &str, set: Option<u64>, at_ms: i64, now_ms: i64) -> f64 {
        let Some(half_life) = self.half_life(collection, set) else { return 1.0 };
        let age_s = now_ms.saturating_sub(at_ms).max(0) as f64 / 1000.0;
        (-age_s / half_life.max(1) as f64).exp2().max(self.recency.min_weight)
    }

    /// All factors of a passage; `similarity` is what both legs gave.
    pub fn weigh(
        &self,
        similarity: f64,
        of: &Weighed<'_>,
        profile: Option<&str>,
        now_ms: i64,
    ) -> Weights {
        let trust = match of.trust {
            TrustLevel::High => self.trust_weights.high,
            TrustLevel::Medium => self.trust_weights.medium,
            TrustLevel::Low => self.trust_weights.low,
        };
        Weights {
            similarity,
            trust: trust.max(self.min_weight),
            recency: self.recency(of.collection, of.half_life_s, of.at_ms, now_ms),
            context: self.context(of, profile),
        }
    }

    /// The profile's factor of the collection where that is not 1, else of the origin, else its default.
    fn context(&self, of: &Weighed<'_>, profile: Option<&str>) -> f64 {
        let Some(profile) = profile.and_then(|name| self.profiles.get(name)) else { return 1.0 };
        let other_than_one =
            |name: &str| profile.get(name).copied().filter(|weight| *weight != 1.0);
        other_than_one(of.collection)
            .or_else(|| other_than_one(of.origin))
            .or_else(|| profile.get("_default").copied())
            .unwrap_or(1.0)
    }
}

/// The product.
pub(crate) fn score(weights: &Weights) -> f64 {
    weights.similarity * weights.trust * weights.recency * weights.context
}

/// Looks at every passage and says of those that may try to give orders to a model what was seen. Returns how many are
/// kept apart; the document says why.
pub(crate) fn inspect(document: &mut Document) -> u64 {
    let trust = match document.source.trust_level {
        TrustLevel::Low => Trust::Low,
        TrustLevel::Medium => Trust::Medium,
        TrustLevel::High => Trust::High,
    };
    let mut reasons = Vec::new();
    let mut apart = 0;
    for passage in &mut document.passages {
        let suspicion = injection::suspect(&passage.text);
        passage.flags = suspicion.signs().map(|sign| sign.as_str().to_owned()).collect();
        if suspicion.quarantines(trust) {
            reasons.extend(passage.flags.iter().cloned());
            passage.flags.push(POSSIBLE_PROMPT_INJECTION.to_owned());
            apart += 1;
        }
    }
    reasons.sort_unstable();
    reasons.dedup();
    document.quarantine = (apart > 0).then(|| {
        format!(
            "{apart} of {} passages show signs: {}",
            document.passages.len(),
            reasons.join(", ")
        )
    });
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(collection: &str) -> Weighed<'_> {
        let trust = TrustLevel::Medium;
        Weighed { collection, origin: "web", trust, at_ms: 0, half_life_s: None }
    }

    #[test]
    fn age_halves_and_has_a_floor() {
        let weighting = Weighting::default();
        let week = i64::try_from(HALF_LIFE_S).unwrap() * 1000;
        let recency = |now| weighting.recency("notes", None, 0, now);
        assert_eq!([recency(-5), recency(0), recency(week)], [1.0, 1.0, 0.5]);
        assert_eq!(recency(week * 100), 0.1);
        assert_eq!(weighting.recency("repo:wgx", None, 0, week * 100), 1.0);
        assert_eq!(weighting.recency("repo:wgx", Some(HALF_LIFE_S), 0, week), 0.5);
    }

    #[test]
    fn a_profile_weighs_the_place_before_the_origin() {
        let mut weighting = Weighting::default();
        let weights = [("notes", 1.0), ("web", 0.5), ("_default", 2.0), ("mail", 3.0)];
        let weights = weights.map(|(name, weight)| (name.to_owned(), weight));
        weighting.profiles.insert("work".to_owned(), weights.into());
        let context =
            |collection| weighting.weigh(1.0, &weighed(collection), Some("work"), 0).context;
        assert_eq!([context("mail"), context("notes")], [3.0, 0.5]);
        let unknown = weighting.weigh(1.0, &weighed("mail"), Some("none"), 0);
        assert_eq!((unknown.context, unknown.trust), (1.0, 0.7));
        let other = Weighed { origin: "else", ..weighed("notes") };
        assert_eq!(weighting.weigh(1.0, &other, Some("work"), 0).context, 2.0);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let mut weighting = Weighting { min_weight: f64::NAN, ..Weighting::default() };
        weighting.recency.default_half_life_seconds = 0;
        assert_eq!(weighting.faults().len(), 2);
        assert!(Weighting::default().faults().is_empty());
        assert_ne!(weighting.hash(), Weighting::default().hash());
    }
}
