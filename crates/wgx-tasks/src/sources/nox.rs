//! nox: sessions of `noxfile.py` with their Pythons and parameters, named as nox names them.

use std::collections::{HashMap, HashSet};

use super::Scan;
use super::python::{
    self, Constants, Expression, Function, Line, Statement, Token, Value, parse_expression,
};
use super::scan::{Place, first_line};
use crate::document::{Node, Value as Data};
use crate::task::Program;

/// Most sessions of one file.
const MAX_SESSIONS: usize = 5_000;

pub(super) fn discover(scan: &mut Scan<'_>) {
    if !scan.has("noxfile.py") {
        return;
    }
    let file = scan.path("noxfile.py");
    let Some(source) = scan.read(&file) else {
        return;
    };
    let project =
        if scan.has("pyproject.toml") { scan.toml(&scan.path("pyproject.toml")) } else { None };
    let lines = python::lines(&source);
    let mut noxfile = Noxfile { project: project.as_ref(), ..Noxfile::default() };
    for statement in python::statements(&lines) {
        match statement {
            Statement::Line(line) => noxfile.line(scan, &file, line),
            Statement::Function(function) => noxfile.function(scan, &file, &function),
        }
    }
    for session in noxfile.sessions {
        push(scan, &file, session);
    }
}

/// What the file has bound and declared so far.
#[derive(Default)]
struct Noxfile<'a> {
    project: Option<&'a Node>,
    constants: Constants,
    /// Local name → what it stands for.
    names: HashMap<String, String>,
    backend: Option<String>,
    sessions: Vec<Session>,
}

struct Session {
    base: String,
    name: String,
    line: u32,
    description: Option<String>,
    group: Option<String>,
}

/// One parametrisation: values by name, or an id in their place.
#[derive(Clone)]
struct Param {
    text: String,
}

