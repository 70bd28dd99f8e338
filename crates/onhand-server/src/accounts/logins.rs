//! How somebody gets in and stays in: registering, logging in, taking a refresh token for the next
//! one, logging out, changing a password. For whoever guesses, an account that is there and one
//! that is not look the same, in the answer and in the time that it takes.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use onhand_core::accounts::{
    Access, Command, Email, NewUser, PasswordHash, Role, Scopes, SessionView, TokenHash, User,
    UserView,
};
use onhand_core::command::Reply;
use onhand_core::ids::{SessionId, UserId};
use onhand_core::text::Name;
use onhand_core::{Actor, Refusal, Timestamp, Version};
use onhand_engine::committer::{Caller, Submit};
use onhand_engine::query::ReadError;
use onhand_engine::{Reader, SubmitError};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::Identities;
use crate::auth::passwords::{PasswordError, PasswordRefusal, Passwords, needs_upgrade};
use crate::auth::secrets::Secret;
use crate::auth::throttle::Throttle;
use crate::auth::tokens::access::Bearer;
use crate::auth::tokens::code::{FirstAdminCode, is_first_admin_code};
use crate::auth::tokens::refresh::{FirstToken, RefreshToken};
use crate::limits::{ACCESS_LIFE_SECS_MAX, REGISTRATION_TIME, SESSION_LIFE_SECS_DEFAULT};

/// What somebody is given who got in.
#[derive(Debug)]
pub struct Tokens {
    /// For the next minutes.
    pub access: String,
    /// Seconds that it is good for.
    pub access_secs: i64,
    /// For the next one of both.
    pub refresh: RefreshToken,
    /// The session.
    pub session: SessionView,
    /// Who got in.
    pub user: UserView,
}

/// Why somebody did not get in, or nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// What was shown is not right; what of it is not said.
    #[error("this is not right")]
    Wrong,
    /// Too many were wrong before.
    #[error("too many wrong attempts: come back in {secs} s")]
    Wait {
        /// How long to stay away.
        secs: u32,
    },
    /// Too many at once.
    #[error("too many logins at once: come back in {secs} s")]
    Busy {
        /// How long to stay away.
        secs: u32,
    },
    /// The new password is not a good one.
    #[error(transparent)]
    Password(PasswordRefusal),
    /// A rule said no.
    #[error("refused: {}", .0.code())]
    Refused(Refusal),
    /// The committer gave no answer.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// It could not be looked up.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A mistake or a lack of this machine; the words are for the log.
    #[error("{0}")]
    Internal(String),
}

impl From<PasswordError> for LoginError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Refused(refusal) => Self::Password(refusal),
            PasswordError::Busy { retry_after_secs } => Self::Busy { secs: retry_after_secs },
            PasswordError::Hash(_)
            | PasswordError::Random(_)
            | PasswordError::Threads(_)
            | PasswordError::BrokenOff => Self::Internal(error.to_string()),
        }
    }
}

impl From<getrandom::Error> for LoginError {
    fn from(error: getrandom::Error) -> Self {
        Self::Internal(format!("no random bytes: {error}"))
    }
}

/// A password on its way through.
pub type Password = Zeroizing<String>;

/// What getting in takes.
#[derive(Debug)]
pub struct Logins {
    passwords: Passwords,
    throttle: Throttle,
    /// What the successors of refresh tokens are made with; the first makes new ones.
    refresh: Vec<Secret>,
    /// Seconds that a session lives.
    life_secs: i64,
    /// Lets one caller become the first admin.
    first_admin: Mutex<Option<crate::auth::tokens::TokenHash>>,
}

/// What a login works on.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// Writes go this way.
    pub submit: &'a Submit,
    /// Reads go this way.
    pub reader: &'a Reader,
    /// Makes access tokens.
    pub identities: &'a Identities,
    /// The time.
    pub now: Timestamp,
}

impl Logins {
    /// With nobody having failed yet; the first of the secrets makes refresh tokens.
    pub fn new(passwords: Passwords, refresh: Vec<Secret>) -> Self {
        let (throttle, life_secs) = (Throttle::new(), SESSION_LIFE_SECS_DEFAULT);
        Self { passwords, throttle, refresh, life_secs, first_admin: Mutex::default() }
    }

    /// The same where sessions live for so many seconds.
    #[must_use]
    pub fn living(self, life_secs: i64) -> Self {
        Self { life_secs, ..self }
    }

