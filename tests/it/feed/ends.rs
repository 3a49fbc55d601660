//! When a feed ends: with the key, with the process; and that no more are open than may be.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;

use super::listener::{PATIENCE, listen, narrow, open};
use super::live::buy;
use super::told::{event, until_heard};
use crate::support::app::ADMIN_KEY;
use crate::support::program::{created, text};
use crate::support::{Program, TestApp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_and_one_that_runs_out_end_their_feeds() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let lasting = json!({"name": "a", "scopes": ["operator"]});
    let lasting = created(client.post("/api/v1/api-keys", lasting).await);
    let soon = SystemClock::new().now().plus_micros(5_000_000).to_string();
    let short = json!({"name": "b", "scopes": ["operator"], "expires_at": soon});
    let short = created(client.post("/api/v1/api-keys", short).await);
    let mut of_lasting = open(app.addr, &text(&lasting["key"]), "", None).await;
    let mut of_short = open(app.addr, &text(&short["key"]), "", None).await;
    let mut of_admin = open(app.addr, ADMIN_KEY, "", None).await;
    let revoke = format!("/api/v1/api-keys/{}/revoke", text(&lasting["id"]));
    assert_eq!(client.post(&revoke, json!({})).await.status, 200);
    assert!(of_lasting.ends_within(Duration::from_secs(5)).await, "revoked");
    assert!(of_short.ends_within(Duration::from_secs(12)).await, "expired");
    let program = Program::set_up(&mut client, 100_00, 1).await;
    buy(&mut client, &program, "t-1").await;
    of_admin.until("authorization.approved").await;
    drop(of_admin);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_feeds_are_open_than_may_be_and_who_goes_makes_room() {
    let app = TestApp::start_with(|settings| settings.feed.feeds_max = 2).await;
    let mut client = app.client();
    let first = open(app.addr, ADMIN_KEY, "", None).await;
    let second = open(app.addr, ADMIN_KEY, "", None).await;
    let (status, body) = listen(app.addr, ADMIN_KEY, "", None).await.err().unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (503, &json!("too_many_feeds")));
    let request = client.admin(Method::GET, "/api/v1/events");
    let (_, headers) = client.send_for_headers(request).await;
    assert!(headers.contains_key("retry-after"), "{headers:?}");
    drop(first);
    let another = async {
        loop {
            match listen(app.addr, ADMIN_KEY, "", None).await {
                Ok(feed) => break feed,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let another = tokio::time::timeout(PATIENCE, another).await.expect("there is room again");
    // Whoever only asks for the headers takes no place.
    drop(second);
    let head = async {
        loop {
            let request = client.admin(Method::HEAD, "/api/v1/events");
            if client.send_for_headers(request).await.0 == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, head).await.expect("a place, for a moment");
    let last = open(app.addr, ADMIN_KEY, "", None).await;
    drop((another, last));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_leaves_feeds_to_others_and_where_there_are_none_is_no_route() {
    let app = TestApp::start_with(|settings| settings.feed.feeds_max = 4).await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let key = json!({"name": "a", "scopes": ["operator"], "company_id": program.company});
    let key = text(&created(client.post("/api/v1/api-keys", key).await)["key"]);
    let of_company = open(app.addr, &key, "", None).await;
    let (status, body) = listen(app.addr, &key, "", None).await.err().unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (503, &json!("too_many_feeds")));
    let of_program = open(app.addr, ADMIN_KEY, "", None).await;
    drop((of_company, of_program));
    app.stop_and_verify().await;

    let app = TestApp::start_with(|settings| settings.feed.feeds_max = 0).await;
    let (status, body) = listen(app.addr, ADMIN_KEY, "", None).await.err().unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (404, &json!("not_found")));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_ends_its_feeds_first() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let mut feed = open(app.addr, ADMIN_KEY, "", None).await;
    app.drain();
    assert!(feed.ends_within(Duration::from_secs(3)).await);
    let (status, body) = listen(app.addr, ADMIN_KEY, "", None).await.err().unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (503, &json!("unavailable")));
    buy(&mut client, &program, "t-1").await;
    let stopping = tokio::time::timeout(PATIENCE, app.stop_and_verify());
    stopping.await.expect("nothing is waited for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_is_open_does_not_hold_up_the_end() {
    let app = TestApp::start().await;
    let mut feed = open(app.addr, ADMIN_KEY, "", None).await;
    let (stopped, ended) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(4), app.stop()),
        feed.ends_within(Duration::from_secs(4)),
    );
    assert!(stopped.is_ok() && ended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_takes_nothing_does_not_hold_up_the_end() {
    let app = TestApp::start().await;
    until_heard(&app).await;
    let mut silent = narrow(app.addr).await;
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: tollgate.test\r\nauthorization: Bearer {ADMIN_KEY}\r\n\r\n"
    );
    silent.write_all(request.as_bytes()).await.unwrap();
    // The header is the last that it takes.
    silent.read_exact(&mut [0; 16]).await.unwrap();
    let mut taker = open(app.addr, ADMIN_KEY, "?types=test.filled", None).await;
    // More than systems keep on the way.
    for number in 0..600 {
        app.broker().publish(vec![event("test.filled", number, 32 * 1024)]).await.unwrap();
        taker.until("test.filled").await;
    }
    let (stopped, ended) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(4), app.stop()),
        taker.ends_within(Duration::from_secs(4)),
    );
    assert!(stopped.is_ok() && ended, "{stopped:?}");
}
