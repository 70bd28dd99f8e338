//! `onhand users` and `onhand keys`: what an operator does beside the server, on the database
//! itself. An embedded database that is being served is not to be had; then the API does the same.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;
use onhand_core::accounts::{
    ApiKeyView, Command, Email, NewApiKey, NewUser, PasswordHash, Role, Scopes, Standing,
    TokenHash, UserView,
};
use onhand_core::command::Reply;
use onhand_core::ids::ApiKeyId;
use onhand_core::text::{KeyPrefix, Name};
use onhand_core::{Actor, Timestamp};
use onhand_engine::clock::Clock;
use onhand_engine::committer::Submit;
use onhand_engine::query::UserFilter;
use onhand_engine::{Reader, SystemClock};
use zeroize::Zeroizing;

use crate::auth::passwords::Passwords;
use crate::auth::tokens::api_key::ApiKey;
use crate::database::DatabaseOptions;
use crate::http::wire::accounts::{ApiKeyShown, CreatedKeyShown, UserShown};
use crate::serve;

/// What an operator does instead while the database is served.
const ASK_THE_SERVER: &str = "a server has this database: ask it, as an admin, at /v1/users and \
     /v1/api-keys (new users register at /v1/auth/register), or stop it first";

/// Rows that one page of a listing reads.
const PAGE_ROWS: usize = 200;

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersAction {
    /// Add a user. The password is read from standard input; without one nobody can log in.
    Create {
        #[command(flatten)]
        database: DatabaseOptions,
        /// What to log in with.
        #[arg(long)]
        email: String,
        /// `customer`, `operator` or `admin`.
        #[arg(long, value_parser = role)]
        role: Role,
        /// What an operator may do, as in `orders:read stock:read`; what its role says otherwise.
        #[arg(long)]
        scopes: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a user another role, with its scopes.
    Promote {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Its address.
        #[arg(long)]
        email: String,
        /// `customer`, `operator` or `admin`.
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// Let nobody in with an account any more, and end its sessions.
    Disable {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Its address.
        #[arg(long)]
        email: String,
    },
    /// List users.
    List {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Make a key. It is printed once, alone on its line.
    Create {
        #[command(flatten)]
        database: DatabaseOptions,
        /// For people.
        #[arg(long)]
        name: String,
        /// What it is for, as in `orders:read stock:write`.
        #[arg(long)]
        scopes: String,
        /// Days until it is over; never when absent.
        #[arg(long)]
        expires_in_days: Option<u16>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a key back.
    Revoke {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Its id, like `key_7`.
        id: String,
    },
    /// List keys.
    List {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Works on the database itself. Where a server has it to itself, says how that is asked.
async fn beside(
    options: &DatabaseOptions,
    work: impl AsyncFnOnce(&Submit, &Reader) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let worked = serve::beside(options, Arc::default(), work).await;
    worked.map_err(|error| serve::advise(error, ASK_THE_SERVER))
}

fn role(text: &str) -> Result<Role, String> {
    let names = Role::ALL.map(Role::as_str).join(", ");
    Role::from_name(text).ok_or_else(|| format!("expected one of {names}"))
}

async fn ask(submit: &Submit, command: Command) -> anyhow::Result<Reply> {
    let command = onhand_core::Command::Accounts(command);
    let answer = submit.submit(command, Actor::Local, None).await?;
    match answer.outcome {
        Ok(reply) => Ok(reply),
        Err(refusal) => bail!("refused: {}", refusal.code()),
    }
}

/// `onhand users`.
///
/// # Errors
/// In words for the operator.
pub(crate) async fn users(action: UsersAction) -> anyhow::Result<ExitCode> {
    match action {
        UsersAction::Create { database, email, role, scopes, json } => {
            let email = Email::new(&email)?;
            let scopes = scopes.map(|text| text.parse::<Scopes>()).transpose()?;
            let password = new_password(&email).await?;
            let new = NewUser { email, name: None, password, role, scopes };
            beside(&database, async |submit, _| {
                let user = user_of(ask(submit, Command::Register(new)).await?)?;
                if json {
                    println!("{}", serde_json::to_string(&UserShown::of(&user))?);
                } else {
                    println!("{} is {} ({})", user.email, user.id, user.role.as_str());
                }
                Ok(())
            })
            .await
        }
        UsersAction::Promote { database, email, role } => {
            let standing = Standing { role: Some(role), ..Standing::default() };
            set(&database, &email, standing).await
        }
        UsersAction::Disable { database, email } => {
            let standing = Standing { disabled: Some(true), ..Standing::default() };
            set(&database, &email, standing).await
        }
        UsersAction::List { database, json } => {
            beside(&database, async |_, reader| list_users(reader, json).await).await
        }
    }
}

/// The hash of what stands on the first line of standard input; none when there is nothing.
async fn new_password(email: &Email) -> anyhow::Result<Option<PasswordHash>> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().read_line(&mut line).context("reading the password")?;
    let password = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if password.is_empty() {
        return Ok(None);
    }
    let hash = Passwords::start()?.hash(password, email.as_str()).await?;
    Ok(Some(PasswordHash::new(hash)?))
}

fn user_of(reply: Reply) -> anyhow::Result<UserView> {
    let Reply::User(user) = reply else { bail!("answered with {reply:?}") };
    Ok(user)
}

async fn set(
    database: &DatabaseOptions,
    email: &str,
    standing: Standing,
) -> anyhow::Result<ExitCode> {
    let email = Email::new(email)?;
    beside(database, async |submit, reader| {
        let user = reader.user_of_email(email.clone()).await?;
        let id = user.with_context(|| format!("there is no user {email}"))?.id;
        let command = Command::SetUser { id, expected_version: None, standing };
        let user = user_of(ask(submit, command).await?)?;
        let disabled = if user.disabled { ", disabled" } else { "" };
        println!("{} is {} ({}{disabled})", user.email, user.id, user.role.as_str());
        Ok(())
    })
    .await
}

async fn list_users(reader: &Reader, json: bool) -> anyhow::Result<()> {
    let mut before = None;
    loop {
        let page = reader.users(UserFilter::default(), before, PAGE_ROWS).await?;
        for user in page.rows.iter().map(UserView::of) {
            if json {
                println!("{}", serde_json::to_string(&UserShown::of(&user))?);
            } else {
                let disabled = if user.disabled { " disabled" } else { "" };
                println!("{:<10} {:<9} {}{disabled}", user.id, user.role.as_str(), user.email);
            }
        }
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok(()),
        }
    }
}

/// `onhand keys`.
///
/// # Errors
/// In words for the operator.
pub(crate) async fn keys(action: KeysAction) -> anyhow::Result<ExitCode> {
    match action {
        KeysAction::Create { database, name, scopes, expires_in_days, json } => {
            let expires_at = expires_in_days.map(days_from_now).transpose()?;
            let (name, scopes) = (Name::new(name)?, scopes.parse()?);
            let key = ApiKey::generate()?;
            let prefix = KeyPrefix::new(key.shown())?;
            let hash = TokenHash::new(key.hash());
            let new = NewApiKey { name, prefix, hash, scopes, expires_at };
            beside(&database, async |submit, _| {
                let row = key_of(ask(submit, Command::CreateKey(new)).await?)?;
                if json {
                    let shown = CreatedKeyShown::of(&row, Some(key.expose()));
                    println!("{}", serde_json::to_string(&shown)?);
                } else {
                    println!("{}", key.expose());
                }
                Ok(())
            })
            .await
        }
        KeysAction::Revoke { database, id } => {
            let id: ApiKeyId = id.parse()?;
            beside(&database, async |submit, _| {
                let row = key_of(ask(submit, Command::RevokeKey { id }).await?)?;
                println!("{} ({}) is revoked", row.id, row.prefix.as_str());
                Ok(())
            })
            .await
        }
        KeysAction::List { database, json } => {
            beside(&database, async |_, reader| list_keys(reader, json).await).await
        }
    }
}

fn days_from_now(days: u16) -> anyhow::Result<Timestamp> {
    let life = jiff::SignedDuration::from_hours(24 * i64::from(days));
    Ok(SystemClock.now().checked_add(life)?)
}

fn key_of(reply: Reply) -> anyhow::Result<ApiKeyView> {
    let Reply::ApiKey(key) = reply else { bail!("answered with {reply:?}") };
    Ok(key)
}

async fn list_keys(reader: &Reader, json: bool) -> anyhow::Result<()> {
    let mut before = None;
    loop {
        let page = reader.api_keys(before, PAGE_ROWS).await?;
        for key in page.rows.iter().map(ApiKeyView::of) {
            if json {
                println!("{}", serde_json::to_string(&ApiKeyShown::of(&key))?);
            } else {
                let revoked = if key.revoked_at.is_some() { " revoked" } else { "" };
                let (prefix, name) = (key.prefix.as_str(), key.name.as_str());
                println!("{:<10} {prefix} {name}: {}{revoked}", key.id, key.scopes);
            }
        }
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok(()),
        }
    }
}
