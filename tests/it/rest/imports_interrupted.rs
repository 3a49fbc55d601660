//! Bulk loads that are interrupted: by a body that breaks off, a connection that is closed, a service that is
//! killed. What follows goes on where the load has stopped, or begins again, and nothing is there twice.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::imports::{lines, send};
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;
use crate::support::instance::Instance;
use crate::support::{Client, Program};

/// Users, each with a card and a limit of it: three lines each, and a chunk is 500 lines.
const USERS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_load_goes_on_and_nothing_is_doubled() {
    run(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_interrupted_load_goes_on_and_nothing_is_doubled_on_servers() {
    let (database, corner) = (Database::migrated().await, Corner::new());
    let url = |name: &str, url: &str| (name.to_owned(), url.to_owned());
    let servers = [url("DATABASE_URL", database.service_url()), url("MONGODB_URI", corner.url())];
    run(&servers).await;
    drop((corner, database));
}

async fn run(environment: &[(String, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), environment).await;
    let mut client = service.client();
    let program = Program::set_up(&mut client, 0, 0).await;
    let all = lines(&json!(program.company), USERS);
    let all: Vec<&str> = all.lines().collect();

    // The body breaks off in the midst of line 1,201: two chunks are loaded.
    let mut broken = begin(&service, &all[..1_200]).await;
    broken.write_all(b"8\r\n{\"user\":\r\nzz\r\n").await.unwrap();
    let summary = answer(broken).await;
    assert_eq!((&summary["complete"], &summary["code"]), (&json!(false), &json!("malformed_body")));
    assert_eq!((&summary["lines"], &summary["next_line"]), (&json!(1_000), &json!(1_001)));
    let loaded = json!({"users": 334, "cards": 333, "limits": 333});
    assert_eq!((&summary["created"], &summary["faulty"]), (&loaded, &json!(0)), "{summary}");

    // From there on, until the connection is closed: another chunk. Nobody is told how far it came.
    let closed = begin(&service, &all[1_000..1_700]).await;
    has_limit(&mut client, 499).await;
    drop(closed);

    // From there on again, until the service is killed.
    let killed = begin(&service, &all[1_000..2_200]).await;
    has_limit(&mut client, 665).await;
    service.kill();
    drop(killed);

    let service = Instance::start_on(folder.path(), environment).await;
    let mut client = service.client();
    let (status, faults, summary) = send(&mut client, all.join("\n")).await;
    assert_eq!((status.as_u16(), &faults[..]), (200, &[][..]), "{summary}");
    assert_eq!((&summary["complete"], &summary["next_line"]), (&json!(true), &Value::Null));
    for kind in ["users", "cards", "limits"] {
        let count = |what: &str| summary[what][kind].as_u64().unwrap();
        assert_eq!(count("created") + count("existing"), USERS as u64, "{kind}: {summary}");
    }
    assert_eq!(summary["existing"]["users"], 667, "those of the first 2,000 lines: {summary}");
    let (_, _, again) = send(&mut client, all.join("\n")).await;
    let every = json!({"users": USERS, "cards": USERS, "limits": USERS});
    assert_eq!(again["existing"], every, "{again}");
    for number in [0, 332, 333, 499, 500, 665, 666, USERS - 1] {
        assert_eq!(limits(&mut client, number).await, 1, "of card {number}");
    }
    service.kill();
}

/// Sends these lines, and leaves open whether more come.
async fn begin(service: &Instance, lines: &[&str]) -> TcpStream {
    let mut body = String::new();
    for line in lines {
        writeln!(body, "{line}").unwrap();
    }
    let request = format!(
        "POST /api/v1/imports HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\nconnection: close\r\n\
         content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
        service.client().bearer(),
        body.len(),
    );
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The summary of a load that was refused in the end.
async fn answer(mut stream: TcpStream) -> Value {
    let mut received = Vec::new();
    let reading = stream.read_to_end(&mut received);
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("an end").unwrap();
    let answer = String::from_utf8(received).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let last: Value = serde_json::from_str(answer.lines().last().unwrap()).unwrap();
    last["summary"].clone()
}

/// Waits until the limit of this card is there: it is the last of its chunk.
async fn has_limit(client: &mut Client, number: usize) {
    for _ in 0..1_500 {
        if limits(client, number).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the chunk of card {number} is not loaded");
}

/// How many limits a card has.
async fn limits(client: &mut Client, number: usize) -> usize {
    let path = format!("/api/v1/spending-limits?scope=card&scope_id=c-{number}");
    client.get(&path).await.json()["items"].as_array().map_or(0, Vec::len)
}
