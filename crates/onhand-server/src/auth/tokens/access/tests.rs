//! The corpus of bad access tokens, each refused for its reason and all with the same words, and
//! the table of good ones.

use super::*;

const NOW: i64 = 1_790_000_000;
const GOOD_HEADER: &str = r#"{"typ":"at+jwt","alg":"HS256","kid":"KID"}"#;
const GOOD_CLAIMS: &str = r#"{"iss":"https://shop.example","aud":"onhand","sub":"usr_5",
    "sid":"ses_7","tfr":3,"iat":1790000000,"exp":1790000900}"#;
const BEARER: Bearer = Bearer { user: 5, session: 7, tokens_from: 3 };

fn secret() -> Secret {
    Secret::new("f3c1a97be0d2486594fb70e1853d2c6a")
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(secs).unwrap()
}

fn tokens_of(secrets: &[Secret]) -> AccessTokens {
    let settings = AccessSettings {
        issuer: "https://shop.example".to_owned(),
        audience: "onhand".to_owned(),
        life_secs: 900,
    };
    AccessTokens::new(secrets, settings).unwrap()
}

fn tokens() -> AccessTokens {
    tokens_of(&[secret()])
}

fn encoded(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// What somebody makes who knows the secret and signs whatever they like.
fn signed_by(secret: &Secret, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encoded(header.replace("KID", &secret.key_id())), claims);
    let signature = encoded(secret.mac().chain_update(&message).finalize().into_bytes());
    format!("{message}.{signature}")
}

fn forged(header: &str, claims: &str) -> String {
    signed_by(&secret(), header, &encoded(claims))
}

fn good() -> String {
    forged(GOOD_HEADER, GOOD_CLAIMS)
}

fn refused(name: &str, token: &str, reason: Reason) {
    let error = tokens().verify(token, at(NOW)).expect_err(name);
    assert_eq!(error.reason(), reason, "{name}");
    assert_eq!(error.to_string(), "the access token is not valid, or no longer", "{name}");
}

/// A table of claims with one thing changed.
fn refused_claims(cases: &[(&str, &str, Reason)]) {
    for (from, to, reason) in cases {
        let claims = GOOD_CLAIMS.replace(from, to);
        assert_ne!(claims, GOOD_CLAIMS, "{from}");
        refused(to, &forged(GOOD_HEADER, &claims), *reason);
    }
}

#[test]
fn the_signature_is_that_of_the_standard() {
    // The example of appendix A.1 of RFC 7515.
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                   eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y\
                   b290Ijp0cnVlfQ";
    let key = Key::new(&Secret::new(URL_SAFE_NO_PAD.decode(key).unwrap()));
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(key.sign(message), signature);
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(key.has_signed(message, &bytes));
    bytes[31] ^= 1;
    assert!(!key.has_signed(message, &bytes));
}

#[test]
fn good_tokens_are_accepted() {
    let issued = tokens().issue(BEARER, at(NOW));
    let claims = tokens().verify(&issued, at(NOW)).unwrap();
    assert_eq!(claims.bearer, BEARER);
    assert_eq!((claims.issued_at, claims.expires_at), (at(NOW), at(NOW + 900)));
    assert!(issued.len() < 400, "{}", issued.len());
    let with_claims = |from: &str, to: &str| forged(GOOD_HEADER, &GOOD_CLAIMS.replace(from, to));
    for (name, token, now) in [
        ("as issued", issued.clone(), NOW),
        ("by hand", good(), NOW),
        ("in its last second", issued.clone(), NOW + 899),
        ("from a clock that is ahead", issued, NOW - ACCESS_LEEWAY_SECS),
        ("with a claim that is new", with_claims("\"tfr\"", "\"scope\":\"x\",\"tfr\""), NOW),
        ("with nbf", with_claims("\"tfr\"", "\"nbf\":1790000030,\"tfr\""), NOW),
        ("of the longest life", with_claims("1790000900", "1790003600"), NOW),
        ("of a user without revocations", with_claims("\"tfr\":3", "\"tfr\":0"), NOW),
    ] {
        assert!(tokens().verify(&token, at(now)).is_ok(), "{name}");
    }
    let largest = Bearer { user: (1 << 53) - 1, session: (1 << 53) - 1, tokens_from: i64::MAX };
    let issued = tokens().issue(largest, at(NOW));
    assert_eq!(tokens().verify(&issued, at(NOW)).unwrap().bearer, largest);
}

