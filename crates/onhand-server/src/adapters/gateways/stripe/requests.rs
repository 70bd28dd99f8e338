//! The form of requests to Stripe: paths, forms, keys and pages. It knows no intent and no charge.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use onhand_core::text::GatewayId;
use serde::de::DeserializeOwned;

use super::wire::{self, List};
use super::{API_VERSION, Stripe};
use crate::adapters::gateways::http::{Effect, Failure, Question};
use crate::limits::{GATEWAY_PAGE_ROWS_MAX, GATEWAY_PAGES_MAX};

/// By this what is asked for twice is done once, for a day.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const FORM: &str = "application/x-www-form-urlencoded";

/// What Stripe says to a known key with another form. That was written by another version of us,
/// and nobody knows what came of it.
const OTHER_FORM: &str = "idempotency_error";

impl Stripe {
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let mut question = self.question(Effect::Read, Method::GET, path);
        if !query.is_empty() {
            question.url.query_pairs_mut().extend_pairs(query);
        }
        self.http.ask(question).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        form: &[(&str, &str)],
        key: Option<&str>,
    ) -> Result<T, Failure> {
        let mut question = self.question(Effect::Write, Method::POST, path);
        if let Some(value) = key.and_then(|key| HeaderValue::from_str(key).ok()) {
            question.headers.insert(IDEMPOTENCY_KEY, value);
        }
        question.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
        // A query is written as a form is.
        let mut url = self.base.clone();
        url.query_pairs_mut().extend_pairs(form);
        question.body = url.query().unwrap_or_default().as_bytes().to_vec();
        match self.http.ask(question).await {
            Err(Failure::Refused { reason, .. }) if reason.as_str().contains(OTHER_FORM) => {
                Err(Failure::Unknown(reason))
            }
            answer => answer,
        }
    }

    /// Every row of a list, page by page. Each begins behind the last row of the one before.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        path: &[&str],
        of: (&str, &GatewayId),
        id: fn(&T) -> &GatewayId,
    ) -> Result<Vec<T>, Failure> {
        let limit = GATEWAY_PAGE_ROWS_MAX.to_string();
        let mut all: Vec<T> = Vec::new();
        for _ in 0..GATEWAY_PAGES_MAX {
            let mut query = vec![(of.0, of.1.as_str()), ("limit", &limit)];
            query.extend(all.last().map(|row| ("starting_after", id(row).as_str())));
            let List { mut data, has_more } = self.get(path, &query).await?;
            let is_last = !has_more || data.is_empty();
            all.append(&mut data);
            if is_last {
                return Ok(all);
            }
        }
        Err(Failure::strange(Effect::Read, "a list without end"))
    }

    fn question(&self, effect: Effect, method: Method, path: &[&str]) -> Question<'_> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v1").extend(path);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(VERSION, HeaderValue::from_static(API_VERSION));
        Question {
            effect,
            method,
            url,
            headers,
            body: Vec::new(),
            keys: "the secret key of Stripe",
            read_error: wire::read_error,
        }
    }
}
