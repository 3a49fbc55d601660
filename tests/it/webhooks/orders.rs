//! All 120 orders of five life-cycle events, with duplicates: the same books.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::all_applied;
use super::events::{advice, authorization, clearing, envelope, incremental, reversal};
use crate::support::dice::Dice;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::program::text;
use crate::support::{Client, Program, TestApp, marqeta};

/// Elements of one body: 256 KiB are the most.
const ELEMENTS: usize = 60;

/// What one purchase comes to: 100.00 + 30.00 − 20.00 − 10.00 asked, 50.00 of it posted.
const HELD: i64 = 50_00;
const POSTED: i64 = 50_00;

/// And to a limit: what was asked, whatever is posted of it, by one use.
const COUNTED: (i64, i64) = (100_00, 1);

fn purchase(name: &str, card: &str) -> [Value; 5] {
    let part = |part: &str| format!("{name}-{part}");
    [
        authorization(&part("a"), card, "100.00", "PENDING"),
        incremental(&part("i"), &part("a"), card, "30.00"),
        advice(&part("d"), &part("i"), card, "20.00"),
        clearing(&part("c"), &part("d"), card, "50.00", false),
        reversal(&part("r"), &part("a"), card, "10.00", "PENDING"),
    ]
}

/// Every order of five.
fn orders() -> Vec<Vec<usize>> {
    let mut orders = vec![vec![]];
    for at in 0..5 {
        let longer = orders.iter().flat_map(|order: &Vec<usize>| {
            (0..=at).map(move |place| {
                let mut order = order.clone();
                order.insert(place, at);
                order
            })
        });
        orders = longer.collect();
    }
    orders
}

async fn balance(program: &Program, client: &mut Client) -> (i64, i64) {
    let account = program.account(client).await;
    (account["held"].as_i64().unwrap(), account["posted"].as_i64().unwrap())
}

