//! What each route needs, read out of its description.

use std::collections::HashMap;

use axum::http::Method;
use onhand_core::accounts::Scope;
use serde_json::Value;

use crate::http::dialects::Dialect;

/// The name of the security scheme in the description.
pub const SCHEME: &str = "bearer";

/// What a route needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Nothing: anybody may ask.
    Nothing,
    /// A token or key, whatever it is good for.
    Anybody,
    /// One of these.
    OneOf(Vec<Scope>),
}

/// What each route needs, by its method and path, as its description says; and what the routes of
/// dialects need, whose paths may be the same ones.
#[derive(Debug)]
pub struct Needs {
    routes: HashMap<String, Vec<(Method, Need)>>,
    /// In the order of [`Dialect::ALL`].
    dialects: Vec<Self>,
}

/// Why a description does not say what a route needs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path} does not say what it needs: {found}")]
pub struct UnclearNeed {
    method: String,
    path: String,
    found: String,
}

impl Needs {
    /// Reads a description.
    ///
    /// # Errors
    /// The first route that does not say what it needs, in a way that is known here.
    pub fn of(description: &Value) -> Result<Self, UnclearNeed> {
        let mut routes: HashMap<String, Vec<(Method, Need)>> = HashMap::new();
        for (path, item) in description["paths"].as_object().into_iter().flatten() {
            for (name, operation) in item.as_object().into_iter().flatten() {
                let unclear = || UnclearNeed {
                    method: name.to_uppercase(),
                    path: path.clone(),
                    found: operation["security"].to_string(),
                };
                let Ok(method) = name.to_uppercase().parse::<Method>() else {
                    return Err(unclear());
                };
                let need = need(&operation["security"]).ok_or_else(unclear)?;
                routes.entry(path.clone()).or_default().push((method, need));
            }
        }
        Ok(Self { routes, dialects: Vec::new() })
    }

    /// The same with what the routes of dialects need, in the order of [`Dialect::ALL`].
    #[must_use]
    pub fn with_dialects(self, dialects: Vec<Self>) -> Self {
        Self { dialects, ..self }
    }

    /// What the routes of a dialect need.
    pub fn of_dialect(&self, dialect: Dialect) -> Option<&Self> {
        self.dialects.get(dialect as usize)
    }

    /// What a route needs; `None` for one that is not described.
    pub fn get(&self, method: &Method, path: &str) -> Option<&Need> {
        let methods = self.routes.get(path)?;
        // A HEAD is answered by who answers the GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        methods.iter().find(|(known, _)| known == method).map(|(_, need)| need)
    }

    /// The templates of all routes that are described, those of dialects included.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        let described = std::iter::once(self).chain(&self.dialects);
        described.flat_map(|needs| needs.routes.keys().map(String::as_str))
    }

    /// Every route with what it needs; of dialects none.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Method, &Need)> {
        self.routes.iter().flat_map(|(path, methods)| {
            methods.iter().map(move |(method, need)| (path.as_str(), method, need))
        })
    }
}

/// What the alternatives of a `security` come to.
fn need(security: &Value) -> Option<Need> {
    let alternatives = security.as_array()?;
    let mut scopes = Vec::new();
    for alternative in alternatives {
        let alternative = alternative.as_object()?;
        let Some(named) = alternative.get(SCHEME) else {
            let is_nothing = alternative.is_empty() && alternatives.len() == 1;
            return is_nothing.then_some(Need::Nothing);
        };
        match named.as_array()?.as_slice() {
            [] if alternatives.len() == 1 => return Some(Need::Anybody),
            [one] => scopes.push(Scope::from_name(one.as_str()?)?),
            _ => return None,
        }
    }
    (!scopes.is_empty()).then_some(Need::OneOf(scopes))
}
