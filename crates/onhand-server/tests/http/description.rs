//! The description is whole: every route has schemas and examples, every example is what its schema
//! says, and no problem is described that no route answers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::contract::contract;

/// Media types with their names: of the request and of every response.
fn contents(operation: &Value) -> Vec<(String, &Value)> {
    let mut contents = Vec::new();
    if let Some(body) = operation.get("requestBody") {
        contents.push(("request".to_owned(), &body["content"]));
    }
    for (status, response) in operation["responses"].as_object().unwrap() {
        // A 204 has nothing to say.
        if status != "204" {
            contents.push((status.clone(), &response["content"]));
        }
    }
    contents
        .into_iter()
        .flat_map(|(name, content)| {
            let kinds = content.as_object().unwrap_or_else(|| panic!("{name} has no content"));
            kinds.iter().map(move |(kind, media)| (format!("{name} {kind}"), media))
        })
        .collect()
}

#[test]
fn every_body_has_a_schema_and_examples_that_are_as_it_says() {
    let contract = contract();
    for operation in contract.operations() {
        for (name, media) in contents(operation.body) {
            let name = format!("{} {name}", operation.name);
            let schema = &media["schema"];
            assert!(schema.is_object(), "{name} has no schema");
            let named = media["examples"].as_object().into_iter().flatten();
            let found = named.map(|(_, example)| {
                let location = example["$ref"].as_str().unwrap().trim_start_matches('#');
                &contract.document.pointer(location).unwrap()["value"]
            });
            let mut examples: Vec<_> = found.collect();
            examples.extend(media.get("example"));
            assert!(!examples.is_empty(), "{name} has no example");
            for example in examples {
                let errors = contract.errors(schema, example);
                assert!(errors.is_empty(), "{name}: {example}: {errors:#?}");
            }
        }
    }
}

#[test]
fn every_schema_has_an_example_that_is_as_it_says() {
    let contract = contract();
    for (name, schema) in contract.document["components"]["schemas"].as_object().unwrap() {
        let listed = schema["examples"].as_array().into_iter().flatten();
        for example in listed.chain(schema.get("example")) {
            let errors = contract.errors(schema, example);
            assert!(errors.is_empty(), "{name}: {example}: {errors:#?}");
        }
    }
}

#[test]
fn every_route_says_what_success_and_failure_look_like() {
    for operation in contract().operations() {
        let statuses: BTreeSet<_> =
            operation.body["responses"].as_object().unwrap().keys().cloned().collect();
        let successes = statuses.iter().filter(|status| status.starts_with('2')).count();
        assert_eq!(successes, 1, "{}", operation.name);
        assert!(statuses.iter().all(|status| status.parse::<u16>().is_ok()), "{statuses:?}");
        let is_static = ["/livez", "/health", "/v1/order-states"].contains(&operation.path);
        assert_eq!(statuses.len() == 1, is_static, "{}", operation.name);
        assert!(operation.body.get("x-codes").is_none(), "{}", operation.name);
    }
}

#[test]
fn every_problem_is_one_that_some_route_answers() {
    let contract = contract();
    let paths = contract.document["paths"].to_string();
    for name in contract.document["components"]["schemas"].as_object().unwrap().keys() {
        if name.ends_with("Problem") {
            assert!(paths.contains(&format!("schemas/{name}\"")), "no route answers {name}");
        }
    }
}
