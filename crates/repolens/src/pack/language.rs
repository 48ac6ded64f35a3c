//! Which grammar reads a file, and which of its nodes are definitions.

use tree_sitter::Language;

use super::role::extension;

/// A language whose files get outlines.
pub(super) struct Grammar {
    /// Makes the grammar.
    pub(super) language: fn() -> Language,
    /// Nodes that define something without members of their own.
    pub(super) leaves: &'static [&'static str],
    /// Nodes that define something and hold definitions.
    pub(super) containers: &'static [&'static str],
}

const RUST: Grammar = Grammar {
    language: || tree_sitter_rust::LANGUAGE.into(),
    leaves: &[
        "function_item",
        "function_signature_item",
        "struct_item",
        "enum_item",
        "union_item",
        "type_item",
        "const_item",
        "static_item",
        "macro_definition",
        "macro_invocation",
    ],
    containers: &["impl_item", "trait_item", "mod_item", "foreign_mod_item"],
};
const PYTHON: Grammar = Grammar {
    language: || tree_sitter_python::LANGUAGE.into(),
    leaves: &["function_definition"],
    containers: &["class_definition"],
};
const SCRIPT_LEAVES: &[&str] = &[
    "function_declaration",
    "generator_function_declaration",
    "method_definition",
    "lexical_declaration",
    "variable_declaration",
    "interface_declaration",
    "type_alias_declaration",
    "enum_declaration",
    "expression_statement",
];
const SCRIPT_CONTAINERS: &[&str] =
    &["class_declaration", "abstract_class_declaration", "internal_module", "module", "class"];
const JAVASCRIPT: Grammar = Grammar {
    language: || tree_sitter_javascript::LANGUAGE.into(),
    leaves: SCRIPT_LEAVES,
    containers: SCRIPT_CONTAINERS,
};
const TYPESCRIPT: Grammar = Grammar {
    language: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    leaves: SCRIPT_LEAVES,
    containers: SCRIPT_CONTAINERS,
};
const TSX: Grammar = Grammar {
    language: || tree_sitter_typescript::LANGUAGE_TSX.into(),
    leaves: SCRIPT_LEAVES,
    containers: SCRIPT_CONTAINERS,
};
const GO: Grammar = Grammar {
    language: || tree_sitter_go::LANGUAGE.into(),
    leaves: &[
        "function_declaration",
        "method_declaration",
        "type_declaration",
        "const_declaration",
        "var_declaration",
    ],
    containers: &[],
};
const JAVA: Grammar = Grammar {
    language: || tree_sitter_java::LANGUAGE.into(),
    leaves: &["method_declaration", "constructor_declaration", "field_declaration"],
    containers: &[
        "class_declaration",
        "interface_declaration",
        "enum_declaration",
        "record_declaration",
        "annotation_type_declaration",
    ],
};
const C: Grammar = Grammar {
    language: || tree_sitter_c::LANGUAGE.into(),
    leaves: &[
        "function_definition",
        "struct_specifier",
        "enum_specifier",
        "type_definition",
        "preproc_function_def",
    ],
    containers: &[],
};
const CPP: Grammar = Grammar {
    language: || tree_sitter_cpp::LANGUAGE.into(),
    leaves: &["function_definition", "enum_specifier", "type_definition", "preproc_function_def"],
    containers: &["namespace_definition", "class_specifier", "struct_specifier"],
};
const RUBY: Grammar = Grammar {
    language: || tree_sitter_ruby::LANGUAGE.into(),
    leaves: &["method", "singleton_method"],
    containers: &["class", "module"],
};
const PHP: Grammar = Grammar {
    language: || tree_sitter_php::LANGUAGE_PHP.into(),
    leaves: &["function_definition", "method_declaration"],
    containers: &[
        "class_declaration",
        "interface_declaration",
        "trait_declaration",
        "enum_declaration",
        "namespace_definition",
    ],
};
const BASH: Grammar = Grammar {
    language: || tree_sitter_bash::LANGUAGE.into(),
    leaves: &["function_definition"],
    containers: &[],
};

/// The grammar for a path; nothing for languages without one.
pub(super) fn grammar(path: &str) -> Option<&'static Grammar> {
    Some(match extension(path).as_str() {
        "rs" => &RUST,
        "py" | "pyi" => &PYTHON,
        "js" | "jsx" | "mjs" | "cjs" => &JAVASCRIPT,
        "ts" | "mts" | "cts" => &TYPESCRIPT,
        "tsx" => &TSX,
        "go" => &GO,
        "java" => &JAVA,
        "c" | "h" => &C,
        "cc" | "cpp" | "cxx" | "hpp" | "hh" | "hxx" => &CPP,
        "rb" | "rake" => &RUBY,
        "php" => &PHP,
        "sh" | "bash" => &BASH,
        _ => return None,
    })
}
