//! The client against a real socket: keep-alive, a server that goes away, slow and oversized
//! replies.

use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

async fn listener() -> (TcpListener, Address) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, Address::parse(&url).unwrap())
}

async fn serve(router: Router) -> Address {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn get_from(connection: &mut Connection, path: &str) -> Result<Reply, ClientError> {
    connection.send(Method::GET, path, &[], Bytes::new()).await
}

#[test]
fn an_address_is_plain_http_without_a_path() {
    assert!(Address::parse("http://127.0.0.1:8080").is_ok());
    assert!(Address::parse("http://localhost/").is_ok());
    for wrong in ["https://localhost", "localhost:80", "http://localhost/v1", ""] {
        assert!(Address::parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn requests_carry_method_headers_and_body_and_share_one_connection() {
    let echo = post(|headers: HeaderMap, body: Bytes| async move {
        let key = headers["idempotency-key"].clone();
        (StatusCode::CREATED, [("idempotency-key", key)], body)
    });
    let address = serve(Router::new().route("/echo", echo)).await;
    let mut connection = Connection::new(address);
    let key = HeaderName::from_static("idempotency-key");
    for text in ["one", "two"] {
        let headers = [(key.clone(), HeaderValue::from_static("k1"))];
        let body = Bytes::from_static(text.as_bytes());
        let reply = connection.send(Method::POST, "/echo", &headers, body).await.unwrap();
        assert_eq!(reply.status, StatusCode::CREATED);
        assert_eq!(reply.headers[&key], "k1");
        assert_eq!(reply.body, text);
        assert!(connection.open.is_some());
    }
}

#[tokio::test]
async fn a_large_reply_arrives_whole_and_a_larger_one_is_refused() {
    let large = vec![b'x'; 300_000];
    let expected = large.clone();
    let address = serve(Router::new().route("/large", get(|| async { large }))).await;
    let reply = get_from(&mut Connection::new(address.clone()), "/large").await.unwrap();
    assert!(reply.body == expected);
    let limits = Limits { response_bytes_max: 1000, ..Limits::default() };
    let mut small = Connection::with_limits(address, limits);
    assert!(matches!(get_from(&mut small, "/large").await, Err(ClientError::TooLarge(1000))));
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_the_outcome_is_unknown() {
    let (listener, address) = listener().await;
    let limits = Limits { request_timeout: Duration::from_millis(20), ..Limits::default() };
    let error = get_from(&mut Connection::with_limits(address, limits), "/").await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout(_)), "{error}");
    assert!(error.outcome_is_unknown());
    drop(listener);
}

#[tokio::test]
async fn a_refused_connection_is_no_unknown_outcome() {
    let (listener, address) = listener().await;
    drop(listener);
    let error = get_from(&mut Connection::new(address), "/").await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error}");
    assert!(!error.outcome_is_unknown());
}

#[tokio::test]
async fn a_connection_lost_under_way_is_unknown_and_the_next_request_connects_anew() {
    let (listener, address) = listener().await;
    let server = tokio::spawn(async move {
        let mut buffer = [0; 1024];
        // The first connection breaks after the request, the second answers once and then closes.
        let (mut broken, _) = listener.accept().await.unwrap();
        assert!(broken.read(&mut buffer).await.unwrap() > 0);
        drop(broken);
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    });
    let mut connection = Connection::new(address);
    let error = get_from(&mut connection, "/").await.unwrap_err();
    assert!(matches!(error, ClientError::Lost(_)), "{error}");
    assert!(error.outcome_is_unknown());
    assert_eq!(get_from(&mut connection, "/").await.unwrap().status, StatusCode::NO_CONTENT);
    // Closed while idle: seen before anything is sent, so no outcome is unknown.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(get_from(&mut connection, "/").await.unwrap().status, StatusCode::NO_CONTENT);
    server.await.unwrap();
}
