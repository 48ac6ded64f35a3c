//! Why a request cannot be taken: a message, the path of the value and a code, as the API names them.

use std::fmt;

/// A request that cannot be taken. Messages name paths and limits, never the values themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// One sentence for the person who wrote the request.
    pub message: String,
    /// Path of the value, such as `messages[2].content[0].type`; absent where it is the whole body.
    pub param: Option<String>,
    /// What is wrong, for programs.
    pub code: Code,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON.
    InvalidJson,
    /// Another type is expected.
    InvalidType,
    /// The type fits, the value does not.
    InvalidValue,
    /// A value that must be there is not.
    MissingRequiredParameter,
    /// A whole number is below its range.
    IntegerBelowMinValue,
    /// A whole number is above its range.
    IntegerAboveMaxValue,
    /// A number is below its range.
    DecimalBelowMinValue,
    /// A number is above its range.
    DecimalAboveMaxValue,
    /// A text is too short.
    BelowMinLength,
    /// A text is too long.
    AboveMaxLength,
    /// A list is too short.
    ArrayBelowMinLength,
    /// A list is too long.
    ArrayAboveMaxLength,
    /// An object has too many entries.
    ObjectAboveMaxProperties,
    /// The API has no such parameter.
    UnknownParameter,
    /// The API has it, this gateway does not, and it could change the answer.
    UnsupportedParameter,
    /// The API has this value, this gateway does not.
    UnsupportedValue,
    /// A file is not what its name or type promises.
    InvalidFile,
}

impl Code {
    /// Every code there is.
    pub const ALL: [Self; 17] = [
        Self::InvalidJson,
        Self::InvalidType,
        Self::InvalidValue,
        Self::MissingRequiredParameter,
        Self::IntegerBelowMinValue,
        Self::IntegerAboveMaxValue,
        Self::DecimalBelowMinValue,
        Self::DecimalAboveMaxValue,
        Self::BelowMinLength,
        Self::AboveMaxLength,
        Self::ArrayBelowMinLength,
        Self::ArrayAboveMaxLength,
        Self::ObjectAboveMaxProperties,
        Self::UnknownParameter,
        Self::UnsupportedParameter,
        Self::UnsupportedValue,
        Self::InvalidFile,
    ];

    /// The code as it stands in an answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidType => "invalid_type",
            Self::InvalidValue => "invalid_value",
            Self::MissingRequiredParameter => "missing_required_parameter",
            Self::IntegerBelowMinValue => "integer_below_min_value",
            Self::IntegerAboveMaxValue => "integer_above_max_value",
            Self::DecimalBelowMinValue => "decimal_below_min_value",
            Self::DecimalAboveMaxValue => "decimal_above_max_value",
            Self::BelowMinLength => "string_below_min_length",
            Self::AboveMaxLength => "string_above_max_length",
            Self::ArrayBelowMinLength => "array_below_min_length",
            Self::ArrayAboveMaxLength => "array_above_max_length",
            Self::ObjectAboveMaxProperties => "object_above_max_properties",
            Self::UnknownParameter => "unknown_parameter",
            Self::UnsupportedParameter => "unsupported_parameter",
            Self::UnsupportedValue => "unsupported_value",
            Self::InvalidFile => "invalid_file",
        }
    }
}

impl Invalid {
    /// A fault of the value at `param`.
    pub fn at(param: &str, code: Code, message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), param: Some(param.to_owned()), code }
    }

    /// The body is not JSON; line and column say where.
    pub fn json(error: &serde_json::Error) -> Self {
        let message = format!(
            "We could not parse the JSON body of your request: line {}, column {}.",
            error.line(),
            error.column()
        );
        Self { message, param: None, code: Code::InvalidJson }
    }

    /// A value of another type is expected.
    pub fn kind(param: &str, expected: &str, got: &str) -> Self {
        let message =
            format!("Invalid type for '{param}': expected {expected}, but got {got} instead.");
        Self::at(param, Code::InvalidType, message)
    }

    /// A value that must be there is not.
    pub fn missing(param: &str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self::at(param, Code::MissingRequiredParameter, message)
    }

    /// The API has the parameter, but honouring it is not possible here.
    pub fn unsupported(param: &str, why: &str) -> Self {
        let message = format!("Unsupported parameter: '{param}' is not supported here: {why}.");
        Self::at(param, Code::UnsupportedParameter, message)
    }

    /// The API has the value, but honouring it is not possible here.
    pub fn unsupported_value(param: &str, why: &str) -> Self {
        let message = format!("Unsupported value for '{param}': {why}.");
        Self::at(param, Code::UnsupportedValue, message)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}
