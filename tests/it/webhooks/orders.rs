//! All 120 orders of five life-cycle events, with duplicates: the same books.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::events::{advice, authorization, clearing, envelope, incremental, reversal};
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Client, Program, TestApp, marqeta};

/// What one purchase comes to: 100.00 + 30.00 − 20.00 − 10.00 asked, 50.00 of it posted.
const HELD: i64 = 50_00;
const POSTED: i64 = 50_00;

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

/// Each order as a purchase of its own. `asked`: the authorization was decided by us before. Every second
/// message comes twice, one of them at the end.
async fn all_orders(client: &mut Client, program: &Program, asked: bool) {
    let (mut held, mut posted) = balance(program, client).await;
    for (number, order) in orders().into_iter().enumerate() {
        let name = format!("{}{number}", if asked { "q" } else { "p" });
        let events = purchase(&name, program.card());
        if asked {
            let token = format!("{name}-a");
            let answer = client.jit(marqeta::purchase(&token, program.card(), "100.00")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let twice = order.iter().filter(|at| (*at + number).is_multiple_of(2));
        let arrivals: Vec<usize> = order.iter().chain(twice).copied().collect();
        for at in arrivals {
            let body = envelope("transactions", std::slice::from_ref(&events[at]));
            let answer = client.notify(body).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        held += HELD;
        posted += POSTED;
        reached(program, client, (held, posted), &format!("{name} {order:?}")).await;
    }
    assert_eq!(orders().len(), 120);
}

/// One at a time, so that they are applied in the order in which they arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_120_orders_with_duplicates_end_in_the_same_books() {
    let app = TestApp::start_with(|settings| settings.webhooks.workers = 1).await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000_00, 1).await;
    all_orders(&mut client, &program, false).await;
    all_orders(&mut client, &program, true).await;
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
    let business = Program::set_up(&mut client, 1_000_000_00, 1).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000_00, 1).await;
    // Each order is one body. (On the embedded stores each is waited for, one message after the other.)
    for (number, order) in orders().into_iter().enumerate() {
        for program in [&business, &personal] {
            let home = if program.company.is_empty() { "w" } else { "o" };
            let events = purchase(&format!("{home}{number}"), program.card());
            let arrivals = order.iter().chain(order.first());
            let body: Vec<Value> = arrivals.map(|at| events[*at].clone()).collect();
            assert_eq!(client.notify(envelope("transactions", &body)).await.status, 200);
        }
    }
    reached(&business, &mut client, (120 * HELD, 120 * POSTED), "company").await;
    reached(&personal, &mut client, (120 * HELD, 120 * POSTED), "person").await;
    service.verify();
}
