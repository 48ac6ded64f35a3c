//! Near duplicates, without a model: shingles of letters, a sketch of minimum hashes to find candidates, and the
//! exact share of common shingles to judge them. Equal texts give equal answers on every machine.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use crate::store::StoreError;

/// Letters of a shingle.
const SHINGLE: usize = 4;
/// Bands of a sketch, and minimum hashes of a band: two texts with 8 of 10 shingles in common share a band with
/// a probability of 0.9998.
const BANDS: usize = 16;
const ROWS: usize = 4;
/// Least share of common shingles, in thousandths.
pub(super) const THRESHOLD: u16 = 800;
/// Only so much of a text is compared.
const MAX_BYTES: usize = 16 << 10;
/// Candidates that are compared exactly, the newest first.
const MAX_CANDIDATES: i64 = 32;

/// The different shingles of a text as hashes: letters and digits in lower case, one space between words.
fn shingles(text: &str) -> BTreeSet<u64> {
    let text = &text[..text.floor_char_boundary(MAX_BYTES.min(text.len()))];
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let letters: Vec<char> = words.join(" ").chars().collect();
    letters.windows(SHINGLE).map(|window| hash(0, window.iter().map(|c| u64::from(*c)))).collect()
}

/// FNV-1a over numbers, stirred at the end.
fn hash(seed: u64, numbers: impl Iterator<Item = u64>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for number in numbers {
        hash = (hash ^ number).wrapping_mul(0x0000_0100_0000_01b3);
    }
    stir(hash)
}

fn stir(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn bands(shingles: &BTreeSet<u64>) -> Vec<i64> {
    let minimum = |seed: u64| {
        let hashes =
            shingles.iter().map(|one| stir(one ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        hashes.min().unwrap_or(0)
    };
    let band = |band: usize| {
        let rows = (0..ROWS).map(|row| minimum((band * ROWS + row + 1) as u64));
        i64::from_ne_bytes(hash(band as u64 + 1, rows).to_ne_bytes())
    };
    (0..BANDS).map(band).collect()
}

/// Common shingles of both in thousandths of all.
fn similarity(one: &BTreeSet<u64>, other: &BTreeSet<u64>) -> u16 {
    let common = one.intersection(other).count();
    let all = one.len() + other.len() - common;
    (common * 1000).checked_div(all).and_then(|share| u16::try_from(share).ok()).unwrap_or(0)
}

/// Adds the sketch of a text and links it with those in its namespace that say almost the same.
pub(super) async fn index(
    conn: &mut SqliteConnection,
    (doc, namespace): (i64, &str),
    text: &str,
) -> Result<(), StoreError> {
    let own = shingles(text);
    // A handful of letters is like every other handful.
    if own.len() < 12 {
        return Ok(());
    }
    let bands = bands(&own);
    let json = serde_json::json!(bands).to_string();
    let candidates = sqlx::query!(
        r#"SELECT DISTINCT s.doc AS "doc!: i64", i.value AS "value!: String"
           FROM memory_band b JOIN memory_state s ON s.doc = b.doc JOIN memory_item i ON i.id = s.item_id
           WHERE b.hash IN (SELECT value FROM json_each(?1)) AND s.namespace = ?2
           ORDER BY s.recorded_at_ms DESC, s.item_id DESC LIMIT ?3"#,
        json,
        namespace,
        MAX_CANDIDATES
    )
    .fetch_all(&mut *conn)
    .await?;
    for candidate in candidates {
        let similarity = similarity(&own, &shingles(&candidate.value));
        if similarity >= THRESHOLD {
            sqlx::query!(
                "INSERT OR IGNORE INTO memory_near (doc, other, similarity) VALUES (?1, ?2, ?3)",
                doc,
                candidate.doc,
                similarity
            )
            .execute(&mut *conn)
            .await?;
        }
    }
    sqlx::query!(
        "INSERT OR IGNORE INTO memory_band (hash, doc) SELECT value, ?2 FROM json_each(?1)",
        json,
        doc
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn almost_equal_texts_are_found_and_others_are_not() {
        let one = shingles("The deploy of the shop needs the VPN and the key of Anna.");
        let two = shingles("The deploy of the shop needs the VPN, and the keys of Anna!");
        let far = shingles("Lunch is at twelve in the canteen of the other building.");
        assert!(similarity(&one, &two) >= THRESHOLD, "{}", similarity(&one, &two));
        assert!(similarity(&one, &far) < 200);
        let common = bands(&one).iter().filter(|band| bands(&two).contains(band)).count();
        assert!(common > 0);
        assert_eq!(similarity(&one, &one), 1000);
        assert_eq!(similarity(&BTreeSet::new(), &BTreeSet::new()), 0);
    }
}
