//! Modules of tasks: what they define, import and put into collections.

use std::collections::HashMap;
use std::rc::Rc;

use contracts::wgx::TaskArg;

use crate::files;
use crate::sources::Scan;
use crate::sources::python::{
    self, Constants, Expression, Function, Line, Statement, Token, Value, parse_expression,
};

/// Most modules that are read, and deepest chain of imports.
const MAX_MODULES: usize = 300;
const MAX_IMPORTS: usize = 20;

/// A task as its function declares it.
#[derive(Clone, Debug)]
pub(super) struct TaskDefinition {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) docstring: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) arguments: Vec<TaskArg>,
}

/// Tasks and inner collections by name, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Collection {
    pub(super) name: Option<String>,
    pub(super) tasks: Vec<(String, Rc<TaskDefinition>)>,
    pub(super) collections: Vec<(String, Rc<Collection>)>,
}

/// What a name of a module stands for.
#[derive(Clone)]
enum Object {
    Task(Rc<TaskDefinition>),
    Collection(Collection),
    Module(String),
    /// A module or attribute that is not in the repository.
    Foreign(String),
}

type Names = Vec<(String, Object)>;

/// Reads modules, each once.
pub(super) struct Loader<'s, 'a> {
    scan: &'s mut Scan<'a>,
    modules: HashMap<String, Rc<Names>>,
    depth: usize,
}

impl<'s, 'a> Loader<'s, 'a> {
    pub(super) fn new(scan: &'s mut Scan<'a>) -> Self {
        Self { scan, modules: HashMap::new(), depth: 0 }
    }

    /// The collection that invoke takes a file for; `None` where it does not use invoke at all.
    pub(super) fn root_collection(&mut self, file: &str) -> Option<Collection> {
        let text = self.scan.read(file)?;
        if !text.contains("invoke") && !text.contains("fabric") && !text.contains("import") {
            return None;
        }
        Some(self.module_collection(file))
    }

    /// `ns` or `namespace` of a module, else all its tasks.
    fn module_collection(&mut self, file: &str) -> Collection {
        let names = self.module(file);
        let explicit = ["ns", "namespace"].iter().find_map(|wanted| {
            names.iter().find_map(|(name, object)| match object {
                Object::Collection(collection) if name == wanted => Some(collection.clone()),
                _ => None,
            })
        });
        explicit.unwrap_or_else(|| {
            let mut collection = Collection::default();
            for (_, object) in names.iter() {
                if let Object::Task(task) = object {
                    collection.add_task(task.name.clone(), task);
                }
            }
            collection
        })
    }

    fn module(&mut self, file: &str) -> Rc<Names> {
        if let Some(known) = self.modules.get(file) {
            return Rc::clone(known);
        }
        // A module that imports itself in a circle sees what is there so far: nothing.
        self.modules.insert(file.to_owned(), Rc::default());
        if self.modules.len() > MAX_MODULES || self.depth >= MAX_IMPORTS {
            return Rc::default();
        }
        let Some(source) = self.scan.read(file) else {
            return Rc::default();
        };
        self.depth += 1;
        let lines = python::lines(&source);
        let mut module = Module {
            file,
            names: Vec::new(),
            constants: Constants::default(),
            registry: registry(&lines),
            uses_tool: uses_tool(&lines),
        };
        for statement in python::statements(&lines) {
            match statement {
                Statement::Function(function) => module.function(self.scan, &function),
                Statement::Line(line) => module.line(self, line),
            }
        }
        self.depth -= 1;
        let names = Rc::new(module.names);
        self.modules.insert(file.to_owned(), Rc::clone(&names));
        names
    }

    /// The file of a module name as seen from another file; dots in front are relative.
    fn locate(&self, module: &str, from: &str) -> Option<String> {
        let bare = module.trim_start_matches('.');
        let dots = module.len() - bare.len();
        let mut base = if dots == 0 { self.scan.dir } else { files::parent(from) };
        for _ in 1..dots {
            base = files::parent(base);
        }
        let path = files::join(base, &bare.replace('.', "/"))?;
        let path = if bare.is_empty() { base.to_owned() } else { path };
        [format!("{path}/__init__.py"), format!("{path}.py")]
            .into_iter()
            .map(|file| file.trim_start_matches('/').to_owned())
            .find(|file| self.scan.files.is_file(file))
    }
}

