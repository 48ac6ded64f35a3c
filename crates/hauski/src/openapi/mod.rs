//! The OpenAPI document, made from the route table, what `shapes.rs` says that each route takes and gives, and the
//! types themselves. `schemas/openapi.json` is its committed copy.

mod errors;
mod shape;
mod shapes;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, Paths,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, License, OpenApiBuilder, Ref, RefOr, Required,
};

use self::shape::{Content, Shape};
use crate::server::auth::Access;
use crate::server::session::{COOKIE, CSRF_HEADER};
use crate::server::table::{Class, Route, table};

/// Name of the security scheme of API keys.
const KEY: &str = "key";
/// Name of the security scheme of the owner's browser.
const SESSION: &str = "session";
/// Name of the security scheme of changes from the owner's browser.
const CSRF: &str = "csrf";

const ABOUT: &str = "The local daemon hauski. Who asks over its Unix socket is the owner and needs no key; over TCP \
every route but the probes wants an API key with the scope that stands beside it, or the owner's browser session.";

/// The document as `/api-docs/openapi.json` answers it.
pub(crate) fn bytes() -> Bytes {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    TEXT.get_or_init(|| Bytes::from(document().to_string())).clone()
}

/// The document.
pub(crate) fn document() -> Value {
    let mut schemas = BTreeMap::new();
    let mut paths = Paths::new();
    for route in table().into_iter().filter(Route::is_api) {
        let shape = shapes::shape(&route.method, route.path).unwrap_or_default();
        shape.collect(&route, &mut schemas);
        paths.add_path_operation(
            path(&route),
            vec![method(&route.method)],
            operation(&route, &shape),
        );
    }
    schemas.extend(errors::schemas());
    let info = InfoBuilder::new()
        .title("hauski")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(License::new(env!("CARGO_PKG_LICENSE"))))
        .build();
    let document =
        OpenApiBuilder::new().info(info).paths(paths).components(Some(components())).build();
    // The types hold nothing that JSON cannot; a document without paths would fail every test of it.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    // The schemas come from the types of requests and answers and say more than utoipa's model of a schema holds.
    document["components"]["schemas"] = schemas.into_iter().collect::<Map<_, _>>().into();
    document
}

/// `/plugins/{name}/{*rest}` is `/plugins/{name}/{rest}` there.
fn path(route: &Route) -> String {
    route.path.replace("{*", "{")
}

fn method(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// `get_admin_plugins_name` for `GET /admin/plugins/{name}`.
fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|it| !it.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}_{}", route.method.as_str().to_ascii_lowercase(), words.join("_"))
}

fn operation(route: &Route, shape: &Shape) -> Operation {
    let about = json!({"access": route.access.to_string(), "class": route.class.name()});
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .summary(Some(route.summary))
        .extensions(Some(ExtensionsBuilder::new().add("x-hauski", about).build()));
    for name in path_names(route.path) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(Ref::from_schema_name("Name")));
        operation = operation.parameter(parameter);
    }
    for (name, about, is_required) in shape.query_fields() {
        let schema = format!("{}.query.{name}", operation_id(route));
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(if is_required { Required::True } else { Required::False })
            .description(about)
            .schema(Some(Ref::from_schema_name(schema)));
        operation = operation.parameter(parameter);
    }
    if let Some(body) = &shape.body {
        let mut request = RequestBodyBuilder::new().required(Some(match shape.body_is_optional {
            true => Required::False,
            false => Required::True,
        }));
        request = request.content(body.media, content(body));
        operation = operation.request_body(Some(request.build()));
    }
    for (status, answer) in answers(route, shape) {
        operation = operation.response(status, answer);
    }
    for requirement in security(route) {
        operation = operation.security(requirement);
    }
    operation.build()
}

fn path_names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
}

fn content(content: &Content) -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(&content.name))).build()
}

/// What the route gives, then every error that it can give, by status.
fn answers(route: &Route, shape: &Shape) -> BTreeMap<String, RefOr<Response>> {
    let mut answers = BTreeMap::new();
    for status in errors::statuses(route, &shape.codes) {
        let name = Ref::from_response_name(errors::name(status));
        answers.insert(status.to_string(), RefOr::Ref(name));
    }
    for given in &shape.answers {
        let mut response =
            ResponseBuilder::new().description(given.what).header("x-request-id", request_id());
        for media in &given.contents {
            response = response.content(media.media, content(media));
        }
        answers.insert(given.status.to_string(), RefOr::T(response.build()));
    }
    if shape.is_foreign {
        let other = "Whatever else the server behind this route says.";
        answers.insert("default".to_owned(), RefOr::T(Response::new(other)));
    }
    answers
}

