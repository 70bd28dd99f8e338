//! Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, so that a receiver
//! knows who speaks, that nothing was changed, and that nobody plays back what is old. Each secret
//! of an endpoint signs, so that one can be exchanged without a gap.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use zeroize::Zeroizing;

use crate::auth::secrets::{Secret, random_bytes};
use crate::limits::{WEBHOOK_SECRET_BYTES_MAX, WEBHOOK_SECRET_BYTES_MIN};

/// Header with the id of the message, which stays the same however often it is sent.
pub const ID: &str = "webhook-id";
/// Header with the time of this sending in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// What a secret begins with, so that people and scanners know it for one.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that is made here: as many as the signature has.
const SECRET_BYTES: usize = 32;

/// Why a text is no secret. None of them repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningSecretError {
    /// Something else, or a secret whose beginning was lost.
    #[error("a secret for webhooks begins with `{PREFIX}`")]
    Prefix,
    /// It has characters that are not in the alphabet, or lacks some of its end.
    #[error("behind `{PREFIX}` a secret for webhooks is base64, with its padding")]
    Base64,
    /// It could be guessed.
    #[error("a secret for webhooks has {WEBHOOK_SECRET_BYTES_MIN} bytes or more; this one has {0}")]
    TooShort(usize),
    /// More than the standard allows.
    #[error(
        "a secret for webhooks has {WEBHOOK_SECRET_BYTES_MAX} bytes at the most; this one has more"
    )]
    TooLong,
}

/// A secret that onhand and one receiver share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret(Secret);

impl SigningSecret {
    /// A new one, of the operating system's randomness.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self(Secret::new(random_bytes::<SECRET_BYTES>()?.to_vec())))
    }

    /// Reads `whsec_` and base64 of [`WEBHOOK_SECRET_BYTES_MIN`] to [`WEBHOOK_SECRET_BYTES_MAX`]
    /// bytes.
    ///
    /// # Errors
    /// [`SigningSecretError`].
    pub fn parse(text: &str) -> Result<Self, SigningSecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SigningSecretError::Prefix)?;
        // Nothing endless is decoded to find out that it is too long.
        if encoded.len() > WEBHOOK_SECRET_BYTES_MAX.div_ceil(3) * 4 {
            return Err(SigningSecretError::TooLong);
        }
        let bytes = STANDARD.decode(encoded).map_err(|_| SigningSecretError::Base64)?;
        let secret = Secret::new(bytes);
        match secret.expose().len() {
            short @ ..WEBHOOK_SECRET_BYTES_MIN => Err(SigningSecretError::TooShort(short)),
            WEBHOOK_SECRET_BYTES_MIN..=WEBHOOK_SECRET_BYTES_MAX => Ok(Self(secret)),
            _ => Err(SigningSecretError::TooLong),
        }
    }

    /// As its receiver is told once.
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(PREFIX.to_owned());
        STANDARD.encode_string(self.0.expose(), &mut text);
        text
    }

    /// One signature, with its version.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mac = self.0.mac().chain_update(id).chain_update(".");
        let mac = mac.chain_update(timestamp.to_string()).chain_update(".").chain_update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header [`SIGNATURE`] of a message that is sent in this second since 1970: one signature of
/// each secret, in their order.
pub fn sign(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let each = secrets.iter().map(|secret| secret.sign(id, timestamp, body));
    each.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// What the reference libraries say (standardwebhooks 1.1.0 of PyPI, 1.1.1 of npm); the first
    /// one is in their own tests.
    #[test]
    fn signatures_are_those_of_the_reference() {
        for (secret, id, timestamp, body, wanted) in [
            (
                GOLDEN,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                "{\"test\": 2432232314}",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_GB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5",
                "evt_1",
                0,
                "",
                "v1,1p+vpTyOSa2G38UaRA5ramOAvILbSU/3xjgC2zsK7Kw=",
            ),
            (
                "whsec_ICcuNTxDSlFYX2ZtdHuCiZCXnqWss7rByM/W3eTr8vk=",
                "evt_108",
                1_795_240_096,
                "{\"type\":\"order.placed\"}",
                "v1,R5KJ0R9+OtBMagJA0WLg/YCSpPeI8U3C3TxrYC8RDuY=",
            ),
            (
                "whsec_QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O/2/QQLEhkgJy41PENKUVhfZm10e4KJkJeepayzus\
                 HIz9bd5Ovy+Q==",
                "evt_9007199254740993",
                4_102_444_800,
                "{\"name\":\"Grüße 日本 \\u0000\"}",
                "v1,0NTpobB79K4CKQVHO/UN2E0eO8ctxNttZYA6Ok5Rj7w=",
            ),
        ] {
            let secret = SigningSecret::parse(secret).unwrap();
            assert_eq!(sign(&[secret], id, timestamp, body.as_bytes()), wanted, "{id}");
        }
    }

    #[test]
    fn each_secret_signs_once() {
        let [new, old] = [(); 2].map(|()| SigningSecret::generate().unwrap());
        let both = sign(&[new.clone(), old.clone()], "evt_1", 1, b"{}");
        let apart = [new, old].map(|secret| sign(&[secret], "evt_1", 1, b"{}"));
        assert_eq!(both, apart.join(" "));
        assert_ne!(apart[0], apart[1]);
    }

    #[test]
    fn all_that_is_signed_counts() {
        let secret = [SigningSecret::parse(GOLDEN).unwrap()];
        let right = sign(&secret, "evt_1", 12, b"{}");
        assert_eq!(right, sign(&secret, "evt_1", 12, b"{}"));
        for (id, timestamp, body) in [("evt_2", 12, "{}"), ("evt_1", 13, "{}"), ("evt_1", 12, "")] {
            assert_ne!(right, sign(&secret, id, timestamp, body.as_bytes()));
        }
    }

    fn of_bytes(len: usize) -> String {
        format!("{PREFIX}{}", STANDARD.encode(vec![7; len]))
    }

    #[test]
    fn a_secret_that_is_none_is_refused_with_its_reason() {
        fn check(text: &str, wanted: Result<(), SigningSecretError>) {
            let read = SigningSecret::parse(text);
            assert_eq!(read.as_ref().map(|_| ()).map_err(|error| *error), wanted, "{text}");
            match read {
                Ok(secret) => assert_eq!(secret.expose().as_str(), text),
                Err(error) => assert!(text.is_empty() || !error.to_string().contains(text)),
            }
        }
        use SigningSecretError::{Base64, Prefix, TooLong, TooShort};
        check(GOLDEN, Ok(()));
        check(&of_bytes(24), Ok(()));
        check(&of_bytes(64), Ok(()));
        check(&of_bytes(0), Err(TooShort(0)));
        check(&of_bytes(23), Err(TooShort(23)));
        check(&of_bytes(65), Err(TooLong));
        check(&of_bytes(66), Err(TooLong));
        check(&of_bytes(100_000), Err(TooLong));
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WHSEC_MfKQ", " whsec_MfKQ", "whsk_"] {
            check(text, Err(Prefix));
        }
        for text in [
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwA",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAB==",
            "whsec_ü",
        ] {
            check(text, Err(Base64));
        }
    }

    #[test]
    fn a_new_secret_is_good_and_nobody_sees_it() {
        let secret = SigningSecret::generate().unwrap();
        assert_eq!(SigningSecret::parse(&secret.expose()), Ok(secret.clone()));
        assert_ne!(secret, SigningSecret::generate().unwrap());
        assert_eq!(format!("{secret:?}"), "SigningSecret(Secret(..))");
    }
}