#[test]
fn bad_headers_are_refused() {
    use Reason::{Algorithm, Header, Type, UnknownKey};
    for (from, to, reason) in [
        ("HS256", "none", Algorithm),
        ("HS256", "None", Algorithm),
        ("HS256", "NONE", Algorithm),
        ("HS256", "nOnE", Algorithm),
        ("HS256", "", Algorithm),
        ("HS256", "hs256", Algorithm),
        ("HS256", "HS384", Algorithm),
        ("HS256", "HS512", Algorithm),
        ("HS256", "RS256", Algorithm),
        ("HS256", "ES256", Algorithm),
        ("HS256", "EdDSA", Algorithm),
        ("\"HS256\"", "null", Algorithm),
        ("\"HS256\"", "[\"HS256\"]", Algorithm),
        ("\"alg\":\"HS256\",", "", Algorithm),
        ("\"typ\":\"at+jwt\",", "", Type),
        ("at+jwt", "JWT", Type),
        ("at+jwt", "AT+JWT", Type),
        ("at+jwt", "rt+jwt", Type),
        ("at+jwt", "application/at+jwt", Type),
        ("\"at+jwt\"", "null", Type),
        (",\"kid\":\"KID\"", "", UnknownKey),
        ("KID", "00000000", UnknownKey),
        ("KID", "../../../../dev/null", UnknownKey),
        ("KID", "' OR 1=1 --", UnknownKey),
        ("\"KID\"", "null", UnknownKey),
        ("\"KID\"", "[\"KID\"]", UnknownKey),
        ("\"typ\"", "\"crit\":[\"exp\"],\"exp\":9,\"typ\"", Header),
        ("\"typ\"", "\"crit\":[],\"typ\"", Header),
        ("\"typ\"", "\"jku\":\"https://evil.example/keys\",\"typ\"", Header),
        ("\"typ\"", "\"x5u\":\"https://evil.example/cert\",\"typ\"", Header),
        ("\"typ\"", "\"x5c\":[\"AAAA\"],\"typ\"", Header),
        ("\"typ\"", "\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"},\"typ\"", Header),
        ("\"typ\"", "\"cty\":\"JWT\",\"typ\"", Header),
        ("\"typ\"", "\"zip\":\"DEF\",\"typ\"", Header),
        ("\"typ\"", "\"b64\":false,\"typ\"", Header),
        ("\"typ\"", "\"alg\":\"none\",\"typ\"", Header),
        ("\"typ\"", " \"typ\"", Header),
        (GOOD_HEADER, "{}", Algorithm),
        (GOOD_HEADER, "[]", Header),
        (GOOD_HEADER, "\"HS256\"", Header),
        (GOOD_HEADER, "HS256", Header),
    ] {
        let header = GOOD_HEADER.replace(from, to);
        assert_ne!(header, GOOD_HEADER, "{from}");
        refused(to, &forged(&header, GOOD_CLAIMS), reason);
    }
    let deep = format!("{}{}", "[".repeat(600), "]".repeat(600));
    refused("a deep header", &forged(&deep, "{}"), Header);
    refused("a header of no text", &forged("KID", "{}").replacen('.', "_w.", 1), Header);
}

