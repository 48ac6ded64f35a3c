//! Which grammar reads a language, and which of its nodes are definitions.

use tree_sitter::Language;

/// A language whose files are read by their syntax.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// Makes the grammar.
    pub(crate) language: fn() -> Language,
    /// Nodes that define something without members of their own.
    pub(crate) leaves: &'static [&'static str],
    /// Nodes that define something and hold definitions.
    pub(crate) containers: &'static [&'static str],
    /// Children that name a definition, where the grammar has no field that does.
    pub(crate) names: &'static [&'static str],
    /// Whether it is data or markup: its definitions are keys, and packs take it by paragraphs.
    pub(crate) is_data: bool,
    /// Whether its scanner survives a text: two of them write behind their buffer when something is nested too deeply.
    pub(crate) is_safe: fn(&str) -> bool,
}

/// What most grammars share.
const PROGRAM: Grammar = Grammar {
    language: || tree_sitter_rust::LANGUAGE.into(),
    leaves: &[],
    containers: &[],
    names: &[],
    is_data: false,
    is_safe: |_| true,
};
const DATA: Grammar = Grammar { is_data: true, ..PROGRAM };

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
    ..PROGRAM
};
const PYTHON: Grammar = Grammar {
    language: || tree_sitter_python::LANGUAGE.into(),
    leaves: &["function_definition"],
    containers: &["class_definition"],
    is_safe: super::depth::python,
    ..PROGRAM
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
    ..PROGRAM
};
const TYPESCRIPT: Grammar = Grammar {
    language: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    leaves: SCRIPT_LEAVES,
    containers: SCRIPT_CONTAINERS,
    ..PROGRAM
};
const TSX: Grammar = Grammar {
    language: || tree_sitter_typescript::LANGUAGE_TSX.into(),
    leaves: SCRIPT_LEAVES,
    containers: SCRIPT_CONTAINERS,
    ..PROGRAM
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
    ..PROGRAM
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
    ..PROGRAM
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
    ..PROGRAM
};
const CPP: Grammar = Grammar {
    language: || tree_sitter_cpp::LANGUAGE.into(),
    leaves: &["function_definition", "enum_specifier", "type_definition", "preproc_function_def"],
    containers: &["namespace_definition", "class_specifier", "struct_specifier"],
    ..PROGRAM
};
const RUBY: Grammar = Grammar {
    language: || tree_sitter_ruby::LANGUAGE.into(),
    leaves: &["method", "singleton_method"],
    containers: &["class", "module"],
    ..PROGRAM
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
    ..PROGRAM
};
const BASH: Grammar = Grammar {
    language: || tree_sitter_bash::LANGUAGE.into(),
    leaves: &["function_definition"],
    containers: &[],
    ..PROGRAM
};

const C_SHARP: Grammar = Grammar {
    language: || tree_sitter_c_sharp::LANGUAGE.into(),
    leaves: &[
        "method_declaration",
        "constructor_declaration",
        "destructor_declaration",
        "operator_declaration",
        "conversion_operator_declaration",
        "indexer_declaration",
        "property_declaration",
        "event_declaration",
        "field_declaration",
        "delegate_declaration",
        "local_function_statement",
    ],
    containers: &[
        "namespace_declaration",
        "class_declaration",
        "struct_declaration",
        "interface_declaration",
        "record_declaration",
        "enum_declaration",
    ],
    ..PROGRAM
};
const KOTLIN: Grammar = Grammar {
    language: || tree_sitter_kotlin_ng::LANGUAGE.into(),
    leaves: &[
        "function_declaration",
        "property_declaration",
        "secondary_constructor",
        "anonymous_initializer",
        "type_alias",
    ],
    containers: &["class_declaration", "object_declaration", "companion_object"],
    names: &["variable_declaration"],
    ..PROGRAM
};
const SWIFT: Grammar = Grammar {
    language: || tree_sitter_swift::LANGUAGE.into(),
    leaves: &[
        "function_declaration",
        "protocol_function_declaration",
        "init_declaration",
        "deinit_declaration",
        "subscript_declaration",
        "property_declaration",
        "protocol_property_declaration",
        "typealias_declaration",
        "macro_declaration",
    ],
    containers: &["class_declaration", "protocol_declaration"],
    ..PROGRAM
};
const SQL: Grammar = Grammar {
    language: || tree_sitter_sequel::LANGUAGE.into(),
    leaves: &[
        "create_table",
        "create_view",
        "create_materialized_view",
        "create_function",
        "create_trigger",
        "create_index",
        "create_type",
        "create_sequence",
        "create_schema",
    ],
    names: &["object_reference", "identifier"],
    ..PROGRAM
};
const LUA: Grammar = Grammar {
    language: || tree_sitter_lua::LANGUAGE.into(),
    leaves: &["function_declaration"],
    ..PROGRAM
};
const ZIG: Grammar = Grammar {
    language: || tree_sitter_zig::LANGUAGE.into(),
    leaves: &["function_declaration", "test_declaration"],
    containers: &["variable_declaration"],
    names: &["identifier", "string"],
    ..PROGRAM
};
const NIX: Grammar =
    Grammar { language: || tree_sitter_nix::LANGUAGE.into(), containers: &["binding"], ..PROGRAM };
