//! Signatures of Stripe: a header with a time and hexadecimal HMACs over the time and the body as
//! it came. How long a comparison takes says nothing about where two differ.

use onhand_core::Timestamp;
use subtle::{Choice, ConstantTimeEq};

use crate::adapters::gateways::signature::sign;
use crate::auth::secrets::Secret;
use crate::limits::{NOTICE_AGE_SECS_MAX, NOTICE_SIGNATURES_MAX};

/// Whether somebody who knows one of the secrets has signed this body, not long ago. What was
/// signed in the future is no better than what is old: it would be good for too long.
pub(super) fn is_good(secrets: &[Secret], now: Timestamp, header: &[u8], body: &[u8]) -> bool {
    let Some(Header { time, signatures }) = read(header) else { return false };
    let signed = [time, b".", body].concat();
    // All are compared, so that the time does not tell which one it was.
    let mut found = Choice::from(0);
    for secret in secrets {
        let right = sign(secret, &signed);
        for signature in &signatures {
            found |= right.as_bytes().ct_eq(signature);
        }
    }
    bool::from(found) && is_fresh(now, time)
}

/// What a header says.
struct Header<'a> {
    /// As it came, because that is what is signed.
    time: &'a [u8],
    signatures: Vec<&'a [u8]>,
}

/// Takes a header apart. Signatures of other schemes are none; two times are one too many.
fn read(header: &[u8]) -> Option<Header<'_>> {
    let (mut time, mut signatures) = (None, Vec::new());
    for part in header.split(|byte| *byte == b',') {
        let at = part.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (part.get(..at)?, part.get(at + 1..)?);
        match name {
            b"t" if time.is_none() => time = Some(value),
            b"t" => return None,
            b"v1" => signatures.push(value),
            _ => {}
        }
    }
    let is_bounded = (1..=NOTICE_SIGNATURES_MAX).contains(&signatures.len());
    is_bounded.then_some(Header { time: time?, signatures })
}

fn is_fresh(now: Timestamp, time: &[u8]) -> bool {
    if time.is_empty() || !time.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let time: Option<i64> = std::str::from_utf8(time).ok().and_then(|time| time.parse().ok());
    time.is_some_and(|time| now.as_second().abs_diff(time) <= NOTICE_AGE_SECS_MAX)
}
