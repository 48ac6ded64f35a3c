//! Takes an object of a request apart, field by field, and remembers where each value stood.
//!
//! A field that is absent or `null` counts as not given. What nobody took is refused at the end.

use std::ops::RangeInclusive;

use redact::escape::escape_ctl_line;
use serde_json::{Map, Value};

use super::{Code, Invalid};

/// Longest name of a field that an error repeats.
const MAX_SHOWN_NAME: usize = 64;

/// A value of a request with its path.
#[derive(Debug)]
pub struct Item {
    /// Where it stands, such as `messages[2]`.
    pub path: String,
    /// The value.
    pub value: Value,
}

/// An object of a request that is being taken apart.
#[derive(Debug)]
pub struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    /// The body of a request.
    pub fn body(bytes: &[u8]) -> Result<Self, Invalid> {
        match serde_json::from_slice(bytes).map_err(|error| Invalid::json(&error))? {
            Value::Object(map) => Ok(Self { path: String::new(), map }),
            other => Err(Invalid {
                message: format!("The body must be a JSON object, but is {}.", kind(&other)),
                param: None,
                code: Code::InvalidType,
            }),
        }
    }

    /// Where a field of this object stands.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Where this object stands; empty for the body.
    pub fn own_path(&self) -> &str {
        &self.path
    }

    /// Whether a field is given.
    pub fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// Any value.
    pub fn take(&mut self, name: &str) -> Option<Item> {
        let value = self.map.shift_remove(name)?;
        (!value.is_null()).then(|| Item { path: self.path(name), value })
    }

    /// Any value that must be given.
    pub fn require(&mut self, name: &str) -> Result<Item, Invalid> {
        self.take(name).ok_or_else(|| Invalid::missing(&self.path(name)))
    }

    /// A text whose length in characters is in range.
    pub fn text(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<String>, Invalid> {
        self.take(name).map(|item| item.text(length)).transpose()
    }

    /// A text that must be given.
    pub fn required_text(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<String, Invalid> {
        self.require(name)?.text(length)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Invalid> {
        let Some(item) = self.take(name) else {
            return Ok(None);
        };
        match item.value {
            Value::Bool(flag) => Ok(Some(flag)),
            ref other => Err(Invalid::kind(&item.path, "a boolean", kind(other))),
        }
    }

    /// A whole number in a range.
    pub fn integer(
        &mut self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Invalid> {
        self.take(name).map(|item| item.integer(range)).transpose()
    }

    /// A whole number in a range that 32 bits without sign hold.
    pub fn count(
        &mut self,
        name: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Invalid> {
        let range = i64::from(*range.start())..=i64::from(*range.end());
        let number = self.integer(name, range)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    /// A number in a range.
    pub fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, Invalid> {
        self.take(name).map(|item| item.number(range)).transpose()
    }

    /// One of several words.
    pub fn word(
        &mut self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Invalid> {
        self.take(name).map(|item| item.word(words)).transpose()
    }

    /// A list whose length is in range.
    pub fn list(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<Vec<Item>>, Invalid> {
        self.take(name).map(|item| item.list(length)).transpose()
    }

    /// An object.
    pub fn object(&mut self, name: &str) -> Result<Option<Self>, Invalid> {
        self.take(name).map(Item::object).transpose()
    }

    /// Parameters that clients send by habit and that cannot change an answer.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.map.shift_remove(*name);
        }
    }

    /// Parameters of the API that could change an answer and that nobody here honours.
    pub fn refuse(&mut self, names: &[(&str, &str)]) -> Result<(), Invalid> {
        match names.iter().find(|(name, _)| self.has(name)) {
            Some((name, why)) => Err(Invalid::unsupported(&self.path(name), why)),
            None => {
                names.iter().for_each(|(name, _)| drop(self.map.shift_remove(*name)));
                Ok(())
            }
        }
    }

    /// Everything has been taken; what is left nobody knows.
    pub fn finish(self) -> Result<(), Invalid> {
        let Some(name) = self.map.keys().next() else {
            return Ok(());
        };
        let shown: String = name.chars().take(MAX_SHOWN_NAME).collect();
        let path = self.path(&escape_ctl_line(&shown));
        Err(Invalid::at(&path, Code::UnknownParameter, format!("Unknown parameter: '{path}'.")))
    }

    /// What is left, as it stands.
    pub fn rest(self) -> Map<String, Value> {
        self.map
    }
}

impl Item {
    /// A text whose length in characters is in range.
    pub fn text(self, length: RangeInclusive<usize>) -> Result<String, Invalid> {
        let text = match self.value {
            Value::String(text) => text,
            ref other => return Err(Invalid::kind(&self.path, "a string", kind(other))),
        };
        // A byte count within the bounds spares counting characters.
        let characters = if *length.start() <= 1 && text.len() <= *length.end() {
            text.len()
        } else {
            text.chars().count()
        };
        let path = &self.path;
        if characters < *length.start() {
            let message = format!(
                "Invalid '{path}': string too short. Expected a string with minimum length {}, but got a string with length {characters} instead.",
                length.start()
            );
            return Err(Invalid::at(path, Code::BelowMinLength, message));
        }
        if characters > *length.end() {
            let message = format!(
                "Invalid '{path}': string too long. Expected a string with maximum length {}, but got a string with length {characters} instead.",
                length.end()
            );
            return Err(Invalid::at(path, Code::AboveMaxLength, message));
        }
        Ok(text)
    }

    /// A whole number in a range; `2.0` is one, `2.5` is not.
    pub fn integer(self, range: RangeInclusive<i64>) -> Result<i64, Invalid> {
        let path = &self.path;
        let Value::Number(ref number) = self.value else {
            return Err(Invalid::kind(path, "an integer", kind(&self.value)));
        };
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        let whole = match (whole, number.as_f64()) {
            (Some(whole), _) => whole,
            // Beyond 2^53 a decimal number no longer says which whole number is meant.
            (None, Some(decimal)) if decimal.fract() == 0.0 && decimal.abs() < 9.0e15 => {
                decimal as i128
            }
            (None, Some(decimal)) if decimal.abs() >= 9.0e15 => {
                if decimal < 0.0 {
                    i128::from(i64::MIN) - 1
                } else {
                    i128::from(i64::MAX) + 1
                }
            }
            _ => return Err(Invalid::kind(path, "an integer", "a decimal number")),
        };
        let (low, high) = (*range.start(), *range.end());
        if whole < i128::from(low) {
            let message = format!(
                "Invalid '{path}': integer below minimum value. Expected a value >= {low}."
            );
            return Err(Invalid::at(path, Code::IntegerBelowMinValue, message));
        }
        if whole > i128::from(high) {
            let message = format!(
                "Invalid '{path}': integer above maximum value. Expected a value <= {high}."
            );
            return Err(Invalid::at(path, Code::IntegerAboveMaxValue, message));
        }
        i64::try_from(whole).map_err(|_| Invalid::kind(path, "an integer", "a larger number"))
    }

    /// A number in a range.
    pub fn number(self, range: RangeInclusive<f64>) -> Result<f64, Invalid> {
        let path = &self.path;
        let number = match self.value {
            Value::Number(ref number) => number.as_f64(),
            ref other => return Err(Invalid::kind(path, "a decimal", kind(other))),
        };
        let Some(number) = number.filter(|number| number.is_finite()) else {
            return Err(Invalid::kind(path, "a decimal", "a number beyond its range"));
        };
        let (low, high) = (*range.start(), *range.end());
        if number < low {
            let message = format!(
                "Invalid '{path}': decimal below minimum value. Expected a value >= {low}."
            );
            return Err(Invalid::at(path, Code::DecimalBelowMinValue, message));
        }
        if number > high {
            let message = format!(
                "Invalid '{path}': decimal above maximum value. Expected a value <= {high}."
            );
            return Err(Invalid::at(path, Code::DecimalAboveMaxValue, message));
        }
        Ok(number)
    }

    /// One of several words.
    pub fn word(self, words: &[&'static str]) -> Result<&'static str, Invalid> {
        let path = &self.path;
        let Value::String(ref text) = self.value else {
            return Err(Invalid::kind(path, &one_of(words), kind(&self.value)));
        };
        words.iter().find(|word| **word == text.as_str()).copied().ok_or_else(|| {
            let message = format!("Invalid value for '{path}': expected {}.", one_of(words));
            Invalid::at(path, Code::InvalidValue, message)
        })
    }

    /// A list whose length is in range.
    pub fn list(self, length: RangeInclusive<usize>) -> Result<Vec<Self>, Invalid> {
        let path = &self.path;
        let list = match self.value {
            Value::Array(list) => list,
            ref other => return Err(Invalid::kind(path, "an array", kind(other))),
        };
        if list.len() < *length.start() {
            let message = format!(
                "Invalid '{path}': array too short. Expected an array with minimum length {}, but got an array with length {} instead.",
                length.start(),
                list.len()
            );
            return Err(Invalid::at(path, Code::ArrayBelowMinLength, message));
        }
        if list.len() > *length.end() {
            let message = format!(
                "Invalid '{path}': array too long. Expected an array with maximum length {}, but got an array with length {} instead.",
                length.end(),
                list.len()
            );
            return Err(Invalid::at(path, Code::ArrayAboveMaxLength, message));
        }
        let items = list.into_iter().enumerate();
        Ok(items.map(|(index, value)| Self { path: format!("{path}[{index}]"), value }).collect())
    }

    /// An object.
    pub fn object(self) -> Result<Fields, Invalid> {
        match self.value {
            Value::Object(map) => Ok(Fields { path: self.path, map }),
            ref other => Err(Invalid::kind(&self.path, "an object", kind(other))),
        }
    }

    /// What kind of value it is, with its article.
    pub fn kind(&self) -> &'static str {
        kind(&self.value)
    }
}

/// What kind of value it is, with its article.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", quoted.join(", ")),
    }
}
