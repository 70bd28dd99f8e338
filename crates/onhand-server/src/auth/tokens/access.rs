//! Access tokens: JSON Web Tokens (RFC 7519, RFC 9068) for this server and by this server, signed
//! with HMAC-SHA256 and nothing else. What a token says about how it should be checked is never
//! followed. There is no library for the few lines that this takes: one that can do everything
//! parses a header before it is verified, asks it which algorithm to use, and reads a clock. See
//! `refresh.rs` for what is shown when a token has expired.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use onhand_core::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sha2::Sha256;

use super::numbered;
use crate::auth::secrets::Secret;
use crate::limits::{ACCESS_LEEWAY_SECS, ACCESS_LIFE_SECS_MAX, ACCESS_TOKEN_BYTES_MAX};

/// The kind of token (RFC 9068), so that no other one signed with the same secret passes for it.
const TYPE: &str = "at+jwt";
const ALGORITHM: &str = "HS256";

/// For whom a token is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// The number of the user, 5 of `usr_5`.
    pub user: i64,
    /// The number of the session, 7 of `ses_7`.
    pub session: i64,
    /// The user's mark under which the token is made; a later one makes it worthless.
    pub tokens_from: i64,
}

/// What a token that was verified says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// For whom it was made.
    pub bearer: Bearer,
    /// When it was made, to the second.
    pub issued_at: Timestamp,
    /// From when on it is worthless.
    pub expires_at: Timestamp,
}

/// Who makes tokens, for whom, and for how long.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    /// `iss`: this installation.
    pub issuer: String,
    /// `aud`: its interface.
    pub audience: String,
    /// Seconds from the making to the expiry, from 1 to [`ACCESS_LIFE_SECS_MAX`].
    pub life_secs: i64,
}

/// Why no tokens can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessSetupError {
    /// There has to be one to sign with.
    #[error("no secret to sign access tokens with")]
    NoSecret,
    /// The life is outside its bounds.
    #[error("access tokens live for 1 to {ACCESS_LIFE_SECS_MAX} seconds, not {life_secs}")]
    Life {
        /// What was asked for.
        life_secs: i64,
    },
}

/// A token that is not good. To the outside all are the same: whoever forges tokens learns nothing
/// from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid, or no longer")]
pub struct TokenError {
    reason: Reason,
}

impl TokenError {
    /// Why, for logs and counters only.
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

impl From<Reason> for TokenError {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}

/// Why a token is not good, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has more than [`ACCESS_TOKEN_BYTES_MAX`] bytes.
    TooLong,
    /// It is not three parts.
    Shape,
    /// Its header cannot be read, or has more in it than ours.
    Header,
    /// Its header names another algorithm, or none.
    Algorithm,
    /// It is another kind of token.
    Type,
    /// It names a key that is not ours.
    UnknownKey,
    /// It was not signed by us, or changed since.
    Signature,
    /// Its claims are not all there, or not of their types.
    Claims,
    /// Somebody else made it.
    Issuer,
    /// It was made for somebody else.
    Audience,
    /// `sub` or `sid` is no id of its kind.
    Subject,
    /// It lives for no time, or for longer than any that we make.
    Life,
    /// It is of a later time.
    NotYet,
    /// It is of an earlier time.
    Expired,
}

impl Reason {
    /// In words, for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "the token is too long",
            Self::Shape => "the token is not three parts",
            Self::Header => "the token's header is not ours",
            Self::Algorithm => "the token names another algorithm",
            Self::Type => "the token is of another kind",
            Self::UnknownKey => "the token names a key that is not ours",
            Self::Signature => "the token was not signed by us",
            Self::Claims => "the token's claims are not all there",
            Self::Issuer => "somebody else made the token",
            Self::Audience => "the token is for somebody else",
            Self::Subject => "the token is of no user",
            Self::Life => "the token lives for too long",
            Self::NotYet => "the token is of a later time",
            Self::Expired => "the token has expired",
        }
    }
}

/// Makes and verifies access tokens.
#[derive(Debug)]
pub struct AccessTokens {
    signing: Key,
    /// Those that only verify.
    retired: Vec<Key>,
    settings: AccessSettings,
}

