//! How accounts are configured: where the secrets come from, how long tokens live, how often
//! somebody may ask. Refuses what is only fit for trying out when the server is to be in
//! production.

use std::path::{Path, PathBuf};

use onhand_core::limits::SESSION_LIFE_SECS_MAX;
use onhand_engine::Location;

use super::Identities;
use super::logins::Logins;
use crate::auth::limiter::{Limiter, Rates};
use crate::auth::passwords::{PasswordError, Passwords};
use crate::auth::secrets::{self, Configured, Production, Secret, SecretError, Source};
use crate::auth::tokens::access::{AccessSettings, AccessSetupError, AccessTokens};
use crate::limits::{
    ACCESS_LIFE_SECS_DEFAULT, RATE_AUTH_DEFAULT, RATE_CHECKOUT_DEFAULT, RATE_READS_DEFAULT,
    RATE_WRITES_DEFAULT, SESSION_LIFE_SECS_DEFAULT,
};
use crate::{config, environment};

/// Who may come in, and how often.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Accounts and rates")]
pub struct AccountOptions {
    /// Refuse what is only fit for trying out: weak secrets and demo users.
    #[arg(long, env = "ONHAND_PRODUCTION")]
    production: bool,
    /// Seconds that an access token is good for.
    #[arg(long, env = "ONHAND_ACCESS_LIFE_SECS", default_value_t = ACCESS_LIFE_SECS_DEFAULT)]
    access_life_secs: i64,
    /// Seconds that a login lives, however often it is refreshed.
    #[arg(long, env = "ONHAND_SESSION_LIFE_SECS", default_value_t = SESSION_LIFE_SECS_DEFAULT,
        value_parser = clap::value_parser!(i64).range(1..=SESSION_LIFE_SECS_MAX))]
    session_life_secs: i64,
    /// Folder of the secret that is made when neither ONHAND_TOKEN_SECRET nor
    /// ONHAND_TOKEN_SECRET_FILE is set; that of the database file, or `onhand-data`.
    #[arg(long, env = "ONHAND_SECRET_DIR")]
    secret_dir: Option<PathBuf>,
    /// Reads that a user may ask for in a minute; an API key a thousand times as many. 0: any.
    #[arg(long, env = "ONHAND_RATE_READS", default_value_t = RATE_READS_DEFAULT)]
    rate_reads: u32,
    /// The same for what changes something.
    #[arg(long, env = "ONHAND_RATE_WRITES", default_value_t = RATE_WRITES_DEFAULT)]
    rate_writes: u32,
    /// The same for placing orders.
    #[arg(long, env = "ONHAND_RATE_CHECKOUT", default_value_t = RATE_CHECKOUT_DEFAULT)]
    rate_checkout: u32,
    /// The same for logging in and registering.
    #[arg(long, env = "ONHAND_RATE_AUTH", default_value_t = RATE_AUTH_DEFAULT)]
    rate_auth: u32,
}

