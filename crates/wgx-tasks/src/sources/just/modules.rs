//! Joining a justfile with what it imports, and its modules below it.

use std::collections::{HashMap, HashSet};

use super::parser::{self, Alias, Attributes, Item, Recipe};
use crate::files;
use crate::sources::Scan;

/// Most files that one justfile may pull in.
const MAX_FILES: usize = 1_000;

/// A module: the root justfile or one named by `mod`, imports included.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) recipes: Vec<Declared>,
    pub(super) aliases: Vec<(Attributes, Alias)>,
    pub(super) modules: Vec<(String, Module)>,
    /// Optional modules whose file is not there.
    pub(super) absent: HashSet<String>,
    pub(super) private: bool,
    allow_duplicate_recipes: bool,
}

/// A recipe, the file it stands in, and how many imports lead there.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) recipe: Recipe,
    pub(super) attributes: Attributes,
    pub(super) file: String,
    depth: usize,
}

/// Reads a justfile with everything that it imports and all its modules.
pub(super) fn load(scan: &mut Scan<'_>, file: &str) -> Module {
    let mut loader = Loader { scan, chain: Vec::new(), loaded: 0 };
    loader.module(file)
}

struct Loader<'s, 'a> {
    scan: &'s mut Scan<'a>,
    /// The files that lead to the current one.
    chain: Vec<String>,
    loaded: usize,
}

impl Loader<'_, '_> {
    fn module(&mut self, file: &str) -> Module {
        let mut module = Module::default();
        let mut imported = HashSet::new();
        self.file(file, 0, &mut module, &mut imported);
        if !module.allow_duplicate_recipes {
            self.note_duplicates(&module);
        }
        keep_winners(&mut module.recipes);
        module
    }

    /// Adds the items of one file.
    fn file(
        &mut self,
        file: &str,
        depth: usize,
        module: &mut Module,
        imported: &mut HashSet<String>,
    ) {
        self.loaded += 1;
        if self.loaded > MAX_FILES {
            let reason = format!("more than {MAX_FILES} imported files and modules");
            self.scan.broken(file, None, &reason, "import fewer files");
            return;
        }
        let Some(text) = self.scan.read(file) else {
            return;
        };
        let parsed = parser::parse(&text);
        for fault in &parsed.faults {
            let hint = "just refuses this file: correct the line";
            self.scan.broken(file, Some(fault.line), fault.reason, hint);
        }
        module.allow_duplicate_recipes |= parsed.allow_duplicate_recipes;
        self.chain.push(file.to_owned());
        for (attributes, item) in parsed.items {
            if attributes.is_enabled() {
                let from = From { file, depth };
                self.item(&from, attributes, item, (module, imported));
            }
        }
        self.chain.pop();
    }

    fn item(
        &mut self,
        from: &From<'_>,
        attributes: Attributes,
        item: Item,
        into: (&mut Module, &mut HashSet<String>),
    ) {
        let (module, imported) = into;
        match item {
            Item::Recipe(recipe) => module.recipes.push(Declared {
                recipe,
                attributes,
                file: from.file.to_owned(),
                depth: from.depth,
            }),
            Item::Alias(alias) => module.aliases.push((attributes, alias)),
            Item::Import(import) => {
                if let Some(path) = self.import_path(from.file, &import)
                    && imported.insert(path.clone())
                {
                    self.file(&path, from.depth + 1, module, imported);
                }
            }
            Item::Module(declared) => match self.module_path(from.file, &declared) {
                Found::File(path) => {
                    let mut inner = self.module(&path);
                    inner.private = attributes.private;
                    module.modules.push((declared.name, inner));
                }
                Found::Absent => {
                    module.absent.insert(declared.name);
                }
                Found::Noted => {}
            },
        }
    }

    fn import_path(&mut self, file: &str, import: &parser::Import) -> Option<String> {
        let line = Some(import.line);
        let path = self.literal_path(file, line, import.path.as_deref())?;
        let Some(inside) = files::join(files::parent(file), &path) else {
            self.outside(file, line, &path);
            return None;
        };
        if self.scan.files.is_file(&inside) {
            return (!self.is_circular(file, line, &inside)).then_some(inside);
        }
        if !import.optional {
            let reason = format!("the imported file {path} is not there");
            let hint = "add the file, or write `import?` when it may be absent";
            self.scan.broken(file, line, &reason, hint);
        }
        None
    }

