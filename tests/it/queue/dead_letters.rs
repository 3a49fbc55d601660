//! Dead letters over the API: looked through, sent again, discarded, and every act written down.

use std::process::Command;

use serde_json::{Value, json};
use tollgate::broker::headers::{ATTEMPTS, FIRST_ERROR, LAST_ERROR, ORIGIN, REASON};
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{Message, Outgoing, Target};

use super::world::{ask, request, take, until};
use crate::support::app::ADMIN_KEY;
use crate::support::{Client, Program, TestApp, marqeta, servers};

const PATH: &str = "/api/v1/dead-letters";

/// No JSON.
const BROKEN: &str = "{\"token\":";

async fn items(client: &mut Client, query: &str) -> Vec<Value> {
    let answer = client.get(&format!("{PATH}?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["items"].as_array().unwrap().clone()
}

async fn number(app: &TestApp, query: &str) -> usize {
    items(&mut app.client(), query).await.len()
}

/// Publishes what can not be read, and waits until it is kept.
async fn poison(app: &TestApp, ids: &[&str]) {
    for id in ids {
        ask(&app.broker(), request(id, BROKEN.to_owned(), None)).await;
    }
    until("letters are kept", async || number(app, "queue=jit-funding-queue").await >= ids.len())
        .await;
}

async fn tour(app: &TestApp) {
    let mut client = app.client();
    poison(app, &["p1", "p2", "p3"]).await;
    let page = client.get(&format!("{PATH}?reason=malformed_json&state=waiting&limit=2")).await;
    let page = page.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let [first, second] = [0, 1].map(|at| page["items"][at]["id"].as_str().unwrap());
    let next = page["next"].as_str().unwrap();
    let rest = items(&mut client, &format!("reason=malformed_json&cursor={next}")).await;
    assert_eq!(rest.len(), 1);
    assert_eq!(number(app, "text=P2").await, 1, "whatever the case");
    assert_eq!(number(app, "text=nothing").await, 0);
    assert_eq!(number(app, "older_than_s=3600").await, 0);

    let letter = client.get(&format!("{PATH}/{first}")).await.json();
    assert_eq!(letter["body"], BROKEN);
    assert_eq!((&letter["attempts"], &letter["history"]), (&json!(1), &json!([])));

    let dry = json!({"queue": "jit-funding-queue", "dry_run": true});
    let answer = client.post(&format!("{PATH}/redrive"), dry).await;
    assert_eq!(answer.json(), json!({"matched": 3, "redriven": 0, "failed": 0, "dry_run": true}));

    // It dies again, as another letter that knows of its first life.
    let sent = client.post(&format!("{PATH}/{first}/redrive"), json!({"reason": "mended"})).await;
    assert_eq!((sent.status.as_u16(), &sent.json()["state"]), (200, &json!("redriven")));
    until("it is dead once more", async || number(app, "state=waiting").await == 3).await;
    let again = items(&mut client, "state=waiting").await;
    assert_eq!(again.last().unwrap()["redrives"], 1);
    let history = client.get(&format!("{PATH}/{first}")).await.json()["history"].clone();
    for (at, state) in ["waiting", "redriven"].into_iter().enumerate() {
        let Value::Object(act) = &history[at] else { panic!("{history}") };
        assert_eq!(act["actor"], "admin");
        assert_eq!((&act["state"], &act["reason"]), (&json!(state), &json!("mended")));
    }

    let missing = client.post(&format!("{PATH}/{second}/discard"), json!({})).await;
    assert_eq!(missing.says(), (400, "missing_field".to_owned()));
    let gone = client.post(&format!("{PATH}/{second}/discard"), json!({"reason": "noise"})).await;
    assert_eq!(gone.json()["state"], "discarded");
    let late = client.post(&format!("{PATH}/{second}/redrive"), json!({})).await;
    assert_eq!(late.says(), (409, "invalid_transition".to_owned()));
    for path in [format!("{PATH}/dlq_00000000000000000000000000000000"), format!("{PATH}/nonsense")]
    {
        let status = client.get(&path).await.status.as_u16();
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    let bad = client.get(&format!("{PATH}?state=gone")).await;
    assert_eq!(bad.says(), (400, "invalid_parameter".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_looked_through_sent_again_and_discarded() {
    let app = TestApp::start().await;
    tour(&app).await;
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn letters_of_a_server_are_looked_through_sent_again_and_discarded() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let app = TestApp::start_with(|settings| {
        settings.broker.rabbitmq.url = Some(url.as_str().into());
        settings.broker.rabbitmq.prefix.clone_from(&prefix);
    });
    let app = app.await;
    tour(&app).await;
    app.stop_and_verify().await;
    crate::broker::world::clear(&url, &prefix).await;
}

/// The command, its exit code, and what it prints.
async fn command(app: &TestApp, more: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.arg("dead-letters").args(more).env("TOLLGATE__DATA_DIR", app.dir());
    command.args(["--address", &app.addr.to_string(), "--admin-key", ADMIN_KEY]);
    let run = move || command.output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said + &complained)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_lists_shows_sends_again_and_discards() {
    let app = TestApp::start().await;
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 100_00, 1).await;
    poison(&app, &["p1", "p2"]).await;
    let good = died(Queue::Transactions, request("r-good", report("r-good", program.card()), None));
    broker.publish(vec![good]).await.unwrap().pop().unwrap().unwrap();
    until("all are kept", async || number(&app, "limit=200").await == 3).await;

    let (code, said) = command(&app, &["list", "--limit", "2"]).await;
    let (lines, last) = said.trim_end().rsplit_once('\n').unwrap();
    assert_eq!((code, lines.lines().count()), (0, 2), "{said}");
    assert!(lines.contains("jit-funding-queue  malformed_json after 1 attempts"), "{said}");
    let after = last.rsplit_once(' ').unwrap().1;
    let (code, rest) = command(&app, &["list", "--after", after]).await;
    assert_eq!((code, rest.lines().count()), (0, 1), "{rest}");
    assert!(rest.contains("attempts_exhausted"), "{rest}");
    let (code, all) = command(&app, &["list", "--limit", "1000"]).await;
    assert_eq!((code, all), (0, format!("{lines}\n{rest}")));

    let id = lines.split(' ').next().unwrap();
    let (code, shown) = command(&app, &["show", id]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &shown["body"]), (0, &json!(BROKEN)));
    for nothing in [&["redrive"][..], &["redrive", "--text", "p1"], &["redrive", id, "--all"]] {
        let (code, said) = command(&app, nothing).await;
        assert_eq!(code, 2, "{nothing:?}: {said}");
    }
    let exhausted = ["redrive", "--all", "--with-reason", "attempts_exhausted"];
    let (code, said) = command(&app, &[&exhausted[..], &["--dry-run"]].concat()).await;
    assert_eq!((code, said.trim_end()), (0, "matched 1, sent again 0, failed 0"));
    let (code, said) = command(&app, &exhausted).await;
    assert_eq!((code, said.trim_end()), (0, "matched 1, sent again 1, failed 0"));
    until("the good one works", async || processed(&app).await == 1).await;

    let (code, said) = command(&app, &["redrive", id]).await;
    assert_eq!((code, said), (0, format!("{id} redriven\n")));
    let (code, said) = command(&app, &["discard", id, "--reason", "noise"]).await;
    assert_eq!((code, said), (0, format!("{id} discarded\n")));
    let (code, said) = command(&app, &["redrive", id]).await;
    assert!(code == 1 && said.contains("409"), "{code}: {said}");
    app.stop_and_verify().await;
}

/// A reported transaction.
fn report(id: &str, card: &str) -> String {
    let report = json!({"transaction_id": id, "card": card, "amount": 500, "currency": "USD",
        "type": "purchase", "occurred_at": "2026-11-20T12:00:00Z"});
    report.to_string()
}

/// How many reported transactions are processed.
async fn processed(app: &TestApp) -> usize {
    let list = app.get("/api/v1/transactions?status=processed").await.1;
    list["items"].as_array().map_or(0, Vec::len)
}

/// What is left of a good message whose consumers have died at every attempt, long ago.
fn died(queue: Queue, message: Message) -> Outgoing {
    let headers = [
        (ORIGIN, queue.name()),
        (REASON, "attempts_exhausted"),
        (ATTEMPTS, "4"),
        (FIRST_ERROR, "whoever handled it died"),
        (LAST_ERROR, "whoever handled it died"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let key = queue.dead_letter_key().unwrap().to_owned();
    let published_ms = Some(1_700_000_000_000);
    let message = Message { headers: headers.into(), published_ms, ..message };
    Outgoing { target: Target::Topic(Exchange::Transactions, key), message }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_twice_has_its_effects_once() {
    let app = TestApp::start().await;
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    let purchase = marqeta::purchase("t-again", program.card(), "1.00");
    let letters = vec![
        died(Queue::JitFunding, request("t-again", purchase.clone(), Some(&name))),
        died(Queue::Transactions, request("r-again", report("r-again", program.card()), None)),
    ];
    for result in broker.publish(letters).await.unwrap() {
        result.unwrap();
    }
    until("both are kept", async || number(&app, "reason=attempts_exhausted").await == 2).await;
    assert_eq!(program.held(&mut client).await, 0, "nothing has happened yet");

    let found = items(&mut client, "reason=attempts_exhausted").await;
    let ids: Vec<&str> = found.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    let all = json!({"reason": "attempts_exhausted", "rate_per_s": 1000});
    let report = client.post(&format!("{PATH}/redrive"), all.clone()).await;
    let expected = json!({"matched": 2, "redriven": 2, "failed": 0, "dry_run": false});
    assert_eq!(report.json(), expected);
    let late = take(&mut answers).await;
    assert_eq!(late.headers["x-tollgate-status"], "402");
    let late: Value = serde_json::from_slice(&late.body).unwrap();
    assert_eq!(late["jit_funding"]["memo"], "unavailable", "it has waited too long to be judged");
    until("the report is processed", async || processed(&app).await == 1).await;
    assert_eq!(program.held(&mut client).await, 0);
    let decided = client.jit(purchase).await;
    assert_eq!((decided.status.as_u16(), program.held(&mut client).await), (200, 1_00));
    let none = client.post(&format!("{PATH}/redrive"), all).await;
    assert_eq!(none.json()["matched"], 0, "none waits any more");

    // What has worked is sent again all the same: each twice, and at the same time.
    let sending = ids.iter().chain(&ids).map(|id| {
        let mut client = client.another();
        async move { client.post(&format!("{PATH}/{id}/redrive"), json!({})).await }
    });
    for sent in futures_util::future::join_all(sending).await {
        assert_eq!((sent.status.as_u16(), &sent.json()["state"]), (200, &json!("redriven")));
    }
    for again in [take(&mut answers).await, take(&mut answers).await] {
        assert_eq!(again.body, decided.body, "one decision");
    }
    until("every queue is empty", async || {
        broker.stats().await.unwrap().iter().all(|queue| queue.messages == 0)
    })
    .await;
    assert_eq!(program.held(&mut client).await, 1_00);
    assert_eq!(processed(&app).await, 1);
    assert_eq!(number(&app, "state=waiting").await, 0, "none has died again");
    for id in ids {
        let history = client.get(&format!("{PATH}/{id}")).await.json()["history"].clone();
        let acts: Vec<&Value> = history.as_array().unwrap().iter().map(|it| &it["state"]).collect();
        assert_eq!(acts[..2], ["waiting", "redriven"], "written down before and after");
        assert_eq!((acts.len(), history[0]["reason"].as_str()), (6, Some("by filter")));
    }
    app.stop_and_verify().await;
}

/// How many letters a filter matches.
async fn waiting(client: &mut Client, mut filter: Value) -> u64 {
    filter["dry_run"] = json!(true);
    let answer = client.post(&format!("{PATH}/redrive"), filter).await;
    answer.json()["matched"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_that_die_and_are_sent_again_twice_have_their_effects_once() {
    const GROUPS: usize = 8;
    const EACH: usize = 125;
    // However long all that takes, each is judged.
    let app = TestApp::start_with(|settings| settings.jit.queue_deadline_ms = 60_000).await;
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 100_000, 1).await;
    let letters: Vec<Outgoing> = (0..GROUPS * EACH)
        .map(|n| {
            let id = format!("group{}-{n}", n % GROUPS);
            let purchase = marqeta::purchase(&id, program.card(), "0.01");
            let mut letter = died(Queue::JitFunding, request(&id, purchase, None));
            letter.message.published_ms = None; // else it is too late, and is not judged
            letter
        })
        .collect();
    let exhausted = || json!({"reason": "attempts_exhausted"});
    let all = letters.len() as u64;
    for round in 1..=2 {
        // The second time it is as if their publisher had published them once more.
        for result in broker.publish(letters.clone()).await.unwrap() {
            result.unwrap();
        }
        until("all are kept", async || waiting(&mut app.client(), exhausted()).await == all).await;
        let sending = (0..GROUPS).map(|group| {
            let (mut client, mut filter) = (client.another(), exhausted());
            filter["text"] = json!(format!("group{group}-"));
            filter["rate_per_s"] = json!(1000);
            async move { client.post(&format!("{PATH}/redrive"), filter).await.json() }
        });
        let expected = json!({"matched": EACH, "redriven": EACH, "failed": 0, "dry_run": false});
        for sent in futures_util::future::join_all(sending).await {
            assert_eq!(sent, expected, "round {round}");
        }
        let answers = async || {
            let stats = broker.stats().await.unwrap();
            let queue = stats.iter().find(|queue| queue.queue == Queue::JitResponses.name());
            queue.unwrap().messages
        };
        until("each is answered", async || answers().await == round * all).await;
        assert_eq!(program.held(&mut client).await, 1_000, "round {round}");
        assert_eq!(waiting(&mut client, exhausted()).await, 0, "none has died again");
    }
    app.stop_and_verify().await;
}
