//! The OpenAPI document as a judge: holds an answer against the schema of its route and status with
//! a JSON Schema validator. Every object is closed first, so that a field that is not described
//! fails, as does a schema that says no more than "an object".

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use jsonschema::Validator;
use onhand_server::http;
use serde_json::{Value, json};

/// The document, closed, with validators made as they are needed.
pub(crate) struct Contract {
    pub(crate) document: Value,
    validators: Mutex<BTreeMap<String, &'static Validator>>,
}

/// One method of one path.
pub(crate) struct Operation<'a> {
    pub(crate) name: String,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: &'a Value,
}

/// The one document of this run.
pub(crate) fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut document = serde_json::to_value(http::openapi()).unwrap();
        close(&mut document["components"]);
        close(&mut document["paths"]);
        Contract { document, validators: Mutex::default() }
    })
}

/// Refuses what is not described, in every schema below.
fn close(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(fields) => {
            let is_object = fields.get("type") == Some(&json!("object"));
            if is_object && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".into(), false.into());
            }
            for (name, field) in fields {
                if name != "example" && name != "examples" {
                    close(field);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Contract {
    /// Every method of every path.
    pub(crate) fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.document["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().iter().map(move |(method, body)| Operation {
                name: format!("{method} {path}"),
                method,
                path,
                body,
            })
        });
        all.collect()
    }

    /// The operation that a request is for; none for routes that the document does not have.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let path = path.split('?').next().unwrap();
        let fits = |operation: &Operation<'_>| {
            let (asked, described) = (path.split('/'), operation.path.split('/'));
            asked.clone().count() == described.clone().count()
                && asked.zip(described).all(|(part, name)| part == name || name.starts_with('{'))
        };
        let fitting: Vec<_> = self.operations().into_iter().filter(fits).collect();
        // A path that is spelled out goes before one with a place for a name, whatever its methods.
        let path = fitting.iter().map(|operation| operation.path);
        let path = path.min_by_key(|path| path.matches('{').count())?;
        fitting.into_iter().find(|operation| {
            operation.path == path && operation.method.eq_ignore_ascii_case(method)
        })
    }

    /// What is wrong with a value that should be as the schema says.
    pub(crate) fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let validator = *self
            .validators
            .lock()
            .unwrap()
            .entry(schema.to_string())
            .or_insert_with(|| Box::leak(Box::new(self.validator(schema))));
        let told =
            |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
        validator.iter_errors(value).map(told).collect()
    }

    fn validator(&self, schema: &Value) -> Validator {
        let root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema], "components": self.document["components"],
        });
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    }

    /// Fails unless the answer is one that the document promises.
    pub(crate) fn judge(&self, method: &str, path: &str, status: u16, kind: &str, body: &Value) {
        let Some(operation) = self.operation(method, path) else {
            let code = body["code"].as_str();
            assert!(matches!(code, Some("not_found" | "method_not_allowed")), "{method} {path}");
            return;
        };
        let name = format!("{} {status} {kind}", operation.name);
        if status == 204 {
            let described = &operation.body["responses"]["204"];
            assert!(described.is_object() && described.get("content").is_none(), "{name}");
            assert!(kind.is_empty() && body.is_null(), "{name} has a body");
            return;
        }
        let content = &operation.body["responses"][status.to_string()]["content"][kind];
        let schema = &content["schema"];
        assert!(schema.is_object(), "{name} is not described; {path} answered {body}");
        let errors = self.errors(schema, body);
        assert!(errors.is_empty(), "{name}: {path} answered {body}: {errors:#?}");
    }
}