    /// What the successors of refresh tokens are made with, the newest first; whoever needs a
    /// secret of sessions derives one.
    pub fn secrets(&self) -> &[Secret] {
        &self.refresh
    }

    /// Registers a customer. An address that is taken already is no error: who is told so learns
    /// who has an account here.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn register(
        &self,
        desk: Desk<'_>,
        email: Email,
        name: Option<Name>,
        password: Password,
    ) -> Result<(), LoginError> {
        let password = self.hashed(password, &email).await?;
        // To store an account takes longer than to find that it is there, by as much as a flush of
        // the disk: both are answered at the same moment.
        let answered_at = Instant::now() + REGISTRATION_TIME;
        let new = NewUser { email, name, password, role: Role::Customer, scopes: None };
        match add(desk, Actor::System.into(), new).await {
            Ok(_) => {}
            Err(LoginError::Refused(refusal)) if refusal.code() == "email_taken" => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep_until(answered_at).await;
        Ok(())
    }

    /// Registers a customer, and says so when the address is taken: for contracts that promise it.
    /// Whoever must not learn who has an account asks [`Self::register`].
    ///
    /// # Errors
    /// [`LoginError`]; `email_taken` is refused.
    pub async fn sign_up(
        &self,
        desk: Desk<'_>,
        email: Email,
        name: Option<Name>,
        password: Password,
    ) -> Result<UserView, LoginError> {
        let password = self.hashed(password, &email).await?;
        let new = NewUser { email, name, password, role: Role::Customer, scopes: None };
        add(desk, Actor::System.into(), new).await
    }

    /// Adds a user for somebody else, as an admin: with this password and what its role says.
    ///
    /// # Errors
    /// [`LoginError`]; `email_taken` is refused.
    pub async fn add_user(
        &self,
        desk: Desk<'_>,
        caller: Caller,
        new: NewUser,
        password: Password,
    ) -> Result<UserView, LoginError> {
        let password = self.hashed(password, &new.email).await?;
        add(desk, caller, NewUser { password, ..new }).await
    }

    /// Lets somebody in who has just signed up, without asking for the password once more.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] where the account has changed since.
    pub async fn welcome(&self, desk: Desk<'_>, user: &UserView) -> Result<Tokens, LoginError> {
        let rights = desk.reader.rights().await?;
        self.start_session(desk, (user.id, user.tokens_from), rights).await
    }

    async fn hashed(
        &self,
        password: Password,
        email: &Email,
    ) -> Result<Option<PasswordHash>, LoginError> {
        let hash = self.passwords.hash(password, email.as_str()).await?;
        Ok(Some(PasswordHash::new(hash).map_err(internal)?))
    }

    /// Prepares a code with which one caller may become the first admin.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn first_admin_code(&self) -> Result<Zeroizing<String>, getrandom::Error> {
        let code = FirstAdminCode::generate()?;
        *self.first_admin.lock().unwrap_or_else(PoisonError::into_inner) = Some(code.hash());
        Ok(code.shown())
    }

    /// Makes the first admin of who knows the code. It is good for one.
    ///
    /// # Errors
    /// [`LoginError`]; where the admin could not be made the code stays good.
    pub async fn become_first_admin(
        &self,
        desk: Desk<'_>,
        code: &str,
        email: Email,
        password: Password,
    ) -> Result<UserView, LoginError> {
        let taken = {
            let mut expected = self.first_admin.lock().unwrap_or_else(PoisonError::into_inner);
            match *expected {
                Some(hash) if is_first_admin_code(code, &hash) => expected.take(),
                Some(_) | None => None,
            }
        };
        let Some(hash) = taken else { return Err(LoginError::Wrong) };
        let made = async {
            let password = self.hashed(password, &email).await?;
            let new = NewUser { email, name: None, password, role: Role::Admin, scopes: None };
            add(desk, Actor::System.into(), new).await
        };
        let made = made.await;
        if made.is_err() {
            *self.first_admin.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash);
        }
        made
    }

    /// Lets somebody in who knows the password.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] whatever was wrong: the address, the password, a disabled account.
    pub async fn log_in(
        &self,
        desk: Desk<'_>,
        email: Email,
        password: Password,
        from: IpAddr,
    ) -> Result<Tokens, LoginError> {
        let look = async {
            let rights = desk.reader.rights().await?;
            let user = desk.reader.user_of_email(email.clone()).await?;
            let is_known = self.knows_password(user.as_ref(), password.clone()).await?;
            let user = user.filter(|user| is_known && !user.disabled);
            Ok(user.map(|user| (rights, user)))
        };
        let (rights, user) = self.throttled(desk, &email, from, look).await?;
        self.strengthen(desk, &user, password).await;
        self.start_session(desk, (user.id, user.tokens_from), rights).await
    }

    async fn knows_password(
        &self,
        user: Option<&User>,
        password: Password,
    ) -> Result<bool, LoginError> {
        let stored = user.and_then(|user| user.password.as_ref());
        let stored = stored.map(|hash| hash.reveal().to_owned());
        Ok(self.passwords.verify(password, stored).await?)
    }

    /// Keeps a stronger hash where the stored one is of an older version. It can wait for the next
    /// login: what goes wrong is told to the log only.
    async fn strengthen(&self, desk: Desk<'_>, user: &User, password: Password) {
        let is_weak = user.password.as_ref().is_some_and(|hash| needs_upgrade(hash.reveal()));
        if !is_weak {
            return;
        }
        let stronger = async {
            let hash = self.passwords.hash(password, user.email.as_str()).await?;
            let new = PasswordHash::new(hash).map_err(internal)?;
            let command = Command::UpgradePassword { user_id: user.id, seen: user.version, new };
            ask(desk, Actor::System.into(), command).await
        };
        if let Err(error) = stronger.await {
            tracing::warn!(%error, user = %user.id, "a password's hash stays as it is");
        }
    }

    async fn start_session(
        &self,
        desk: Desk<'_>,
        (user_id, tokens_from): (UserId, i64),
        rights: i64,
    ) -> Result<Tokens, LoginError> {
        let first = FirstToken::generate()?;
        let command = Command::StartSession {
            user_id,
            token: TokenHash::new(first.hash()),
            life_secs: self.life_secs,
        };
        let access = Access { rights, tokens_from, scopes: Scopes::NONE, own: Some(user_id) };
        let caller = Caller { actor: Actor::User(user_id), access };
        match ask(desk, caller, command).await {
            Ok(Reply::Session { session, user }) => {
                let refresh = first.of_session(session.id.number());
                Ok(tokens(desk, session, user, refresh))
            }
            Ok(_) => Err(unexpected()),
            // The account has changed since the password was looked at.
            Err(LoginError::Refused(_)) => Err(LoginError::Wrong),
            Err(error) => Err(error),
        }
    }

    /// Takes a refresh token for its successor.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] for a token that is not good, or no longer; one that was good once
    /// ends its session.
    pub async fn refresh(&self, desk: Desk<'_>, shown: &str) -> Result<Tokens, LoginError> {
        let token = RefreshToken::parse(shown).ok_or(LoginError::Wrong)?;
        let session_id = SessionId::new(token.session()).ok_or(LoginError::Wrong)?;
        let session = desk.reader.session(session_id).await?;
        let session = session.filter(|session| session.is_good(desk.now));
        let session = session.ok_or(LoginError::Wrong)?;
        let secret = self.refresh.first();
        let secret = secret.ok_or_else(|| LoginError::Internal("no refresh secret".into()))?;
        let successor = token.successor(secret);
        let presented = TokenHash::new(token.hash());
        let is_recent = presented == session.current || session.previous == Some(presented);
        let command = Command::Refresh {
            session_id,
            presented,
            successor: TokenHash::new(successor.hash()),
            was_good: is_recent || self.leads_to(&token, session.current),
        };
        match ask(desk, Actor::System.into(), command).await {
            Ok(Reply::Session { session, user }) => Ok(tokens(desk, session, user, successor)),
            Ok(Reply::SessionEnded(session)) => {
                tracing::warn!(
                    session = %session.id, user = %session.user_id,
                    "a refresh token was shown that had been used: the session is ended"
                );
                Err(LoginError::Wrong)
            }
            Ok(_) => Err(unexpected()),
            Err(LoginError::Refused(_)) => Err(LoginError::Wrong),
            Err(error) => Err(error),
        }
    }

    /// Whether the newest token of a session follows from this one, under any of the secrets: a
    /// session has at most as many as fit into its life.
    fn leads_to(&self, token: &RefreshToken, newest: TokenHash) -> bool {
        self.refresh.iter().any(|secret| {
            let mut next = token.clone();
            (0..SUCCESSORS_MAX).any(|_| {
                next = next.successor(secret);
                TokenHash::new(next.hash()) == newest
            })
        })
    }

    /// Logs out. A token that is not good changes nothing and is no error.
    ///
    /// # Errors
    /// When nothing is known of what came of it.
    pub async fn log_out(&self, desk: Desk<'_>, shown: &str) -> Result<(), LoginError> {
        let Some(token) = RefreshToken::parse(shown) else { return Ok(()) };
        let Some(session_id) = SessionId::new(token.session()) else { return Ok(()) };
        let presented = TokenHash::new(token.hash());
        let command = Command::EndSession { session_id, presented };
        match ask(desk, Actor::System.into(), command).await {
            Ok(_) | Err(LoginError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Logs out whoever came in with an access token of a session. Twice is fine.
    ///
    /// # Errors
    /// When nothing is known of what came of it.
    pub async fn leave(
        &self,
        desk: Desk<'_>,
        caller: Caller,
        session_id: SessionId,
        user_id: UserId,
    ) -> Result<(), LoginError> {
        match ask(desk, caller, Command::LeaveSession { session_id, user_id }).await {
            Ok(_) | Err(LoginError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sets a new password for who knows the old one, and ends every session.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] when the old one is not right.
    pub async fn change_password(
        &self,
        desk: Desk<'_>,
        caller: Caller,
        id: UserId,
        (old, new): (Password, Password),
        from: IpAddr,
    ) -> Result<(), LoginError> {
        let (email, seen) = self.prove(desk, id, old, from).await?;
        let hash = self.passwords.hash(new, email.as_str()).await?;
        let new = PasswordHash::new(hash).map_err(internal)?;
        ask(desk, caller, Command::ChangePassword { user_id: id, seen, new }).await.map(|_| ())
    }

    /// Makes sure that the caller knows the account's password; answers its address and version.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] when it is not right.
    pub async fn prove(
        &self,
        desk: Desk<'_>,
        id: UserId,
        password: Password,
        from: IpAddr,
    ) -> Result<(Email, Version), LoginError> {
        let user = desk.reader.user(id).await?.ok_or(LoginError::Wrong)?;
        let look = async {
            let is_known = self.knows_password(Some(&user), password).await?;
            Ok(is_known.then_some(user.version))
        };
        let version = self.throttled(desk, &user.email, from, look).await?;
        Ok((user.email, version))
    }

    /// Lets somebody look at a password, if they have not been wrong too often. A look that found
    /// nothing was wrong; one that could not be taken was no guess.
    async fn throttled<T>(
        &self,
        desk: Desk<'_>,
        email: &Email,
        from: IpAddr,
        look: impl Future<Output = Result<Option<T>, LoginError>>,
    ) -> Result<T, LoginError> {
        let attempt = self.throttle.begin(email.as_str(), from, desk.now);
        let attempt = attempt.map_err(|wait| LoginError::Wait { secs: wait.secs })?;
        match look.await {
            Ok(Some(found)) => {
                self.throttle.succeeded(attempt, desk.now);
                Ok(found)
            }
            Ok(None) => Err(LoginError::Wrong),
            Err(error) => {
                self.throttle.withdraw(attempt);
                Err(error)
            }
        }
    }
}

/// Most tokens that one session can have had: one as often as access tokens of the longest life
/// run out, and for clients that refresh more often, ten times that.
const SUCCESSORS_MAX: i64 = SESSION_LIFE_SECS_DEFAULT / ACCESS_LIFE_SECS_MAX * 10;

fn tokens(desk: Desk<'_>, session: SessionView, user: UserView, refresh: RefreshToken) -> Tokens {
    let bearer = Bearer {
        user: user.id.number(),
        session: session.id.number(),
        tokens_from: user.tokens_from,
    };
    let issuer = desk.identities.tokens();
    let access = issuer.issue(bearer, desk.now);
    Tokens { access, access_secs: issuer.life_secs(), refresh, session, user }
}

async fn add(desk: Desk<'_>, caller: Caller, new: NewUser) -> Result<UserView, LoginError> {
    let reply = ask(desk, caller, Command::Register(new)).await?;
    let Reply::User(user) = reply else { return Err(unexpected()) };
    Ok(user)
}

async fn ask(desk: Desk<'_>, caller: Caller, command: Command) -> Result<Reply, LoginError> {
    let command = onhand_core::Command::Accounts(command);
    desk.submit.submit(command, caller, None).await?.outcome.map_err(LoginError::Refused)
}

/// What was answered is not shown: there is an address in it, and this ends in the log.
fn unexpected() -> LoginError {
    LoginError::Internal("accounts answered something that was not asked for".to_owned())
}

fn internal(error: impl std::fmt::Display) -> LoginError {
    LoginError::Internal(error.to_string())
}
