//! Values of expressions that are made of literals and constants of the same file.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use super::expression::{Expression, parse_expression};
use super::token::{Token, lines};

/// Most items that a list may have and bytes that a text may have.
const MAX_ITEMS: usize = 10_000;
const MAX_TEXT: usize = 100_000;
/// Most values that a value may consist of (long texts count more), against lists that double.
const MAX_WEIGHT: usize = 100_000;
/// Most expressions that are evaluated for one file.
const MAX_STEPS: u32 = 200_000;

#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources) enum Value {
    Text(String),
    Number(String),
    Bool(bool),
    None,
    List(Vec<Self>),
    Tuple(Vec<Self>),
    Dict(Vec<(Self, Self)>),
    /// Stands only in a dictionary, whose keys may be known where a value is not.
    Unknown,
}

impl Value {
    pub(in crate::sources) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list or tuple, the keys of a dictionary.
    pub(in crate::sources) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items.clone()),
            Self::Dict(entries) => Some(entries.iter().map(|(key, _)| key.clone()).collect()),
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Text(text) => 1 + text.len() / 16,
            Self::List(items) | Self::Tuple(items) => {
                1 + items.iter().map(Self::weight).sum::<usize>()
            }
            Self::Dict(entries) => {
                1 + entries.iter().map(|(key, value)| key.weight() + value.weight()).sum::<usize>()
            }
            _ => 1,
        }
    }

    /// As Python's `str`.
    pub(in crate::sources) fn display(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => other.repr(),
        }
    }

    /// As Python's `repr`.
    pub(in crate::sources) fn repr(&self) -> String {
        let join = |items: &[Self]| items.iter().map(Self::repr).collect::<Vec<_>>().join(", ");
        match self {
            Self::Text(text) => {
                let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
                let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
                let escaped = if quote == '\'' { escaped.replace('\'', "\\'") } else { escaped };
                format!("{quote}{escaped}{quote}")
            }
            Self::Number(number) => number.clone(),
            Self::Bool(true) => "True".into(),
            Self::Bool(false) => "False".into(),
            Self::None | Self::Unknown => "None".into(),
            Self::List(items) => format!("[{}]", join(items)),
            Self::Tuple(items) if items.len() == 1 => format!("({},)", join(items)),
            Self::Tuple(items) => format!("({})", join(items)),
            Self::Dict(entries) => {
                let entry =
                    |(key, value): &(Self, Self)| format!("{}: {}", key.repr(), value.repr());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Answers calls that the caller knows more about (`nox.project.python_versions`).
pub(in crate::sources) type Calls<'a> = &'a dyn Fn(&str, &Expression, &Constants) -> Option<Value>;

/// Names of a module that stand for known values.
#[derive(Clone, Debug, Default)]
pub(in crate::sources) struct Constants {
    names: HashMap<String, Value>,
    /// Shared with the scopes of comprehensions.
    steps: Rc<Cell<u32>>,
}

impl Constants {
    /// Learns from `NAME = …`, `NAME: TYPE = …` and `NAME += …`; a value that is not known is forgotten.
    pub(in crate::sources) fn learn(&mut self, tokens: &[Token], calls: Calls<'_>) {
        let Some(equals) = tokens.iter().position(|token| token.is("=") || token.is("+=")) else {
            return;
        };
        let Some(name) = tokens.first().and_then(Token::name) else {
            return;
        };
        if !(equals == 1 || tokens[1].is(":")) {
            return;
        }
        let value = self.value(&parse_expression(&tokens[equals + 1..]), calls);
        let value = value.filter(|value| value.weight() <= MAX_WEIGHT);
        let value = match (tokens[equals].is("+="), self.names.get(name), value) {
            (false, _, value) => value,
            (true, Some(before), Some(more)) => sum(before.clone(), more),
            (true, ..) => None,
        };
        match value {
            Some(value) => self.names.insert(name.to_owned(), value),
            None => self.names.remove(name),
        };
    }

    /// Binds a name.
    pub(in crate::sources) fn bind(&mut self, name: &str, value: Value) {
        self.names.insert(name.to_owned(), value);
    }

    /// The value of an expression, where it is known.
    pub(in crate::sources) fn value(
        &self,
        expression: &Expression,
        calls: Calls<'_>,
    ) -> Option<Value> {
        self.steps.set(self.steps.get().saturating_add(1));
        if self.steps.get() > MAX_STEPS {
            return None;
        }
        let of = |expression: &Expression| self.value(expression, calls);
        let value = match expression {
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::Number(number) => Value::Number(number.clone()),
            Expression::Name(name) => match name.as_str() {
                "True" => Value::Bool(true),
                "False" => Value::Bool(false),
                "None" => Value::None,
                name => self.names.get(name)?.clone(),
            },
            Expression::Format(pieces) => Value::Text(self.format(pieces, calls)?),
            Expression::List(items) => Value::List(self.list(items, calls)?),
            Expression::Tuple(items) => Value::Tuple(self.list(items, calls)?),
            Expression::Dict(entries) => {
                let entry = |(key, value): &(Expression, Expression)| {
                    Some((of(key)?, of(value).unwrap_or(Value::Unknown)))
                };
                Value::Dict(entries.iter().map(entry).collect::<Option<_>>()?)
            }
            Expression::Sum(left, right) => sum(of(left)?, of(right)?)?,
            Expression::Index(value, index) => index_of(&of(value)?, &of(index)?)?,
            Expression::Slice(value, start) => {
                let Value::Number(start) = of(start)? else {
                    return None;
                };
                let items = of(value)?.items()?;
                Value::List(items.get(position(&start, items.len())?..)?.to_vec())
            }
            Expression::Comprehension(item, variable, iterated) => {
                let mut inner = self.clone();
                let mut items = Vec::new();
                for value in of(iterated)?.items()? {
                    inner.bind(variable, value);
                    items.push(inner.value(item, calls)?);
                    if items.len() > MAX_ITEMS {
                        return None;
                    }
                }
                Value::List(items)
            }
            Expression::Call(callee, _) => self.call(callee, expression, calls)?,
            Expression::Star(_) | Expression::Attribute(..) | Expression::Unknown => return None,
        };
        Some(value)
    }

    fn list(&self, items: &[Expression], calls: Calls<'_>) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        let mut weight = 0;
        for item in items {
            let before = values.len();
            match item {
                Expression::Star(inner) => values.extend(self.value(inner, calls)?.items()?),
                item => values.push(self.value(item, calls)?),
            }
            weight += values[before..].iter().map(Value::weight).sum::<usize>();
            if values.len() > MAX_ITEMS || weight > MAX_WEIGHT {
                return None;
            }
        }
        Some(values)
    }

    fn format(&self, pieces: &[(String, Option<String>)], calls: Calls<'_>) -> Option<String> {
        let mut text = String::new();
        for (literal, source) in pieces {
            text.push_str(literal);
            let Some(source) = source else {
                continue;
            };
            let (source, is_repr) =
                source.strip_suffix("!r").map_or((source.as_str(), false), |s| (s, true));
            let parsed = lines(source);
            let [line] = parsed.as_slice() else {
                return None;
            };
            let value = self.value(&parse_expression(&line.tokens), calls)?;
            text.push_str(&if is_repr { value.repr() } else { value.display() });
        }
        (text.len() < MAX_TEXT).then_some(text)
    }

    fn call(&self, callee: &Expression, call: &Expression, calls: Calls<'_>) -> Option<Value> {
        let arguments = call.arguments();
        let first = || self.value(&arguments.first()?.value, calls);
        if let Expression::Attribute(object, method) = callee {
            return method_of(&self.value(object, calls)?, method, first().as_ref());
        }
        let name = callee.callee()?;
        if let Some(value) = calls(name, call, self) {
            return Some(value);
        }
        match name {
            "list" | "sorted" => {
                let mut items = first()?.items()?;
                if name == "sorted" {
                    items.sort_by_key(Value::display);
                }
                Some(Value::List(items))
            }
            "tuple" => Some(Value::Tuple(first()?.items()?)),
            "str" => Some(Value::Text(first()?.display())),
            "range" => range(
                &arguments
                    .iter()
                    .map(|a| self.value(&a.value, calls))
                    .collect::<Option<Vec<_>>>()?,
            ),
            "os.environ.get" | "os.getenv" => self.value(&arguments.get(1)?.value, calls),
            name => {
                let (object, method) = name.rsplit_once('.')?;
                method_of(self.names.get(object)?, method, first().as_ref())
            }
        }
    }
}

fn method_of(object: &Value, method: &str, argument: Option<&Value>) -> Option<Value> {
    let split = |text: &str, at: Option<&str>| {
        let parts: Vec<&str> = match at {
            Some(at) if !at.is_empty() => text.split(at).collect(),
            _ => text.split_whitespace().collect(),
        };
        Value::List(parts.into_iter().map(|part| Value::Text(part.to_owned())).collect())
    };
    let is_known =
        |entries: &[(Value, Value)]| entries.iter().all(|(_, value)| *value != Value::Unknown);
    match (object, method) {
        (Value::Text(text), "split") => Some(split(text, argument.and_then(Value::text))),
        (Value::Dict(_), "keys") => Some(Value::List(object.items()?)),
        (Value::Dict(entries), "values") if is_known(entries) => {
            Some(Value::List(entries.iter().map(|(_, value)| value.clone()).collect()))
        }
        (Value::Dict(entries), "items") if is_known(entries) => {
            let pair =
                |(key, value): &(Value, Value)| Value::Tuple(vec![key.clone(), value.clone()]);
            Some(Value::List(entries.iter().map(pair).collect()))
        }
        _ => None,
    }
}

fn sum(left: Value, right: Value) -> Option<Value> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) if left.len() + right.len() < MAX_TEXT => {
            Some(Value::Text(left + &right))
        }
        (Value::List(mut left), Value::List(right)) if left.len() + right.len() < MAX_ITEMS => {
            left.extend(right);
            Some(Value::List(left))
        }
        (Value::Tuple(mut left), Value::Tuple(right)) if left.len() + right.len() < MAX_ITEMS => {
            left.extend(right);
            Some(Value::Tuple(left))
        }
        _ => None,
    }
}

fn index_of(value: &Value, index: &Value) -> Option<Value> {
    match (value, index) {
        (Value::Dict(entries), key) => entries
            .iter()
            .find(|(own, _)| own == key)
            .map(|(_, value)| value.clone())
            .filter(|value| *value != Value::Unknown),
        (list, Value::Number(number)) => {
            let items = list.items()?;
            items.get(position(number, items.len())?).cloned()
        }
        _ => None,
    }
}

/// A Python index; a negative one counts from the end.
fn position(number: &str, length: usize) -> Option<usize> {
    let number: isize = number.parse().ok()?;
    if number < 0 { length.checked_add_signed(number) } else { usize::try_from(number).ok() }
}

fn range(bounds: &[Value]) -> Option<Value> {
    let number = |value: &Value| match value {
        Value::Number(number) => number.parse::<i64>().ok(),
        _ => None,
    };
    let (start, end) = match bounds {
        [end] => (0, number(end)?),
        [start, end] => (number(start)?, number(end)?),
        _ => return None,
    };
    let count = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
    (count <= MAX_ITEMS).then(|| {
        Value::List((start..end).map(|number| Value::Number(number.to_string())).collect())
    })
}
