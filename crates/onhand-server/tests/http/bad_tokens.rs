//! Whatever is shown that is not good is answered alike, to the letter: whoever forges tokens,
//! tries keys or plays with headers learns nothing. Each forgery has one thing wrong with it, so
//! that the one check that it is for must find it.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::Mac;
use onhand_core::accounts::{Role, Scope, Scopes};
use onhand_server::auth::secrets::Secret;

use crate::people::{self, key, user};
use crate::world::{ACCESS_SECRET, Reply, World};

const HEADER: &str = r#"{"typ":"at+jwt","alg":"HS256","kid":"KID"}"#;
/// The clock of a world stands at 2026-01-01.
const NOW: i64 = 1_767_225_600;

fn encoded(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The claims of a good token.
fn claims(user: i64) -> String {
    let (whose, expiry) = (format!("usr_{user}"), NOW + 900);
    format!(r#"{{"iss":"onhand","aud":"onhand","sub":"{whose}","sid":"ses_7","tfr":1,"iat":{NOW},"#)
        + &format!("\"exp\":{expiry}}}")
}

/// What somebody makes who knows a secret and signs whatever they like.
fn signed_by(secret: &Secret, header: &str, claims: &str) -> String {
    let header = encoded(header.replace("KID", &Secret::new(ACCESS_SECRET).key_id()));
    let message = format!("{header}.{}", encoded(claims));
    format!("{message}.{}", encoded(secret.mac().chain_update(&message).finalize().into_bytes()))
}

fn forged(header: &str, claims: &str) -> String {
    signed_by(&Secret::new(ACCESS_SECRET), header, claims)
}

/// Tokens with something else in their header than ours.
fn bad_headers(user: i64) -> Vec<String> {
    let changes = [
        ("HS256", "none"),
        ("HS256", "None"),
        ("HS256", "HS384"),
        ("HS256", "HS512"),
        ("HS256", "RS256"),
        ("HS256", ""),
        ("\"HS256\"", "null"),
        ("\"alg\":\"HS256\",", ""),
        ("at+jwt", "JWT"),
        ("at+jwt", "rt+jwt"),
        ("\"typ\":\"at+jwt\",", ""),
        (",\"kid\":\"KID\"", ""),
        ("KID", "00000000"),
        ("KID", "../../../dev/null"),
        ("\"typ\"", "\"jku\":\"https://evil.example/keys\",\"typ\""),
        ("\"typ\"", "\"x5u\":\"https://evil.example/cert\",\"typ\""),
        ("\"typ\"", "\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"},\"typ\""),
        ("\"typ\"", "\"crit\":[\"exp\"],\"typ\""),
        ("\"typ\"", "\"b64\":false,\"typ\""),
        ("\"typ\"", "\"zip\":\"DEF\",\"typ\""),
        ("\"typ\"", " \"typ\""),
        (HEADER, "{}"),
        (HEADER, "[]"),
    ];
    let forge = |(from, to): (&str, &str)| forged(&HEADER.replace(from, to), &claims(user));
    changes.into_iter().map(forge).collect()
}

/// Tokens of ours with other claims than ours.
fn bad_claims(user: i64) -> Vec<String> {
    let (good, sub) = (claims(user), format!("usr_{user}"));
    let (now, expiry) = (NOW.to_string(), (NOW + 900).to_string());
    let (text, long) = (format!("\"{expiry}\""), (NOW + 3_601).to_string());
    let (later, over) = ((NOW + 31).to_string(), (NOW - 900).to_string());
    let zero = format!("usr_0{user}");
    let changes: [(&str, &str); 28] = [
        ("\"iss\":\"onhand\",", ""),
        ("\"aud\":\"onhand\",", ""),
        ("\"sid\":\"ses_7\",", ""),
        ("\"tfr\":1,", ""),
        ("\"tfr\":1", "\"tfr\":\"1\""),
        ("\"tfr\":1", "\"tfr\":null"),
        ("\"tfr\":1", "\"tfr\":0"),
        ("\"iss\":\"onhand\"", "\"iss\":\"other\""),
        ("\"aud\":\"onhand\"", "\"aud\":\"other\""),
        ("\"aud\":\"onhand\"", "\"aud\":[\"onhand\"]"),
        ("\"aud\":\"onhand\"", "\"aud\":\"\""),
        ("ses_7", "usr_7"),
        ("ses_7", "ses_0"),
        (&sub, "usr_0"),
        (&sub, "usr_-1"),
        (&sub, &zero),
        (&sub, "usr_987654321"),
        (&sub, "ses_1"),
        (&sub, "admin"),
        (&expiry, &text),
        (&expiry, "null"),
        (&expiry, "1e400"),
        (&expiry, &now),
        (&expiry, &long),
        (&expiry, "9223372036854775807"),
        (&expiry, "-1"),
        ("\"tfr\"", "\"nbf\":9000000000,\"tfr\""),
        ("\"exp\"", "\"exp\":1,\"exp\""),
    ];
    let mut tokens: Vec<_> = changes
        .iter()
        .map(|(from, to)| {
            let changed = good.replace(from, to);
            assert_ne!(changed, good, "{from}");
            forged(HEADER, &changed)
        })
        .collect();
    tokens.push(forged(HEADER, &good.replace(&now, &over).replace(&expiry, &now)));
    tokens.push(forged(HEADER, &good.replace(&expiry, &long).replace(&now, &later)));
    tokens.extend(["", "null", "[]", "{}"].map(|claims| forged(HEADER, claims)));
    tokens
}

/// Tokens that were not signed by us, and what is no token.
fn bad_shapes(user: i64, api_key: &str) -> Vec<String> {
    let good = forged(HEADER, &claims(user));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, body) = message.split_once('.').unwrap();
    let other = Secret::new("another secret, in the forty bytes of it");
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[31] ^= 1;
    let changed = encoded(claims(user).replace(&format!("usr_{user}"), "usr_1"));
    let key_of_nobody = people_key();
    let standard = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
    vec![
        signed_by(&other, HEADER, &claims(user)),
        signed_by(&Secret::new(""), HEADER, &claims(user)),
        format!("{message}."),
        format!("{message}.{}", encoded(&flipped)),
        message.to_owned(),
        format!("{message}.{}", &signature[..20]),
        format!("{message}.{signature}="),
        format!("{message}.{standard}"),
        format!("{header}.{changed}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{good}.x"),
        format!("{good}{good}"),
        format!("\"{good}\""),
        format!("{good},"),
        format!("Bearer {good}"),
        "..".into(),
        "x".into(),
        "null".into(),
        "A".repeat(4_096),
        ".".repeat(4_096),
        "onr_7_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE".into(),
        key_of_nobody,
        api_key.to_uppercase(),
        api_key[..api_key.len() - 1].to_owned(),
        format!("{api_key}0"),
        api_key.replacen("onk_", "", 1),
        "' OR 1=1 --".into(),
        "user@example.com:user123".into(),
    ]
}