const JSON: Grammar =
    Grammar { language: || tree_sitter_json::LANGUAGE.into(), containers: &["pair"], ..DATA };
const YAML: Grammar = Grammar {
    language: || tree_sitter_yaml::LANGUAGE.into(),
    containers: &["block_mapping_pair", "flow_pair"],
    is_safe: super::depth::yaml,
    ..DATA
};
const TOML: Grammar = Grammar {
    language: || tree_sitter_toml_ng::LANGUAGE.into(),
    containers: &["table", "table_array_element", "pair"],
    names: &["bare_key", "dotted_key", "quoted_key"],
    ..DATA
};
const HTML: Grammar = Grammar { language: || tree_sitter_html::LANGUAGE.into(), ..DATA };
const SVELTE: Grammar = Grammar { language: || tree_sitter_svelte_ng::LANGUAGE.into(), ..DATA };
const CSS: Grammar = Grammar {
    language: || tree_sitter_css::LANGUAGE.into(),
    leaves: &["rule_set", "keyframes_statement"],
    containers: &["media_statement", "supports_statement", "at_rule"],
    names: &["selectors", "keyframes_name"],
    ..DATA
};

/// The grammar of a language (see [`super::language`]); nothing for languages without one.
pub(crate) fn grammar(language: &str) -> Option<&'static Grammar> {
    Some(match language {
        "rust" => &RUST,
        "python" => &PYTHON,
        "javascript" | "jsx" => &JAVASCRIPT,
        "typescript" => &TYPESCRIPT,
        "tsx" => &TSX,
        "go" => &GO,
        "java" => &JAVA,
        "c" => &C,
        "cpp" => &CPP,
        "csharp" => &C_SHARP,
        "ruby" => &RUBY,
        "php" => &PHP,
        "bash" => &BASH,
        "kotlin" => &KOTLIN,
        "swift" => &SWIFT,
        "sql" => &SQL,
        "lua" => &LUA,
        "zig" => &ZIG,
        "nix" => &NIX,
        "json" => &JSON,
        "yaml" => &YAML,
        "toml" => &TOML,
        "html" => &HTML,
        "svelte" => &SVELTE,
        "css" => &CSS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grammar_is_of_a_version_that_the_parser_reads_and_knows_its_nodes() {
        let languages = "rust python javascript typescript tsx go java c cpp csharp ruby php bash kotlin swift sql \
                         lua zig nix json yaml toml html svelte css";
        for name in languages.split_whitespace() {
            let grammar = grammar(name).unwrap();
            let language = (grammar.language)();
            tree_sitter::Parser::new().set_language(&language).unwrap();
            if name == "javascript" {
                // Its table is that of TypeScript, which knows more nodes.
                continue;
            }
            for kind in [grammar.leaves, grammar.containers, grammar.names].concat() {
                assert_ne!(language.id_for_node_kind(kind, true), 0, "{name} has no node `{kind}`");
            }
        }
    }
}
