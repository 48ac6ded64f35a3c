//! What a build script says: tasks, plugins, other scripts, subprojects.

use super::lexer::{Placed, Token, tokens};

/// Deepest nesting of blocks that is read.
const MAX_DEPTH: usize = 60;

/// Which projects a declaration is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The project of the script.
    Own,
    /// All projects.
    All,
    /// All projects below this one.
    Below,
    /// The project of that path (`:a:b`).
    Project(String),
}

/// A task that is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) scope: Scope,
    pub(super) description: Option<String>,
    pub(super) group: Option<String>,
}

/// What a script says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) tasks: Vec<Declared>,
    /// Plugins by id, and for which projects.
    pub(super) plugins: Vec<(String, Scope)>,
    /// Other scripts (`apply from:`), as written, and for which projects.
    pub(super) applied: Vec<(String, Scope)>,
    /// Lines where a task gets a computed name.
    pub(super) computed: Vec<u32>,
    /// Paths of subprojects (settings only).
    pub(super) included: Vec<String>,
    /// Folders of subprojects that differ from their paths (settings only).
    pub(super) folders: Vec<(String, String)>,
    /// Included builds (settings only).
    pub(super) builds: Vec<String>,
}

/// Reads a script.
pub(super) fn read(text: &str) -> Script {
    let tokens = tokens(text);
    let mut reader = Reader { tokens: &tokens, script: Script::default() };
    reader.block(0, &Context { scope: Scope::Own, tasks: false, plugins: false, apply: false }, 0);
    reader.script
}

#[derive(Clone)]
struct Context {
    scope: Scope,
    /// Directly inside of `tasks { … }`.
    tasks: bool,
    /// Directly inside of `plugins { … }`.
    plugins: bool,
    /// Directly inside of `apply { … }`.
    apply: bool,
}

struct Reader<'a> {
    tokens: &'a [Placed],
    script: Script,
}

