//! Merges written by hand for tests: the format of `docs/merge-format.md`, spelled out a second time.
//!
//! Independent of the product's own writer on purpose, so that a mistake there is seen here.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in what it is made of")]

use std::fmt::Write as _;

use md5::Md5;
use repolens::reader::{anchor_base, code_span, file_id};
use sha2::{Digest as _, Sha256};

/// A file of a merge.
#[derive(Clone, Debug)]
pub(crate) struct HandFile {
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
    pub(crate) category: &'static str,
    pub(crate) tags: &'static str,
    /// Why there is no content.
    pub(crate) reason: Option<&'static str>,
    /// Bytes of a truncated file that are gone from the merge.
    pub(crate) cut: u64,
    /// Masked secrets.
    pub(crate) redacted: u64,
}

impl HandFile {
    pub(crate) fn new(path: &str, content: impl AsRef<[u8]>) -> Self {
        Self {
            path: path.to_owned(),
            content: content.as_ref().to_vec(),
            category: "source",
            tags: "-",
            reason: None,
            cut: 0,
            redacted: 0,
        }
    }

    fn size(&self) -> u64 {
        self.content.len() as u64 + self.cut
    }

    fn included(&self) -> String {
        let (kept, of) = (self.content.len(), self.size());
        match (self.reason, self.cut, self.redacted) {
            (Some(reason), ..) => format!("meta-only ({reason})"),
            (_, 0, 0) => "full".to_owned(),
            (_, 0, masked) => format!("full (redacted: {masked})"),
            (_, _, 0) => format!("truncated ({kept} of {of} bytes)"),
            (_, _, masked) => format!("truncated ({kept} of {of} bytes, redacted: {masked})"),
        }
    }

    /// A file with masked secrets has none.
    fn md5(&self) -> Option<String> {
        match (self.cut, self.redacted) {
            (0, 0) => Some(hex(&Md5::digest(&self.content))),
            (_, 0) => Some("0".repeat(32)),
            _ => None,
        }
    }
}

/// A merge.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    pub(crate) repos: Vec<(&'static str, Vec<HandFile>)>,
    pub(crate) density: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) meta_none: bool,
    pub(crate) health: bool,
    pub(crate) nav: bool,
    /// Number of file blocks a part has at most.
    pub(crate) blocks_per_part: usize,
}

impl Default for Hand {
    fn default() -> Self {
        let mut readme = HandFile::new("README.md", "# Tools\n\n```\nfence\n```\n");
        (readme.category, readme.tags) = ("doc", "ai-context");
        let mut workflow = HandFile::new(".github/workflows/ci.yml", "on: push\n");
        (workflow.category, workflow.tags) = ("config", "ci");
        let mut logo = HandFile::new("logo.png", b"\x89PNG");
        (logo.category, logo.reason) = ("other", Some("binary"));
        let main = HandFile::new("src/main.rs", "fn main() {}\n");
        let open = HandFile::new("src/open.rs", "// no line feed");
        let files = vec![workflow, readme, logo, main, open];
        Self {
            repos: vec![("tools", files)],
            density: "full",
            mode: "full",
            meta_none: false,
            health: true,
            nav: false,
            blocks_per_part: usize::MAX,
        }
    }
}

impl Hand {
    pub(crate) fn of(files: Vec<HandFile>) -> Self {
        Self { repos: vec![("tools", files)], ..Self::default() }
    }

    /// A merge with everything: two repositories, three parts.
    pub(crate) fn fleet() -> Self {
        let mut hand = Self::default();
        let mut cut = HandFile::new("long.txt", "abc\n");
        (cut.category, cut.cut) = ("doc", 96);
        let mut masked = HandFile::new("settings.py", "KEY = \"masked\"\n");
        masked.redacted = 1;
        hand.repos.push(("web", vec![cut, masked, HandFile::new("z.rs", "")]));
        hand.blocks_per_part = 3;
        hand
    }

    fn with_content(&self) -> impl Iterator<Item = (usize, &'static str, &HandFile)> {
        let all = self.repos.iter().enumerate();
        all.flat_map(|(at, (name, files))| files.iter().map(move |file| (at, *name, file)))
            .filter(|(_, _, file)| file.reason.is_none())
    }

