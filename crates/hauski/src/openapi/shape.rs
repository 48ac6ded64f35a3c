//! What a route takes and gives, in parts that `shapes.rs` puts together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::operation_id;
use crate::server::error::Code;
use crate::server::table::Route;

/// In which direction a type goes: what may be left out of a request stands in every answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Contract {
    /// Answers.
    Serialize,
    /// Requests.
    Deserialize,
}

/// A body of one media type.
pub(super) struct Content {
    pub(super) media: &'static str,
    /// Name of its schema among the components.
    pub(super) name: String,
    schemas: BTreeMap<String, Value>,
}

/// An answer that is no error.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) what: &'static str,
    pub(super) contents: Vec<Content>,
}

/// What a route takes and gives besides what the guard adds.
#[derive(Default)]
pub(super) struct Shape {
    query: Option<Value>,
    pub(super) body: Option<Content>,
    pub(super) body_is_optional: bool,
    pub(super) answers: Vec<Answer>,
    /// Errors besides those of the guard.
    pub(super) codes: Vec<Code>,
    /// Whether somebody else answers, so that anything may come.
    pub(super) is_foreign: bool,
}

const JSON: &str = "application/json";

impl Content {
    /// JSON of a type; the name stands among the components, those of its parts begin with it.
    fn of<T: JsonSchema>(name: &str, contract: Contract) -> Self {
        let mut schemas = BTreeMap::new();
        add_schema::<T>(name, contract, &mut schemas);
        Self { media: JSON, name: name.to_owned(), schemas }
    }

    /// A schema that no type derives.
    pub(super) fn new(media: &'static str, name: &str, schema: Value) -> Self {
        let schemas = BTreeMap::from([(name.to_owned(), schema)]);
        Self { media, name: name.to_owned(), schemas }
    }
}

/// Answers 200 with JSON of a type.
pub(super) fn json<T: JsonSchema>(name: &str) -> Shape {
    Shape::default().gives(200, "The answer.", vec![Content::of::<T>(name, Contract::Serialize)])
}

/// Answers 201 with JSON of a type.
pub(super) fn created<T: JsonSchema>(name: &str) -> Shape {
    let contents = vec![Content::of::<T>(name, Contract::Serialize)];
    Shape::default().gives(201, "It is made.", contents)
}

/// Answers 202 with JSON of a type.
pub(super) fn accepted<T: JsonSchema>(name: &str) -> Shape {
    let contents = vec![Content::of::<T>(name, Contract::Serialize)];
    Shape::default().gives(202, "It has begun.", contents)
}

/// Answers with these bodies.
pub(super) fn gives(contents: Vec<Content>) -> Shape {
    Shape::default().gives(200, "The answer.", contents)
}

/// Text of a media type.
pub(super) fn text(media: &'static str) -> Content {
    Content::new(media, "Text", json!({"type": "string"}))
}

/// Bytes of a media type.
pub(super) fn binary(media: &'static str) -> Content {
    Content::new(
        media,
        "Bytes",
        json!({"type": "string", "contentMediaType": "application/octet-stream"}),
    )
}

/// Any JSON object, in either direction.
pub(super) fn object() -> Content {
    Content::new(JSON, "Object", json!({"type": "object"}))
}

impl Shape {
    /// Gives another answer.
    pub(super) fn gives(mut self, status: u16, what: &'static str, contents: Vec<Content>) -> Self {
        self.answers.push(Answer { status, what, contents });
        self
    }

    /// Takes JSON of a type.
    pub(super) fn takes<T: JsonSchema>(self, name: &str) -> Self {
        self.takes_body(Content::of::<T>(name, Contract::Deserialize))
    }

    /// Takes this body.
    pub(super) fn takes_body(mut self, body: Content) -> Self {
        self.body = Some(body);
        self
    }

    /// No body counts as an empty one.
    pub(super) fn optional(mut self) -> Self {
        self.body_is_optional = true;
        self
    }

    /// Takes the fields of a type in its query.
    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        let generator = SchemaSettings::draft2020_12().with(|it| it.inline_subschemas = true);
        self.query = Some(generator.into_generator().into_root_schema_for::<T>().to_value());
        self
    }

    /// Fails with these codes besides those of the guard.
    pub(super) fn fails(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// Somebody else answers.
    pub(super) fn foreign(mut self) -> Self {
        self.is_foreign = true;
        self
    }

    /// Name, description and whether it must be there, of each field of the query.
    pub(super) fn query_fields(&self) -> Vec<(&str, Option<&str>, bool)> {
        let Some(query) = &self.query else { return Vec::new() };
        let required = query["required"].as_array();
        let is_required =
            |name: &String| required.is_some_and(|list| list.iter().any(|it| it == name));
        let fields = query["properties"].as_object().into_iter().flatten();
        fields
            .map(|(name, field)| (name.as_str(), field["description"].as_str(), is_required(name)))
            .collect()
    }

    /// Puts all schemas of the shape among those of the document.
    pub(super) fn collect(&self, route: &Route, schemas: &mut BTreeMap<String, Value>) {
        let contents = self.answers.iter().flat_map(|answer| &answer.contents).chain(&self.body);
        for content in contents {
            schemas.extend(content.schemas.clone());
        }
        let fields = self.query.as_ref().and_then(|query| query["properties"].as_object());
        for (name, field) in fields.into_iter().flatten() {
            let mut field = field.clone();
            // A query cannot hold null; a field that is left out is not there.
            if let Some(kinds) = field["type"].as_array().cloned()
                && let [kind, _null] = kinds.as_slice()
            {
                field["type"] = kind.clone();
            }
            schemas.insert(format!("{}.query.{name}", operation_id(route)), field);
        }
    }
}

/// Puts the schema of a type under a name, and those of its parts under `name.Part`.
pub(super) fn add_schema<T: JsonSchema>(
    name: &str,
    contract: Contract,
    schemas: &mut BTreeMap<String, Value>,
) {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    let settings = match contract {
        Contract::Serialize => settings.for_serialize(),
        Contract::Deserialize => settings.for_deserialize(),
    };
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    refer(&mut schema, name);
    if let Some(map) = schema.as_object_mut() {
        map.remove("title");
        for (part, schema) in
            map.remove("$defs").as_ref().and_then(Value::as_object).into_iter().flatten()
        {
            schemas.insert(format!("{name}.{part}"), schema.clone());
        }
    }
    schemas.insert(name.to_owned(), schema);
}

/// Lets references lead to the components of the document.
fn refer(value: &mut Value, name: &str) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(part) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("#/components/schemas/{name}.{part}");
            }
            map.values_mut().for_each(|value| refer(value, name));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| refer(value, name)),
        _ => {}
    }
}
