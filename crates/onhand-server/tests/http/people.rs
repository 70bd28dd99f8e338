//! Who knocks at the doors: nobody, customers, operators, admins, programs with keys, and those who
//! have been shown out. None of them has a password: what is tried here is what they may do, and
//! `sessions.rs` has those who log in.

use axum::http::Method;
use onhand_core::Actor;
use onhand_core::accounts::{
    Command, Email, NewApiKey, NewUser, PasswordHash, Role, Scope, Scopes, Standing, TokenHash,
    UserView,
};
use onhand_core::command::Reply as CoreReply;
use onhand_core::ids::UserId;
use onhand_core::text::{KeyPrefix, Name};
use onhand_server::auth::tokens::access::Bearer;
use onhand_server::auth::tokens::api_key::ApiKey;
use serde_json::{Value, json};

use crate::world::{Reply, World};

/// What kind of caller somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Shows nothing, or nothing that is good.
    Nobody,
    /// Shows the token of an account.
    User,
    /// Shows the key of a program.
    Key,
}

/// A caller, and what the tests know of it.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) scopes: Vec<&'static str>,
    /// What follows `Bearer`.
    pub(crate) token: Option<String>,
}

impl Person {
    pub(crate) fn nobody() -> Self {
        Self { name: "nobody".into(), kind: Kind::Nobody, scopes: Vec::new(), token: None }
    }

    /// The same, shown out.
    pub(crate) fn out(self) -> Self {
        Self { kind: Kind::Nobody, ..self }
    }

    /// Sends a request as this person.
    pub(crate) async fn send(
        &self,
        world: &World,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        world.knock(method, path, &headers, body.to_string()).await
    }

    pub(crate) async fn get(&self, world: &World, path: &str) -> Reply {
        self.send(world, Method::GET, path, &[], &Value::Null).await
    }

    pub(crate) async fn post(&self, world: &World, path: &str, key: &str, body: Value) -> Reply {
        self.send(world, Method::POST, path, &[("idempotency-key", key)], &body).await
    }

    /// Places an order of one unit, with more fields.
    pub(crate) async fn order(&self, world: &World, key: &str, more: Value) -> Reply {
        let mut order = json!({"items": [{"sku": "headphones", "quantity": 1}]});
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(world, "/v1/orders", key, order).await
    }
}

/// Carries out a command on accounts, as this machine.
pub(crate) async fn command(world: &World, command: Command) -> CoreReply {
    let command = onhand_core::Command::Accounts(command);
    let answer = world.app.submit.submit(command, Actor::Local, None).await.unwrap();
    answer.outcome.unwrap()
}

/// Registers somebody.
pub(crate) async fn register(
    world: &World,
    email: &str,
    (role, scopes): (Role, Option<Scopes>),
    password: Option<PasswordHash>,
) -> UserView {
    let new = NewUser { email: Email::new(email).unwrap(), name: None, password, role, scopes };
    let reply = command(world, Command::Register(new)).await;
    let CoreReply::User(user) = reply else {
        panic!("registering {email} was answered with {reply:?}")
    };
    user
}

/// A token of somebody as they stand, as they get it who log in.
pub(crate) fn token_of(world: &World, user: &UserView) -> String {
    let bearer = Bearer { user: user.id.number(), session: 999, tokens_from: user.tokens_from };
    world.app.identities.tokens().issue(bearer, world.app.clock.now())
}

/// Somebody with an account; the number of the account is that of the customer.
pub(crate) async fn user(
    world: &World,
    name: &str,
    role: Role,
    scopes: Option<Scopes>,
) -> (UserId, Person) {
    let email = format!("{}@people.example", name.replace([' ', ':'], "-"));
    let user = register(world, &email, (role, scopes), None).await;
    let token = Some(token_of(world, &user));
    let scopes = scopes.unwrap_or(role.scopes()).iter().map(Scope::as_str).collect();
    (user.id, Person { name: name.into(), kind: Kind::User, scopes, token })
}

/// A program with a key.
pub(crate) async fn key(
    world: &World,
    name: &str,
    scopes: Scopes,
    expires_at: Option<&str>,
) -> (onhand_core::ids::ApiKeyId, Person) {
    let key = ApiKey::generate().unwrap();
    let new = NewApiKey {
        name: Name::new(name).unwrap(),
        prefix: KeyPrefix::new(key.shown()).unwrap(),
        hash: TokenHash::new(key.hash()),
        scopes,
        expires_at: expires_at.map(|text| text.parse().unwrap()),
    };
    let reply = command(world, Command::CreateKey(new)).await;
    let CoreReply::ApiKey(made) = reply else {
        panic!("making the key {name} was answered with {reply:?}")
    };
    let id = made.id;
    let scopes = scopes.iter().map(Scope::as_str).collect();
    let token = Some(key.expose().to_owned());
    (id, Person { name: name.into(), kind: Kind::Key, scopes, token })
}

/// Everybody there can be, each with the least that makes them different.
pub(crate) async fn everybody(world: &World) -> Vec<Person> {
    let mut people = vec![Person::nobody()];
    for name in ["customer A", "customer B"] {
        people.push(user(world, name, Role::Customer, None).await.1);
    }
    people.push(user(world, "operator", Role::Operator, None).await.1);
    people.push(user(world, "admin", Role::Admin, None).await.1);
    for scope in Scope::ALL.iter().copied() {
        let (text, scopes) = (scope.as_str(), Scopes::of(&[scope]));
        if !matches!(text, "admin" | "orders:own") {
            let name = format!("operator {text}");
            people.push(user(world, &name, Role::Operator, Some(scopes)).await.1);
        }
        // A key has no orders of its own: there is none with that scope.
        if text != "orders:own" {
            people.push(key(world, &format!("key {text}"), scopes, None).await.1);
        }
    }
    let whole = Scopes::of(&[Scope::Admin]);
    let (id, revoked) = key(world, "revoked key", whole, None).await;
    command(world, Command::RevokeKey { id }).await;
    people.push(revoked.out());
    let expired = key(world, "expired key", whole, Some("2026-01-01T00:00:01Z")).await.1;
    people.push(expired.out());
    let (id, disabled) = user(world, "disabled operator", Role::Operator, None).await;
    disable(world, id).await;
    people.push(disabled.out());
    world.clock.advance_secs(1);
    people
}

pub(crate) async fn disable(world: &World, id: UserId) {
    let standing = Standing { disabled: Some(true), ..Standing::default() };
    command(world, Command::SetUser { id, expected_version: None, standing }).await;
}