    fn part_count(&self) -> usize {
        if self.mode == "plan-only" {
            return 1;
        }
        self.with_content().count().div_ceil(self.blocks_per_part).max(1)
    }

    /// The part names.
    pub(crate) fn names(&self) -> Vec<String> {
        match self.part_count() {
            1 => vec!["tools_merge.md".to_owned()],
            count => (1..=count).map(|part| format!("tools_part{part}_merge.md")).collect(),
        }
    }

    /// The one part of a merge that has one.
    pub(crate) fn text(&self) -> String {
        let mut parts = self.parts();
        assert_eq!(parts.len(), 1);
        parts.remove(0)
    }

    /// All parts.
    pub(crate) fn parts(&self) -> Vec<String> {
        let mut parts = vec![self.head()];
        if self.mode == "plan-only" {
            return parts;
        }
        let mut in_part = 0;
        for (name, files) in &self.repos {
            let out = parts.last_mut().unwrap();
            let mut headed = false;
            let mut with_content = files.iter().filter(|file| file.reason.is_none()).peekable();
            if with_content.peek().is_none() {
                self.heading(out, "##", &format!("repo-{name}"), &format!("📦 {name}"));
                *out += "No file of this repository stands here with its content.\n\n";
            }
            for file in with_content {
                if in_part == self.blocks_per_part {
                    let number = parts.len() + 1;
                    parts.push(self.continuation(number));
                    in_part = 0;
                }
                let back = if parts.len() > 1 { self.names()[0].clone() } else { String::new() };
                let out = parts.last_mut().unwrap();
                if !std::mem::replace(&mut headed, true) {
                    self.heading(out, "##", &format!("repo-{name}"), &format!("📦 {name}"));
                }
                in_part += 1;
                self.block(out, name, file, &back);
            }
        }
        parts
    }

    fn heading(&self, out: &mut String, level: &str, token: &str, title: &str) {
        writeln!(out, "§§ {token}\n<a id=\"{token}\"></a>").unwrap();
        if self.nav {
            writeln!(out, "{level} {token}").unwrap();
        }
        writeln!(out, "{level} {title} {{#{token}}}\n").unwrap();
    }

