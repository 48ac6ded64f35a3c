//! Makes JSON that fits a schema: the plainest value that does, the same one every time.

use serde_json::{Map, Value, json};

/// Depth at which a schema is given up as endless.
const MAX_DEPTH: u32 = 32;
/// Depth from which properties that are not required are left out, so that recursion ends.
const OPTIONAL_DEPTH: u32 = 4;

/// A schema for which no value was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fake engine finds no value for the schema: {0}")]
pub struct Unfit(&'static str);

/// A value that fits the schema.
///
/// # Errors
///
/// When the schema allows none, never ends, or asks for what the fake does not make (such as `pattern`).
pub fn instance(schema: &Value) -> Result<Value, Unfit> {
    Maker { root: schema }.make(schema, 0, 0)
}

struct Maker<'a> {
    root: &'a Value,
}

impl Maker<'_> {
    /// `salt` makes the elements of a list differ.
    fn make(&self, schema: &Value, depth: u32, salt: u64) -> Result<Value, Unfit> {
        if depth > MAX_DEPTH {
            return Err(Unfit("it never ends"));
        }
        let Value::Object(map) = schema else {
            return if *schema == Value::Bool(true) {
                Ok(json!("text"))
            } else {
                Err(Unfit("it allows nothing"))
            };
        };
        if let Some(value) = map.get("const") {
            return Ok(value.clone());
        }
        if let Some(values) = map.get("enum").and_then(Value::as_array) {
            let count = values.len().max(1) as u64;
            let value = values.get((salt % count) as usize).cloned();
            return value.ok_or(Unfit("an empty enum"));
        }
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            return self.make(self.resolve(reference)?, depth + 1, salt);
        }
        for name in ["anyOf", "oneOf"] {
            if let Some(options) = map.get(name).and_then(Value::as_array) {
                let mut made = options.iter().map(|option| self.make(option, depth + 1, salt));
                return made.find(Result::is_ok).unwrap_or(Err(Unfit("no option fits")));
            }
        }
        if let Some(parts) = map.get("allOf").and_then(Value::as_array) {
            let merged = self.merge(map, parts)?;
            return self.make(&merged, depth + 1, salt);
        }
        if map.contains_key("not") || map.contains_key("if") {
            return Err(Unfit("it says what must not be"));
        }
        match kind(map) {
            "object" => self.object(map, depth),
            "array" => self.array(map, depth, salt),
            "string" => string(map, salt),
            "integer" => number(map, true, salt),
            "number" => number(map, false, salt),
            "boolean" => Ok(Value::Bool(salt.is_multiple_of(2))),
            _ => Ok(Value::Null),
        }
    }

    fn resolve(&self, reference: &str) -> Result<&Value, Unfit> {
        let pointer = reference.strip_prefix('#').ok_or(Unfit("a reference elsewhere"))?;
        self.root.pointer(pointer).ok_or(Unfit("a reference to nothing"))
    }

    fn merge(&self, own: &Map<String, Value>, parts: &[Value]) -> Result<Value, Unfit> {
        let mut merged = own.clone();
        merged.remove("allOf");
        for part in parts {
            let part = match part.get("$ref").and_then(Value::as_str) {
                Some(reference) => self.resolve(reference)?,
                None => part,
            };
            for (name, value) in part.as_object().ok_or(Unfit("a part that is no schema"))? {
                match (merged.get_mut(name), value) {
                    (Some(Value::Object(mine)), Value::Object(theirs)) => {
                        mine.extend(theirs.clone());
                    }
                    (Some(Value::Array(mine)), Value::Array(theirs)) => {
                        mine.extend(theirs.iter().cloned());
                    }
                    _ => drop(merged.insert(name.clone(), value.clone())),
                }
            }
        }
        Ok(Value::Object(merged))
    }

    fn object(&self, map: &Map<String, Value>, depth: u32) -> Result<Value, Unfit> {
        let none = Map::new();
        let properties = map.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<&str> = map
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut made = Map::new();
        for (name, schema) in properties {
            let needed = required.contains(&name.as_str());
            match self.make(schema, depth + 1, 0) {
                _ if !needed && depth >= OPTIONAL_DEPTH => {}
                Ok(value) => drop(made.insert(name.clone(), value)),
                Err(unfit) if needed => return Err(unfit),
                Err(_) => {}
            }
        }
        let additional = map.get("additionalProperties").unwrap_or(&Value::Bool(true));
        for name in required {
            if !made.contains_key(name) {
                made.insert(name.to_owned(), self.make(additional, depth + 1, 0)?);
            }
        }
        let least = bound(map, "minProperties").unwrap_or(0);
        for number in 0..least {
            if made.len() as u64 >= least {
                break;
            }
            let value = self.make(additional, depth + 1, number)?;
            made.insert(format!("key{number}"), value);
        }
        if bound(map, "maxProperties").is_some_and(|most| made.len() as u64 > most) {
            return Err(Unfit("more properties are required than allowed"));
        }
        Ok(Value::Object(made))
    }

    fn array(&self, map: &Map<String, Value>, depth: u32, salt: u64) -> Result<Value, Unfit> {
        let most = bound(map, "maxItems").unwrap_or(u64::MAX);
        let least = bound(map, "minItems").unwrap_or(0);
        let first = map.get("prefixItems").and_then(Value::as_array);
        let first = first.map_or(&[][..], Vec::as_slice);
        // One element shows more than none, as long as the schema is not a recursion.
        let wish = if depth < OPTIONAL_DEPTH { 1 } else { 0 };
        let length = least.max(wish).max(first.len() as u64).min(most);
        if length < least || length > 10_000 {
            return Err(Unfit("a list of that length"));
        }
        let items = map.get("items").unwrap_or(&Value::Bool(true));
        let mut made = Vec::new();
        for index in 0..length {
            let schema = first.get(index as usize).unwrap_or(items);
            match self.make(schema, depth + 1, salt + index) {
                Ok(value) => made.push(value),
                Err(_) if index >= least => break,
                Err(unfit) => return Err(unfit),
            }
        }
        let unique = map.get("uniqueItems") == Some(&Value::Bool(true));
        if unique && made.iter().enumerate().any(|(at, value)| made[..at].contains(value)) {
            return Err(Unfit("elements that differ"));
        }
        Ok(Value::Array(made))
    }
}

