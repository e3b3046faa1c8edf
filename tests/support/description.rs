//! Compares answers with openapi.yaml: each must be one that the file describes.
//!
//! The file lets an answer have more members than it lists, so that a later release can add some. Here
//! the schemas are closed: a member that the file does not list is a fault of one of the two.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use http::{HeaderMap, Method};
use jsonschema::Validator;
use serde_json::{Value, json};

/// The description as it is shipped.
pub(crate) const SHIPPED: &str = include_str!("../../openapi.yaml");

/// The headers with which the API says something. Each answer that has one must be described with it.
pub(crate) const HEADERS: [&str; 7] = [
    "allow",
    "etag",
    "idempotent-replayed",
    "location",
    "order-status",
    "retry-after",
    "x-request-id",
];

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The description, to which the harness holds every answer.
pub(crate) static DESCRIPTION: LazyLock<Description> =
    LazyLock::new(|| Description::new(serde_saphyr::from_str(SHIPPED).unwrap()));

/// A description, and the validators that its answers needed so far.
pub(crate) struct Description {
    pub(crate) document: Value,
    /// The components, closed.
    components: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The parts of an answer that a description can judge.
pub(crate) struct Described<'answer> {
    pub(crate) method: &'answer Method,
    /// With or without a query.
    pub(crate) path: &'answer str,
    pub(crate) status: u16,
    pub(crate) headers: &'answer HeaderMap,
    pub(crate) body: &'answer str,
}

impl Description {
    pub(crate) fn new(document: Value) -> Self {
        let mut components = document["components"].clone();
        close(&mut components["schemas"]);
        Self {
            document,
            components,
            validators: Mutex::default(),
        }
    }

    /// The operations, as `POST /orders`, and each one's description.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (String, &Value)> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            let members = item.as_object().unwrap().iter();
            let operations = members.filter(|(name, _)| *name != "parameters");
            operations.map(move |(name, it)| (format!("{} {path}", name.to_ascii_uppercase()), it))
        })
    }

    /// What a `$ref` names, or the value itself.
    pub(crate) fn resolve<'value>(&'value self, value: &'value Value) -> &'value Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let found = self.document.pointer(reference.trim_start_matches('#'));
                found.unwrap_or_else(|| panic!("openapi.yaml has no {reference}"))
            }
            None => value,
        }
    }

    /// Says in what an answer differs from the description. An answer of no described operation does
    /// not differ: the gateway answers it, or the local program.
    pub(crate) fn fault(&self, answer: &Described<'_>) -> Option<String> {
        let (route, operation) = self.operation(answer)?;
        if is_no_route(answer) {
            return None;
        }
        let described = &operation["responses"][answer.status.to_string()];
        if described.is_null() {
            return Some(format!(
                "{route} has no answer {}: {}",
                answer.status, answer.body
            ));
        }
        let described = self.resolve(described);
        let fault = self.header_fault(described, answer);
        let fault = fault.or_else(|| self.body_fault(&route, described, answer));
        fault.map(|fault| format!("{route}, {}: {fault}", answer.status))
    }

    fn operation(&self, answer: &Described<'_>) -> Option<(String, &Value)> {
        let path = answer.path.split('?').next().unwrap_or_default();
        let wanted: Vec<&str> = path.split('/').collect();
        let matches = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            let part = |(part, given): (&&str, &&str)| {
                part == given || (part.starts_with('{') && !given.is_empty())
            };
            parts.len() == wanted.len() && parts.iter().zip(&wanted).all(part)
        };
        self.operations().find(|(route, _)| {
            let (method, template) = route.split_once(' ').unwrap();
            method == answer.method.as_str() && matches(template)
        })
    }

    fn header_fault(&self, described: &Value, answer: &Described<'_>) -> Option<String> {
        let headers = &described["headers"];
        for name in HEADERS {
            let header = self.resolve(&headers[name]);
            let Some(value) = answer.headers.get(name) else {
                if header["required"] == true {
                    return Some(format!("the header {name} is missing"));
                }
                continue;
            };
            if header.is_null() {
                return Some(format!("the header {name} is not described"));
            }
            let value = Value::from(value.to_str().unwrap());
            let key = format!("header {}", header["schema"]);
            if let Some(fault) = self.invalid(&key, &header["schema"], &value) {
                return Some(format!("the header {name}: {fault}"));
            }
        }
        None
    }

    fn body_fault(&self, route: &str, described: &Value, answer: &Described<'_>) -> Option<String> {
        let Some(content) = described["content"].as_object() else {
            return (!answer.body.is_empty()).then(|| "there is a body".to_owned());
        };
        let media_type = answer.headers.get("content-type");
        let media_type = media_type.map_or("", |value| value.to_str().unwrap());
        let Some(media) = content.get(media_type) else {
            return Some(format!("the media type is {media_type:?}"));
        };
        let Ok(body) = serde_json::from_str(answer.body) else {
            return Some(format!("the body is not JSON: {}", answer.body));
        };
        let key = format!("{route} {} {media_type}", answer.status);
        let fault = self.invalid(&key, &media["schema"], &body)?;
        Some(format!("{fault}, in {}", answer.body))
    }

    /// Why a value is not valid. `key` names the schema, which is compiled once.
    pub(crate) fn invalid(&self, key: &str, schema: &Value, value: &Value) -> Option<String> {
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(key.to_owned()).or_insert_with(|| {
            let mut schema = schema.clone();
            close(&mut schema);
            let whole = json!({
                "$schema": DIALECT,
                "components": self.components,
                "allOf": [schema],
            });
            Arc::new(jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{error}")))
        });
        let errors = validator.iter_errors(value);
        let errors: Vec<String> = errors
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        (!errors.is_empty()).then(|| errors.join("; "))
    }
}

/// Whether the gateway found no route: the test's template has fewer.
fn is_no_route(answer: &Described<'_>) -> bool {
    answer.status == 404 && answer.body == r#"{"message":"Not Found"}"#
}

/// Lets objects have no members but the ones that are listed.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}

/// Fails unless the description has this answer.
#[track_caller]
pub(crate) fn assert_described(answer: &Described<'_>) {
    if let Some(fault) = DESCRIPTION.fault(answer) {
        panic!("openapi.yaml does not describe this answer: {fault}");
    }
}
