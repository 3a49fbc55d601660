//! Many callers, one account: never above balance or limit, and not one false decline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::pair::Pair;
use crate::support::{Client, Program, TestApp, marqeta, rounds};

const SERVERS: [&str; 3] = ["postgres", "mongodb", "redis"];

const CREDIT: i64 = 200_000;
const RACERS: usize = 64;
const EACH: usize = 50;

/// Races, each for an account of its own. On servers two homes are raced for.
const ROUNDS: usize = 3;
const ROUNDS_LONG: usize = 20;
const ROUNDS_ON_SERVERS: usize = 1;

/// Between two looks at the account.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Amounts from 0.01 to 5.00, different for every purchase and the same in every run.
fn cents(racer: usize, number: usize) -> i64 {
    let mixed = (racer * 7_919 + number * 104_729 + 17) % 500;
    i64::try_from(mixed).expect("small") + 1
}

/// Looks at an account until the race is over: never is more taken than there is. How often it looked.
fn watch(mut client: Client, account: &str, over: &Arc<AtomicBool>) -> JoinHandle<usize> {
    let (path, over) = (format!("/api/v1/accounts/{account}"), Arc::clone(over));
    tokio::spawn(async move {
        let mut looks = 0;
        while !over.load(Ordering::SeqCst) {
            let answer = client.get(&path).await;
            if answer.status == 200 {
                let account = answer.json();
                let of = |field: &str| account[field].as_i64().expect("an amount");
                assert!(of("held") + of("posted") <= of("limit") + of("funded"), "{account}");
                looks += 1;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        looks
    })
}

/// Races for more than there is on one account, the callers spread over the clients' services.
async fn race(clients: &[Client], program: &Program) {
    let over = Arc::new(AtomicBool::new(false));
    let watching = watch(clients[0].another(), &program.account, &over);
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
    over.store(true, Ordering::SeqCst);
    let looks = watching.await.expect("never overdrawn");
    assert!(looks > 5, "only {looks} looks");
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
    for _ in 0..rounds(ROUNDS, ROUNDS_LONG) {
        let program = Program::set_up(&mut app.client(), CREDIT, RACERS).await;
        race(&[app.client()], &program).await;
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn racers_on_two_instances_never_overdraw_either() {
    let pair = Pair::start(&SERVERS, &[]).await;
    let clients = pair.clients();
    for _ in 0..rounds(ROUNDS_ON_SERVERS, ROUNDS_LONG) {
        let business = Program::set_up(&mut clients[0].another(), CREDIT, RACERS).await;
        race(&clients, &business).await;
        let personal = Program::set_up_personal(&mut clients[0].another(), CREDIT, RACERS).await;
        race(&clients, &personal).await;
    }
    pair.instances[0].verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn two_hundred_cards_on_two_instances_share_their_users_pool_to_the_last_cent() {
    const CARDS: usize = 200;
    const APPROVED: usize = 300;
    let pair = Pair::start(&SERVERS, &[]).await;
    let clients = pair.clients();
    let program = Program::set_up(&mut clients[0].another(), 10_000_000, CARDS).await;
    let pool = json!({"scope": "user", "scope_id": program.user, "window": "lifetime",
        "amount": 1_25 * APPROVED, "mode": "pool"});
    program.limit(&mut clients[0].another(), pool).await;
    let racers = (0..RACERS).map(|racer| {
        let mut client = clients[racer % 2].another();
        let cards = program.cards.clone();
        tokio::spawn(async move {
            let mut approved = 0;
            for number in (racer..CARDS * 3).step_by(RACERS) {
                let card = &cards[number % CARDS];
                let body = marqeta::purchase(&format!("u{number}"), card, "1.25");
                match client.decided(body).await.says() {
                    (200, _) => approved += 1,
                    (402, reason) if reason == "AMOUNT_LIMIT_EXCEEDED" => {}
                    other => panic!("{other:?}"),
                }
            }
            approved
        })
    });
    let mut approved = 0;
    for racer in racers.collect::<Vec<_>>() {
        approved += racer.await.expect("a racer");
    }
    assert_eq!(approved, APPROVED, "not one more, and not one less");
    let held = program.held(&mut clients[0].another()).await;
    assert_eq!(held, i64::try_from(1_25 * APPROVED).expect("small"));
    pair.instances[0].verify();
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