async fn reached(program: &Program, client: &mut Client, expected: (i64, i64), label: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let found = balance(program, client).await;
        if found == expected {
            return;
        }
        assert!(Instant::now() < until, "{label}: {found:?}, expected {expected:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A card for each order, each with counters of its own.
async fn limited(client: &mut Client, program: Program) -> Program {
    let cap = json!({"scope": "user", "scope_id": program.user, "window": "lifetime",
        "amount": 1_000_00, "count": 10, "mode": "cap"});
    program.limit(client, cap).await;
    program
}

async fn tell(client: &mut Client, events: &[Value], counted: &str) {
    for part in events.chunks(ELEMENTS) {
        let answer = client.notify(envelope("transactions", part)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()[counted], part.len(), "{answer:?}");
    }
}

/// Each order as a purchase of its own, all of them side by side: the first event of each, then the
/// second of each, and so on. The next round begins when everything of the one before has been applied,
/// so that each purchase has its events one after the other, in its order. Every event is sent twice, and
/// once more at the end of its round and of each later one, in no order.
async fn all_orders(client: &mut Client, program: &Program, prefix: &str) {
    let orders = orders();
    assert_eq!(orders.len(), 120);
    let (mut sent, mut dice) = (Vec::new(), Dice(20_261_129));
    for round in 0..5 {
        let of = |(number, order): (usize, &Vec<usize>)| {
            purchase(&format!("{prefix}{number}"), &program.cards[number])[order[round]].clone()
        };
        let events: Vec<Value> = orders.iter().enumerate().map(of).collect();
        for part in events.chunks(ELEMENTS) {
            tell(client, part, "accepted").await;
            tell(client, part, "duplicates").await;
        }
        all_applied(client).await;
        sent.extend(events);
        dice.shuffle(&mut sent);
        tell(client, &sent, "duplicates").await;
        all_applied(client).await;
    }
    let ids = decided(client, program).await;
    let mut first = None;
    for (number, order) in orders.iter().enumerate() {
        let name = format!("{prefix}{number}");
        let id = ids.get(&format!("{name}-a")).unwrap_or_else(|| panic!("{name} {order:?}"));
        let found = client.get(&format!("/api/v1/authorizations/{id}")).await.json();
        let totals = &found["totals"];
        let books = [&found["hold"]["amount"], &totals["cleared"], &totals["refunded"]];
        assert_eq!(books, [&json!(HELD), &json!(POSTED), &json!(0)], "{name} {order:?}: {found}");
        let whole = [&found["state"], totals, &found["closings"]].map(Value::clone);
        assert_eq!(&whole, first.get_or_insert(whole.clone()), "{name} {order:?}");
        let counted = counted(client, &program.cards[number]).await;
        assert_eq!(counted, COUNTED, "{name} {order:?}");
    }
}

/// What the card's own limit has counted, as the judge sees it: an amount, and uses.
async fn counted(client: &mut Client, card: &str) -> (i64, i64) {
    let asked = json!({"token": "what-if", "card": card, "amount": 1, "currency": "USD"});
    let preview = client.post("/api/v1/authorizations?dry_run=true", asked).await.json();
    let used = |what: &str| preview["limits"][0][what]["used"].as_i64();
    let (amount, count) = (used("amount"), used("count"));
    amount.zip(count).unwrap_or_else(|| panic!("{preview}"))
}

/// What was decided on the account: ids by tokens.
async fn decided(client: &mut Client, program: &Program) -> HashMap<String, String> {
    let (mut found, mut cursor) = (HashMap::new(), String::new());
    loop {
        let account = &program.account;
        let path = format!("/api/v1/authorizations?account={account}&limit=200{cursor}");
        let page = client.get(&path).await.json();
        let items = page["items"].as_array().expect("a page").iter();
        found.extend(items.map(|item| (text(&item["token"]), text(&item["id"]))));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// We decide the purchases ourselves, before anything is told of them.
async fn ask_for_all(client: &mut Client, program: &Program, prefix: &str) {
    for (number, card) in program.cards.iter().enumerate() {
        let token = format!("{prefix}{number}-a");
        let answer = client.jit(marqeta::purchase(&token, card, "100.00")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_120_orders_with_duplicates_end_in_the_same_books() {
    let app = TestApp::start().await;
    let mut client = app.client();
    for (prefix, asked) in [("p", false), ("q", true)] {
        let program = Program::set_up(&mut client, 1_000_000_00, 120).await;
        let program = limited(&mut client, program).await;
        if asked {
            ask_for_all(&mut client, &program, prefix).await;
        }
        all_orders(&mut client, &program, prefix).await;
        assert_eq!(balance(&program, &mut client).await, (120 * HELD, 120 * POSTED), "{prefix}");
    }
    app.stop_and_verify().await;
}

/// Several at a time, and all of one order in one body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_bodies_that_are_applied_at_once_end_in_the_same_books() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up_personal(&mut client, 1_000_000_00, 1).await;
    for (number, order) in orders().into_iter().enumerate() {
        let events = purchase(&format!("b{number}"), program.card());
        let body: Vec<Value> = order.iter().map(|at| events[*at].clone()).collect();
        for _ in 0..2 {
            assert_eq!(client.notify(envelope("transactions", &body)).await.status, 200);
        }
    }
    reached(&program, &mut client, (120 * HELD, 120 * POSTED), "all bodies").await;
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn all_120_orders_end_in_the_same_books_on_servers() {
    let servers = OwnServers::start(&["postgres", "mongodb"]);
    let folder = tempfile::tempdir().unwrap();
    let environment = servers.environment();
    let service = Instance::start_on(folder.path(), &environment).await;
    let mut client = service.client();
    let business = Program::set_up(&mut client, 1_000_000_00, 120).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000_00, 120).await;
    for (program, prefix) in [(business, "o"), (personal, "w")] {
        let program = limited(&mut client, program).await;
        all_orders(&mut client, &program, prefix).await;
        assert_eq!(balance(&program, &mut client).await, (120 * HELD, 120 * POSTED), "{prefix}");
    }
    service.verify();
}