fn request_id() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(Ref::from_schema_name("RequestId")))
        .description(Some("Under this id the log and the audit log speak of the request."))
        .build()
}

/// A key with the scope, or the owner's session; changes of a session need its token as well.
fn security(route: &Route) -> Vec<SecurityRequirement> {
    let scopes = match route.access {
        Access::Open | Access::Ticket => return vec![SecurityRequirement::default()],
        Access::AnyKey => vec![],
        Access::Scope(_) | Access::Plugin => vec![route.access.to_string()],
    };
    let session = SecurityRequirement::new(SESSION, Vec::<String>::new());
    let session = match route.method {
        Method::GET => session,
        _ => session.add(CSRF, Vec::<String>::new()),
    };
    vec![SecurityRequirement::new(KEY, scopes), session]
}

fn components() -> Components {
    let mut components = Components::new();
    for (status, what) in errors::all() {
        let json = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error")));
        let response = ResponseBuilder::new()
            .description(what)
            .content("application/json", json.build())
            .header("x-request-id", request_id());
        components.responses.insert(errors::name(status), response.into());
    }
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("hk_…")
        .description(Some(
            "An API key of `hauski keys create`; the scopes stand beside each route.",
        ))
        .build();
    let session = ApiKeyValue::with_description(COOKIE, "The cookie of `hauski login`.");
    let csrf = ApiKeyValue::with_description(CSRF_HEADER, "The token of `GET /session`.");
    components.add_security_scheme(KEY, SecurityScheme::Http(key));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    components.add_security_scheme(CSRF, SecurityScheme::ApiKey(ApiKey::Header(csrf)));
    components
}

/// Whether requests of the class may carry a body.
fn takes_body(class: Class) -> bool {
    matches!(class, Class::Write | Class::Lines | Class::Upload | Class::Talk | Class::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_table_says_what_it_takes_and_gives() {
        for route in table().into_iter().filter(Route::is_api) {
            let (method, path) = (&route.method, route.path);
            assert!(
                shapes::shape(method, path).is_some(),
                "{method} {path} has no shape: add a line to openapi/shapes.rs, such as\n    \
                 (\"{method}\", \"{path}\") => json::<report::Report>(\"TheReport\"),\n\
                 then run `cargo xtask schemas`"
            );
        }
    }

    #[test]
    fn the_document_has_every_line_of_the_table_and_no_other() {
        let document = document();
        let mut wanted: Vec<_> = table()
            .iter()
            .filter(|route| route.is_api())
            .map(|route| (path(route), route.method.as_str().to_ascii_lowercase()))
            .collect();
        let paths = document["paths"].as_object().unwrap();
        let mut found: Vec<_> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone()))
            })
            .collect();
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted);
    }

    #[test]
    fn every_operation_names_its_scope_its_answer_and_its_errors() {
        let document = document();
        for route in table().into_iter().filter(Route::is_api) {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][path(&route)][method];
            let about = format!("{} {}: {operation:#}", route.method, route.path);
            assert_eq!(operation["x-hauski"]["access"], route.access.to_string(), "{about}");
            if let Access::Scope(scope) = route.access {
                assert_eq!(operation["security"][0][KEY], json!([scope.name()]), "{about}");
            }
            let answers = operation["responses"].as_object().unwrap();
            let given =
                |status: &String| status.starts_with(['1', '2', '3']) || status == "default";
            assert!(answers.keys().any(given), "{about}");
            assert!(answers.contains_key("421"), "{about}");
            let is_open = route.access == Access::Open;
            assert_eq!(answers.contains_key("401"), !is_open, "{about}");
            assert_eq!(answers.contains_key("500"), !is_open, "{about}");
            let wants_body = route.class == Class::Upload;
            assert!(!wants_body || operation["requestBody"].is_object(), "{about}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn the_committed_document_is_that_of_the_code() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/openapi.json");
        let committed = std::fs::read_to_string(file).unwrap_or_default();
        let is_same = committed == format!("{:#}\n", document());
        assert!(is_same, "schemas/openapi.json is stale; run `cargo xtask schemas`");
    }
}
