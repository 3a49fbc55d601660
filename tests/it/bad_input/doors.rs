//! Bad input gets a clear error and changes nothing.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Program, TestApp, marqeta};

/// A purchase whose amount is this text, whatever it is, in all places.
fn with_amount(token: &str, card: &str, literal: &str) -> String {
    marqeta::purchase(token, card, "77.77").replace("77.77", literal)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_can_not_be_read_are_400_at_every_door() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    let good = marqeta::purchase("x", program.card(), "1.00");
    let deep = format!("{}{}", "{\"a\":".repeat(10_000), "1");
    let closed_deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let twice = good.replacen('{', "{\"state\":\"A\",\"st\\u0061te\":\"B\",", 1);
    let mut not_utf8 = good.clone().into_bytes();
    let at = good.find("GHENT").expect("a city");
    not_utf8[at] = 0xff;
    let table: Vec<(Bytes, &str)> = vec![
        (Bytes::new(), "empty_body"),
        ("null".into(), "not_an_object"),
        ("[5]".into(), "not_an_object"),
        (good[..good.len() - 5].to_owned().into(), "malformed_json"),
        (format!("{good} x").into(), "malformed_json"),
        (format!("\u{feff}{good}").into(), "malformed_json"),
        (twice.into(), "duplicate_key"),
        (deep.into(), "too_deep"),
        (closed_deep.into(), "too_deep"),
        (not_utf8.into(), "invalid_utf8"),
        (good.replace("GHENT", "G\\u0000").into(), "invalid_characters"),
        (good.replace("GHENT", "\\ud800").into(), "invalid_unicode"),
    ];
    for (body, code) in &table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(client.jit(body.clone()).await.says(), (400, (*code).to_owned()), "{shown}");
        for path in ["/api/v1/authorizations", "/api/v1/companies", "/api/v1/postings"] {
            let answer = client.send(client.admin(Method::POST, path), body.clone()).await;
            assert_eq!(
                answer.expect("an answer").says(),
                (400, (*code).to_owned()),
                "{path} {shown}"
            );
        }
    }
    let large = good.replace("GHENT", &"G".repeat(66_000));
    assert_eq!(client.jit(large).await.says(), (413, "body_too_large".into()));
    assert_eq!(program.held(&mut client).await, 0);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_jit_door_a_readable_token_makes_every_fault_a_stored_decline() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    let amounts = [
        "-1",
        "10.999",
        "\"1_000\"",
        "\" 10\"",
        "\"10.00 \"",
        "9223372036854775808",
        "1e2",
        "-0",
        "\"NaN\"",
        "\"\"",
        "null",
        "true",
        "[]",
        "{}",
        "0",
        "10.009999999999999999999",
        "\"١٢\"",
        "\"1e309\"",
        "1e309",
        "\"$10\"",
        "10000000000.01",
    ];
    for (number, literal) in amounts.into_iter().enumerate() {
        let body = with_amount(&format!("amount-{number}"), program.card(), literal);
        let answer = client.jit(body.clone()).await;
        assert_eq!(answer.says(), (402, "INVALID_AMOUNT".into()), "{literal}");
        assert_eq!(client.jit(body).await, answer, "{literal}: stored, so repeated");
    }
    // Not JSON at all: unreadable, so an application error.
    for literal in ["NaN", "01", "+1", ".5", "5.", "0x10", "1_000"] {
        let answer = client.jit(with_amount("never", program.card(), literal)).await;
        assert_eq!(answer.status.as_u16(), 400, "{literal}");
    }
    let purchase = |token: &str| -> Value {
        serde_json::from_str(&marqeta::purchase(token, program.card(), "1.00")).expect("json")
    };
    let changed = |token: &str, change: fn(&mut Value)| {
        let mut body = purchase(token);
        change(&mut body);
        body.to_string()
    };
    let table: [(&str, fn(&mut Value), &str); 7] = [
        ("currency-1", |it| it["currency_code"] = json!("usd"), "INVALID_AMOUNT"),
        ("currency-2", |it| it["currency_code"] = json!(840), "INVALID_AMOUNT"),
        ("currency-3", |it| it["currency_code"] = json!("EUR"), "INVALID_AMOUNT"),
        ("card-1", |it| it["card_token"] = json!(null), "INVALID_CARD"),
        ("card-2", |it| it["card_token"] = json!({"$ne": 1}), "INVALID_CARD"),
        ("mcc-1", |it| it["card_acceptor"]["mcc"] = json!("0000"), "TRANSACTION_NOT_PERMITTED"),
        ("mcc-2", |it| it["card_acceptor"]["mcc"] = json!("54111"), "TRANSACTION_NOT_PERMITTED"),
    ];
    for (token, change, reason) in table {
        let answer = client.jit(changed(token, change)).await;
        assert_eq!(answer.says(), (402, reason.to_owned()), "{token}");
    }
    let unreadable: [fn(&mut Value); 5] = [
        |it| it["gpa_order"]["jit_funding"]["token"] = json!(""),
        |it| it["gpa_order"]["jit_funding"]["token"] = json!("x".repeat(37)),
        |it| it["gpa_order"]["jit_funding"]["token"] = json!("../x"),
        |it| it["gpa_order"]["jit_funding"] = json!(null),
        |it| it["gpa_order"] = json!([5]),
    ];
    for change in unreadable {
        assert_eq!(client.jit(changed("never", change)).await.status.as_u16(), 400);
    }
    assert_eq!(program.held(&mut client).await, 0);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_doors_refuse_bad_amounts_fields_ids_and_keys() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    for literal in
        ["1e309", "-1", "NaN", "10.999", "\"1_000\"", "\" 10\"", "9223372036854775808", "0", "null"]
    {
        let body =
            json!({"token": "a", "card": program.card(), "amount": 7_777, "currency": "USD"});
        let body = body.to_string().replace("7777", literal);
        let request = client.admin(Method::POST, "/api/v1/authorizations");
        let answer = client.send(request, body.into()).await.expect("an answer");
        assert_eq!(answer.status.as_u16(), 400, "{literal}: {answer:?}");
    }
    let body =
        json!({"token": "a", "card": program.card(), "amount": 1, "currency": "USD", "balance": 1});
    let answer = client.post("/api/v1/authorizations", body).await;
    assert_eq!(answer.says(), (400, "unknown_field".into()));
    for id in ["abc", "-1", "%00", "%ff", "aut_b", "..%2f"] {
        let answer = client.get(&format!("/api/v1/authorizations/{id}")).await;
        assert_eq!(answer.says(), (400, "invalid_id".into()), "{id}");
    }
    let missing = "/api/v1/cards/crd_01901234567878ab8def0123456789ab";
    assert_eq!(client.get(missing).await.says(), (404, "not_found".into()));
    assert_eq!(client.get("/api/v1/nothing").await.says(), (404, "not_found".into()));
    assert_eq!(client.delete("/api/v1/companies").await.says(), (405, "method_not_allowed".into()));

    let path = format!("/api/v1/cards/{}", program.card());
    let bare = client.admin(Method::PATCH, &path);
    let answer = client.send(bare, json!({"status": "SUSPENDED"}).to_string().into()).await;
    assert_eq!(answer.expect("an answer").says(), (428, "version_required".into()));
    let stale = client.patch(&path, 7, json!({"status": "SUSPENDED"})).await;
    assert_eq!(stale.says(), (412, "version_conflict".into()));
    client.patch(&path, 1, json!({"status": "TERMINATED"})).await;
    let back = client.patch(&path, 2, json!({"status": "ACTIVE"})).await;
    assert_eq!(back.says(), (409, "invalid_transition".into()));
    assert_eq!(program.held(&mut client).await, 0);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_and_wrong_media_are_refused_before_anything_is_read() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    let body: Bytes = marqeta::purchase("a", program.card(), "1.00").into();
    let jit = || client.request(Method::POST, "/api/v1/marqeta/jit");
    let mut requests = vec![jit()];
    for value in [
        "Basic bWFycWV0YTp3cm9uZw==",
        "Bearer test-admin-key-0001",
        "Basic %%%",
        "Basic bm9jb2xvbg==",
        "Basic",
    ] {
        requests.push(jit().header(header::AUTHORIZATION, value));
    }
    let mut bodies = std::collections::HashSet::new();
    for request in requests {
        let answer = client.another().send(request, body.clone()).await.expect("an answer");
        assert_eq!(answer.says(), (401, "unauthorized".into()));
        let mut problem = answer.json();
        problem.as_object_mut().expect("an object").remove("request_id");
        bodies.insert(problem.to_string());
    }
    assert_eq!(bodies.len(), 1, "every failure has the same body");
    let request = client.request(Method::GET, "/api/v1/profile");
    let answer = client.send(request, Bytes::new()).await.expect("an answer");
    assert_eq!(answer.says(), (401, "unauthorized".into()));

    let media = |kind: &str| {
        http::Request::builder()
            .method(Method::POST)
            .uri("/api/v1/companies")
            .header(header::HOST, "x")
            .header(header::AUTHORIZATION, "Bearer test-admin-key-0001")
            .header(header::CONTENT_TYPE, kind)
    };
    for kind in
        ["text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded"]
    {
        let answer = client.send(media(kind), body.clone()).await.expect("an answer");
        assert_eq!(answer.says(), (415, "unsupported_media_type".into()), "{kind}");
    }
    let zipped = media("application/json").header(header::CONTENT_ENCODING, "gzip");
    let answer = client.send(zipped, body.clone()).await.expect("an answer");
    assert_eq!(answer.says(), (415, "unsupported_encoding".into()));
    assert_eq!(program.held(&mut client).await, 0);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_headers_and_silent_connections_are_closed() {
    let app = TestApp::start_with(|settings| {
        settings.http.header_timeout_ms = 300;
        settings.http.body_timeout_ms = 300;
        settings.http.idle_timeout_ms = 300;
    })
    .await;
    let head = "POST /api/v1/marqeta/jit HTTP/1.1\r\nhost: x\r\n";
    for sent in ["", "POST /api", head, "GET /live HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = TcpStream::connect(app.addr).await.expect("a connection");
        stream.write_all(sent.as_bytes()).await.expect("written");
        let mut read = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut read));
        closed.await.unwrap_or_else(|_| panic!("still open after {sent:?}")).expect("closed");
    }
    let mut client = app.client();
    assert_eq!(client.get("/live").await.status, 200, "others are served");
    app.stop_and_verify().await;
}