impl Noxfile<'_> {
    fn line(&mut self, scan: &mut Scan<'_>, file: &str, line: &Line) {
        self.names.extend(python::imports(&line.tokens));
        let mut constants = std::mem::take(&mut self.constants);
        let calls = |name: &str, call: &Expression, constants: &Constants| {
            self.known_call(name, call, constants)
        };
        constants.learn(&line.tokens, &calls);
        self.constants = constants;
        let equals = line.tokens.iter().position(|token| token.is("="));
        let Some(equals) = equals else {
            return self.note_call(scan, file, line);
        };
        let target: String = line.tokens[..equals].iter().map(Token::word).collect();
        if target.ends_with("options.default_venv_backend") {
            let value =
                self.constants.value(&parse_expression(&line.tokens[equals + 1..]), &no_calls);
            self.backend = value.as_ref().and_then(Value::text).map(str::to_owned);
        }
        self.note_call(scan, file, line);
    }

    /// `nox.session(…)(function)` outside a decorator makes a session that is not followed.
    fn note_call(&self, scan: &mut Scan<'_>, file: &str, line: &Line) {
        let calls = line.tokens.windows(2).enumerate().any(|(at, pair)| {
            let dotted = || {
                let mut start = at;
                while start >= 2 && line.tokens[start - 1].is(".") {
                    start -= 2;
                }
                line.tokens[start..=at].iter().map(Token::word).collect::<String>()
            };
            pair[1].is("(") && pair[0].name().is_some() && self.is(&dotted(), "session")
        });
        if calls {
            scan.dynamic(
                file,
                Some(line.number),
                "a session is made by a call, not by a decorator",
            );
        }
    }

    /// Whether a dotted name is `nox.WHAT`, through any import.
    fn is(&self, dotted: &str, what: &str) -> bool {
        let (first, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
        let Some(target) = self.names.get(first) else {
            return false;
        };
        let (module, attribute) = target.split_once(':').unwrap_or((target, ""));
        // Wrappers such as nox-poetry and nox-uv offer the same decorators.
        let is_nox = module == "nox" || module.starts_with("nox_") || module.starts_with("nox.");
        let parts: Vec<&str> =
            [attribute, rest].into_iter().filter(|part| !part.is_empty()).collect();
        is_nox && parts.join(".") == what
    }

    fn function(&mut self, scan: &mut Scan<'_>, file: &str, function: &Function<'_>) {
        let is_session = |decorator: &&Expression| {
            decorator.callee().is_some_and(|name| self.is(name, "session"))
        };
        let Some(decorator) = function.decorators.iter().find(is_session) else {
            return;
        };
        if function.nested || function.looped {
            let reason =
                format!("sessions are made in a loop or by a function ({})", function.name);
            return scan.dynamic(file, Some(function.line), &reason);
        }
        let calls = |name: &str, call: &Expression, constants: &Constants| {
            self.known_call(name, call, constants)
        };
        let value = |name: &str| {
            decorator.argument(name).map(|expression| self.constants.value(expression, &calls))
        };
        let base = match value("name") {
            None | Some(Some(Value::None)) => function.name.to_owned(),
            Some(Some(Value::Text(name))) => name,
            Some(_) => {
                return scan.dynamic(
                    file,
                    Some(function.line),
                    "the name of a session is computed",
                );
            }
        };
        let backend = value("venv_backend").flatten();
        let no_environment =
            backend.as_ref().and_then(Value::text).or(self.backend.as_deref()) == Some("none");
        let pythons = match value("python").or_else(|| value("py")) {
            Some(None) => {
                let reason = format!("the Pythons of the session {base} are computed");
                scan.dynamic(file, Some(function.line), &reason);
                None
            }
            Some(Some(pythons)) => pythons.items().filter(|_| !no_environment),
            None => None,
        };
        let Some(params) = self.params(function) else {
            let reason = format!("the parameters of the session {base} are computed");
            scan.dynamic(file, Some(function.line), &reason);
            self.declare(function, decorator, &base, vec![base.clone()]);
            return;
        };
        let foreign = function.decorators.iter().find(|decorator| {
            let known = |what| decorator.callee().is_some_and(|name| self.is(name, what));
            !known("session") && !known("parametrize")
        });
        if let Some(decorator) = foreign {
            let name = decorator.callee().unwrap_or("a computed decorator");
            let reason = format!("{name} may change the sessions of {base}");
            scan.dynamic(file, Some(function.line), &reason);
        }
        let names = names(&base, pythons, &params);
        self.declare(function, decorator, &base, names);
    }

    fn declare(
        &mut self,
        function: &Function<'_>,
        decorator: &Expression,
        base: &str,
        names: Vec<String>,
    ) {
        let tags =
            decorator.argument("tags").and_then(|tags| self.constants.value(tags, &no_calls));
        let tag = tags.and_then(|tags| Some(tags.items()?.first()?.display()));
        // A later function of the same name replaces the earlier one.
        self.sessions.retain(|session| session.base != base);
        let room = MAX_SESSIONS.saturating_sub(self.sessions.len());
        for name in names.into_iter().take(room) {
            self.sessions.push(Session {
                base: base.to_owned(),
                name,
                line: function.line,
                description: function.docstring.as_deref().and_then(first_line),
                group: tag.clone(),
            });
        }
    }

    /// All combinations of the `parametrize` decorators; `None` when one is computed.
    fn params(&self, function: &Function<'_>) -> Option<Vec<Param>> {
        let mut combined: Option<Vec<Param>> = None;
        for decorator in function.decorators.iter().rev() {
            if !decorator.callee().is_some_and(|name| self.is(name, "parametrize")) {
                continue;
            }
            let new = self.parametrize(decorator)?;
            combined = Some(match combined {
                None => new,
                Some(before) => {
                    if before.len() * new.len() > MAX_SESSIONS {
                        return None;
                    }
                    let pair = |new: &Param, before: &Param| Param {
                        text: format!("{}, {}", before.text, new.text),
                    };
                    new.iter()
                        .flat_map(|new| {
                            before.iter().map(|before| pair(new, before)).collect::<Vec<_>>()
                        })
                        .collect()
                }
            });
        }
        Some(combined.unwrap_or_default())
    }

    fn parametrize(&self, decorator: &Expression) -> Option<Vec<Param>> {
        let calls = |name: &str, call: &Expression, constants: &Constants| {
            self.known_call(name, call, constants)
        };
        let positional = |at: usize| {
            decorator
                .arguments()
                .iter()
                .filter(|argument| argument.name.is_none())
                .nth(at)
                .map(|a| &a.value)
        };
        let argument = |name: &str, at: usize| decorator.argument(name).or_else(|| positional(at));
        let names = match self.constants.value(argument("arg_names", 0)?, &calls)? {
            Value::Text(names) => names
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            names => names.items()?.iter().map(Value::display).collect::<Vec<_>>(),
        };
        let ids = match argument("ids", 2) {
            Some(ids) => self.constants.value(ids, &calls)?.items()?,
            None => Vec::new(),
        };
        let values = self.constants.value(argument("arg_values_list", 1)?, &calls)?;
        let values = match values {
            Value::List(items) | Value::Tuple(items) => items,
            other => vec![other],
        };
        let param = |(at, value): (usize, &Value)| {
            let id = ids.get(at).and_then(Value::text).map(str::to_owned);
            param(&names, value, id)
        };
        values.iter().enumerate().map(param).collect()
    }

    /// Functions of nox itself whose results follow from the files.
    fn known_call(&self, name: &str, call: &Expression, constants: &Constants) -> Option<Value> {
        if self.is(name, "param") {
            return marked_param(call, constants);
        }
        if self.is(name, "project.load_toml") {
            let first = call.arguments().first();
            let file = first.and_then(|argument| constants.value(&argument.value, &no_calls));
            let file = file.as_ref().and_then(Value::text).unwrap_or("pyproject.toml");
            return (file == "pyproject.toml").then(|| from_data(self.project?)).flatten();
        }
        if self.is(name, "project.python_versions") {
            let max = call.argument("max_version").map(|max| constants.value(max, &no_calls));
            let max = match max {
                Some(max) => Some(max?.text()?.to_owned()),
                None => None,
            };
            return python_versions(self.project?, max.as_deref());
        }
        None
    }
}