impl Collection {
    fn add_task(&mut self, name: String, task: &Rc<TaskDefinition>) {
        self.tasks.retain(|(known, _)| *known != name);
        self.tasks.push((name, Rc::clone(task)));
    }

    fn add_collection(&mut self, name: String, collection: Self) {
        self.collections.retain(|(known, _)| *known != name);
        self.collections.push((name, Rc::new(collection)));
    }
}

/// One module while it is read.
struct Module<'m> {
    file: &'m str,
    names: Names,
    constants: Constants,
    /// The collection to which the module's own `task` decorator adds what it decorates.
    registry: Option<String>,
    /// Whether it imports invoke, fabric or invoke's own collections of tasks.
    uses_tool: bool,
}

impl Module<'_> {
    fn get(&self, name: &str) -> Option<&Object> {
        self.names.iter().rev().find(|(known, _)| known == name).map(|(_, object)| object)
    }

    fn set(&mut self, name: &str, object: Object) {
        self.names.retain(|(known, _)| known != name);
        self.names.push((name.to_owned(), object));
    }

    fn function(&mut self, scan: &mut Scan<'_>, function: &Function<'_>) {
        let is_task = |decorator: &&Expression| {
            decorator.callee().is_some_and(|name| {
                name.rsplit('.').next().is_some_and(|last| self.is_task(name, last))
            })
        };
        let Some(decorator) = function.decorators.iter().find(is_task) else {
            return;
        };
        if function.nested || function.looped {
            let reason = format!("tasks are made in a loop or by a function ({})", function.name);
            return scan.dynamic(self.file, Some(function.line), &reason);
        }
        let value = |name: &str| self.constants.value(decorator.argument(name)?, &no_calls);
        let name = match decorator.argument("name") {
            None => function.name.to_owned(),
            Some(_) => match value("name") {
                Some(Value::Text(name)) => name,
                Some(Value::None) => function.name.to_owned(),
                _ => {
                    return scan.dynamic(
                        self.file,
                        Some(function.line),
                        "the name of a task is computed",
                    );
                }
            },
        };
        let list = |key: &str| -> Vec<String> {
            let items = value(key).and_then(|value| value.items()).unwrap_or_default();
            items.iter().map(Value::display).collect()
        };
        let task = TaskDefinition {
            name,
            file: self.file.to_owned(),
            line: function.line,
            docstring: function.docstring.clone(),
            aliases: list("aliases"),
            arguments: arguments(function.parameters, &list("iterable")),
        };
        let task = Rc::new(task);
        if let Some(registry) = self.registry.clone()
            && let Some(Object::Collection(mut collection)) = self.get(&registry).cloned()
        {
            collection.add_task(task.name.clone(), &task);
            self.set(&registry, Object::Collection(collection));
        }
        self.set(function.name, Object::Task(task));
    }

    /// `task` of invoke or fabric under any name, or a wrapper of that name in the module.
    fn is_task(&self, dotted: &str, last: &str) -> bool {
        let first = dotted.split('.').next().unwrap_or(dotted);
        match self.get(first) {
            Some(Object::Foreign(target)) => {
                is_tool(target) && last == "task" || is_tool_task(target)
            }
            _ => dotted == "task" && self.uses_tool,
        }
    }

    /// Notes what invoke alone can know; a module that never heard of invoke declares nothing.
    fn note(&self, scan: &mut Scan<'_>, line: u32, reason: &str) {
        if self.uses_tool {
            scan.dynamic(self.file, Some(line), reason);
        }
    }

    fn line(&mut self, loader: &mut Loader<'_, '_>, line: &Line) {
        for (name, target) in python::imports(&line.tokens) {
            self.import(loader, &name, &target, line.number);
        }
        self.constants.learn(&line.tokens, &no_calls);
        let equals = line.tokens.iter().position(|token| token.is("="));
        let simple = matches!(line.tokens.first(), Some(Token::Name(_))) && equals == Some(1);
        if simple {
            let name = line.tokens[0].word().to_owned();
            let expression = parse_expression(&line.tokens[2..]);
            if let Some(object) = self.object(loader, &expression, line.number) {
                self.set(&name, object);
            }
        } else if let Expression::Call(callee, _) = parse_expression(&line.tokens) {
            let call = parse_expression(&line.tokens);
            self.method(loader, callee.callee().unwrap_or_default(), &call, line.number);
        }
    }

    fn import(&mut self, loader: &mut Loader<'_, '_>, name: &str, target: &str, number: u32) {
        let Some((module, attribute)) = target.split_once(':') else {
            let object = match loader.locate(target, self.file) {
                Some(file) => Object::Module(file),
                None => Object::Foreign(target.to_owned()),
            };
            return self.set(name, object);
        };
        let submodule = match module.ends_with('.') {
            true => format!("{module}{attribute}"),
            false => format!("{module}.{attribute}"),
        };
        let Some(file) = loader.locate(module, self.file) else {
            let local = loader.locate(&submodule, self.file).map(Object::Module);
            if local.is_none()
                && !module.starts_with("invoke")
                && (module.contains("tasks") || module.starts_with("invocations"))
            {
                let reason = format!("tasks may come from {module} outside the repository");
                self.note(loader.scan, number, &reason);
            }
            return self.set(name, local.unwrap_or_else(|| Object::Foreign(target.to_owned())));
        };
        if attribute == "*" {
            for (name, object) in loader.module(&file).iter() {
                if !name.starts_with('_') && !matches!(object, Object::Foreign(_)) {
                    self.set(name, object.clone());
                }
            }
            return;
        }
        let own = (file != self.file).then(|| loader.module(&file));
        let found = own.and_then(|names| {
            names.iter().find(|(known, _)| known == attribute).map(|(_, object)| object.clone())
        });
        let found = found.or_else(|| loader.locate(&submodule, self.file).map(Object::Module));
        if let Some(object) = found {
            self.set(name, object);
        }
    }

    /// What an expression makes: a collection, a known object, or nothing of interest.
    fn object(
        &mut self,
        loader: &mut Loader<'_, '_>,
        expression: &Expression,
        number: u32,
    ) -> Option<Object> {
        if let Expression::Name(name) = expression {
            return self.resolve(loader, name);
        }
        let Expression::Call(callee, arguments) = expression else {
            return None;
        };
        let callee = callee.callee()?;
        let last = callee.rsplit('.').next()?;
        if last == "Collection" {
            return Some(Object::Collection(self.collection(loader, expression, number)));
        }
        if last == "from_module" && callee.contains("Collection") {
            let mut found = match self.object(loader, &arguments.first()?.value, number)? {
                Object::Module(file) => self.named_module(loader, &file),
                _ => return None,
            };
            if let Some(Value::Text(name)) =
                expression.argument("name").and_then(|name| self.constants.value(name, &no_calls))
            {
                found.name = Some(name);
            }
            return Some(Object::Collection(found));
        }
        None
    }

    fn resolve(&self, loader: &mut Loader<'_, '_>, dotted: &str) -> Option<Object> {
        let mut parts = dotted.split('.');
        let mut object = self.get(parts.next()?)?.clone();
        for part in parts {
            let Object::Module(file) = &object else {
                return matches!(object, Object::Foreign(_))
                    .then(|| Object::Foreign(dotted.to_owned()));
            };
            let attribute = loader
                .module(file)
                .iter()
                .find(|(name, _)| name == part)
                .map(|(_, object)| object.clone());
            let dir = files::parent(file).to_owned();
            let sub = [format!("{dir}/{part}.py"), format!("{dir}/{part}/__init__.py")];
            let sub = sub.into_iter().find(|file| loader.scan.files.is_file(file));
            object = attribute.or_else(|| sub.map(Object::Module))?;
        }
        Some(object)
    }

    /// A module as a collection, named after its file unless its own namespace has a name.
    fn named_module(&self, loader: &mut Loader<'_, '_>, file: &str) -> Collection {
        let mut collection = loader.module_collection(file);
        let stem = match files::file_name(file) {
            "__init__.py" => files::file_name(files::parent(file)),
            name => name.trim_end_matches(".py"),
        };
        collection.name.get_or_insert_with(|| stem.to_owned());
        collection
    }

    /// `Collection("name", task, module, inner, name=object)`.
    fn collection(
        &mut self,
        loader: &mut Loader<'_, '_>,
        call: &Expression,
        number: u32,
    ) -> Collection {
        let mut collection = Collection::default();
        for (at, argument) in call.arguments().iter().enumerate() {
            if at == 0
                && argument.name.is_none()
                && let Some(Value::Text(name)) = self.constants.value(&argument.value, &no_calls)
            {
                collection.name = Some(name);
                continue;
            }
            self.add(loader, &mut collection, argument.name.clone(), &argument.value, number);
        }
        collection
    }

    fn add(
        &mut self,
        loader: &mut Loader<'_, '_>,
        target: &mut Collection,
        name: Option<String>,
        value: &Expression,
        number: u32,
    ) {
        let object = self.object(loader, value, number);
        match object {
            Some(Object::Task(task)) => {
                target.add_task(name.unwrap_or_else(|| task.name.clone()), &task);
            }
            Some(Object::Collection(inner)) => match name.or_else(|| inner.name.clone()) {
                Some(name) => target.add_collection(name, inner),
                None => self.note(loader.scan, number, "a collection without a name is added"),
            },
            Some(Object::Module(file)) => {
                let inner = self.named_module(loader, &file);
                let name = name.or_else(|| inner.name.clone()).unwrap_or_default();
                target.add_collection(name, inner);
            }
            Some(Object::Foreign(target)) => {
                let reason =
                    format!("tasks come from {} outside the repository", target.replace(':', "."));
                self.note(loader.scan, number, &reason);
            }
            None => self.note(loader.scan, number, "a computed task or collection is added"),
        }
    }

    /// `ns.add_task(task, name="x")` and `ns.add_collection(module, name="x")`.
    fn method(
        &mut self,
        loader: &mut Loader<'_, '_>,
        callee: &str,
        call: &Expression,
        number: u32,
    ) {
        let Some((owner, "add_task" | "add_collection")) = callee.rsplit_once('.') else {
            return;
        };
        let Some(Object::Collection(mut collection)) = self.get(owner).cloned() else {
            return self.note(loader.scan, number, "a task is added to a computed collection");
        };
        let arguments = call.arguments();
        let second = arguments.get(1).filter(|argument| argument.name.is_none()).map(|a| &a.value);
        let name = call.argument("name").or(second);
        let name = name.and_then(|name| self.constants.value(name, &no_calls));
        let name = name.as_ref().and_then(Value::text).map(str::to_owned);
        if let Some(first) = arguments.first() {
            self.add(loader, &mut collection, name, &first.value, number);
        }
        self.set(owner, Object::Collection(collection));
    }
}