    fn facts(&self) -> [(&'static str, String); 3] {
        let files = self.repos.iter().flat_map(|(_, files)| files);
        let full = files.clone().filter(|file| file.reason.is_none() && file.cut == 0).count();
        let text = files.clone().filter(|file| file.reason != Some("binary")).count();
        let redacted: u64 = files.map(|file| file.redacted).sum();
        let masked = match redacted {
            0 => "0".to_owned(),
            count => format!("{count} (test {count})"),
        };
        let tokens = format!("{} (o200k_base, of the contents)", self.tokens());
        [
            ("Coverage", format!("{full}/{text} Dateien mit vollem Inhalt")),
            ("Tokens", tokens),
            ("Secrets masked", masked),
        ]
    }

    fn tokens(&self) -> usize {
        self.with_content().map(|(_, _, file)| file.content.len()).sum()
    }

    fn head(&self) -> String {
        let plan = self.mode == "plan-only";
        let mut out = String::new();
        if plan {
            out += "<!-- MODE:PLAN_ONLY -->\n";
        }
        let count = self.part_count();
        writeln!(out, "# WC-Merge Report (Part 1/{count})\n\n> Read `@meta` first.\n").unwrap();
        if self.meta_none {
            out += "**Meta-Mode:** `none` (interpretation disabled)\n\n";
        } else {
            writeln!(out, "**Meta-Density:** `{}`\n", self.density).unwrap();
        }
        self.heading(&mut out, "##", "source-profile", "Source & Profile");
        let names: Vec<&str> = self.repos.iter().map(|(name, _)| *name).collect();
        let [coverage, tokens, masked] = self.facts();
        let lines = [
            ("Source", names.join(", ")),
            ("Profile", "max".to_owned()),
            ("Generated At", "2026-01-31T12:00:00Z".to_owned()),
            ("Max File Bytes", "unlimited".to_owned()),
            ("Spec-Version", "2.4".to_owned()),
            ("Contract", "repolens-report".to_owned()),
            ("Contract-Version", "2.4".to_owned()),
            ("Spec-Checksum", "5".repeat(64)),
            ("Merge-Id", "0123456789abcdef".to_owned()),
            ("Plan Only", plan.to_string()),
            ("Code Only", (self.mode == "code-only").to_string()),
            ("Render Mode", self.mode.to_owned()),
            ("Declared Purpose", "Tools – Vollsnapshot".to_owned()),
            ("Scope", "`all`".to_owned()),
            ("Path Filter", "none".to_owned()),
            ("Extension Filter", "none".to_owned()),
            coverage,
            tokens,
            masked,
            ("Not in this merge", "nothing".to_owned()),
        ];
        for (key, value) in lines {
            writeln!(out, "- {key}: {value}").unwrap();
        }
        writeln!(out, "\n{}", self.meta()).unwrap();
        self.heading(&mut out, "##", "profile-description", "Profile Description");
        out += "`max`: every text file.\n\n";
        self.heading(&mut out, "##", "reading-plan", "Reading Plan");
        out += "1. `@meta` above.\n2. [Plan](#plan).\n\n";
        self.heading(&mut out, "##", "plan", "Plan");
        out += "- Files: some\n\n";
        if plan {
            return out;
        }
        self.sections(&mut out);
        out
    }

    fn meta(&self) -> String {
        let plan = self.mode == "plan-only";
        let files: Vec<&HandFile> = self.repos.iter().flat_map(|(_, files)| files).collect();
        let size: u64 = files.iter().map(|file| file.size()).sum();
        let full = files.iter().filter(|file| file.reason.is_none() && file.cut == 0).count();
        let text = files.iter().filter(|file| file.reason != Some("binary")).count();
        let redacted: u64 = files.iter().map(|file| file.redacted).sum();
        let permille = (full * 1000).checked_div(text).unwrap_or(1000);
        let percent = permille as f64 / 10.0;
        let names: Vec<String> = self.repos.iter().map(|(name, _)| format!("{name:?}")).collect();
        let mut out = "<!-- @meta:start -->\n```yaml\nmerge:\n".to_owned();
        let mut line = |text: String| writeln!(out, "  {text}").unwrap();
        line("spec_version: \"2.4\"".into());
        line("profile: \"max\"".into());
        line("contract: \"repolens-report\"".into());
        line("contract_version: \"2.4\"".into());
        line(format!("spec_checksum: \"{}\"", "5".repeat(64)));
        line("merge_id: \"0123456789abcdef\"".into());
        line(format!("plan_only: {plan}"));
        line(format!("code_only: {}", self.mode == "code-only"));
        line(format!("render_mode: \"{}\"", self.mode));
        if self.meta_none {
            line("mode: \"none\"".into());
            line("warning: \"interpretation_disabled\"".into());
        }
        line("max_file_bytes: 0".into());
        line("split_files: false".into());
        line("split_size: 0".into());
        line("scope: \"all\"".into());
        line(format!("source_repos: [{}]", names.join(",")));
        line("path_filter: null".into());
        line("ext_filter: null".into());
        line(format!("meta_density: \"{}\"", self.density));
        line("generated_at: \"2026-01-31T12:00:00Z\"".into());
        line(format!("total_files: {}", files.len()));
        line(format!("total_size_bytes: {size}"));
        line(format!("content_present: {}", !plan));
        line(format!("manifest_present: {}", !plan));
        line(format!("structure_present: {}", !plan));
        line("coverage:".into());
        line(format!("  included_files: {full}"));
        line(format!("  text_files: {text}"));
        line(format!("  coverage_pct: {percent:?}"));
        line("tokens:".into());
        line("  encoding: \"o200k_base\"".into());
        line(format!("  contents: {}", self.tokens()));
        if redacted > 0 {
            line("redacted:".into());
            line(format!("  \"test\": {redacted}"));
        } else {
            line("redacted: {}".into());
        }
        let mut reasons: Vec<&str> = files.iter().filter_map(|file| file.reason).collect();
        reasons.sort_unstable();
        if reasons.is_empty() {
            line("meta_only: {}".into());
        } else {
            line("meta_only:".into());
            for group in reasons.chunk_by(|a, b| a == b) {
                line(format!("  \"{}\": {}", group[0], group.len()));
            }
        }
        line("left_out: {}".into());
        if self.shows_health() {
            line("extras:".into());
            line("  health: true".into());
        } else {
            line("extras: {}".into());
        }
        line(format!("parts: {}", self.part_count()));
        line("salt: 0".into());
        out + "```\n<!-- @meta:end -->\n"
    }

    fn shows_health(&self) -> bool {
        self.health && !self.meta_none && self.mode != "plan-only"
    }

    fn target(&self, at: usize, name: &str, file: &HandFile) -> Option<String> {
        let number = self
            .with_content()
            .position(|(repo, _, other)| repo == at && other.path == file.path)?;
        let part = number / self.blocks_per_part;
        let names = self.names();
        let part = if part == 0 { "" } else { names[part].as_str() };
        Some(format!("{part}#{}", anchor_base(name, &file.path)))
    }

    fn link(&self, at: usize, name: &str, file: &HandFile) -> String {
        let code = format!("`{}`", code_span(&file.path));
        match self.target(at, name, file) {
            Some(target) => format!("[{code}]({target})"),
            None => code,
        }
    }

    fn sections(&self, out: &mut String) {
        if self.shows_health() {
            *out += "<!-- @health:start -->\n";
            self.heading(out, "##", "health", "Health");
            *out += "Good.\n\n<!-- @health:end -->\n\n";
        }
        self.heading(out, "##", "structure", "📁 Structure");
        for (at, (name, files)) in self.repos.iter().enumerate() {
            writeln!(out, "- 📦 `{name}/`").unwrap();
            for file in files {
                writeln!(out, "  - 📄 {}", self.link(at, name, file)).unwrap();
            }
        }
        *out += "\n";
        self.index(out);
        self.heading(out, "##", "manifest", "🧾 Manifest");
        for (at, (name, files)) in self.repos.iter().enumerate() {
            if self.repos.len() > 1 {
                self.heading(out, "###", &format!("manifest-{name}"), &format!("📦 {name}"));
            }
            if files.is_empty() {
                *out += "No file.\n\n";
                continue;
            }
            *out += "| Path | Category | Tags | Size | Tokens | Included | MD5 |\n";
            *out += "| :--- | :--- | :--- | ---: | ---: | :--- | :--- |\n";
            for file in files {
                let tokens = match file.reason {
                    None => file.content.len().to_string(),
                    Some(_) => "-".to_owned(),
                };
                let HandFile { category, tags, .. } = file;
                writeln!(
                    out,
                    "| {} | {category} | {tags} | {} | {tokens} | {} | {} |",
                    self.link(at, name, file),
                    file.size(),
                    file.included(),
                    file.md5().unwrap_or("-".to_owned())
                )
                .unwrap();
            }
            *out += "\n";
        }
        self.heading(out, "##", "content", "📄 Content");
    }

    fn index(&self, out: &mut String) {
        self.heading(out, "##", "index", "Index");
        if self.density == "min" {
            *out += "_Index reduced: see the [manifest](#manifest)._\n\n";
            return;
        }
        let classes = [
            ("cat-source", "Source Files", "Category: source"),
            ("cat-doc", "Docs", "Category: doc"),
            ("cat-config", "Config", "Category: config"),
            ("cat-contract", "Contracts", "Category: contract"),
            ("cat-test", "Tests", "Category: test"),
            ("tag-ci", "CI Pipelines", "Tag: ci"),
            ("tag-wgx-profile", "WGX Profiles", "Tag: wgx-profile"),
            ("tag-ai-context", "AI Context", "Tag: ai-context"),
        ];
        let mut sections = String::new();
        for (token, label, title) in classes {
            let name = title.split(' ').nth(1).unwrap();
            let found: Vec<String> = self
                .with_content()
                .filter(|(_, _, file)| file.category == name || file.tags == name)
                .map(|(at, repo, file)| match self.repos.len() {
                    1 => self.link(at, repo, file),
                    _ => self.link(at, repo, file).replacen('`', &format!("`{repo}/"), 1),
                })
                .collect();
            if found.is_empty() && token == "tag-ai-context" {
                continue;
            }
            if found.is_empty() {
                writeln!(out, "- {label}: none").unwrap();
                continue;
            }
            writeln!(out, "- [{label}](#{token}) ({})", found.len()).unwrap();
            self.heading(&mut sections, "##", token, title);
            for link in found {
                writeln!(sections, "- {link}").unwrap();
            }
            sections += "\n";
        }
        writeln!(out, "\n{sections}").unwrap();
        out.pop();
    }

    fn continuation(&self, part: usize) -> String {
        let names = self.names();
        let sources: Vec<&str> = self.repos.iter().map(|(name, _)| *name).collect();
        let mut out = format!(
            "# WC-Merge Report (Part {part}/{})\n\n> Continues [part 1]({}#manifest).\n\n- Source: {}\n- Generated At: 2026-01-31T12:00:00Z\n- Spec-Version: 2.4\n- Contract: repolens-report\n- Contract-Version: 2.4\n- Merge-Id: 0123456789abcdef\n- Continues: {}\n\n",
            names.len(),
            names[0],
            sources.join(", "),
            names[0]
        );
        self.heading(&mut out, "##", "content", "📄 Content");
        out
    }

    fn block(&self, out: &mut String, repo: &str, file: &HandFile, back: &str) {
        let anchor = anchor_base(repo, &file.path);
        let id = file_id(repo, &file.path, 0, true);
        writeln!(out, "---\n\n§§ {anchor}\n<a id=\"{anchor}\"></a>\n<a id=\"file-{id}\"></a>")
            .unwrap();
        writeln!(
            out,
            "<!-- file:id=\"FILE:{id}\" repo=\"{repo}\" path=\"{}\" -->",
            escape(&file.path)
        )
        .unwrap();
        if self.nav {
            writeln!(out, "### {anchor}").unwrap();
        }
        writeln!(out, "### `{}` {{#{anchor}}}\n", code_span(&file.path)).unwrap();
        let length = out.len();
        let HandFile { category, tags, content, .. } = file;
        if self.density != "min" {
            let included = file.included();
            write!(out, "- Category: {category}\n- Tags: {tags}\n- Size: {} bytes\n- Included: {included}\n", file.size()).unwrap();
        }
        if self.density == "full"
            && let Some(md5) = file.md5()
        {
            writeln!(out, "- MD5: {md5}").unwrap();
        }
        if self.density == "full" || file.cut > 0 {
            writeln!(out, "<!-- file_meta: {} -->", self.file_meta(file)).unwrap();
        }
        if out.len() > length {
            *out += "\n";
        }
        let text = String::from_utf8(content.clone()).unwrap();
        let fence = "`".repeat(longest_run(&text).max(2) + 1);
        let open = !text.is_empty() && !text.ends_with('\n');
        let eof = if open { " eof=\"none\"" } else { "" };
        let end = if open { "\n" } else { "" };
        writeln!(
            out,
            "<!-- zone:begin type=code lang=\"x\" id=\"FILE:{id}\"{eof} -->\n{fence}x\n{text}{end}{fence}\n<!-- zone:end type=code id=\"FILE:{id}\" -->\n\n[↑ Zurück zum Manifest]({back}#manifest)\n"
        )
        .unwrap();
    }

    fn file_meta(&self, file: &HandFile) -> String {
        let sha256 = hex(&Sha256::digest(&file.content));
        let lines = String::from_utf8_lossy(&file.content).lines().count();
        let (kept, bytes, tokens) = (file.content.len(), file.content.len(), file.content.len());
        let (word, kept) = match file.cut {
            0 => ("full", String::new()),
            _ => ("truncated", format!("\"kept\":{kept},")),
        };
        let redacted = match file.redacted {
            0 => String::new(),
            count => format!(",\"redacted\":{{\"test\":{count}}}"),
        };
        let on_disk = file
            .md5()
            .map_or(String::new(), |md5| format!("\"md5\":\"{md5}\",\"sha256\":\"{sha256}\","));
        format!(
            "{{\"included\":\"{word}\",\"size\":{},{kept}{on_disk}\"sha256_emitted\":\"{sha256}\",\"emitted_bytes\":{bytes},\"lines\":{lines},\"tokens\":{tokens}{redacted}}}",
            file.size(),
        )
    }
}

fn escape(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '`' | '|' => write!(out, "&#{};", u32::from(c)).unwrap(),
            c if !repolens::reader::printable(c) => write!(out, "&#{};", u32::from(c)).unwrap(),
            c => out.push(c),
        }
    }
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