fn no_calls(_name: &str, _call: &Expression, _constants: &Constants) -> Option<Value> {
    None
}

/// The mark of a value that came from `nox.param`.
const PARAM: &str = "\u{0}param";

fn marked_param(call: &Expression, constants: &Constants) -> Option<Value> {
    let mut values = Vec::new();
    for argument in call.arguments().iter().filter(|argument| argument.name.is_none()) {
        values.push(constants.value(&argument.value, &no_calls)?);
    }
    let id = match call.argument("id") {
        Some(id) => constants.value(id, &no_calls)?,
        None => Value::None,
    };
    Some(Value::Tuple(vec![Value::Text(PARAM.into()), Value::Tuple(values), id]))
}

fn param(names: &[String], value: &Value, id: Option<String>) -> Option<Param> {
    let (values, id) = match value {
        Value::Tuple(parts) if parts.first().and_then(Value::text) == Some(PARAM) => {
            (parts.get(1)?.items()?, parts.get(2)?.text().map(str::to_owned))
        }
        value if names.len() == 1 => (vec![value.clone()], id),
        value => (value.items()?, id),
    };
    if values.len() != names.len() {
        return None;
    }
    let pairs = names.iter().zip(&values).map(|(name, value)| format!("{name}={}", value.repr()));
    Some(Param { text: id.unwrap_or_else(|| pairs.collect::<Vec<_>>().join(", ")) })
}

fn names(base: &str, pythons: Option<Vec<Value>>, params: &[Param]) -> Vec<String> {
    let mut seen = HashSet::new();
    let stems = match pythons {
        None => vec![base.to_owned()],
        Some(pythons) => pythons
            .iter()
            .filter(|python| seen.insert(python.repr()))
            .map(|python| match python {
                Value::None | Value::Bool(false) => base.to_owned(),
                python => format!("{base}-{}", python.display()),
            })
            .collect(),
    };
    if params.is_empty() {
        return stems;
    }
    let with = |stem: &String| {
        params.iter().map(|param| format!("{stem}({})", param.text)).collect::<Vec<_>>()
    };
    stems.iter().flat_map(with).collect()
}

/// The Python versions of the classifiers, or from `requires-python` up to a given one.
fn python_versions(project: &Node, max: Option<&str>) -> Option<Value> {
    let classifiers =
        project.path(&["project", "classifiers"]).map(Node::strings).unwrap_or_default();
    let threaded = classifiers
        .iter()
        .any(|c| c.starts_with("Programming Language :: Python :: Free Threading"));
    let minor = |version: &str| version.split('.').nth(1)?.trim().parse::<u32>().ok();
    let mut minors: Vec<u32> = match max {
        None => classifiers
            .iter()
            .filter_map(|c| c.strip_prefix("Programming Language :: Python :: 3."))
            .filter_map(|version| version.split_whitespace().last()?.parse().ok())
            .collect(),
        Some(max) => {
            let requires = project.path(&["project", "requires-python"])?.as_str()?;
            let bounds = requires.split(',').filter_map(|bound| {
                let bound = bound.trim();
                let version = [">=", "~=", ">"].iter().find_map(|sign| bound.strip_prefix(sign))?;
                Some(minor(version).unwrap_or(0))
            });
            (bounds.max()?..=minor(max)?).collect()
        }
    };
    minors.sort_unstable();
    let mut versions: Vec<String> = minors.iter().map(|minor| format!("3.{minor}")).collect();
    if threaded {
        versions
            .extend(minors.iter().filter(|minor| **minor >= 14).map(|minor| format!("3.{minor}t")));
    }
    (!versions.is_empty()).then(|| Value::List(versions.into_iter().map(Value::Text).collect()))
}

fn from_data(node: &Node) -> Option<Value> {
    Some(match &node.value {
        Data::Null => Value::None,
        Data::Bool(bool) => Value::Bool(*bool),
        Data::Number(number) => Value::Number(number.clone()),
        Data::String(text) => Value::Text(text.clone()),
        Data::Sequence(items) => Value::List(items.iter().map(from_data).collect::<Option<_>>()?),
        Data::Mapping(entries) => {
            let entry = |entry: &crate::document::Entry| {
                Some((Value::Text(entry.key.clone()), from_data(&entry.value)?))
            };
            Value::Dict(entries.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}

fn push(scan: &mut Scan<'_>, file: &str, session: Session) {
    let argv = ["nox", "-s", &session.name].map(str::to_owned).to_vec();
    let program = Program::Argv { argv, separator: Some("--") };
    let mut found = scan.declare(&session.name, Place::new(file, session.line), program);
    found.task.description = session.description;
    found.task.group = session.group;
    scan.push(found);
}
