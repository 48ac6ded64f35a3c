//! The last resort for short texts that no word explains: letters in order (`fmtchk`), offered only.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use wgx_tasks::task::FoundTask;

/// How much of the best possible score a name must reach.
const ENOUGH: f32 = 0.8;

/// The tasks whose names hold the letters of the text closely together, with a share of the best
/// possible score.
pub(crate) fn near(text: &str, tasks: &[FoundTask]) -> Vec<(usize, f32)> {
    let needle: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    if needle.chars().count() < 3 || text.split_whitespace().count() > 2 {
        return Vec::new();
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(&needle, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let Some(best) = pattern.score(Utf32Str::new(&needle, &mut buffer), &mut matcher) else {
        return Vec::new();
    };
    let mut near = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        let score = pattern.score(Utf32Str::new(&task.task.name, &mut buffer), &mut matcher);
        let share = score.map_or(0.0, |score| score as f32 / best as f32);
        let is_short = task.task.name.chars().count() <= needle.chars().count() * 3;
        if share >= ENOUGH && is_short {
            near.push((at, share.min(1.0)));
        }
    }
    near
}