/// A secret, ready for use.
struct Key {
    /// The first part of every token of this key, and the only one that it accepts.
    header: String,
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

impl Key {
    fn new(secret: &Secret) -> Self {
        // In words, because every process has to write it the same way to the byte.
        let id = secret.key_id();
        let header = format!(r#"{{"typ":"{TYPE}","alg":"{ALGORITHM}","kid":"{id}"}}"#);
        Self { header: URL_SAFE_NO_PAD.encode(header), mac: secret.mac() }
    }

    fn sign(&self, message: &str) -> String {
        let signature = self.mac.clone().chain_update(message).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(signature)
    }

    /// Compares in constant time.
    fn has_signed(&self, message: &str, signature: &[u8]) -> bool {
        self.mac.clone().chain_update(message).verify_slice(signature).is_ok()
    }
}

/// The claims on the wire. A claim that is there twice or of another type is refused; one that is
/// not known may be there, because an older process has to read what a newer one makes.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<i64>,
    tfr: i64,
}

/// A claim that may be missing, but is not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

impl AccessTokens {
    /// Tokens that the first of the secrets signs and all of them verify, so that a secret can be
    /// replaced without a moment in which tokens are refused: new in front, and the old one goes
    /// when the last token of its time has expired.
    ///
    /// # Errors
    /// [`AccessSetupError`] without a secret, or for a life out of bounds.
    pub fn new(secrets: &[Secret], settings: AccessSettings) -> Result<Self, AccessSetupError> {
        let life_secs = settings.life_secs;
        if !(1..=ACCESS_LIFE_SECS_MAX).contains(&life_secs) {
            return Err(AccessSetupError::Life { life_secs });
        }
        let (signing, retired) = secrets.split_first().ok_or(AccessSetupError::NoSecret)?;
        let retired = retired.iter().map(Key::new).collect();
        Ok(Self { signing: Key::new(signing), retired, settings })
    }

    /// Seconds that a token is good for.
    pub fn life_secs(&self) -> i64 {
        self.settings.life_secs
    }

    /// A token that is good from now on for the configured life.
    pub fn issue(&self, bearer: Bearer, now: Timestamp) -> String {
        let issued_at = now.as_second();
        let claims = json!({
            "iss": self.settings.issuer,
            "aud": self.settings.audience,
            "sub": format!("usr_{}", bearer.user),
            "sid": format!("ses_{}", bearer.session),
            "tfr": bearer.tokens_from,
            "iat": issued_at,
            "exp": issued_at.saturating_add(self.settings.life_secs),
        });
        let key = &self.signing;
        let message = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = key.sign(&message);
        format!("{message}.{signature}")
    }

    /// What a token says, if we made it and it is good now. Nothing of it is parsed before its
    /// signature was verified: the header is one of ours to the byte, or the token is refused.
    ///
    /// # Errors
    /// [`TokenError`], the same for everything that is wrong.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        if token.len() > ACCESS_TOKEN_BYTES_MAX {
            return Err(Reason::TooLong.into());
        }
        let mut parts = token.rsplitn(2, '.');
        let (Some(signature), Some(message)) = (parts.next(), parts.next()) else {
            return Err(Reason::Shape.into());
        };
        let Some((header, claims)) = message.split_once('.') else {
            return Err(Reason::Shape.into());
        };
        if header.is_empty() || claims.is_empty() || claims.contains('.') {
            return Err(Reason::Shape.into());
        }
        let key = self.keys().find(|key| key.header == header);
        let key = key.ok_or_else(|| self.what_is_wrong_with(header))?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Reason::Signature)?;
        if !key.has_signed(message, &signature) {
            return Err(Reason::Signature.into());
        }
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Reason::Claims)?;
        let claims = serde_json::from_slice(&claims).map_err(|_| Reason::Claims)?;
        self.hold(&claims, now)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signing).chain(&self.retired)
    }

    /// What the claims of a token of ours say, if they hold now.
    fn hold(&self, claims: &Claims, now: Timestamp) -> Result<AccessClaims, TokenError> {
        if claims.iss != self.settings.issuer {
            return Err(Reason::Issuer.into());
        }
        if claims.aud != self.settings.audience {
            return Err(Reason::Audience.into());
        }
        let user = numbered("usr", &claims.sub).ok_or(Reason::Subject)?;
        let session = numbered("ses", &claims.sid).ok_or(Reason::Subject)?;
        let life_secs = claims.exp.checked_sub(claims.iat).ok_or(Reason::Life)?;
        if !(1..=ACCESS_LIFE_SECS_MAX).contains(&life_secs) {
            return Err(Reason::Life.into());
        }
        let now = now.as_second();
        let latest = now.saturating_add(ACCESS_LEEWAY_SECS);
        if claims.iat > latest || claims.nbf.is_some_and(|not_before| not_before > latest) {
            return Err(Reason::NotYet.into());
        }
        if now >= claims.exp {
            return Err(Reason::Expired.into());
        }
        let instant = |secs| Timestamp::from_second(secs).map_err(|_| Reason::Claims);
        Ok(AccessClaims {
            bearer: Bearer { user, session, tokens_from: claims.tfr },
            issued_at: instant(claims.iat)?,
            expires_at: instant(claims.exp)?,
        })
    }

    /// For logs: the token is refused already. What its header asks for is looked at, not done.
    fn what_is_wrong_with(&self, header: &str) -> Reason {
        let read =
            |header: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok();
        let Some(Value::Object(fields)) = read(header) else { return Reason::Header };
        let is = |name, wanted| fields.get(name).and_then(Value::as_str) == Some(wanted);
        let knows = |key: &Key| match read(&key.header) {
            Some(Value::Object(ours)) => ours.get("kid") == fields.get("kid"),
            _ => false,
        };
        if !is("alg", ALGORITHM) {
            Reason::Algorithm
        } else if !is("typ", TYPE) {
            Reason::Type
        } else if !self.keys().any(knows) {
            Reason::UnknownKey
        } else {
            Reason::Header
        }
    }
}
