//! Every rule of the validator: its id, what it demands, what to do when it is broken.

/// Defines the rules as an enumeration and as a table.
macro_rules! rules {
    ($($name:ident $id:literal $demands:literal $advice:literal;)*) => {
        /// A rule of the validator. `docs/validate.md` explains each under its id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = $demands] $name,)*
        }

        impl Rule {
            /// All rules, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$name,)*];

            /// The stable id, for example `section-order`.
            pub fn id(self) -> &'static str {
                match self { $(Rule::$name => $id,)* }
            }

            /// What the rule demands, in one sentence.
            pub fn demands(self) -> &'static str {
                match self { $(Rule::$name => $demands,)* }
            }

            /// What to do when it is broken.
            pub fn advice(self) -> &'static str {
                match self { $(Rule::$name => $advice,)* }
            }
        }
    };
}

rules! {
    TextForm "text-form"
        "A merge is UTF-8 without a byte order mark, its lines end with a line feed, its fences are closed, and every comment is a known marker."
        "write the merge again; an editor, a transfer or a cut may have changed it";
    Title "title"
        "The first line of a part (after the plan-only marker) is `# WC-Merge Report (Part N/M)` with 1 ≤ N ≤ M, and it stands nowhere else."
        "give the file as repolens wrote it";
    PartSet "part-set"
        "The parts 1 to M of one merge are given exactly once, with the same Merge-Id, and bear the names that links use."
        "give every part of the merge together, under its own name";
    PlanOnlyMarker "plan-only-marker"
        "`<!-- MODE:PLAN_ONLY -->` is the first line of a plan-only merge and of no other."
        "write the merge again with or without --plan-only";
    SectionMissing "section-missing"
        "Every section that the render mode demands is there."
        "write the merge again; nothing may be cut out of it";
    SectionOrder "section-order"
        "Sections stand once each and in the order of the specification, with Index and extras in their slots."
        "write the merge again; sections may not be moved or doubled";
    SectionUnknown "section-unknown"
        "Headings of level 1 and 2 are those of the format, word by word."
        "keep other headings at level 3 or deeper, inside a section";
    SectionForbidden "section-forbidden"
        "A section stands only where the render mode and the extras allow it."
        "write the merge again in the render mode that is meant";
    HeadingMarkers "heading-markers"
        "A heading with a token stands directly below `§§ token` and `<a id=\"token\"></a>`, and these stand nowhere else."
        "write the merge again; the three lines belong together";
    HeaderKeys "header-keys"
        "The header has its keys, each once and in their order, and nothing else of that form."
        "write the merge again; the header is not for notes";
    HeaderValue "header-value"
        "Every value of the header has its form."
        "write the merge again";
    SpecVersion "spec-version"
        "The header says `Spec-Version: 2.4`."
        "other versions are not read: write the merge again with this repolens";
    Contract "contract"
        "The header says `Contract: repolens-report` and `Contract-Version: 2.4`."
        "other contracts are not read: write the merge again with this repolens";
    RenderMode "render-mode"
        "`Render Mode` is full, code-only or plan-only and fits `Plan Only` and `Code Only`."
        "write the merge again";
    MetaBlock "meta-block"
        "Part 1 has exactly one `@meta` block, a `yaml` fence between its two comments, at the end of Source & Profile."
        "write the merge again";
    MetaYaml "meta-yaml"
        "The block is the strict subset of YAML that the format describes, at most 1 MiB long."
        "write the merge again";
    MetaSchema "meta-schema"
        "The block fits schemas/repolens-report.schema.json."
        "write the merge again with a repolens of the same contract version";
    MetaHeader "meta-header"
        "The block and the header say the same."
        "write the merge again; neither may be edited";
    Totals "totals"
        "The counts of the header and of the block are those of the manifest."
        "write the merge again; rows may not be added or removed";
    ManifestAnchor "manifest-anchor"
        "The manifest stands below `## 🧾 Manifest {#manifest}`."
        "write the merge again";
    ManifestTable "manifest-table"
        "The manifest is one table a repository, each with its two head lines; with several repositories each below its own heading."
        "write the merge again";
    ManifestRow "manifest-row"
        "A row has seven columns of their forms; it has a link exactly when content stands in the merge."
        "write the merge again";
    Category "category"
        "Categories are source, doc, config, test, contract and other; no others may arise."
        "classify the file as one of them";
    Tag "tag"
        "Tags are the eight of the specification, each once and in their order; no others may arise."
        "remove the tag";
    IndexEntry "index-entry"
        "The index lists exactly the files of the manifest under their categories and tags."
        "write the merge again";
    StructureTree "structure-tree"
        "The tree of the structure has the files of the manifest, with the same links or with none."
        "write the merge again";
    BlockMissing "block-missing"
        "Every row with a link has its file block, in the order of the manifest."
        "write the merge again; a block may not be removed or moved";
    BlockUnlisted "block-unlisted"
        "Every file block has its row in the manifest."
        "write the merge again; blocks may not be added or doubled";
    BlockLayout "block-layout"
        "The lines of a file block have their order."
        "write the merge again";
    BlockFacts "block-facts"
        "The facts of a file block are those that the density demands, and say what the row says."
        "write the merge again";
    FileMeta "file-meta"
        "`file_meta` stands where the density demands it, is one line of JSON with known keys, and says what the row says."
        "write the merge again";
    FileId "file-id"
        "The id of a file is made of its repository, its path and the salt, and is the same in the whole block."
        "write the merge again; files may not be renamed inside a merge";
    FileAnchor "file-anchor"
        "The anchor of a file is made of its repository and its path."
        "write the merge again; files may not be renamed inside a merge";
    Zone "zone"
        "A zone has the attributes that fit its fence; pieces are complete and in their order."
        "write the merge again";
    Fence "fence"
        "A fence has one backtick more than the longest run in its content, and at least three."
        "write the merge again";
    ContentHash "content-hash"
        "The content is the one whose hash is stated."
        "the content was changed: write the merge again";
    ContentLength "content-length"
        "The content has the stated length and number of lines."
        "the content was changed: write the merge again";
    BackLink "back-link"
        "A file block ends with the link back to the manifest."
        "write the merge again";
    RepoHeading "repo-heading"
        "The contents of every repository stand below `## 📦 name {#repo-name}`, in the order of the manifest."
        "write the merge again";
    AnchorUnique "anchor-unique"
        "A token is the anchor of one place of its part."
        "write the merge again; nothing may stand twice";
    LinkTarget "link-target"
        "Every link of the merge has its target, across parts by the part's name."
        "write the merge again, or give the parts under their own names";
    Density "density"
        "What a meta density leaves out is not there, and meta-none leaves every interpretation out."
        "write the merge again with the density that is meant";
    ExtraForm "extra-form"
        "An extra stands between its two comments, in its slot, and only when it was asked for."
        "write the merge again";
    SidecarForm "sidecar-form"
        "The sidecar fits schemas/repolens-agent.v2.schema.json and belongs to this merge."
        "give the sidecar that was written with this merge";
    SidecarFile "sidecar-file"
        "The sidecar lists the files of the manifest, and says of each what the merge says."
        "give the sidecar that was written with this merge";
    SidecarPlace "sidecar-place"
        "Marker, anchor and byte ranges of the sidecar lead to exactly one place, the content of their file."
        "give the sidecar that was written with this merge";
    Untagged "untagged"
        "Debug: files without tags are counted."
        "nothing: unclear tags are no tags";
    Colliding "colliding-anchors"
        "Debug: files whose anchors would be the same are told apart by a suffix, and counted."
        "nothing: the suffix is stable";
    WithoutAnchor "without-anchor"
        "Debug: files without content have no anchor, and are counted."
        "choose a wider level, or read the reason in the manifest";
    SectionReport "section-report"
        "Debug: the sections and the lines where they begin."
        "nothing: this is a report";
}

impl Rule {
    /// Whether the rule only informs: such findings never make a merge invalid.
    pub fn is_debug(self) -> bool {
        matches!(self, Self::Untagged | Self::Colliding | Self::WithoutAnchor | Self::SectionReport)
    }
}
