//! The tree of sizes as a treemap: one SVG that stands alone, without scripts, with a title for
//! everything it shows. The layout keeps rectangles close to squares.

use std::fmt::Write as _;

use contracts::repolens::stats::{StatsNode, StatsReport};
use redact::escape::escape_ctl_line;

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 800.0;

/// Sides below this many units are not divided any further; titles still count what is inside.
const SMALL: f64 = 12.0;

/// Height of the line that names a folder.
const LABEL: f64 = 14.0;

/// Colours of the levels: dark enough for black text, told apart without hue by their lightness.
const COLOURS: [&str; 5] = ["#ffffff", "#dbe9f6", "#bad6eb", "#89bedc", "#d9f0d3"];

#[derive(Debug, Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// The treemap of a report.
pub fn svg(report: &StatsReport) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"title\" font-family=\"sans-serif\" font-size=\"10\">\n<title id=\"title\">{}</title>\n",
        title(&report.total, "all files")
    );
    let area = Area { x: 0.0, y: 0.0, width: WIDTH, height: HEIGHT };
    draw(&report.total, "", area, 0, &mut out);
    out.push_str("</svg>\n");
    out
}

fn draw(node: &StatsNode, path: &str, area: Area, depth: usize, out: &mut String) {
    let Area { x, y, width, height } = area;
    let colour = match node.kind.as_str() {
        "file" => COLOURS[4],
        _ => COLOURS[depth.min(3)],
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" stroke=\"#444\" stroke-width=\"0.5\"/>",
        title(node, path)
    );
    let letters = (width / 6.0) as usize;
    let labelled = depth > 0 && letters >= 4 && height >= LABEL;
    if labelled {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + 2.0,
            y + 11.0,
            escape(&shorten(&node.name, letters))
        );
    }
    let top = if labelled { LABEL } else { 0.0 };
    let inner = Area { x: x + 1.0, y: y + top, width: width - 2.0, height: height - top - 1.0 };
    if inner.width >= SMALL && inner.height >= SMALL {
        for (child, place) in layout(&node.children, inner) {
            let below =
                if path.is_empty() { child.name.clone() } else { format!("{path}/{}", child.name) };
            draw(child, &below, place, depth + 1, out);
        }
    }
    out.push_str("</g>\n");
}

fn size(node: &StatsNode) -> f64 {
    node.tokens.unwrap_or(node.bytes) as f64
}

/// Rows of children, each added to its row as long as that makes the worst shape better.
fn layout(children: &[StatsNode], mut area: Area) -> Vec<(&StatsNode, Area)> {
    let mut left: Vec<&StatsNode> = children.iter().filter(|child| size(child) > 0.0).collect();
    let mut places = Vec::with_capacity(left.len());
    let mut sum: f64 = left.iter().map(|child| size(child)).sum();
    while !left.is_empty() && area.width > 0.5 && area.height > 0.5 {
        let scale = area.width * area.height / sum;
        let side = area.width.min(area.height);
        let mut count = 1;
        while count < left.len()
            && worst(&left[..count + 1], scale, side) <= worst(&left[..count], scale, side)
        {
            count += 1;
        }
        let row: Vec<&StatsNode> = left.drain(..count).collect();
        let row_sum: f64 = row.iter().map(|child| size(child)).sum();
        let thickness = row_sum * scale / side;
        let mut along = 0.0;
        for child in row {
            let length = size(child) * scale / thickness;
            let place = if area.width <= area.height {
                Area { x: area.x + along, y: area.y, width: length, height: thickness }
            } else {
                Area { x: area.x, y: area.y + along, width: thickness, height: length }
            };
            along += length;
            places.push((child, place));
        }
        if area.width <= area.height {
            area.y += thickness;
            area.height -= thickness;
        } else {
            area.x += thickness;
            area.width -= thickness;
        }
        sum -= row_sum;
    }
    places
}

/// The largest ratio of sides in a row.
fn worst(row: &[&StatsNode], scale: f64, side: f64) -> f64 {
    let sum: f64 = row.iter().map(|child| size(child)).sum::<f64>() * scale;
    let thickness = sum / side;
    let ratio = |child: &&StatsNode| {
        let length = size(child) * scale / thickness;
        (thickness / length).max(length / thickness)
    };
    row.iter().map(ratio).fold(0.0, f64::max)
}

fn title(node: &StatsNode, path: &str) -> String {
    let tokens = node.tokens.map(|tokens| format!("{tokens} tokens, ")).unwrap_or_default();
    let files = if node.files == 1 { "1 file".to_owned() } else { format!("{} files", node.files) };
    escape(&format!("{path}: {tokens}{} bytes, {files}", node.bytes))
}

fn shorten(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}

/// Text for XML: nothing in a name is markup, and nothing moves what stands around it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape_ctl_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
