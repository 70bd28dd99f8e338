//! People who log in through a dialect, and what tests hide of what they are told: tokens.

use serde_json::{Value, json};

use crate::world::{Reply, World, ask};

/// Somebody who is logged in, or shows some other token.
pub(crate) struct Person<'a> {
    world: &'a World,
    pub(crate) token: String,
}

impl<'a> Person<'a> {
    /// One of the demo's users.
    pub(crate) async fn log_in(world: &'a World, email: &str, password: &str) -> Self {
        let body = json!({"email": email, "password": password}).to_string();
        let reply = world.ask("POST /api/auth/login", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let token = reply.body["data"]["accessToken"].as_str().unwrap().to_owned();
        Self { world, token }
    }

    pub(crate) async fn user(world: &'a World) -> Self {
        Self::log_in(world, "user@example.com", "user123").await
    }

    pub(crate) async fn admin(world: &'a World) -> Self {
        Self::log_in(world, "admin@example.com", "admin123").await
    }

    /// Somebody who was not there before.
    pub(crate) async fn stranger(world: &'a World, email: &str) -> Self {
        let body = json!({"email": email, "password": "tomatoes & 7 bees", "name": "Ada"});
        let reply = world.ask("POST /api/auth/register", &body.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let token = reply.body["data"]["accessToken"].as_str().unwrap().to_owned();
        Self { world, token }
    }

    /// Whoever has this token.
    pub(crate) fn with(world: &'a World, token: &str) -> Self {
        Self { world, token: token.to_owned() }
    }

    pub(crate) async fn ask(&self, line: &str, body: &Value) -> Reply {
        self.ask_with(line, &[], body).await
    }

    /// The same with more headers.
    pub(crate) async fn ask_with(&self, line: &str, more: &[(&str, &str)], body: &Value) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("content-type", "application/json"), ("authorization", &*bearer)];
        headers.extend(more);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(&self.world.main, line, &headers, &body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path}"), &Value::Null).await
    }
}

/// The same body with every token hidden.
pub(crate) fn hidden(mut body: Value) -> Value {
    hide(&mut body);
    body
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "accessToken" | "refreshToken" | "token" | "refresh_token" => {
                        assert!(value.as_str().unwrap().len() > 20, "{value}");
                        *value = "..".into();
                    }
                    _ => hide(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
