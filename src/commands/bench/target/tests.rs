//! A target that fails in every way, counted from outside.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, post};
use clap::Parser;
use serde_json::json;
use tokio::net::TcpListener;

use super::super::answers::Failures;
use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// Creates whatever it is told to, one by one and in bulk. Of each ten purchases it answers the first
/// with 502, the second with an outage, the third with another purchase's approval, and breaks the
/// connection of the fourth; the fifth is the last on its connection, which is its right.
async fn serve() -> SocketAddr {
    let served = Arc::new(AtomicU64::new(0));
    let jit =
        move |body: Bytes| async move { answer(served.fetch_add(1, Ordering::Relaxed), body) };
    let create = |headers: HeaderMap| async move {
        let known = headers.get("authorization").is_some_and(|key| key == "Bearer key");
        let status = if known { StatusCode::CREATED } else { StatusCode::UNAUTHORIZED };
        (status, Json(json!({"id": "an-id"})))
    };
    let load = |_: Bytes| async { Json(json!({"summary": {"faulty": 0}})) };
    let routes = Router::new()
        .route("/api/v1/marqeta/jit", post(jit))
        .route("/api/v1/imports", post(load))
        .route("/api/v1/{*rest}", any(create));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    addr
}

fn answer(number: u64, request: Bytes) -> Response {
    const OUTAGE: &str = r#"{"jit_funding":{"decline_reason":"X","memo":"unavailable"}}"#;
    match number % 10 {
        0 => StatusCode::BAD_GATEWAY.into_response(),
        1 => (StatusCode::PAYMENT_REQUIRED, OUTAGE).into_response(),
        2 => r#"{"jit_funding":{"token":"another"}}"#.into_response(),
        3 => panic!("axum then closes the connection without an answer"),
        4 => ([("connection", "close")], request).into_response(),
        _ => request.into_response(),
    }
}

async fn measure(addr: SocketAddr, flags: &str) -> Result<Report, BenchError> {
    let url = format!("http://{addr}");
    let line = format!(
        "bench --target {url} --rate 200 --seconds 1 --connections 4 --accounts 8 {flags} \
         --jit-username u --jit-password p"
    );
    let args = Cli::parse_from(line.split_ascii_whitespace()).args;
    let target = Target::of(&url, &args).await?;
    target.measure(&args, Profile::Uncontended, Plan::new(1, None, false)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failed_request_is_counted_by_its_kind() {
    let report = measure(serve().await, "--admin-key key").await.unwrap();
    let expected = Failures {
        connection: 20,
        status: 20,
        statuses: [(502, 20)].into(),
        unavailable: 20,
        wrong: 20,
        unsent: 0,
    };
    assert_eq!(report.failures, expected, "{report}");
    let open_loop = report.open_loop.as_ref().unwrap();
    assert_eq!((open_loop.answers, report.errors), (120, 80));
    assert!(report.peak.is_none() && report.verified.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_said_before_anything_is_measured() {
    let error = measure(serve().await, "--admin-key another").await.unwrap_err();
    assert!(super::super::super::in_one_line(&error).contains("answered 401"), "{error}");
}

#[tokio::test]
async fn what_the_flags_leave_out_must_be_set() {
    let error = measure("127.0.0.1:1".parse().unwrap(), "").await.unwrap_err();
    assert!(error.to_string().contains("admin.key"), "{error}");
}

#[test]
fn only_plain_urls_are_targets() {
    assert_eq!(host("http://127.0.0.1:8080").unwrap(), "127.0.0.1:8080");
    assert_eq!(host("http://pay.internal/").unwrap(), "pay.internal");
    for url in ["https://a", "http://", "http://a/b", "http://u:p@a", "a:80"] {
        assert!(host(url).is_err(), "{url}");
    }
}