#[test]
fn bad_claims_are_refused() {
    use Reason::{Audience, Claims, Expired, Issuer, Life, NotYet, Subject};
    refused_claims(&[
        ("\"iss\":\"https://shop.example\",", "", Claims),
        ("\"aud\":\"onhand\",", "", Claims),
        ("\"sub\":\"usr_5\",", "", Claims),
        ("\"sid\":\"ses_7\",", "", Claims),
        ("\"tfr\":3,", "", Claims),
        ("\"iat\":1790000000,", "", Claims),
        (",\"exp\":1790000900", "", Claims),
        ("\"https://shop.example\"", "null", Claims),
        ("\"onhand\"", "null", Claims),
        ("\"usr_5\"", "null", Claims),
        ("\"ses_7\"", "null", Claims),
        ("\"tfr\":3", "\"tfr\":null", Claims),
        ("1790000000", "null", Claims),
        ("1790000900", "null", Claims),
        ("\"tfr\"", "\"nbf\":null,\"tfr\"", Claims),
        ("1790000900", "\"1790000900\"", Claims),
        ("1790000900", "1790000900.5", Claims),
        ("1790000900", "1.7900009e9", Claims),
        ("1790000900", "9223372036854775808", Claims),
        ("1790000900", "1e400", Claims),
        ("1790000900", "true", Claims),
        ("1790000900", "[1790000900]", Claims),
        ("1790000000", "\"1790000000\"", Claims),
        ("\"tfr\":3", "\"tfr\":\"3\"", Claims),
        ("\"tfr\":3", "\"tfr\":3.0", Claims),
        ("\"tfr\"", "\"nbf\":\"1790000000\",\"tfr\"", Claims),
        ("\"usr_5\"", "5", Claims),
        ("\"onhand\"", "[\"onhand\"]", Claims),
        ("\"onhand\"", "[\"other\",\"onhand\"]", Claims),
        ("\"exp\"", "\"exp\":1,\"exp\"", Claims),
        ("\"sub\"", "\"sub\":\"usr_1\",\"sub\"", Claims),
        ("https://shop.example", "https://evil.example", Issuer),
        ("https://shop.example", "https://shop.example/", Issuer),
        ("\"onhand\"", "\"other\"", Audience),
        ("\"onhand\"", "\"\"", Audience),
        ("usr_5", "ses_5", Subject),
        ("usr_5", "usr_05", Subject),
        ("usr_5", "5", Subject),
        ("usr_5", "usr_5 ", Subject),
        ("ses_7", "usr_7", Subject),
        ("ses_7", "ses_0", Subject),
        ("1790000900", "-1", Life),
        ("1790000900", "9223372036854775807", Life),
        ("1790000900", "1790000000", Life),
        ("1790000900", "1789999999", Life),
        ("1790000900", "1790003601", Life),
        ("1790000000", "-9223372036854775808", Life),
        ("1790000000,\"exp\":1790000900", "1790000031,\"exp\":1790000931", NotYet),
        ("\"tfr\"", "\"nbf\":1790000031,\"tfr\"", NotYet),
        ("1790000000,\"exp\":1790000900", "1789999100,\"exp\":1790000000", Expired),
        ("1790000000,\"exp\":1790000900", "1789999099,\"exp\":1789999999", Expired),
        ("1790000000,\"exp\":1790000900", "0,\"exp\":900", Expired),
    ]);
}

#[test]
fn what_is_no_claims_is_refused() {
    let deep = format!("{}{}", "[".repeat(400), "]".repeat(400));
    let nested = good();
    for claims in ["", "null", "[]", "{}", "\"usr_5\"", "x", GOOD_CLAIMS.trim_end_matches('}')] {
        let reason = if claims.is_empty() { Reason::Shape } else { Reason::Claims };
        refused(claims, &forged(GOOD_HEADER, claims), reason);
    }
    for (name, claims) in [
        ("deep nesting", encoded(deep)),
        ("a token in a token", encoded(nested)),
        ("two objects", encoded(format!("{GOOD_CLAIMS}{GOOD_CLAIMS}"))),
        ("no text", encoded([0xff, 0xfe])),
        ("padding", format!("{}==", encoded("{}"))),
        ("a line break", format!("{}\n", encoded(GOOD_CLAIMS))),
        ("other base64", encoded(GOOD_CLAIMS).replace('I', "+")),
    ] {
        refused(name, &signed_by(&secret(), GOOD_HEADER, &claims), Reason::Claims);
    }
}

