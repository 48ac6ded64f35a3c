//! The check before a merge gets its name (specification 12): order of the sections, version and
//! contract in the header, anchor of the manifest. It reads what was written, up to the contents.

use std::io::{self, BufRead};

use contracts::repolens::report;

/// The sections of the specification, by token.
pub(super) const ORDER: [&str; 7] = [
    "source-profile",
    "profile-description",
    "reading-plan",
    "plan",
    "structure",
    "manifest",
    "content",
];

/// The first fault of a merge's first part; nothing when there is none.
pub(super) fn fault(mut part: impl BufRead, plan_only: bool) -> io::Result<Option<String>> {
    let wanted = if plan_only { &ORDER[..4] } else { &ORDER[..] };
    let mut header = vec![
        format!("- Spec-Version: {}", report::VERSION),
        format!("- Contract: {}", report::SCHEMA),
        format!("- Contract-Version: {}", report::VERSION),
    ];
    let mut found: Vec<String> = Vec::new();
    let mut fence: Option<String> = None;
    let mut line = String::new();
    while found.last().map(String::as_str) != Some("content") {
        line.clear();
        if part.read_line(&mut line)? == 0 {
            break;
        }
        let line = line.trim_end_matches('\n');
        let backticks = line.len() - line.trim_start_matches('`').len();
        match &fence {
            Some(open) if open == line => fence = None,
            Some(_) => continue,
            None if backticks >= 3 => fence = Some("`".repeat(backticks)),
            None => {}
        }
        header.retain(|wanted| wanted != line);
        let token = line.strip_prefix("<a id=\"").and_then(|rest| rest.strip_suffix("\"></a>"));
        found.extend(token.filter(|token| ORDER.contains(token)).map(str::to_owned));
    }
    if found != wanted {
        return Ok(Some(format!(
            "the sections are {} instead of {}",
            found.join(", "),
            wanted.join(", ")
        )));
    }
    Ok(header.first().map(|line| format!("the header lacks `{line}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tokens: &[&str]) -> String {
        let header = "- Spec-Version: 2.4\n- Contract: repolens-report\n- Contract-Version: 2.4\n";
        let sections = tokens.iter().map(|token| format!("§§ {token}\n<a id=\"{token}\"></a>\n"));
        format!("{header}{}", sections.collect::<String>())
    }

    fn judge(text: &str, plan_only: bool) -> Option<String> {
        fault(text.as_bytes(), plan_only).unwrap()
    }

    #[test]
    fn a_wrong_structure_is_told_before_anything_gets_its_name() {
        let whole = text(&ORDER);
        assert_eq!(judge(&whole, false), None);
        assert_eq!(judge(&text(&ORDER[..4]), true), None);
        assert!(judge(&whole, true).is_some(), "a plan has no contents");
        assert!(judge(&text(&ORDER[..6]), false).is_some(), "the contents are missing");
        let mut swapped = ORDER;
        swapped.swap(4, 5);
        assert!(judge(&text(&swapped), false).is_some(), "the order is wrong");
        for line in
            ["- Spec-Version: 2.4\n", "- Contract: repolens-report\n", "- Contract-Version: 2.4\n"]
        {
            assert!(judge(&whole.replace(line, ""), false).is_some(), "{line}");
        }
        let fenced = whole
            .replace("§§ manifest\n<a id=\"manifest\"></a>", "```\n<a id=\"manifest\"></a>\n```");
        assert!(judge(&fenced, false).is_some(), "what stands in a fence is no structure");
    }
}
