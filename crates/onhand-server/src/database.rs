//! Which database a command is about, and the password that is configured apart from it.

use clap::Args;
use onhand_engine::Location;

use crate::accounts::options::configured;
use crate::auth::secrets::SecretError;

/// Where everything is remembered.
#[derive(Debug, Clone, Args)]
pub struct DatabaseOptions {
    /// The database: `sqlite:` and a file, or postgresql://user@host:port/name.
    #[arg(
        long,
        help_heading = "Database",
        env = "ONHAND_DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite:onhand-data/onhand.db"
    )]
    pub database_url: String,
}

impl DatabaseOptions {
    /// Where the database is, with the password that is configured apart from its URL.
    ///
    /// # Errors
    /// [`OpenError`] when the URL names none, [`PasswordError`] when there is no password where
    /// one should be.
    pub fn location(&self) -> anyhow::Result<Location> {
        location(&self.database_url)
    }

    /// The URL without what may be secret: a password before the host, or one among the options.
    pub fn shown(&self) -> String {
        let url = self.database_url.split('?').next().unwrap_or_default();
        match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
            (_, None) | (None, _) => url.to_owned(),
        }
    }
}

/// The password of the database cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{PASSWORD}: {0}")]
pub struct PasswordError(SecretError);

const PASSWORD: &str = "ONHAND_DATABASE_PASSWORD";

/// The place that a URL names, with the password that is configured apart from it where it has
/// none itself.
///
/// # Errors
/// As [`DatabaseOptions::location`].
pub fn location(url: &str) -> anyhow::Result<Location> {
    let location = Location::parse(url)?;
    let Location::Server(url) = location else { return Ok(location) };
    let Some(given) = configured(PASSWORD) else { return Ok(Location::Server(url)) };
    let password = given.read_whole().map_err(PasswordError)?;
    // Editors end a file with a line, and no password ends so.
    let password = password.expose().trim_ascii_end();
    Ok(Location::Server(with_password(&url, password).unwrap_or(url)))
}

/// A URL with a password; nothing where it has one, or no user who could.
fn with_password(url: &str, password: &[u8]) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (user, place) = rest.split_once('@')?;
    // An `@` behind a slash or a question mark is none of a user's.
    if user.contains([':', '/', '?']) {
        return None;
    }
    let escaped = password.iter().fold(String::new(), |escaped, byte| {
        let is_plain = byte.is_ascii_alphanumeric();
        escaped + &if is_plain { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
    });
    Some(format!("{scheme}://{user}:{escaped}@{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_put_into_a_url_that_has_none() {
        for (url, wanted) in [
            ("postgresql://onhand@db/shop", Some("postgresql://onhand:p%40%3A%2Fa@db/shop")),
            (
                "postgresql://onhand@one,two/s?a=b@c",
                Some("postgresql://onhand:p%40%3A%2Fa@one,two/s?a=b@c"),
            ),
            ("postgresql://onhand:own@db/shop", None),
            ("postgresql://db/shop?user=a@b", None),
            ("postgresql://db/shop", None),
        ] {
            assert_eq!(with_password(url, b"p@:/a").as_deref(), wanted, "{url}");
        }
    }
}
