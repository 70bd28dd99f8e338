//! What gateways sign with: hexadecimal HMAC-SHA256. How long a comparison takes says nothing about
//! where two differ.

use hmac::Mac;
use subtle::ConstantTimeEq;

use crate::auth::secrets::Secret;

/// Whether somebody who knows the secret has signed these bytes.
pub(super) fn is_of(secret: &Secret, signed: &[u8], signature: &[u8]) -> bool {
    let mac = secret.mac().chain_update(signed).finalize().into_bytes();
    hex(&mac).as_bytes().ct_eq(signature).into()
}

/// Whether somebody who knows one of the secrets has. All of them are tried, so that the time does
/// not tell which.
pub(super) fn is_of_any(secrets: &[Secret], signed: &[u8], signature: &[u8]) -> bool {
    secrets.iter().fold(false, |found, secret| found | is_of(secret, signed, signature))
}

/// Signs, as a gateway does.
pub(super) fn sign(secret: &Secret, signed: &[u8]) -> String {
    hex(&secret.mac().chain_update(signed).finalize().into_bytes())
}

/// Small hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