fn kind(map: &Map<String, Value>) -> &str {
    match map.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if map.contains_key("properties") || map.contains_key("required") => "object",
        _ if map.contains_key("items") || map.contains_key("prefixItems") => "array",
        _ if map.contains_key("minimum") || map.contains_key("maximum") => "number",
        _ => "string",
    }
}

fn bound(map: &Map<String, Value>, name: &str) -> Option<u64> {
    map.get(name).and_then(Value::as_u64)
}

fn string(map: &Map<String, Value>, salt: u64) -> Result<Value, Unfit> {
    if map.contains_key("pattern") {
        return Err(Unfit("a text of a pattern"));
    }
    if let Some(format) = map.get("format").and_then(Value::as_str) {
        return formatted(format, salt).map(Value::String).ok_or(Unfit("a text of that format"));
    }
    let mut text = if salt == 0 { "text".to_owned() } else { format!("{salt}text") };
    let least = bound(map, "minLength").unwrap_or(0);
    let most = bound(map, "maxLength").unwrap_or(u64::MAX);
    if least > most || least > 100_000 {
        return Err(Unfit("a text of that length"));
    }
    while (text.len() as u64) < least {
        text.push('x');
    }
    text.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(Value::String(text))
}

fn formatted(format: &str, salt: u64) -> Option<String> {
    Some(match format {
        "date-time" => format!("2026-01-01T00:00:{:02}Z", salt % 60),
        "date" => format!("2026-01-{:02}", salt % 28 + 1),
        "time" => format!("00:00:{:02}Z", salt % 60),
        "duration" => format!("PT{}S", salt + 1),
        "email" => format!("a{salt}@example.org"),
        "hostname" => format!("a{salt}.example.org"),
        "uri" | "url" => format!("https://example.org/{salt}"),
        "uuid" => format!("00000000-0000-4000-8000-{salt:012x}"),
        "ipv4" => format!("192.0.2.{}", salt % 256),
        "ipv6" => format!("2001:db8::{:x}", salt % 65_536),
        _ => return None,
    })
}

fn number(map: &Map<String, Value>, whole: bool, salt: u64) -> Result<Value, Unfit> {
    let get = |name: &str| map.get(name).and_then(Value::as_f64);
    let step = get("multipleOf").unwrap_or(1.0);
    if step <= 0.0 || (whole && step.fract() != 0.0) {
        return Err(Unfit("a multiple of that"));
    }
    let low = get("minimum").into_iter().chain(get("exclusiveMinimum"));
    let low = low.fold(f64::NEG_INFINITY, f64::max);
    let high = get("maximum").into_iter().chain(get("exclusiveMaximum"));
    let high = high.fold(f64::INFINITY, f64::min);
    let fits = |x: f64| {
        (get("minimum").is_none_or(|low| x >= low))
            && (get("exclusiveMinimum").is_none_or(|low| x > low))
            && (get("maximum").is_none_or(|high| x <= high))
            && (get("exclusiveMaximum").is_none_or(|high| x < high))
            && (!whole || x.fract() == 0.0)
    };
    let around = if low > 0.0 {
        low
    } else if high < 0.0 {
        high
    } else {
        0.0
    };
    let multiple = (around / step).ceil() * step;
    let steps = (-2..=2).map(|offset| multiple + f64::from(offset) * step);
    let spread = (salt as f64).mul_add(step, multiple);
    let between = (low + high) / 2.0;
    let candidates = [spread, 0.0, multiple].into_iter().chain(steps);
    // Without multiples any number between the bounds will do.
    let between = (!whole && get("multipleOf").is_none() && between.is_finite()).then_some(between);
    let number =
        candidates.chain(between).find(|x| fits(*x)).ok_or(Unfit("a number in its range"))?;
    if number.fract() == 0.0 && number.abs() < 9.0e15 {
        return Ok(json!(number as i64));
    }
    Ok(json!(number))
}
