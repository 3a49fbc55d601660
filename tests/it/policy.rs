//! No request received after a change was acknowledged is approved against it, however warm the
//! cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::program::{created, text};
use crate::support::{Client, Program, TestApp, marqeta};

/// Fires purchases at every card from many connections; counts approvals of requests that were
/// sent after `closed` was set.
struct Fire {
    closed: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    wrong: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Fire {
    fn at(client: &Client, cards: &[String], name: &str) -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        let stop = Arc::new(AtomicBool::new(false));
        let (sent, wrong) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..16).map(|gun| {
            let (mut client, cards) = (client.another(), cards.to_vec());
            let (closed, stop) = (Arc::clone(&closed), Arc::clone(&stop));
            let (sent, wrong) = (Arc::clone(&sent), Arc::clone(&wrong));
            let name = name.to_owned();
            tokio::spawn(async move {
                for number in 0_usize.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let card = &cards[(gun + number) % cards.len()];
                    let body = marqeta::purchase(&format!("{name}-{gun}-{number}"), card, "0.01");
                    let after = closed.load(Ordering::SeqCst);
                    let answer = client.jit(body).await;
                    if after {
                        sent.fetch_add(1, Ordering::SeqCst);
                        if answer.status == 200 {
                            wrong.fetch_add(1, Ordering::SeqCst);
                        }
                    } else {
                        assert!([200, 402].contains(&answer.status.as_u16()), "{answer:?}");
                    }
                }
            })
        });
        let tasks = tasks.collect();
        Self { closed, stop, sent, wrong, tasks }
    }

    /// The change has been acknowledged: from here on nothing may be approved.
    async fn nothing_is_approved_from_here(self, what: &str) {
        self.closed.store(true, Ordering::SeqCst);
        while self.sent.load(Ordering::SeqCst) < 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.expect("a gun");
        }
        assert_eq!(self.wrong.load(Ordering::SeqCst), 0, "approved after {what} was acknowledged");
    }
}

async fn warm(client: &mut Client, program: &Program) {
    for (number, card) in program.cards.iter().enumerate() {
        let token = format!("warm-{}-{number}", &program.company[12..36]);
        let answer = client.jit(marqeta::purchase(&token, card, "0.01")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_approved_after_a_change_against_it_was_acknowledged() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let changes: [(&str, fn(&Program) -> (String, Value)); 4] = [
        ("a suspended user", |p| {
            (format!("/api/v1/users/{}", p.user), json!({"status": "SUSPENDED"}))
        }),
        ("a suspended company", |p| {
            (format!("/api/v1/companies/{}", p.company), json!({"status": "SUSPENDED"}))
        }),
        ("a suspended card", |p| {
            (format!("/api/v1/cards/{}", p.card()), json!({"status": "SUSPENDED"}))
        }),
        ("a credit limit cut", |p| {
            (format!("/api/v1/accounts/{}", p.account), json!({"limit": 0}))
        }),
    ];
    for (what, change) in changes {
        let program = Program::set_up(&mut client, 100_000_000, 1).await;
        warm(&mut client, &program).await;
        let fire = Fire::at(&client, &program.cards, &program.company[12..36]);
        tokio::time::sleep(Duration::from_millis(30)).await;
        let (path, body) = change(&program);
        let answer = client.patch(&path, 1, body).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        fire.nothing_is_approved_from_here(what).await;
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_approved_after_a_limit_or_control_was_added_and_all_is_after_it_was_removed() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let additions: [(&str, &str, fn(&Program) -> Value); 4] = [
        (
            "a company limit",
            "/api/v1/spending-limits",
            |p| json!({"scope": "company", "scope_id": p.company, "window": "day", "amount": 0}),
        ),
        (
            "a card limit",
            "/api/v1/spending-limits",
            |p| json!({"scope": "card", "scope_id": p.card(), "window": "month", "count": 0}),
        ),
        (
            "a user control",
            "/api/v1/spending-controls",
            |p| json!({"scope": "user", "scope_id": p.user, "effect": "deny", "mccs": ["5411"]}),
        ),
        (
            "a program control",
            "/api/v1/spending-controls",
            |_| json!({"scope": "program", "effect": "allow", "countries": ["USA"]}),
        ),
    ];
    for (what, path, body) in additions {
        let program = Program::set_up(&mut client, 100_000_000, 1).await;
        warm(&mut client, &program).await;
        let fire = Fire::at(&client, &program.cards, &program.company[12..36]);
        tokio::time::sleep(Duration::from_millis(30)).await;
        let added = text(&created(client.post(path, body(&program)).await)["id"]);
        fire.nothing_is_approved_from_here(what).await;
        assert_eq!(client.delete(&format!("{path}/{added}")).await.status, 204);
        let again = marqeta::purchase(&format!("again-{}", &added[12..36]), program.card(), "0.01");
        assert_eq!(client.jit(again).await.status, 200, "{what} was removed");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_limit_counts_what_its_window_has_seen_already() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000, 2).await;
    for (number, card) in program.cards.iter().enumerate() {
        client.jit(marqeta::purchase(&format!("a{number}"), card, "30.00")).await;
    }
    let pool = json!({"scope": "company", "scope_id": program.company, "window": "month",
        "amount": 7_000, "mode": "pool"});
    program.limit(&mut client, pool).await;
    let over = client.jit(marqeta::purchase("b", program.card(), "10.01")).await;
    assert_eq!(over.says(), (402, "AMOUNT_LIMIT_EXCEEDED".into()));
    assert_eq!(client.jit(marqeta::purchase("c", program.card(), "10.00")).await.status, 200);
    app.stop_and_verify().await;
}