#[test]
fn what_is_not_signed_by_us_is_refused() {
    let good = good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let other = Secret::new("5d1e93b2a6f84c70d8e2719fb3a0c546");
    let foreign = signed_by(&other, GOOD_HEADER, &encoded(GOOD_CLAIMS));
    let foreign_signature = foreign.rsplit_once('.').unwrap().1;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let standard = base64::engine::general_purpose::STANDARD;
    let mut flipped = bytes.clone();
    flipped[0] ^= 1;
    for (name, signature) in [
        ("none", String::new()),
        ("truncated", encoded(&bytes[..31])),
        ("half", encoded(&bytes[..16])),
        ("extended", encoded([&bytes[..], &[0]].concat())),
        ("flipped", encoded(flipped)),
        ("of another secret", foreign_signature.to_owned()),
        ("padded", format!("{signature}=")),
        ("with white space", format!("{signature} ")),
        ("with a zero", format!("{signature}\0")),
        ("in hexadecimal", hex),
        ("in standard base64", format!("{}+/", standard.encode(&bytes[..30]))),
        ("of the header only", {
            let header = message.split_once('.').unwrap().0;
            encoded(secret().mac().chain_update(header).finalize().into_bytes())
        }),
    ] {
        refused(name, &format!("{message}.{signature}"), Reason::Signature);
    }
    refused("another key", &foreign, Reason::UnknownKey);
    let (header, _) = message.split_once('.').unwrap();
    let changed = encoded(GOOD_CLAIMS.replace("usr_5", "usr_1"));
    refused("changed", &format!("{header}.{changed}.{signature}"), Reason::Signature);
}

#[test]
fn what_has_not_three_parts_is_refused() {
    use Reason::{Header, Shape, Signature, TooLong};
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    for (name, token, reason) in [
        ("nothing", String::new(), Shape),
        ("one part", parts[0].to_owned(), Shape),
        ("two parts", format!("{}.{}", parts[0], parts[1]), Shape),
        ("two dots", "..".to_owned(), Shape),
        ("four parts", format!("{good}.x"), Shape),
        ("five parts", format!("{good}.x.y"), Shape),
        ("no header", format!(".{}.{}", parts[1], parts[2]), Shape),
        ("no claims", format!("{}..{}", parts[0], parts[2]), Shape),
        ("no signature", format!("{}.{}.", parts[0], parts[1]), Signature),
        ("white space in front", format!(" {good}"), Header),
        ("a line break behind", format!("{good}\n"), Signature),
        ("the scheme in front", format!("Bearer {good}"), Header),
        ("letters of elsewhere", good.replacen('e', "е", 1), Header),
        ("a refresh token", "onr_7_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE".into(), Shape),
        ("an API key", format!("onk_{}_000000", "0".repeat(43)), Shape),
        ("too long by one", format!("{good}{}", "A".repeat(2049 - good.len())), TooLong),
        ("just not too long", format!("{good}{}", "A".repeat(2048 - good.len())), Signature),
        ("a megabyte", "A".repeat(1 << 20), TooLong),
        ("a megabyte of dots", ".".repeat(1 << 20), TooLong),
    ] {
        refused(name, &token, reason);
    }
}

#[test]
fn secrets_are_replaced_without_a_refused_token() {
    let [old, new] = [secret(), Secret::new("5d1e93b2a6f84c70d8e2719fb3a0c546")];
    let before = tokens_of(std::slice::from_ref(&old));
    let during = tokens_of(&[new.clone(), old]);
    let after = tokens_of(&[new]);
    let (early, late) = (before.issue(BEARER, at(NOW)), during.issue(BEARER, at(NOW)));
    for (tokens, token, good) in [
        (&before, &early, true),
        (&during, &early, true),
        (&during, &late, true),
        (&after, &late, true),
        (&after, &early, false),
        (&before, &late, false),
    ] {
        assert_eq!(tokens.verify(token, at(NOW)).is_ok(), good);
    }
}

#[test]
fn settings_out_of_bounds_are_refused() {
    let with = |secrets: &[Secret], life_secs| {
        let settings =
            AccessSettings { issuer: "i".to_owned(), audience: "a".to_owned(), life_secs };
        AccessTokens::new(secrets, settings).map(|_| ())
    };
    assert_eq!(with(&[], 900), Err(AccessSetupError::NoSecret));
    for (life_secs, good) in [(0, false), (1, true), (3_600, true), (3_601, false), (-1, false)] {
        let wanted = if good { Ok(()) } else { Err(AccessSetupError::Life { life_secs }) };
        assert_eq!(with(&[secret()], life_secs), wanted);
    }
}

#[test]
fn no_secret_is_printed() {
    let tokens = tokens();
    let shown = format!("{tokens:?}");
    assert!(shown.contains("Key { .. }") && !shown.contains("f3c1"), "{shown}");
}
