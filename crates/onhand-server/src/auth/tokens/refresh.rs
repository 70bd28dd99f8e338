//! Refresh tokens: `onr_7_` and 256 bits, where 7 is the session. They are opaque, stored as
//! hashes, and good for one use: what answers a use is a new access token and the successor.
//!
//! **Why a successor follows from its predecessor.** Rotation has one weak moment: the server has
//! stored the new token, and its reply is lost. A client that asks again shows a token that was
//! used before, which is what a thief does. So for [`REFRESH_GRACE_SECS`] the same client may ask
//! again and is given *the same* successor, provided that it was not used yet. The server keeps
//! only the hash of a successor and could not say it twice if it were random. Therefore it is
//! HMAC-SHA256 of its predecessor under a secret of the server: computed again at will by whoever
//! has both, by nobody from the database alone, and by no client. A thief who repeats a token in
//! these seconds gets the token that its owner has, and the session is revoked as soon as both use
//! it.
//!
//! [`REFRESH_GRACE_SECS`]: onhand_core::limits::REFRESH_GRACE_SECS

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use zeroize::Zeroizing;

use super::{TokenHash, hash_of, numbered};
use crate::auth::secrets::{Secret, random_bytes};

const PREFIX: &str = "onr";
const RANDOM_BYTES: usize = 32;
/// Of that many bytes in base64url.
const RANDOM_CHARS: usize = 43;

/// The random part of a first token: it is hashed before anybody knows which session it will have.
pub struct FirstToken(Zeroizing<String>);

impl fmt::Debug for FirstToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstToken(..)")
    }
}

impl FirstToken {
    /// Random bytes.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let bytes = random_bytes::<RANDOM_BYTES>()?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// What is stored and looked up.
    pub fn hash(&self) -> TokenHash {
        hash_of(&self.0)
    }

    /// The token, once its session has a number.
    pub fn of_session(&self, session: i64) -> RefreshToken {
        let text = Zeroizing::new(format!("{PREFIX}_{session}_{}", *self.0));
        RefreshToken { session, text }
    }
}

/// A token of the one form that there is.
#[derive(Clone)]
pub struct RefreshToken {
    session: i64,
    text: Zeroizing<String>,
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

impl RefreshToken {
    /// The token that replaces this one, each time the same.
    #[must_use]
    pub fn successor(&self, secret: &Secret) -> Self {
        let mac = secret.mac().chain_update("refresh").chain_update(self.text.as_bytes());
        Self::of(self.session, &mac.finalize().into_bytes())
    }

    /// Reads a token; `None` for everything that we do not make.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, random) = text.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
        let session = numbered(PREFIX, &format!("{PREFIX}_{digits}"))?;
        let is_ours = random.len() == RANDOM_CHARS
            && URL_SAFE_NO_PAD.decode(random).is_ok_and(|bytes| bytes.len() == RANDOM_BYTES);
        is_ours.then(|| Self { session, text: Zeroizing::new(text.to_owned()) })
    }

    /// The number of the session that it belongs to, before anything was looked up: a claim, not a
    /// fact.
    pub fn session(&self) -> i64 {
        self.session
    }

    /// What is stored and looked up: of the random part, which alone is secret.
    pub fn hash(&self) -> TokenHash {
        hash_of(self.random())
    }

    /// What follows the session's number. It may have an underscore in it.
    fn random(&self) -> &str {
        self.text.splitn(3, '_').nth(2).unwrap_or_default()
    }

    /// The text for the client.
    pub fn expose(&self) -> &str {
        &self.text
    }

    fn of(session: i64, random: &[u8]) -> Self {
        let random = URL_SAFE_NO_PAD.encode(random);
        Self { session, text: Zeroizing::new(format!("{PREFIX}_{session}_{random}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("0123456789abcdef0123456789abcdef")
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        for session in [1, 7, onhand_core::ids::ID_MAX] {
            let first = FirstToken::generate().unwrap();
            let token = first.of_session(session);
            assert_eq!(token.hash(), first.hash());
            for token in [token.clone(), token.successor(&secret())] {
                let read = RefreshToken::parse(token.expose()).unwrap();
                assert_eq!((read.session(), read.hash()), (session, token.hash()));
                assert_eq!(read.expose(), token.expose());
            }
        }
    }

    #[test]
    fn successors_repeat_and_nothing_else_does() {
        let token = RefreshToken::of(7, &[1; 32]);
        let next = token.successor(&secret());
        assert_eq!(next.expose(), token.successor(&secret()).expose());
        assert_eq!(next.session(), 7);
        let others = [
            token.clone(),
            next.successor(&secret()),
            token.successor(&Secret::new("another")),
            RefreshToken::of(8, &[1; 32]).successor(&secret()),
            RefreshToken::of(7, &[2; 32]).successor(&secret()),
            FirstToken::generate().unwrap().of_session(7),
            FirstToken::generate().unwrap().of_session(7),
        ];
        let mut hashes: Vec<TokenHash> = others.iter().map(RefreshToken::hash).collect();
        hashes.push(next.hash());
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len() + 1);
    }

    #[test]
    fn everything_else_is_refused() {
        let good = "onr_7_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        assert_eq!(RefreshToken::parse(good).unwrap().expose(), good);
        for bad in [
            String::new(),
            "onr".to_owned(),
            "onr_7_".to_owned(),
            "onr__AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE".to_owned(),
            good.replace("_7_", "_0_"),
            good.replace("_7_", "_07_"),
            good.replace("_7_", "_-7_"),
            good.replace("_7_", "_9007199254740992_"),
            good.replace("onr", "onk"),
            good.replace("onr", "ONR"),
            good.replace("AQE", "A+E"),
            good.replace("AQEBAQE", "AQ=BAQE"),
            // The same bytes in another spelling.
            format!("{}F", good.strip_suffix('E').unwrap()),
            format!("{good}="),
            format!("{good}A"),
            format!(" {good}"),
            format!("{good}\n"),
            good.strip_suffix('E').unwrap().to_owned(),
            "x".repeat(1 << 20),
        ] {
            assert!(RefreshToken::parse(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_token_cannot_be_printed() {
        let shown = format!("{:?}", RefreshToken::of(7, &[1; 32]));
        assert_eq!(shown, "RefreshToken { session: 7, .. }");
        assert_eq!(format!("{:?}", FirstToken::generate().unwrap()), "FirstToken(..)");
    }
}
