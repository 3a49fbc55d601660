//! Many callers, one account: never above balance or limit, and not one false decline.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use serde_json::json;

use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Client, Program, TestApp, marqeta};

const CREDIT: i64 = 200_000;
const RACERS: usize = 64;
const EACH: usize = 25;

/// Amounts from 0.01 to 5.00, different for every purchase and the same in every run.
fn cents(racer: usize, number: usize) -> i64 {
    let mixed = (racer * 7_919 + number * 104_729 + 17) % 500;
    i64::try_from(mixed).expect("small") + 1
}

/// Races for more than there is on one account, the callers spread over the clients' services.
async fn race(clients: &[Client], program: &Program) {
    let (approved, smallest_declined) = (AtomicI64::new(0), AtomicI64::new(i64::MAX));
    let sums = Arc::new((approved, smallest_declined));
    let racers = (0..RACERS).map(|racer| {
        let (mut client, sums) = (clients[racer % clients.len()].another(), Arc::clone(&sums));
        let card = program.cards[racer].clone();
        let name = program.account[12..36].to_owned();
        tokio::spawn(async move {
            for number in 0..EACH {
                let amount = cents(racer, number);
                let text = format!("{}.{:02}", amount / 100, amount % 100);
                let token = format!("{name}{racer}-{number}");
                match client.decided(marqeta::purchase(&token, &card, &text)).await.says() {
                    (200, _) => {
                        sums.0.fetch_add(amount, Ordering::Relaxed);
                    }
                    (402, reason) if reason == "INSUFFICIENT_FUNDS" => {
                        sums.1.fetch_min(amount, Ordering::Relaxed);
                    }
                    other => panic!("{other:?}"),
                }
            }
        })
    });
    let racers: Vec<_> = racers.collect();
    for racer in racers {
        racer.await.expect("a racer");
    }
    let approved = sums.0.load(Ordering::Relaxed);
    let unused = CREDIT - approved;
    assert!(unused >= 0, "overdrawn by {}", -unused);
    let asked: i64 = (0..RACERS).flat_map(|r| (0..EACH).map(move |n| cents(r, n))).sum();
    assert!(asked > CREDIT, "the race is for more than there is");
    assert!(unused < sums.1.load(Ordering::Relaxed), "{unused} was left, and less was declined");
    assert_eq!(program.held(&mut clients[0].another()).await, approved);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racers_never_overdraw_and_are_never_declined_for_money_that_is_there() {
    let app = TestApp::start().await;
    let program = Program::set_up(&mut app.client(), CREDIT, RACERS).await;
    race(&[app.client()], &program).await;
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn racers_on_two_instances_never_overdraw_either() {
    let servers = OwnServers::start(&["postgres", "mongodb", "redis"]);
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    // Two instances of a debug build and three servers share the machine: this is about money.
    let mut environment = servers.environment();
    environment.push(("TOLLGATE__JIT__DEADLINE_MS".into(), "7000".into()));
    environment.push(("TOLLGATE__LANE__STALL_MS".into(), "5000".into()));
    let first = Instance::start_on(folders[0].path(), &environment).await;
    let second = Instance::start_on(folders[1].path(), &environment).await;
    let clients = [first.client(), second.client()];
    let business = Program::set_up(&mut first.client(), CREDIT, RACERS).await;
    race(&clients, &business).await;
    let personal = Program::set_up_personal(&mut first.client(), CREDIT, RACERS).await;
    race(&clients, &personal).await;
    first.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racers_share_a_daily_pool_to_the_last_use() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_000_000, 8).await;
    let pool = json!({"scope": "company", "scope_id": program.company, "window": "day",
        "amount": 50_000, "count": 300, "mode": "pool"});
    program.limit(&mut client, pool).await;
    let counts = Arc::new([const { AtomicUsize::new(0) }; 3]);
    let racers = (0..RACERS).map(|racer| {
        let (mut client, counts) = (client.another(), Arc::clone(&counts));
        let card = program.cards[racer % program.cards.len()].clone();
        tokio::spawn(async move {
            for number in 0..10 {
                let body = marqeta::purchase(&format!("p{racer}-{number}"), &card, "1.25");
                let which = match client.jit(body).await.says() {
                    (200, _) => 0,
                    (402, reason) if reason == "TRANSACTION_COUNT_LIMIT_EXCEEDED" => 1,
                    (402, reason) if reason == "AMOUNT_LIMIT_EXCEEDED" => 2,
                    other => panic!("{other:?}"),
                };
                counts[which].fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let racers: Vec<_> = racers.collect();
    for racer in racers {
        racer.await.expect("a racer");
    }
    let counts: Vec<usize> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_eq!(counts, [300, 340, 0], "300 of 1.25 each are 375.00 of 500.00");
    app.stop_and_verify().await;
}
