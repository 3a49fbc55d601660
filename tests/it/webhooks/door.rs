//! What the door answers: to the wrong caller, to bodies that can not be read, to repeats.

use bytes::Bytes;
use http::{Method, header};
use serde_json::{Value, json};

use super::events::{authorization, clearing, envelope};
use crate::support::{Client, Program, TestApp};

const PATH: &str = "/api/v1/marqeta/webhooks";
const SECRET: &str = "Example-Secret-0001-abcXYZ!";
const PINGS: &str = r#"{"pings":[{"token":"marqeta","payload":"healthcheck"}]}"#;
const PINGS_SHA256: &str = "50f9f99131c8f4e7aca02522647c1f5c003d9c8cd1dc9219a7f0efe5b45a3315";

fn says(answer: &crate::support::client::Answer) -> (u16, String) {
    answer.says()
}

/// What came of each element, as the answer tells.
fn told(answer: &crate::support::client::Answer) -> (u16, String, [i64; 4]) {
    let json = answer.json();
    let counts = ["accepted", "duplicates", "ignored", "parked"];
    let status = json["status"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), status, counts.map(|name| json[name].as_i64().unwrap_or(-1)))
}

async fn settled(client: &mut Client, program: &Program, held: i64) {
    for _ in 0..400 {
        if program.held(client).await == held {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(program.held(client).await, held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_platform_s_credentials_open_the_door_and_a_ping_is_echoed() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let answer = client.notify(PINGS).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, PINGS.as_bytes()));
    let long = format!("Basic {}", "x".repeat(10 * 1024));
    for authorization in [
        None,
        Some("Bearer test-admin-key-0001"),
        Some("Basic d3JvbmcOg=="),
        Some("Basic bm90OnJpZ2h0"),
        Some(&long),
    ] {
        let mut request = client.request(Method::POST, PATH);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let answer = client.send(request, Bytes::from(PINGS)).await.unwrap();
        assert_eq!(says(&answer), (401, "unauthorized".into()), "{authorization:?}");
    }
    let get = client.request(Method::GET, PATH);
    assert_eq!(client.send(get, Bytes::new()).await.unwrap().status, 405);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_with_card_data_is_acknowledged_and_not_echoed() {
    let app = TestApp::start().await;
    let mut client = app.client();
    for ping in [
        r#"{"pings":[{"token":"marqeta","payload":"4111 1111 1111 1111"}]}"#,
        r#"{"pings":[{"token":"4111111111111111","payload":"healthcheck"}]}"#,
        r#"{"pings":[{"token":"marqeta","payload":"healthcheck","cvv2":"123"}]}"#,
        r#"{"pings":[{"token":"marqeta","token":"4111111111111111"}]}"#,
        r#"{"pings":[{"token":"marqeta"}],"4111111111111111":[]}"#,
        r#"{"pings":[{"token":"marqeta"}],"cvv2":["123"]}"#,
    ] {
        assert_eq!(told(&client.notify(ping).await), (200, "accepted".into(), [0; 4]), "{ping}");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ambiguous_envelope_is_refused_and_nothing_of_it_is_kept() {
    let app = TestApp::start().await;
    let mut client = app.client();
    for (body, code) in [
        (r#"{"transactions":[{"token":"a"}],"transactions":[{"token":"b"}]}"#, "duplicate_key"),
        (r#"{"new":[{"token":"a"}],"n\u0065w":[{"token":"b"}]}"#, "duplicate_key"),
        (r#"{"new\u0000":[{"token":"a"}]}"#, "invalid_characters"),
    ] {
        assert_eq!(says(&client.notify(body).await), (400, code.to_owned()), "{body}");
    }
    let kept = client.get("/api/v1/webhook-events").await.json();
    assert_eq!(kept["items"], json!([]));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_envelope_are_refused_and_nothing_is_kept() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let large = format!(r#"{{"transactions":["{}"]}}"#, "x".repeat(257 * 1024));
    let many = envelope("transactions", &vec![json!({}); 1_001]);
    let table: Vec<(Bytes, u16, &str)> = vec![
        (Bytes::new(), 400, "empty_body"),
        (Bytes::from_static(b" \r\n"), 400, "empty_body"),
        ("null".into(), 400, "not_an_object"),
        ("5".into(), 400, "not_an_object"),
        ("[5]".into(), 400, "not_an_object"),
        (r#"{"transactions":[{}"#.into(), 400, "malformed_json"),
        ("{} x".into(), 400, "malformed_json"),
        ("{'a':1}".into(), 400, "malformed_json"),
        (format!("\u{feff}{PINGS}").into(), 400, "malformed_json"),
        (Bytes::from_static(b"{\"a\":[\"\xff\"]}"), 400, "invalid_utf8"),
        (large.into(), 413, "body_too_large"),
        (many.into(), 413, "too_many_events"),
    ];
    for (body, status, code) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(says(&client.notify(body).await), (status, code.to_owned()), "{shown}");
    }
    let text = client.request(Method::POST, PATH);
    let wrong = text.header(header::CONTENT_ENCODING, "gzip");
    let wrong = wrong.header(header::AUTHORIZATION, "Basic bWFycWV0YTpUZXN0LXBhc3N3b3JkLTAwMDEh");
    let answer = client.send(wrong, Bytes::from(PINGS)).await.unwrap();
    assert_eq!(says(&answer), (415, "unsupported_encoding".into()));
    for body in ["{}", r#"{"transactions":[]}"#, r#"{"transactions":null}"#] {
        assert_eq!(told(&client.notify(body).await), (200, "accepted".into(), [0; 4]), "{body}");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_set_must_have_signed_the_very_bytes() {
    let app = TestApp::start_with(|settings| {
        settings.webhooks.signature.secret = Some(SECRET.into());
    })
    .await;
    let mut client = app.client();
    let signed = |value| [("x-marqeta-signature", value)];
    assert_eq!(client.notify_with(&signed(PINGS_SHA256), PINGS).await.status, 200);
    let spaced = PINGS.replace(':', ": ");
    for (headers, body, expected) in [
        (&[][..], PINGS, (401, "invalid_signature")),
        (&signed(&PINGS_SHA256[1..])[..], PINGS, (401, "invalid_signature")),
        (&signed(PINGS_SHA256)[..], &spaced, (401, "invalid_signature")),
        (&signed(PINGS_SHA256)[..], "not json", (401, "invalid_signature")),
        (
            &[signed(PINGS_SHA256)[0], signed(PINGS_SHA256)[0]][..],
            PINGS,
            (400, "ambiguous_signature"),
        ),
    ] {
        let answer = client.notify_with(headers, body.to_owned()).await;
        assert_eq!(says(&answer), (expected.0, expected.1.to_owned()), "{headers:?} {body}");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_networks_that_are_named_may_notify() {
    let app = TestApp::start_with(|settings| {
        settings.webhooks.address.allowed = vec!["203.0.113.0/24".parse().unwrap()];
    })
    .await;
    let mut client = app.client();
    for headers in [&[][..], &[("x-forwarded-for", "203.0.113.9")][..]] {
        let answer = client.notify_with(headers, PINGS).await;
        assert_eq!(says(&answer), (403, "forbidden".into()));
    }
    app.stop_and_verify().await;
    let app = TestApp::start_with(|settings| {
        settings.webhooks.address.allowed = vec!["203.0.113.0/24".parse().unwrap()];
        settings.webhooks.address.proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let forwarded = [("x-forwarded-for", "203.0.113.9")];
    assert_eq!(app.client().notify_with(&forwarded, PINGS).await.status, 200);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_has_no_effect_and_another_body_under_its_token_is_a_conflict() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let one = authorization("a", program.card(), "10.00", "PENDING");
    let body = envelope("transactions", std::slice::from_ref(&one));
    assert_eq!(told(&client.notify(body.clone()).await), (200, "accepted".into(), [1, 0, 0, 0]));
    settled(&mut client, &program, 10_00).await;
    for _ in 0..1_000 {
        assert_eq!(
            told(&client.notify(body.clone()).await),
            (200, "duplicate".into(), [0, 1, 0, 0])
        );
    }
    let dearer = authorization("a", program.card(), "11.00", "PENDING");
    let answer = client.notify(envelope("transactions", &[dearer])).await;
    assert_eq!(says(&answer), (409, "event_conflict".into()));
    // It is kept beside the other, once, for a person to look at, and never applied.
    let dearer = authorization("a", program.card(), "11.00", "PENDING");
    let answer = client.notify(envelope("transactions", &[dearer])).await;
    assert_eq!(says(&answer), (409, "event_conflict".into()));
    // Beside others it does not make the platform send all of them again.
    let dearer = authorization("a", program.card(), "11.00", "PENDING");
    let good = authorization("b", program.card(), "1.00", "PENDING");
    let mixed = envelope("transactions", &[dearer.clone(), good]);
    for counts in [[1, 0, 0, 0], [0, 1, 0, 0]] {
        let answer = client.notify(mixed.clone()).await;
        assert_eq!((told(&answer).0, told(&answer).2), (200, counts), "{answer:?}");
        assert_eq!(answer.json()["conflicts"], 1);
    }
    settled(&mut client, &program, 11_00).await;
    let pinged = json!({"pings": [{"token": "marqeta"}], "transactions": [dearer]});
    let answer = client.notify(pinged.to_string()).await;
    assert_eq!(says(&answer), (409, "event_conflict".into()), "a ping is kept nowhere");
    let parked = client.get("/api/v1/webhook-events?state=parked").await.json();
    let parked = parked["items"].as_array().unwrap();
    assert_eq!((parked.len(), &parked[0]["reason"]), (1, &json!("conflict")), "{parked:?}");
    assert_eq!(parked[0]["token"], "t-a");
    let retry = format!("/api/v1/webhook-events/{}/retry", parked[0]["id"].as_str().unwrap());
    let answer = client.post(&retry, json!({})).await;
    assert_eq!(says(&answer), (409, "invalid_transition".into()));
    // A later state of the same transaction is no repeat, and nothing new.
    let cleared = authorization("a", program.card(), "10.00", "CLEARED");
    assert_eq!(told(&client.notify(envelope("transactions", &[cleared])).await).2, [1, 0, 0, 0]);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(program.held(&mut client).await, 11_00);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_element_does_not_sink_the_others_and_unknown_ones_are_kept() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let card = program.card();
    let good = authorization("a", card, "10.00", "PENDING");
    let last = clearing("c", "a", card, "4.00", false);
    let mut broken = authorization("b", card, "10.00", "PENDING");
    broken["gpa_order"]["jit_funding"]["amount"] = json!("1e2");
    let twice = r#"{"token":"x","token":"y","type":"authorization"}"#;
    let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    let elements = [
        good.to_string(),
        "5".into(),
        "null".into(),
        r#""text""#.into(),
        "{}".into(),
        r#"{"token":{"$ne":1},"type":"authorization","state":"PENDING"}"#.into(),
        twice.into(),
        deep,
        r#"{"token":"sur","note":"\ud800"}"#.into(),
        broken.to_string(),
        last.to_string(),
    ];
    let body =
        format!(r#"{{"transactions":[{}],"cardtransitions":{{"a":1}}}}"#, elements.join(","));
    let answer = client.notify(body.clone()).await;
    assert_eq!(told(&answer), (200, "accepted".into(), [2, 0, 0, 10]));
    settled(&mut client, &program, 6_00).await;
    assert_eq!(told(&client.notify(body).await).2, [0, 12, 0, 0], "kept once, however bad");
    let strange: Vec<Value> = vec![json!({"token": "s1"}), json!({"token": "s2", "state": "NEW"})];
    for (family, ignored) in [
        ("brandnewtransitions", 2),
        ("digitalwallettokentransitions", 2),
        ("chargebacktransitions", 2),
        ("threedstransitions", 2),
    ] {
        let answer = client.notify(envelope(family, &strange)).await;
        assert_eq!(told(&answer), (200, "ignored".into(), [0, 0, ignored, 0]), "{family}");
    }
    let unknown =
        json!({"token": "z", "type": "brand.new", "state": "PENDING", "card_token": card});
    let answer = client.notify(envelope("transactions", &[unknown])).await;
    assert_eq!(told(&answer), (200, "ignored".into(), [0, 0, 1, 0]));
    app.stop_and_verify().await;
}
