//! How many decisions a second MongoDB takes, without HTTP, wire and judge; and what each costs it.

use std::sync::Arc;

use mongodb::bson::{Document, Uuid, doc};
use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;
use tollgate::domain::merchant::Merchant;
use tollgate::domain::token::Token;
use tollgate::service::yardstick::{Parts, Purchases, bare_batch};

use super::mongodb::{Corner, store};
use super::subject::{purchase, token, usd};

const WALLETS: usize = 10_000;
/// How many of them are used: each is looked up first.
const USED: usize = 2_000;
const LANES: usize = 2;
const BATCH: usize = 100;
const AT_LEAST_US: u64 = 4_000_000;

/// One wallet with its user and card, written as the store writes them.
async fn fill(database: &mongodb::Database, clock: &dyn Clock) -> Vec<Token> {
    let id = || Uuid::from_bytes(clock.uuid().into_bytes());
    let (mut users, mut cards, mut wallets, mut policies) = (vec![], vec![], vec![], vec![]);
    let mut tokens = Vec::new();
    for number in 0..WALLETS {
        let (user, card, wallet) = (id(), id(), id());
        let name = format!("card-{number}");
        let (version, created_at) = (1_i64, clock.now().as_micros());
        users.push(
            doc! { "_id": user, "status": "ACTIVE", "version": version, "created_at": created_at },
        );
        cards.push(doc! {
            "_id": card, "user": user, "account": wallet, "marqeta_token": &name,
            "status": "ACTIVE", "version": version, "created_at": created_at,
        });
        wallets.push(doc! {
            "_id": wallet, "user": user, "currency": "USD", "zone": "UTC", "version": version,
            "created_at": created_at, "limit": 1_000_000_000_i64, "funded": 0_i64, "held": 0_i64,
            "posted": 0_i64, "account_version": version, "order": 0_i64, "rev": 0_i64,
        });
        policies.extend([user, card].map(|of| doc! { "_id": of, "version": version }));
        tokens.push(token(&name));
    }
    for (name, rows) in [
        ("personal_users", users),
        ("personal_cards", cards),
        ("wallets", wallets),
        ("policy_versions", policies),
    ] {
        database.collection::<Document>(name).insert_many(rows).await.unwrap();
    }
    tokens
}

/// Seconds of processor time that the server has used, by the kernel's count of 100 a second.
fn server_cpu_s(pid: i64) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    ticks(13).unwrap_or_default() / 100.0 + ticks(14).unwrap_or_default() / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn ten_thousand_wallets_are_decided_on() {
    let corner = Corner::new();
    let store = store(&corner, |_| {}).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let cards = fill(&corner.database().await, &*clock).await;
    let status = corner.admin(doc! { "serverStatus": 1 }).await;
    let pid = status.get_i64("pid").unwrap_or_default();
    let parts = Parts { facts: store.clone(), home: store.clone(), clock };
    let merchant: Merchant = purchase("t", "c", 1).merchant;
    // Looking up the facts is not what is measured.
    let cards = cards[..USED].to_vec();
    let purchases = Purchases { cards, amount: usd(1_00), merchant, batch: BATCH };
    let parts = [parts];
    let before = server_cpu_s(pid);
    bare_batch(&parts, &purchases, LANES, 0).await.unwrap();
    let lookups = server_cpu_s(pid) - before;
    let cpu = server_cpu_s(pid) + lookups;
    let bare = bare_batch(&parts, &purchases, LANES, AT_LEAST_US).await.unwrap();
    let decisions = bare.decisions;
    let rate = decisions as f64 / (bare.elapsed_us as f64 / 1e6);
    let cpu_us = (server_cpu_s(pid) - cpu) * 1e6 / decisions as f64;
    println!("{decisions} decisions, {rate:.0} a second, about {cpu_us:.0} us of server each");
    assert!(rate > 500.0, "{rate:.0} decisions a second: something is very wrong");
}
