//! Completes the description that the routes give of themselves: which problems each of them may
//! answer, with schema and example, and a whole example of every body. A route names in `x-codes`
//! only the refusals of its rule (an empty list: it can do nothing but succeed); what follows from
//! the form of its request is added here.

mod forms;
mod samples;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, Content, ContentBuilder, OneOfBuilder, OpenApi, Ref, RefOr, Required,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::problem::{FieldError, Problem};
use super::wire::values::{self, PLACING_CODES, problem_name};

/// One product of which there is too little.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the core writes it; this says what it looks like")]
pub(super) struct ShortItem {
    /// The SKU.
    #[schema(value_type = values::Sku)]
    sku: String,
    /// What was asked for, in all lines together.
    requested: i64,
    /// What can be had.
    available: i64,
}

/// The whole description.
pub(super) fn whole(mut api: OpenApi) -> OpenApi {
    let samples = samples::all();
    let mut components = api.components.take().unwrap_or_default();
    components.schemas.insert(FieldError::name().into(), FieldError::schema());
    components.schemas.insert(values::Anything::name().into(), values::Anything::schema());
    for problem in &samples {
        let name = problem_name(problem.code);
        components.examples.insert(name.clone(), problem_example(problem).into());
        components.schemas.insert(name, problem_schema(problem).into());
    }
    for (name, schema) in &mut components.schemas {
        refer_to_rows(name, schema);
    }
    for (path, item) in &mut api.paths.paths {
        let writes = [&mut item.post, &mut item.patch, &mut item.delete];
        let writes = writes.into_iter().flatten().map(|operation| (operation, true));
        let reads = item.get.iter_mut().map(|operation| (operation, false));
        for (operation, is_write) in writes.chain(reads) {
            forms::give(path, operation);
            give_examples(path, operation, &components);
            give_problems(operation, is_write, &samples);
        }
        if let Some(operation) = &mut item.post {
            allow_no_body(operation, &components);
        }
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token, or an API key with the scopes that are named."))
        .build();
    components.add_security_scheme(super::gate::SCHEME, SecurityScheme::Http(bearer));
    api.components = Some(components);
    api
}

/// Lets the rows of a list refer to their schema, which the generic form repeats in each.
fn refer_to_rows(name: &str, schema: &mut RefOr<Schema>) {
    if let Some((_, row)) = name.split_once("List_")
        && let RefOr::T(Schema::Object(list)) = schema
    {
        let rows = ArrayBuilder::new().items(Ref::from_schema_name(row));
        list.properties.insert("data".into(), rows.into());
    }
}

fn give_examples(path: &str, operation: &mut Operation, components: &Components) {
    let responses = operation.responses.responses.values_mut();
    let of_responses = responses.filter_map(|response| match response {
        RefOr::T(response) => Some(response.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    let of_request = operation.request_body.iter_mut().filter_map(|request| match request {
        RefOr::T(request) => Some(request.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    for content in of_responses.flatten().chain(of_request.flatten()) {
        if let RefOr::T(content) = content
            && content.example.is_none()
            && let Some(RefOr::Ref(schema)) = &content.schema
        {
            content.example = example(path, &schema.ref_location, components);
        }
    }
}

/// Of a POST whose fields may all be absent the body may be, too.
fn allow_no_body(operation: &mut Operation, components: &Components) {
    let Some(RefOr::T(request)) = &mut operation.request_body else {
        return;
    };
    let mut contents = request.content.values();
    let is_needed = contents.any(|content| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) => {
            let name = schema.ref_location.rsplit('/').next().unwrap_or_default();
            match components.schemas.get(name) {
                Some(RefOr::T(Schema::Object(body))) => !body.required.is_empty(),
                Some(_) | None => true,
            }
        }
        RefOr::T(_) | RefOr::Ref(_) => true,
    });
    request.required = Some(if is_needed { Required::True } else { Required::False });
}

/// The example of a schema; of a list, that of one row in the form of a list.
fn example(path: &str, location: &str, components: &Components) -> Option<Value> {
    let name = location.rsplit('/').next()?;
    let schema = serde_json::to_value(components.schemas.get(name)?).ok()?;
    if let Some(example) = schema.get("example") {
        return Some(example.clone());
    }
    let row = schema.pointer("/properties/data/items/$ref")?.as_str()?;
    let row = example(path, row, components)?;
    let url = path.replace("{id}", "ord_42").replace("{sku}", "TEA-1");
    let mut list = json!({"object": "list", "url": url, "has_more": false, "data": [row]});
    if schema.pointer("/properties/next_cursor").is_some() {
        list["next_cursor"] = Value::Null;
    }
    Some(list)
}

fn give_problems(operation: &mut Operation, is_write: bool, samples: &[Problem]) {
    let codes = codes(operation, is_write);
    let mut by_status: BTreeMap<u16, Vec<&Problem>> = BTreeMap::new();
    for problem in samples.iter().filter(|problem| codes.contains(problem.code)) {
        by_status.entry(problem.status.as_u16()).or_default().push(problem);
    }
    for (status, problems) in by_status {
        let names: Vec<_> = problems.iter().map(|one| format!("`{}`", one.code)).collect();
        let response = ResponseBuilder::new()
            .description(names.join(", "))
            .content("application/problem+json", problem_content(&problems))
            .build();
        operation.responses.responses.insert(status.to_string(), response.into());
    }
}

fn problem_content(problems: &[&Problem]) -> Content {
    let reference = |problem: &&Problem| Ref::from_schema_name(problem_name(problem.code));
    let schema: RefOr<Schema> = match problems {
        [one] => reference(one).into(),
        several => {
            let one_of =
                several.iter().map(reference).fold(OneOfBuilder::new(), |all, one| all.item(one));
            Schema::from(one_of).into()
        }
    };
    let example = |problem: &&Problem| {
        let location = format!("#/components/examples/{}", problem_name(problem.code));
        (problem.code, RefOr::Ref(Ref::new(location)))
    };
    let content = ContentBuilder::new().schema(Some(schema));
    content.examples_from_iter(problems.iter().map(example)).build()
}

fn problem_example(problem: &Problem) -> Example {
    let body = problem.clone().body(Some("0199a3f2c5b87d1e8f6a4c2b1d0e9f87".into()));
    ExampleBuilder::new().value(serde_json::to_value(body).ok()).build()
}

/// Every code that an operation may answer.
fn codes(operation: &mut Operation, is_write: bool) -> BTreeSet<String> {
    let named = operation.extensions.as_mut().and_then(|all| all.remove("x-codes"));
    let named: Option<Vec<String>> = named.and_then(|codes| serde_json::from_value(codes).ok());
    if named.as_ref().is_some_and(Vec::is_empty) {
        return BTreeSet::new();
    }
    let mut codes: BTreeSet<String> = named.unwrap_or_default().into_iter().collect();
    let is_guarded = serde_json::to_value(&operation.security)
        .is_ok_and(|security| security.to_string().contains(super::gate::SCHEME));
    let mut add = |more: &[&str]| codes.extend(more.iter().map(|code| (*code).to_owned()));
    add(&["overloaded", "stopping", "store_unavailable", "internal"]);
    if is_guarded {
        add(&["unauthenticated", "forbidden", "rate_limited"]);
    }
    if is_write {
        add(&["body_too_large", "body_incomplete", "body_timeout"]);
        add(&["disk_full", "outcome_unknown"]);
    }
    if operation.request_body.is_some() {
        add(&[
            "body_too_deep",
            "malformed_json",
            "unsupported_media_type",
            "validation_failed",
            "unknown_field",
        ]);
    }
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(Parameter { name, parameter_in, required, .. }) = parameter else {
            continue;
        };
        let is_required = matches!(required, Required::True);
        match (parameter_in, name.as_str(), is_required) {
            (ParameterIn::Path, _, _) => add(&["not_found"]),
            (ParameterIn::Header, "Idempotency-Key", true) => {
                add(&["idempotency_key_missing", "idempotency_key_reused", "validation_failed"]);
            }
            (ParameterIn::Header, "Idempotency-Key", false) => {
                add(&["idempotency_key_reused", "validation_failed"]);
            }
            (ParameterIn::Header, "If-Match", true) => {
                add(&["precondition_required", "version_mismatch", "validation_failed"]);
            }
            (ParameterIn::Header, "If-Match", false) => {
                add(&["version_mismatch", "validation_failed"]);
            }
            (_, _, _) => add(&["validation_failed"]),
        }
    }
    codes
}

fn problem_schema(problem: &Problem) -> Schema {
    let word = || ObjectBuilder::new().schema_type(Type::String);
    let status = ObjectBuilder::new().schema_type(Type::Integer);
    let kind = format!("urn:onhand:problem:{}", problem.code);
    let mut schema = ObjectBuilder::new()
        .description(Some(format!("For example: {}.", problem.detail)))
        .property("type", word().enum_values(Some([kind])))
        .property("title", word().description(Some("The status in words.")))
        .property("status", status.enum_values(Some([problem.status.as_u16()])))
        .property("code", word().enum_values(Some([problem.code])))
        .property("detail", word().description(Some("What happened, in words.")));
    for name in ["type", "title", "status", "code", "detail"] {
        schema = schema.required(name);
    }
    if !problem.errors.is_empty() {
        let errors = ArrayBuilder::new().items(Ref::from_schema_name(FieldError::name()));
        schema = schema.property("errors", errors).required("errors");
    }
    if problem.retry_after_ms.is_some() {
        let wait = ObjectBuilder::new().schema_type(Type::Integer);
        schema = schema.property("retry_after_ms", wait).required("retry_after_ms");
    }
    if !problem.is_refusal {
        let id = word().description(Some("The request's id, as in the header `Request-Id`."));
        schema = schema.property("request_id", id).required("request_id");
    }
    for (name, value) in &problem.facts {
        schema = schema.property(name, fact_schema(problem.code, name, value));
        if !MAY_BE_ABSENT.contains(&(problem.code, name.as_str())) {
            schema = schema.required(name);
        }
    }
    if PLACING_CODES.contains(&problem.code) {
        let index = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let index = index.description(Some("Of a batch: which order was refused."));
        schema = schema.property("index", index);
    }
    schema.into()
}

/// Facts that are not told to everybody: an order of somebody else, the role of a key.
const MAY_BE_ABSENT: [(&str, &str); 2] =
    [("external_reference_taken", "order_id"), ("unlawful_scopes", "role")];

/// The schema of a fact, by its name and, where several kinds of objects have one of that name, by
/// the code; a bare number or text where it has none of its own.
fn fact_schema(code: &str, name: &str, sample: &Value) -> RefOr<Schema> {
    let named = match name {
        "sku" => "Sku",
        "product_id" => "ProductId",
        "category_id" => "CategoryId",
        "location_id" => "LocationId",
        "reservation_id" => "ReservationId",
        "order_id" => "OrderId",
        "customer_id" => "CustomerId",
        "user_id" => "UserId",
        "api_key_id" => "ApiKeyId",
        "email" => "Email",
        "role" => "Role",
        "location_code" => "Name",
        "external_reference" => "Reference",
        "occurred_at" | "expires_at" | "now" => "Instant",
        "payment_id" => "PaymentId",
        "effect_id" => "EffectId",
        "job_id" => "JobId",
        "endpoint_id" => "EndpointId",
        "import_id" => "ImportId",
        "state" if code == "import_ended" => "ImportStatus",
        "sync_id" => "SyncId",
        "sync_status" => "SyncStatus",
        "action" if code == "sync_row_not_held" => "SyncAction",
        "state" if code == "job_not_dead" => "JobStatus",
        "state" if code == "effect_not_dead" => "EffectStatus",
        "state" => "ReservationState",
        "order_status" => "OrderStatus",
        "payment_status" => "PaymentStatus",
        "action" | "allowed" => "OrderAction",
        "currency" => "Currency",
        "items" => "ShortItem",
        "scopes" => "Scope",
        "expected" | "actual" if sample.is_string() => "Currency",
        _ if sample.is_string() => return ObjectBuilder::new().schema_type(Type::String).into(),
        _ => return ObjectBuilder::new().schema_type(Type::Integer).into(),
    };
    let reference = Ref::from_schema_name(named);
    if sample.is_array() { ArrayBuilder::new().items(reference).into() } else { reference.into() }
}