impl Reader<'_> {
    /// Reads statements up to the end of the block; returns the place after its brace.
    fn block(&mut self, mut at: usize, context: &Context, depth: usize) -> usize {
        let mut start = at;
        while let Some(token) = self.token(at) {
            match token {
                Token::Sign('}') => return at + 1,
                Token::Sign('{') => {
                    let inner = self.inner(start, at, context);
                    at = match depth < MAX_DEPTH {
                        true => self.block(at + 1, &inner, depth + 1),
                        false => self.after_braces(at),
                    };
                    // What follows on the line belongs to the statement (`} else {`).
                    continue;
                }
                Token::Newline | Token::Sign(';') => {
                    at += 1;
                    start = at;
                    continue;
                }
                Token::Word(word) => {
                    let word = word.clone();
                    self.word(&word, at, context);
                }
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// What holds inside of a block that starts with these words.
    fn inner(&self, start: usize, brace: usize, context: &Context) -> Context {
        let plain = Context { tasks: false, plugins: false, apply: false, ..context.clone() };
        match self.name(start) {
            Some("tasks") if brace == start + 1 => Context { tasks: true, ..plain },
            Some("plugins") if brace == start + 1 => Context { plugins: true, ..plain },
            Some("apply") if brace == start + 1 => Context { apply: true, ..plain },
            Some("subprojects") => Context { scope: Scope::Below, ..plain },
            Some("allprojects") => Context { scope: Scope::All, ..plain },
            Some("project") if self.is_sign(start + 1, '(') => match self.fixed(start + 2) {
                Some(path) => Context { scope: Scope::Project(path.to_owned()), ..plain },
                None => plain,
            },
            // Branches and loops of `tasks { … }` still speak to the tasks.
            Some("if" | "for" | "else") => Context { tasks: context.tasks, ..plain },
            _ => plain,
        }
    }

    fn word(&mut self, word: &str, at: usize, context: &Context) {
        let after_dot = at > 0 && self.is_sign(at - 1, '.');
        let on_tasks = after_dot && at > 1 && self.name(at - 2) == Some("tasks");
        let alone = !after_dot;
        match word {
            "task" if alone || self.name(at.wrapping_sub(2)) == Some("project") => {
                self.classic(at, context);
            }
            "register" | "create" | "maybeCreate" if on_tasks || (alone && context.tasks) => {
                self.registered(at, context);
            }
            "registering" | "creating" if on_tasks || (alone && context.tasks) => {
                self.delegated(at, context);
            }
            "include" if alone => self.strings(at, |script, text| script.included.push(text)),
            "includeBuild" if alone => self.strings(at, |script, text| script.builds.push(text)),
            "projectDir" if after_dot => self.project_folder(at),
            "apply" => {
                let first = if self.is_sign(at + 1, '(') { at + 2 } else { at + 1 };
                self.applied(first, context);
            }
            "from" | "plugin" if alone && context.apply => self.applied(at, context),
            "id" | "kotlin" if alone && context.plugins => self.plugin(word, at, context),
            _ if alone && context.plugins => {
                let known = self.token(at + 1) == Some(&Token::Newline);
                if known && !self.is_sign(at.wrapping_sub(1), '(') {
                    self.script.plugins.push((word.to_owned(), context.scope.clone()));
                }
            }
            _ => {}
        }
    }

    /// Groovy's `task NAME`, `task 'NAME'`, `task(NAME, type: T)`.
    fn classic(&mut self, at: usize, context: &Context) {
        let typed = self.after_type(at + 1);
        let first = if self.is_sign(typed, '(') { typed + 1 } else { typed };
        let follows = |token: Option<&Token>| {
            matches!(
                token,
                None | Some(Token::Newline | Token::Sign('(' | '{' | ')' | ',' | ';' | '<' | '}'))
            )
        };
        match self.token(first) {
            Some(Token::Word(name)) if follows(self.token(first + 1)) => {
                let name = name.clone();
                self.declare(&name, first, context);
            }
            Some(Token::Text { .. }) => self.named(first, context),
            _ => {}
        }
    }

    /// `register("NAME", …)`, `register<T>("NAME")`, `create(name: 'NAME')`.
    fn registered(&mut self, at: usize, context: &Context) {
        let mut first = self.after_type(at + 1);
        if self.is_sign(first, '(') {
            first += 1;
        }
        while self.token(first) == Some(&Token::Newline) {
            first += 1;
        }
        if self.name(first) == Some("name")
            && matches!(self.token(first + 1), Some(Token::Sign(':' | '=')))
        {
            first += 2;
        }
        self.named(first, context);
    }

    /// A declaration whose name is a string at that place; any other name is computed.
    fn named(&mut self, at: usize, context: &Context) {
        match self.token(at) {
            Some(Token::Text { text, fixed: true }) if !self.is_sign(at + 1, '+') => {
                let text = text.clone();
                self.declare(&text, at, context);
            }
            Some(_) => self.script.computed.push(self.tokens[at].line),
            None => {}
        }
    }

    /// Kotlin's `val NAME by tasks.registering`.
    fn delegated(&mut self, at: usize, context: &Context) {
        let mut back = at;
        while back > 0 && self.token(back) != Some(&Token::Newline) {
            back -= 1;
            if matches!(self.name(back), Some("val" | "var")) {
                if let Some(name) = self.name(back + 1).map(str::to_owned) {
                    self.declare_from(&name, back + 1, at, context);
                }
                return;
            }
        }
    }

    fn declare(&mut self, name: &str, at: usize, context: &Context) {
        self.declare_from(name, at, at, context);
    }

    fn declare_from(&mut self, name: &str, at: usize, from: usize, context: &Context) {
        // Only what cannot be a task path is a task name.
        if name.is_empty() || name.contains(['/', '\\', ':', '<', '>', '"', '?', '*', '|']) {
            return;
        }
        let (description, group) = self.properties(from);
        self.script.tasks.push(Declared {
            name: name.to_owned(),
            line: self.tokens[at].line,
            scope: context.scope.clone(),
            description,
            group,
        });
    }

    /// Description and group in the arguments and the block of a declaration.
    fn properties(&self, from: usize) -> (Option<String>, Option<String>) {
        let (mut description, mut group) = (None, None);
        let (mut depth, mut at) = (0usize, from);
        while let Some(token) = self.token(at) {
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth <= 1 => break,
                Token::Sign('}') => depth -= 1,
                Token::Newline if depth == 0 && !self.continues(at) => break,
                Token::Word(word) if depth <= 1 => match word.as_str() {
                    "description" | "setDescription" => {
                        description = description.or_else(|| self.value(at + 1));
                    }
                    "group" | "setGroup" => group = group.or_else(|| self.value(at + 1)),
                    _ => {}
                },
                _ => {}
            }
            at += 1;
        }
        (description.and_then(|text| crate::sources::scan::first_line(&text)), group)
    }

    /// Whether a statement goes on behind a line's end.
    fn continues(&self, at: usize) -> bool {
        let before = at > 0 && matches!(self.token(at - 1), Some(Token::Sign(',' | '(')));
        before || matches!(self.token(at + 1), Some(Token::Sign('{' | ')')))
    }

    /// The string that a property is set to: `= "x"`, `"x"`, `: 'x'`, `("x")`, `.set("x")`.
    fn value(&self, mut at: usize) -> Option<String> {
        if self.is_sign(at, '.') && self.name(at + 1) == Some("set") {
            at += 2;
        }
        while matches!(self.token(at), Some(Token::Sign('=' | ':' | '(') | Token::Newline)) {
            at += 1;
        }
        match self.token(at)? {
            Token::Text { text, .. } => Some(text.clone()),
            // `group = BasePlugin.BUILD_GROUP`, `LifecycleBasePlugin.VERIFICATION_GROUP`
            Token::Word(_) if self.is_sign(at + 1, '.') => {
                let name = self.name(at + 2)?.strip_suffix("_GROUP")?;
                Some(name.to_lowercase())
            }
            _ => None,
        }
    }

    /// The strings behind a word, separated by commas.
    fn strings(&mut self, at: usize, mut take: impl FnMut(&mut Script, String)) {
        let mut at = at + 1;
        loop {
            match self.token(at) {
                Some(Token::Text { text, fixed: true }) => {
                    let text = text.clone();
                    take(&mut self.script, text);
                }
                Some(Token::Text { .. }) => self.script.computed.push(self.tokens[at].line),
                Some(Token::Sign('(' | ',' | '[')) => {}
                Some(Token::Newline) if self.continues(at) => {}
                _ => return,
            }
            at += 1;
        }
    }

    /// `project(':x').projectDir = file('x')` and its kin: the last string of the statement.
    fn project_folder(&mut self, at: usize) {
        let path = (at >= 4 && self.is_sign(at - 2, ')')).then(|| self.fixed(at - 3)).flatten();
        let Some(path) = path.map(str::to_owned) else {
            return;
        };
        let mut next = at + 1;
        let mut last = None;
        while let Some(token) = self.token(next) {
            match token {
                Token::Newline | Token::Sign(';') => break,
                Token::Text { text, .. } => last = Some(text.clone()),
                _ => {}
            }
            next += 1;
        }
        self.script.folders.extend(last.map(|folder| (path, folder)));
    }

    /// `plugin: 'x'`, `(plugin = "x")`, `from: 'x'`, `from(…)`, from the word `plugin` or `from` on.
    fn applied(&mut self, at: usize, context: &Context) {
        // The script may be wrapped: `from: file('x')`, `from = rootProject.file("x")`.
        let end = |token: &Token| matches!(token, Token::Newline | Token::Sign(';' | '}'));
        let rest = self.tokens.get(at + 1..).unwrap_or_default().iter();
        let mut statement = rest.take_while(|placed| !end(&placed.token));
        let text = statement.find_map(|placed| match &placed.token {
            Token::Text { text, .. } => Some(text.clone()),
            _ => None,
        });
        let Some(text) = text else {
            return;
        };
        let from_root = self.name(at + 2) == Some("rootProject") && !text.starts_with('$');
        let said = match from_root {
            true => (format!("$rootDir/{text}"), context.scope.clone()),
            false => (text, context.scope.clone()),
        };
        match self.name(at) {
            Some("plugin") => self.script.plugins.push(said),
            Some("from") => self.script.applied.push(said),
            _ => {}
        }
    }

    fn plugin(&mut self, word: &str, at: usize, context: &Context) {
        let at = if self.is_sign(at + 1, '(') { at + 2 } else { at + 1 };
        let Some(id) = self.fixed(at) else {
            return;
        };
        let id = match word {
            "kotlin" => format!("org.jetbrains.kotlin.{id}"),
            _ => id.to_owned(),
        };
        let mut next = at;
        while !matches!(self.token(next), None | Some(Token::Newline | Token::Sign('}'))) {
            // `apply false` only loads the plugin for other projects.
            if self.name(next) == Some("false") {
                return;
            }
            next += 1;
        }
        self.script.plugins.push((id, context.scope.clone()));
    }

    fn after_type(&self, at: usize) -> usize {
        if !self.is_sign(at, '<') {
            return at;
        }
        let mut depth = 0usize;
        let mut next = at;
        while let Some(token) = self.token(next) {
            match token {
                Token::Sign('<') => depth += 1,
                Token::Sign('>') if depth == 1 => return next + 1,
                Token::Sign('>') => depth -= 1,
                Token::Newline => return at,
                _ => {}
            }
            next += 1;
        }
        at
    }

    fn after_braces(&self, at: usize) -> usize {
        let mut depth = 0usize;
        for (index, placed) in self.tokens.iter().enumerate().skip(at) {
            match placed.token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth <= 1 => return index + 1,
                Token::Sign('}') => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|placed| &placed.token)
    }

    fn name(&self, at: usize) -> Option<&str> {
        match self.token(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn fixed(&self, at: usize) -> Option<&str> {
        match self.token(at) {
            Some(Token::Text { text, fixed: true }) => Some(text),
            _ => None,
        }
    }

    fn is_sign(&self, at: usize, sign: char) -> bool {
        self.token(at) == Some(&Token::Sign(sign))
    }
}
