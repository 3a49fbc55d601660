//! Eight accounts in random order, funded and drawn on at once: batches that want the same accounts the other way
//! round wait for each other, and no caller hears of it.

use std::sync::Arc;

use crate::support::dice::Dice;
use crate::support::pair::Pair;
use crate::support::{Client, Program, TestApp, marqeta, rounds};

const ACCOUNTS: usize = 8;
const GRANTED: i64 = 1_000_000_00;
const CALLERS: usize = 16;

/// What each caller does: about as many fundings as purchases.
const EACH: usize = 50;
const EACH_LONG: usize = 1_000;

/// What was put into each account, and what is held of it.
type Sums = [[i64; 2]; ACCOUNTS];

/// Each call must succeed the first time.
async fn cross(clients: &[Client], name: &str, programs: Vec<Program>) {
    let mut client = clients[0].another();
    let before = sums(&mut client, &programs).await;
    let programs = Arc::new(programs);
    let callers = (0..CALLERS).map(|caller| {
        let client = clients[caller % clients.len()].another();
        tokio::spawn(call(client, format!("{name}{caller}"), caller as u64, Arc::clone(&programs)))
    });
    let mut expected = before;
    for caller in callers.collect::<Vec<_>>() {
        let done = caller.await.expect("a caller");
        for (expected, done) in expected.as_flattened_mut().iter_mut().zip(done.as_flattened()) {
            *expected += done;
        }
    }
    assert_eq!(sums(&mut client, &programs).await, expected);
}

/// One caller's fundings and purchases, and their sums.
async fn call(mut client: Client, name: String, seed: u64, programs: Arc<Vec<Program>>) -> Sums {
    let (mut dice, mut sums) = (Dice(seed), Sums::default());
    for number in 0..rounds(EACH, EACH_LONG) {
        let (at, what, cents) = (dice.below(ACCOUNTS), dice.below(2), dice.below(500) + 1);
        let (program, key) = (&programs[at], format!("{name}-{number}"));
        let amount = i64::try_from(cents).unwrap();
        if what == 0 {
            program.fund(&mut client, &key, amount).await;
        } else {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let answer = client.jit(marqeta::purchase(&key, program.card(), &text)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        sums[at][what] += amount;
    }
    sums
}

async fn sums(client: &mut Client, programs: &[Program]) -> Sums {
    let mut sums = Sums::default();
    for (sums, program) in sums.iter_mut().zip(programs) {
        let account = program.account(client).await;
        *sums = ["funded", "held"].map(|field| account[field].as_i64().expect("an amount"));
    }
    sums
}

async fn companies(client: &mut Client, count: usize) -> Vec<Program> {
    let mut programs = Vec::new();
    for _ in 0..count {
        programs.push(Program::set_up(client, GRANTED, 1).await);
    }
    programs
}

async fn people(client: &mut Client, count: usize) -> Vec<Program> {
    let mut programs = Vec::new();
    for _ in 0..count {
        programs.push(Program::set_up_personal(client, GRANTED, 1).await);
    }
    programs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_in_any_order_are_funded_and_drawn_on_at_once() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let mut programs = companies(&mut client, ACCOUNTS / 2).await;
    programs.extend(people(&mut client, ACCOUNTS / 2).await);
    cross(&[client], "e", programs).await;
    app.stop_and_verify().await;
}

/// One lane for all accounts of a home in each instance: its batches are about several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn two_instances_that_want_accounts_in_any_order_do_not_stop_each_other() {
    let pair = Pair::start(&["postgres", "mongodb"], &[("LANE__COUNT", "1")]).await;
    let clients = pair.clients();
    let mut client = clients[0].another();
    cross(&clients, "b", companies(&mut client, ACCOUNTS).await).await;
    // Who locks in the order of ids waits, and begins again for nobody. (At MongoDB nobody waits: who comes
    // second always begins again.)
    let (mut settled, mut retried) = (0, 0);
    for client in &clients {
        let lanes = client.another().get("/api/v1/profile").await.json()["lanes"].take();
        settled += lanes["items"].as_i64().expect("a number");
        retried += lanes["retries"].as_i64().expect("a number");
    }
    assert!(retried * 100 <= settled, "{retried} batches again for {settled} calls");
    assert_eq!(pair.servers.logged("postgres", "deadlock detected"), 0);
    cross(&clients, "w", people(&mut client, ACCOUNTS).await).await;
    pair.instances[0].verify();
}