    fn module_path(&mut self, file: &str, module: &parser::Module) -> Found {
        let line = Some(module.line);
        let candidates = match &module.path {
            None => self.default_files(files::parent(file), &module.name),
            Some(path) => {
                let Some(path) = self.literal_path(file, line, path.as_deref()) else {
                    return Found::Noted;
                };
                let Some(inside) = files::join(files::parent(file), &path) else {
                    self.outside(file, line, &path);
                    return Found::Noted;
                };
                self.files_at(inside)
            }
        };
        match &candidates[..] {
            [] if module.optional => Found::Absent,
            [] => {
                let reason = format!("the module {} has no file", module.name);
                let hint = "add the file, or write `mod?` when it may be absent";
                self.scan.broken(file, line, &reason, hint);
                Found::Noted
            }
            [path] if self.is_circular(file, line, path) => Found::Noted,
            [path] => Found::File(path.clone()),
            several => {
                let reason =
                    format!("the module {} could be any of {}", module.name, several.join(", "));
                self.scan.broken(file, line, &reason, "keep one of the files");
                Found::File(several[0].clone())
            }
        }
    }

    /// `NAME.just` and the files of the folder `NAME`.
    fn default_files(&self, dir: &str, name: &str) -> Vec<String> {
        let at = |path: &str| files::join(dir, path).unwrap_or_default();
        let plain = at(&format!("{name}.just"));
        let mut found = self.folder_files(&at(name));
        if self.scan.files.is_file(&plain) {
            found.insert(0, plain);
        }
        found
    }

    fn files_at(&self, path: String) -> Vec<String> {
        if self.scan.files.is_file(&path) {
            return vec![path];
        }
        self.folder_files(&path)
    }

    /// `mod.just`, and `justfile` and `.justfile` in any case.
    fn folder_files(&self, dir: &str) -> Vec<String> {
        if !self.scan.files.is_dir(dir) {
            return Vec::new();
        }
        let fits = |name: &String| {
            name == "mod.just"
                || name.eq_ignore_ascii_case("justfile")
                || name.eq_ignore_ascii_case(".justfile")
        };
        let names = self.scan.files.list(dir).into_iter().filter(fits);
        names
            .filter_map(|name| files::join(dir, &name))
            .filter(|path| self.scan.files.is_file(path))
            .collect()
    }

    fn literal_path(
        &mut self,
        file: &str,
        line: Option<u32>,
        path: Option<&str>,
    ) -> Option<String> {
        if path.is_none() {
            let reason = "the path holds a variable of the shell, which is not read";
            self.scan.dynamic(file, line, reason);
        }
        let path = path?;
        if path.starts_with("~/") {
            self.outside(file, line, path);
            return None;
        }
        Some(path.to_owned())
    }

    fn outside(&mut self, file: &str, line: Option<u32>, path: &str) {
        let reason = format!("{path} lies outside of the repository and is not followed");
        self.scan.dynamic(file, line, &reason);
    }

    fn is_circular(&mut self, file: &str, line: Option<u32>, path: &str) -> bool {
        let circular = self.chain.iter().any(|earlier| earlier == path);
        if circular {
            let reason = format!("{path} is imported in a circle");
            self.scan.broken(file, line, &reason, "remove one of the imports");
        }
        circular
    }

    fn note_duplicates(&mut self, module: &Module) {
        let mut seen: HashMap<&str, &Declared> = HashMap::new();
        for declared in &module.recipes {
            let name = declared.recipe.name.as_str();
            if seen.insert(name, declared).is_some() {
                let reason = format!("the recipe {name} is there twice");
                let hint = "rename one, or `set allow-duplicate-recipes`";
                self.scan.broken(&declared.file, Some(declared.recipe.line), &reason, hint);
            }
        }
    }
}

/// The file of an item and how many imports lead to it.
struct From<'f> {
    file: &'f str,
    depth: usize,
}

enum Found {
    File(String),
    Absent,
    Noted,
}

/// Of several recipes with one name the one nearest to the root wins; in one file the last one; of
/// files at the same distance the first one.
fn keep_winners(recipes: &mut Vec<Declared>) {
    let mut winners: HashMap<String, usize> = HashMap::new();
    for (at, declared) in recipes.iter().enumerate() {
        let winner = winners.entry(declared.recipe.name.clone()).or_insert(at);
        let held = &recipes[*winner];
        let nearer = declared.depth < held.depth;
        if nearer || (declared.depth == held.depth && declared.file == held.file) {
            *winner = at;
        }
    }
    let mut at = 0;
    recipes.retain(|declared| {
        at += 1;
        winners.get(&declared.recipe.name) == Some(&(at - 1))
    });
}