fn no_calls(_name: &str, _call: &Expression, _constants: &Constants) -> Option<Value> {
    None
}

fn is_tool(target: &str) -> bool {
    let first = target.split(['.', ':']).next().unwrap_or(target);
    matches!(first, "invoke" | "fabric" | "invocations")
}

fn is_tool_task(target: &str) -> bool {
    is_tool(target) && target.ends_with(":task")
}

fn uses_tool(lines: &[Line]) -> bool {
    let mut imports = lines.iter().flat_map(|line| python::imports(&line.tokens));
    imports.any(|(_, target)| is_tool(&target))
}

/// Where a module defines `task` itself: the collection that a function body calls `add_task` of.
fn registry(lines: &[Line]) -> Option<String> {
    let defines = |line: &&Line| {
        line.indent == 0 && line.tokens.iter().take(2).map(Token::word).eq(["def", "task"])
    };
    lines.iter().find(defines)?;
    let call = |line: &Line| match line.tokens.as_slice() {
        [Token::Name(owner), dot, Token::Name(method), ..]
            if dot.is(".") && method == "add_task" =>
        {
            Some(owner.clone())
        }
        _ => None,
    };
    lines.iter().filter(|line| line.indent > 0).find_map(call)
}

/// The parameters after the context.
fn arguments(parameters: &[Token], iterable: &[String]) -> Vec<TaskArg> {
    let mut depth = 0i32;
    let parts = parameters.split(|token| {
        depth += i32::from(token.opens()) - i32::from(token.closes());
        depth == 0 && token.is(",")
    });
    parts.skip(1).filter_map(|part| argument(part, iterable)).collect()
}

fn argument(part: &[Token], iterable: &[String]) -> Option<TaskArg> {
    let name = part.first()?.name()?;
    let default =
        part.iter().position(|token| token.is("=")).map(|at| parse_expression(&part[at + 1..]));
    let value = default.as_ref().and_then(|default| Constants::default().value(default, &no_calls));
    Some(TaskArg {
        name: name.replace('_', "-"),
        required: default.is_none() && !iterable.iter().any(|own| own == name),
        default: value.filter(|value| *value != Value::None).map(|value| value.display()),
        variadic: iterable.iter().any(|own| own == name),
    })
}