/// A key that is well made, and nobody's.
fn people_key() -> String {
    onhand_server::auth::tokens::api_key::ApiKey::generate().unwrap().expose().to_owned()
}

/// All that an answer says, but for what only depends on whether something was sent.
fn said(reply: &Reply) -> (u16, String, BTreeMap<String, String>) {
    let headers = reply.headers.iter().filter(|(name, _)| *name != "cache-control");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
    (reply.status, String::from_utf8_lossy(&reply.bytes).into_owned(), headers.collect())
}

async fn knock(world: &World, path: &str, headers: &[(&str, &str)]) -> Reply {
    world.knock(Method::GET, path, headers, Body::empty()).await
}

#[tokio::test]
async fn whatever_is_shown_and_not_good_is_answered_alike() {
    let world = World::new().await;
    let (id, operator) = user(&world, "operator", Role::Operator, None).await;
    let (out_id, out) = user(&world, "out", Role::Operator, None).await;
    people::disable(&world, out_id).await;
    let number = id.number();
    let good = format!("Bearer {}", forged(HEADER, &claims(number)));
    assert_eq!(knock(&world, "/v1/orders", &[("authorization", &*good)]).await.status, 200);
    let nobody = knock(&world, "/v1/orders", &[]).await;
    assert_eq!(
        (nobody.status, nobody.headers["www-authenticate"].as_bytes()),
        (401, &b"Bearer"[..])
    );
    let mut tokens = [bad_headers(number), bad_claims(number)].concat();
    tokens.extend(bad_shapes(number, &world.key));
    tokens.extend(out.token);
    let mut shown: Vec<String> = tokens.iter().map(|token| format!("Bearer {token}")).collect();
    let token = operator.token.unwrap();
    shown.extend(
        ["Basic", "Token", "Digest", "JWT", "Bearer:", "Bearer,", "X"]
            .map(|scheme| format!("{scheme} {token}")),
    );
    shown.extend([token.clone(), format!("Bearer{token}"), format!("Bearer\t{token}")]);
    shown.extend(
        ["", " ", "    ", "Bearer", "Bearer ", "Bearer    ", "Basic dXNlcjp4"].map(Into::into),
    );
    shown.extend(["Bearer ключ", "ключ", "Bearer \u{a0}x"].map(String::from));
    assert!(shown.len() >= 60, "{}", shown.len());
    for value in &shown {
        let reply = knock(&world, "/v1/orders", &[("authorization", value)]).await;
        assert_eq!(said(&reply), said(&nobody), "{value}");
    }
}

#[tokio::test]
async fn a_key_is_taken_from_one_header_and_from_nowhere_else() {
    let world = World::new().await;
    let scopes = Scopes::of(&[Scope::OrdersRead]);
    let token = key(&world, "till", scopes, None).await.1.token.unwrap();
    let [bearer, other] = [&token, &people_key()].map(|token| format!("Bearer {token}"));
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER"] {
        let value = format!("{scheme} {token}");
        assert_eq!(knock(&world, "/v1/orders", &[("authorization", &*value)]).await.status, 200);
    }
    assert_eq!(knock(&world, "/v1/orders", &[("x-api-key", &*token)]).await.status, 200);
    let nobody = said(&knock(&world, "/v1/orders", &[]).await);
    for headers in [
        // Which of two counts is a question that two programs answer in two ways.
        vec![("authorization", &*bearer), ("authorization", &*other)],
        vec![("authorization", &*other), ("authorization", &*bearer)],
        vec![("authorization", &*bearer), ("authorization", &*bearer)],
        vec![("x-api-key", &*token), ("x-api-key", &*token)],
        vec![("authorization", &*other), ("x-api-key", &*token)],
        vec![("x-api-key", &*bearer)],
        vec![("cookie", &*token)],
        vec![("x-auth-token", &*token)],
        vec![("proxy-authorization", &*bearer)],
    ] {
        let reply = knock(&world, "/v1/orders", &headers).await;
        assert_eq!(said(&reply), nobody, "{headers:?}");
    }
    for name in ["access_token", "api_key", "key", "token", "authorization", "apikey"] {
        let path = format!("/v1/orders?{name}={token}");
        assert_eq!(said(&knock(&world, &path, &[]).await), nobody, "{name}");
    }
}
