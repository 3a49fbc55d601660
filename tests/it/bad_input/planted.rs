//! Card data planted in every place where a caller can put a text, then looked for in everything that is
//! left behind: logs, tables, collections, files, the dump of Redis, queues. And personal fields alike.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, header};
use serde_json::{Value, json};

use super::head::{Head, Logged};
use super::world::{person, tables};
use crate::access::tokens;
use crate::support::program::text;
use crate::support::{Client, Program, marqeta};
use crate::webhooks::events::{authorization, envelope};

/// Test numbers of four schemes, in four spellings.
pub const NUMBERS: [&str; 4] =
    ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "6011000990139424"];

/// What stands in fields that may hold nothing.
const SECRETS: [&str; 3] = ["cvv-planted-731", "pin-planted-731", "track-planted-731"];

/// A reference to a document of a person.
const DOCUMENT: &str = "document-planted-731";

/// What must not be found, as it may have been written.
pub fn needles() -> Vec<Vec<u8>> {
    let digits = |number: &str| number.replace([' ', '-'], "");
    let numbers = NUMBERS.iter().flat_map(|number| [(*number).to_owned(), digits(number)]);
    let secrets = SECRETS.iter().map(|secret| (*secret).to_owned());
    let personal = [
        "Jennifer-Planted",
        "Wren-Planted",
        "jenny.planted",
        "Role-Planted",
        "Reason-Planted",
        DOCUMENT,
    ];
    let texts = numbers.chain(secrets).chain(personal.map(str::to_owned));
    // Binary columns come as hexadecimal digits.
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let needles = texts.flat_map(|text| [hex(&text).into_bytes(), text.into_bytes()]);
    needles.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Which of them are in a text.
pub fn hits(place: &str, bytes: &[u8]) -> Vec<String> {
    let found = needles()
        .into_iter()
        .filter(|needle| bytes.windows(needle.len()).any(|part| part == needle.as_slice()));
    found.map(|needle| format!("{place}: {}", String::from_utf8_lossy(&needle))).collect()
}

#[test]
fn the_finder_finds_every_needle_in_every_kind_of_sink() {
    let folder = tempfile::tempdir().unwrap();
    for (number, needle) in needles().iter().enumerate() {
        let path = folder.path().join(format!("{number}.db-wal"));
        std::fs::write(&path, [b"\x00\xff..".as_slice(), needle, b"\x01"].concat()).unwrap();
    }
    assert_eq!(files(folder.path()).len(), needles().len(), "100 %");
    assert!(hits("a clean text", b"4111111111111112 and nothing else").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_planted_is_left_behind_by_the_embedded_service() {
    let logged = Logged::embedded().await;
    plant(&logged).await;
    look(logged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn nothing_planted_is_left_behind_on_servers() {
    let logged = Logged::on_servers().await;
    plant(&logged).await;
    logged.plant_in_queues().await;
    look(logged).await;
}

/// Every place of every door.
async fn plant(logged: &Logged) {
    let mut client = logged.instance.client();
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    let wallet = Program::set_up_personal(&mut client, 500_000, 1).await;
    let person = text(&person(&mut client).await["id"]);
    change_person(&mut client, &person).await;
    super::fields::plant(&mut client).await;
    for (place, number) in NUMBERS.into_iter().enumerate() {
        for card in [program.card(), wallet.card()] {
            purchases(&mut client, card, number, place).await;
            notifications(&mut client, card, number, place).await;
        }
        untaken(logged, &mut client, number).await;
        our_own(&mut client, &program, number).await;
        loads(&mut client, &program, number).await;
        papers(&mut client, &person, number).await;
        heads(logged, &mut client, number).await;
        in_chunks(logged, program.card(), number, place).await;
    }
}

/// Written again, with what is left of the old.
async fn change_person(client: &mut Client, id: &str) {
    let path = format!("/api/v1/personal/users/{id}");
    let changed = client
        .patch(&path, 1, json!({"last_name": "Wren-Planted-Too", "role": "Role-Planted-Too"}))
        .await;
    assert_eq!(changed.status, 200);
    let read = client.get(&path).await.json();
    assert_eq!(read["first_name"], "Jennifer-Planted", "opened on the way out");
    assert_eq!(read["last_name"], "Wren-Planted-Too");
    assert_eq!(read["email"], "jenny.planted@example.org");
    assert_eq!(read["role"], "Role-Planted-Too");
    let asked = json!({"user_id": id, "tier": "basic", "documents": [DOCUMENT]});
    let submitted = client.post("/api/v1/personal/kyc", asked).await.json();
    assert_eq!(submitted["documents"], json!([DOCUMENT]));
    let reject = format!("/api/v1/personal/kyc/{}/reject", text(&submitted["id"]));
    let rejected = client.post(&reject, json!({"reason": "Reason-Planted"})).await;
    assert_eq!(rejected.json()["reason"], "Reason-Planted", "opened on the way out");
    assert_eq!(rejected.json()["documents"], json!([DOCUMENT]));
}

/// A purchase is decided as if what is planted had not been sent.
async fn purchases(client: &mut Client, card: &str, number: &str, place: usize) {
    let digits = number.replace([' ', '-'], "");
    let plants: [(&str, fn(&mut Value, &str, &str)); 6] = [
        ("name", |it, number, _| it["card_acceptor"]["name"] = json!(format!("SHOP {number}"))),
        ("deep", |it, number, _| it["ignored"] = json!([{"deep": [number, {"note": number}]}])),
        ("key", |it, _, digits| it[digits] = json!("x")),
        ("number", |it, _, digits| {
            it["extra"] = digits.parse().map_or(json!(digits), Value::Number)
        }),
        ("mode", |it, number, _| it["pos"]["pan_entry_mode"] = json!(number)),
        ("secrets", |it, _, _| {
            it["cvv2"] = json!(SECRETS[0]);
            it["card"]["pin_block"] = json!({"data": SECRETS[1]});
            it["Track2_Data"] = json!(SECRETS[2]);
        }),
    ];
    for (name, change) in plants {
        let token = format!("{name}-{place}-{}", &card[card.len() - 6..]);
        let mut body: Value =
            serde_json::from_str(&marqeta::purchase(&token, card, "1.00")).unwrap();
        change(&mut body, number, &digits);
        let answer = client.decided(body.to_string()).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    // And one that can not be read.
    let broken = format!("{{\"a\":\"{number}\",\"a\":1}}");
    assert_eq!(client.jit(broken).await.says(), (400, "duplicate_key".into()));
}

async fn notifications(client: &mut Client, card: &str, number: &str, place: usize) {
    let token = format!("told-{place}-{}", &card[card.len() - 6..]);
    let mut told = authorization(&token, card, "1.00", "PENDING");
    told["card_acceptor"]["name"] = json!(number);
    told["note"] = json!({"deep": [number]});
    told["cvv"] = json!(SECRETS[0]);
    let answer = client.notify(envelope("transactions", &[told])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let twice = format!(
        r#"{{"transactions":[{{"token":"{token}-x","a":"{number}","a":1,"cvv2":"{}"}}]}}"#,
        SECRETS[0]
    );
    assert_eq!(client.notify(twice).await.status, 200, "parked, without it");
    let strange = json!({"token": format!("{token}-y"), "state": number, "note": number});
    assert_eq!(client.notify(envelope("cardtransitions", &[strange])).await.status, 200);
}

/// Of what can not be read, is not kept, or stands around the elements, it is told all the same; and it
/// does not come back with the answer.
async fn untaken(logged: &Logged, client: &mut Client, number: &str) {
    let secret = SECRETS[0];
    for (body, status) in [
        (format!(r#"{{"transactions":["{number}"}}"#), 400),
        (format!(r#"{{"transactions":[{{"cvv":"{secret}"}}],"transactions":[]}}"#), 400),
        (format!(r#"["{number}"]"#), 400),
        (format!(r#"{{"{number}":[]}}"#), 200),
        (format!(r#"{{"cvv2":["{secret}"]}}"#), 200),
        (format!(r#"{{"pings":[{{"token":"marqeta","payload":"{number}"}}]}}"#), 200),
        (format!(r#"{{"pings":[{{"token":"marqeta","pin":"{secret}"}}]}}"#), 200),
        (format!(r#"{{"pings":[{{"token":"a","token":"{number}"}}]}}"#), 200),
        (format!(r#"{{"pings":[{{"token":"marqeta"}}],"{number}":null}}"#), 200),
    ] {
        let before = told(logged, "notification").await;
        let answer = client.notify(body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(hits("an answer", &answer.body).is_empty(), "{body}: {answer:?}");
        assert!(told(logged, "notification").await > before, "{body}");
    }
}

/// How much was told of at a place.
async fn told(logged: &Logged, place: &str) -> u64 {
    let begin = format!("tollgate_pan_seen_total{{place=\"{place}\",");
    let metrics = logged.metrics().await;
    let lines = metrics.lines().filter(|line| line.starts_with(&begin));
    lines.filter_map(|line| line.rsplit(' ').next()?.trim().parse::<u64>().ok()).sum()
}

/// At our own doors it is refused.
async fn our_own(client: &mut Client, program: &Program, number: &str) {
    let card = program.card();
    let report = json!({"transaction_id": "planted", "card": card, "amount": 1, "currency": "USD",
        "type": "purchase", "occurred_at": "2026-01-01T00:00:00Z", "metadata": {"deep": {"note": number}}});
    let bodies = [
        ("/api/v1/companies", json!({"name": number, "currency": "USD"})),
        ("/api/v1/users", json!({"company_id": program.company, "first_name": number})),
        ("/api/v1/personal/users", json!({"last_name": format!("Wren {number}")})),
        ("/api/v1/cards", json!({"user_id": program.user, "last_four": number})),
        ("/api/v1/transactions", report),
        ("/api/v1/postings", json!({"kind": "refund", "card": card, "cvv2": SECRETS[0]})),
        (
            "/api/v1/spending-controls",
            json!({"scope": "program", "effect": "deny", "merchants": [number]}),
        ),
    ];
    for (path, body) in bodies {
        let answer = client.post(path, body).await;
        assert_eq!(answer.says(), (400, "card_number_found".into()), "{path}");
    }
    let later =
        client.admin(Method::POST, "/api/v1/authorizations").header("prefer", "respond-async");
    let body =
        json!({"token": "later", "card": card, "amount": 1, "currency": "USD", "note": number});
    let answer = client.send(later, body.to_string().into()).await.unwrap();
    assert_eq!(answer.says(), (400, "card_number_found".into()));
}

/// A load refuses such lines one by one, and does not repeat them.
async fn loads(client: &mut Client, program: &Program, number: &str) {
    let digits = number.replace([' ', '-'], "");
    let (company, user) = (&program.company, &program.user);
    let person = format!("Wren {number}");
    let lines = [
        json!({"user": {"marqeta_token": "planted", "company_id": company, "first_name": number}})
            .to_string(),
        json!({"user": {"marqeta_token": "planted", "last_name": person}}).to_string(),
        json!({"card": {"marqeta_token": "planted", "user_id": user, "last_four": number}})
            .to_string(),
        json!({"card": {"marqeta_token": "planted", "user_id": user, "cvv2": SECRETS[0]}})
            .to_string(),
        json!({"limit": {"scope": "program", "window": "day", "count": 1, "note": number}})
            .to_string(),
        json!({"ignored": [{"deep": [number]}]}).to_string(),
        format!("{{\"{digits}\":{{}}}}"),
        format!("{{\"user\":{{\"a\":\"{number}\",\"a\":1}}}}"),
        format!("{number}, not JSON"),
    ];
    let request = http::Request::builder()
        .method(Method::POST)
        .uri("/api/v1/imports")
        .header(header::HOST, "tollgate.test")
        .header(header::AUTHORIZATION, client.bearer())
        .header(header::CONTENT_TYPE, "application/x-ndjson");
    let answer = client.send(request, lines.join("\n").into()).await.unwrap();
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(
        (answer.status.as_u16(), told.matches("\"fault\"").count()),
        (200, lines.len()),
        "{told}"
    );
    assert!(hits("an answer", &answer.body).is_empty(), "{told}");
}

/// What people show, and why it does not do.
async fn papers(client: &mut Client, person: &str, number: &str) {
    const KYC: &str = "/api/v1/personal/kyc";
    let submitted = client.post(KYC, json!({"user_id": person, "tier": "standard"})).await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    let own = format!("{KYC}/{}", text(&submitted.json()["id"]));
    let (approve, reject) = (format!("{own}/approve"), format!("{own}/reject"));
    for (path, body) in [
        (KYC, json!({"user_id": person, "tier": "basic", "documents": [number]})),
        (KYC, json!({"user_id": person, "tier": number})),
        (KYC, json!({"user_id": person, "tier": "basic", "pin": SECRETS[1]})),
        (approve.as_str(), json!({"note": {"deep": number}})),
        (reject.as_str(), json!({"reason": format!("shows {number}")})),
    ] {
        let answer = client.post(path, body).await;
        assert_eq!(answer.says(), (400, "card_number_found".into()), "{path}");
        assert!(hits("an answer", &answer.body).is_empty(), "{path}");
    }
    let rejected = client.post(&reject, json!({"reason": "Reason-Planted"})).await;
    assert_eq!(rejected.status, 200, "{rejected:?}");
    let digits = number.replace([' ', '-'], "");
    for path in
        [format!("{KYC}/{digits}"), format!("{KYC}?user={digits}"), format!("{KYC}?{digits}=1")]
    {
        let answer = client.get(&path).await;
        assert!(hits("an answer", &answer.body).is_empty(), "{path}");
    }
}

/// Headers, paths, queries, credentials.
async fn heads(logged: &Logged, client: &mut Client, number: &str) {
    let digits = number.replace([' ', '-'], "");
    let encoded = number.replace(' ', "%20");
    for path in [
        format!("/api/v1/cards/{digits}"),
        format!("/api/v1/users/{encoded}"),
        format!("/api/v1/authorizations/{digits}"),
        format!("/{encoded}"),
        format!("/api/v1/transactions?card={encoded}"),
        format!("/api/v1/transactions?{digits}=1&cvv={}", SECRETS[0]),
    ] {
        let answer = client.get(&path).await;
        assert!(answer.status.is_client_error() || answer.status == 200, "{answer:?}");
    }
    for name in ["x-note", "user-agent", "cookie", "x-request-id", "x-forwarded-for", "referer"] {
        let request = client.admin(Method::GET, "/api/v1/cards/nobody").header(name, number);
        let answer = client.send(request, Bytes::new()).await.unwrap();
        assert_eq!(answer.says(), (404, "not_found".into()));
        assert!(hits("an answer", &answer.body).is_empty(), "{name}");
    }
    for (name, value) in [(format!("x-{digits}"), "x"), ("traceparent".to_owned(), number)] {
        let before = told(logged, "header").await;
        let request = client.admin(Method::GET, "/api/v1/cards/nobody").header(&name, value);
        assert_eq!(client.send(request, Bytes::new()).await.unwrap().status, 404);
        assert!(told(logged, "header").await > before, "{name}");
    }
    let path = "/api/v1/accounts/acc_b0190123456787abc8def0123456789ab/fund";
    let request = client.admin(Method::POST, path).header("idempotency-key", &digits);
    let answer = client.send(request, Bytes::from_static(b"{}")).await.unwrap();
    assert!(answer.status.is_client_error());
    let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
    for (path, credentials) in [
        ("/api/v1/marqeta/jit", basic(format!("{digits}:x"))),
        ("/api/v1/marqeta/webhooks", basic(format!("x:{number}"))),
        ("/api/v1/marqeta/webhooks", basic(format!("{digits}:x"))),
        ("/api/v1/profile", format!("Bearer {digits}")),
    ] {
        let request = client.request(Method::POST, path).header(header::AUTHORIZATION, credentials);
        let answer = client.send(request, Bytes::from_static(b"{}")).await.unwrap();
        assert!(matches!(answer.status.as_u16(), 401 | 405), "{answer:?}");
    }
    subject(client, &digits).await;
}

/// Who is known by it is not known: the audit log would name them.
async fn subject(client: &mut Client, digits: &str) {
    for (subject, status) in [("till-7", 201), (digits, 401)] {
        let token = tokens::shared(&json!({"sub": subject, "scope": "admin"}));
        let request = client.request(Method::POST, "/api/v1/companies");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let body = json!({"name": "Wren", "currency": "USD"}).to_string();
        let answer = client.send(request, body.into()).await.unwrap();
        assert_eq!(answer.status, status, "{subject}: {answer:?}");
    }
}

/// Cut in the middle of the number.
async fn in_chunks(logged: &Logged, card: &str, number: &str, place: usize) {
    let body = marqeta::purchase(&format!("chunks-{place}"), card, "1.00").replace("GHENT", number);
    let middle = body.find(number).unwrap() + 7;
    let (one, two) = body.split_at(middle);
    let request = format!(
        "POST /api/v1/marqeta/jit HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\nconnection: close\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         {:x};{number}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\nx-trailer: {number}\r\n\r\n",
        logged.instance.client().basic(),
        one.len(),
        two.len(),
    );
    let (status, _, answer) = super::run::exchange(logged.instance.addr, request.as_bytes()).await;
    assert_eq!(status, 200, "{answer}");
}

/// Looks through everything.
async fn look(logged: Logged) {
    logged.settled().await;
    let metrics = logged.metrics().await;
    for place in ["body", "header", "target", "notification"] {
        let line = format!("tollgate_pan_seen_total{{place=\"{place}\",what=\"number\"}}");
        let seen = metrics.lines().any(|said| said.starts_with(&line) && !said.ends_with(" 0"));
        assert!(seen, "{line} in {metrics}");
    }
    let mut secrets = metrics.lines().filter(|said| {
        said.starts_with("tollgate_pan_seen_total{") && said.contains("what=\"secret\"")
    });
    assert!(secrets.any(|said| !said.ends_with(" 0")), "{metrics}");
    let mut found = hits("metrics", metrics.as_bytes());
    found.extend(logged.sinks().await);
    for (table, rows) in tables(logged.folder()).await {
        found.extend(hits(&table, rows.join("\n").as_bytes()));
    }
    let folder = logged.folder().to_owned();
    let log = logged.stop();
    assert!(log.contains("pan_seen"), "somebody is told: {log}");
    found.extend(hits("log", log.as_bytes()));
    found.extend(files(&folder));
    let _ = std::fs::remove_dir_all(folder.parent().unwrap());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Every file below a folder, as bytes.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.extend(hits(&path.display().to_string(), &bytes));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_and_the_money_record_stays() {
    let head = Head::embedded().await;
    let mut client = head.app.client();
    let program = Program::set_up_personal(&mut client, 500_000, 1).await;
    let path = format!("/api/v1/personal/users/{}", program.user);
    let names = json!({"first_name": "Jennifer-Planted", "email": "jenny.planted@example.org"});
    assert_eq!(client.patch(&path, 1, names).await.status, 200);
    let answer = client.decided(marqeta::purchase("before", program.card(), "5.00")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let documents = ["018f6b1e-7e2a-7c3d-9f1a-2b3c4d5e6f70"];
    let asked = json!({"user_id": program.user, "tier": "basic", "documents": documents});
    let submitted = client.post("/api/v1/personal/kyc", asked).await.json();
    let submission = format!("/api/v1/personal/kyc/{}", text(&submitted["id"]));
    let reason = json!({"reason": "Reason-Planted: lives elsewhere"});
    let rejected = client.post(&format!("{submission}/reject"), reason.clone()).await.json();
    assert_eq!(rejected["reason"], reason["reason"], "opened on the way out");
    assert_eq!(client.get(&submission).await.json(), rejected);
    let erase = client.admin(Method::POST, &format!("{path}/erase"));
    let erased = client.send(erase, Bytes::new()).await.unwrap();
    assert_eq!(erased.status, 200, "{erased:?}");
    let forgotten = client.get(&submission).await.json();
    assert_eq!((&forgotten["documents"], &forgotten["reason"]), (&json!([]), &Value::Null));
    assert_eq!(forgotten["status"], "rejected", "what was decided stays");
    let read = client.get(&path).await.json();
    for field in ["first_name", "last_name", "email", "role"] {
        assert!(read[field].is_null(), "{read}");
    }
    assert_eq!((&read["status"], &read["version"]), (&json!("CLOSED"), &json!(3)));
    let again =
        client.send(client.admin(Method::POST, &format!("{path}/erase")), Bytes::new()).await;
    assert_eq!(again.unwrap().json(), read, "may be repeated");
    assert_eq!(program.held(&mut client).await, 500, "what was held stays held");
    let refused = client.jit(marqeta::purchase("after", program.card(), "5.00")).await;
    assert_eq!(refused.status, 402);
    let back = client.patch(&path, 3, json!({"status": "ACTIVE"})).await;
    assert_eq!(back.says(), (409, "invalid_transition".into()));
    let nobody = client.admin(Method::POST, "/api/v1/personal/users/nobody/erase");
    assert_eq!(client.send(nobody, Bytes::new()).await.unwrap().says(), (404, "not_found".into()));
    let company = Program::set_up(&mut client, 1_000, 1).await;
    let employee = format!("/api/v1/personal/users/{}/erase", company.user);
    let employee = client.admin(Method::POST, &employee);
    assert_eq!(client.send(employee, Bytes::new()).await.unwrap().status, 404, "not a person's");
    head.app.stop_and_verify().await;
}