/// Why nobody could come in as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// A secret cannot be had.
    #[error("the secret of {kind} tokens: {error}")]
    Secret {
        /// Of which tokens.
        kind: &'static str,
        /// Why.
        error: SecretError,
    },
    /// A secret is no good for production.
    #[error("--production refuses: {0}")]
    Weak(String),
    /// Tokens cannot be made.
    #[error(transparent)]
    Tokens(#[from] AccessSetupError),
    /// Passwords cannot be compared.
    #[error(transparent)]
    Passwords(#[from] PasswordError),
    /// Demo users are there, or asked for.
    #[error("--production refuses demo users, whose passwords everybody knows{0}")]
    Demo(&'static str),
}

/// What is needed to let somebody in.
#[derive(Debug)]
pub struct Accounts {
    /// Whose a token or key is.
    pub identities: Identities,
    /// How somebody gets in.
    pub logins: Logins,
    /// How often somebody may ask.
    pub limiter: Limiter,
    /// The server's own secrets, the newest first: what else is secret follows from them.
    pub secrets: Vec<Secret>,
}

impl AccountOptions {
    /// Whether the server is to be in production.
    pub fn is_production(&self) -> bool {
        self.production
    }

    /// Puts together what is needed; makes a secret when none is configured.
    ///
    /// # Errors
    /// When a secret cannot be had or is not fit.
    pub fn build(&self, location: &Location) -> Result<Accounts, AccountsError> {
        let folder = match (&self.secret_dir, location) {
            (Some(folder), _) => folder.clone(),
            (None, Location::File(file)) => file
                .parent()
                .filter(|folder| *folder != Path::new(""))
                .map_or(".".into(), Into::into),
            (None, Location::Server(_)) => {
                if configured("ONHAND_TOKEN_SECRET").is_none() {
                    tracing::warn!(
                        "ONHAND_TOKEN_SECRET is not set: processes on other machines do not accept \
                         the tokens of this one"
                    );
                }
                "onhand-data".into()
            }
        };
        let access = match configured("ONHAND_TOKEN_SECRET") {
            Some(given) => given.read(),
            None => secrets::read(Source::DataFolder(&folder)),
        };
        let access = access.map_err(|error| AccountsError::Secret { kind: "access", error })?;
        let refresh = match given_refresh()? {
            Some(refresh) => refresh,
            None => access.iter().map(|secret| secret.derive("refresh")).collect(),
        };
        self.check(&access, &refresh)?;
        let settings = self.access_settings();
        let rates = Rates {
            reads: self.rate_reads,
            writes: self.rate_writes,
            checkout: self.rate_checkout,
            auth: self.rate_auth,
            ..Rates::default()
        };
        Ok(Accounts {
            identities: Identities::new(AccessTokens::new(&access, settings)?),
            logins: Logins::new(Passwords::start()?, refresh).living(self.session_life_secs),
            limiter: Limiter::new(rates),
            secrets: access,
        })
    }

    fn access_settings(&self) -> AccessSettings {
        AccessSettings {
            issuer: "onhand".into(),
            audience: "onhand".into(),
            life_secs: self.access_life_secs,
        }
    }

    /// Looks at what is configured, and makes nothing: a secret that is not configured will be a
    /// good one.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn check_configured(&self) -> Result<(), AccountsError> {
        let access = configured("ONHAND_TOKEN_SECRET").map(|given| given.read()).transpose();
        let access = access.map_err(|error| AccountsError::Secret { kind: "access", error })?;
        let refresh = given_refresh()?;
        if let Some(access) = &access {
            let derived = || access.iter().map(|secret| secret.derive("refresh")).collect();
            self.check(access, &refresh.unwrap_or_else(derived))?;
            AccessTokens::new(access, self.access_settings())?;
        }
        Ok(())
    }

    fn check(&self, access: &[Secret], refresh: &[Secret]) -> Result<(), AccountsError> {
        let production = if self.production { Production::Yes } else { Production::No };
        let words = |found: Vec<secrets::Weakness>| {
            let words: Vec<_> = found.iter().map(ToString::to_string).collect();
            words.join("; ")
        };
        match secrets::check(production, Configured { access, refresh, webhooks: &[] }) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => tracing::warn!("not fit for production: {}", words(found)),
            Err(found) => return Err(AccountsError::Weak(words(found))),
        }
        Ok(())
    }
}

fn given_refresh() -> Result<Option<Vec<Secret>>, AccountsError> {
    let read = configured("ONHAND_REFRESH_SECRET").map(|given| given.read()).transpose();
    read.map_err(|error| AccountsError::Secret { kind: "refresh", error })
}

/// A secret that somebody has configured.
pub(crate) enum Given {
    Text(Secret),
    File(PathBuf),
}

impl Given {
    pub(crate) fn read(&self) -> Result<Vec<Secret>, SecretError> {
        match self {
            Self::Text(text) => secrets::read(Source::Text(text)),
            Self::File(path) => secrets::read(Source::File(path)),
        }
    }

    /// One secret, whatever it is made of: white space parts nothing.
    pub(crate) fn read_whole(self) -> Result<Secret, SecretError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::File(path) => secrets::read_whole(&path),
        }
    }
}

/// Secrets come from the environment or from a file that it or the file of settings names, never
/// from the command line.
pub(crate) fn configured(name: &str) -> Option<Given> {
    let text = environment::variable(name);
    let variable = format!("{name}_FILE");
    let in_file = || config::in_file(&variable).map(PathBuf::from);
    let file = || std::env::var_os(&variable).map(PathBuf::from).or_else(in_file);
    text.map(|text| Given::Text(Secret::new(text))).or_else(|| file().map(Given::File))
}
