//! An instance that stands still while it holds an account: nobody who asks another instance waits beyond the
//! deadline, and other lanes go on.

use std::time::Duration;

use mongodb::Client as MongoClient;
use mongodb::bson::{Document, Uuid, doc};
use mongodb::error::TRANSIENT_TRANSACTION_ERROR;
use sqlx::AssertSqlSafe;
use tokio::time::Instant;
use tollgate::domain::id::AccountId;

use crate::store::postgres_database::connect;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::pair::Pair;
use crate::support::{Client, Program, marqeta, rounds};

use super::volley::{Shot, Volley, nothing_is_missing, p99};

/// Seconds.
const STOPPED: usize = 3;
const STOPPED_LONG: usize = 10;

const CALLERS: usize = 8;
const CARDS: usize = 8;
const LANES: u128 = 4;

/// How many accounts of other lanes are asked for.
const OTHERS: usize = 4;

/// How often the instance is stopped until it was at the right moment, and how long what it had sent before
/// may take to end.
const STOPS_MAX: u64 = 100;
const SETTLED: Duration = Duration::from_millis(100);

/// The deadline, and what a slow machine adds to an answer.
const DEADLINE: Duration = Duration::from_millis(1_000 + 500);

/// What an answer of a lane that nobody is in the way of may take: so long, or on a slow machine a multiple
/// of what such answers took just before.
const USUAL: Duration = Duration::from_millis(300);
const USUAL_TIMES: u32 = 3;

/// Less than the deadline in any case: whoever waited for the held account would take that.
const USUAL_MAX: Duration = Duration::from_millis(900);

const BACK_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_instance_that_stops_with_an_account_of_postgres_delays_only_that_account() {
    stopped_with_an_account("postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_instance_that_stops_with_a_wallet_of_mongodb_delays_only_that_wallet() {
    stopped_with_an_account("mongodb").await;
}

async fn stopped_with_an_account(server: &'static str) {
    let lanes = LANES.to_string();
    // The deadline is what is looked at. Who goes on after so long answers what came meanwhile, rather than
    // closing connections for its age.
    let settings = [
        ("LANE__COUNT", lanes.as_str()),
        ("JIT__DEADLINE_MS", "1000"),
        ("LANE__STALL_MS", "500"),
        ("HTTP__HEADER_TIMEOUT_MS", "30000"),
        ("HTTP__BODY_TIMEOUT_MS", "30000"),
        ("HTTP__IDLE_TIMEOUT_MS", "30000"),
    ];
    let Pair { instances: [first, second], servers, folders: _folders } =
        Pair::start(&[server], &settings).await;
    let mut client = first.client();
    let held = set_up(&mut client, server).await;
    let mut others = Vec::new();
    while others.len() < OTHERS {
        let program = set_up(&mut client, server).await;
        if lane(&program) != lane(&held) {
            others.push(program);
        }
    }
    let spared_cards: Vec<String> = others.iter().flat_map(|it| it.cards.clone()).collect();
    for (number, card) in held.cards.iter().chain(&spared_cards).enumerate() {
        let warm = client.decided(marqeta::purchase(&format!("warm-{number}"), card, "0.01")).await;
        assert_eq!(warm.status, 200, "{warm:?}");
    }

    let before = usual(&first, &held.cards, &spared_cards).await;
    let fire = Volley::at(&[second.client()], CALLERS, &held.cards, "second");
    stop_with(&second, &servers, server, account(&held)).await;
    let from = Instant::now();
    let hit = Volley::at(&[first.client()], CALLERS, &held.cards, "hit");
    let spared = Volley::at(&[first.client()], CALLERS, &spared_cards, "spared");
    tokio::time::sleep(Duration::from_secs(rounds(STOPPED, STOPPED_LONG) as u64)).await;
    let to = Instant::now();
    second.go_on();
    let returned = hit.approves_again(to).await.max(fire.approves_again(to).await);
    let (fire, hit, spared) = (fire.end().await, hit.end().await, spared.end().await);

    let slowest = hit.iter().map(|shot| shot.took).max().unwrap_or_default();
    assert!(slowest <= DEADLINE, "{slowest:?}");
    let wrong = hit.iter().find(|shot| !shot.is_approved() && !shot.is_unavailable());
    assert!(wrong.is_none(), "{wrong:?}");
    let by_policy = hit.iter().filter(|shot| shot.is_unavailable()).count();
    assert!(by_policy > 0, "nobody was in the way of anybody");
    let unharmed: Vec<&Shot> = spared.iter().filter(|shot| shot.sent < to).collect();
    assert!(unharmed.len() > 100, "only {} were asked of other lanes", unharmed.len());
    let declined = unharmed.iter().find(|shot| !shot.is_approved());
    assert!(declined.is_none(), "other lanes: {declined:?}");
    println!(
        "an instance stood still for {:?} with an account of {server}: {by_policy} answered by policy, \
         slowest {slowest:?}; {} of other lanes approved, p99 {:?}, before {:?}; \
         all approved {returned:?} after it went on",
        to - from,
        unharmed.len(),
        p99(&unharmed),
        before.p99,
    );
    let usual_max = USUAL.max(USUAL_TIMES * before.p99).min(USUAL_MAX);
    assert!(p99(&unharmed) <= usual_max, "{:?}", p99(&unharmed));
    assert!(returned <= BACK_WITHIN, "{returned:?}");

    for (name, instance) in [("first", &first), ("second", &second)] {
        let mut client = instance.client();
        for (number, card) in held.cards.iter().chain(&spared_cards).enumerate() {
            let token = format!("after-{name}-{number}");
            let after = client.decided(marqeta::purchase(&token, card, "0.01")).await;
            assert_eq!(after.status, 200, "{after:?}");
        }
    }
    nothing_is_missing(&client, &hit).await;
    nothing_is_missing(&client, &fire).await;
    nothing_is_missing(&client, &spared).await;
    // Every card was used once before, and twice after.
    let approved = before.held + fire.iter().chain(&hit).filter(|shot| shot.is_approved()).count();
    let expected = i64::try_from(approved + 3 * held.cards.len()).unwrap();
    held.held_becomes(&mut client, expected).await;
    first.verify();
}

/// What the same callers meet while nobody stands still.
struct Before {
    p99: Duration,
    /// Approvals on the account that will be held.
    held: usize,
}

async fn usual(instance: &Instance, held: &[String], spared: &[String]) -> Before {
    let hit = Volley::at(&[instance.client()], CALLERS, held, "before-hit");
    let spared = Volley::at(&[instance.client()], CALLERS, spared, "before-spared");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (hit, spared) = (hit.end().await, spared.end().await);
    let p99 = p99(&spared.iter().collect::<Vec<_>>());
    Before { p99, held: hit.iter().filter(|shot| shot.is_approved()).count() }
}

async fn set_up(client: &mut Client, server: &str) -> Program {
    match server {
        "postgres" => Program::set_up(client, 100_000_000, CARDS).await,
        _ => Program::set_up_personal(client, 100_000_000, CARDS).await,
    }
}

fn account(program: &Program) -> AccountId {
    program.account.parse().unwrap()
}

/// As a service shares accounts out among its lanes.
fn lane(program: &Program) -> u128 {
    account(program).uuid().as_u128() % LANES
}

/// Stops an instance under fire, until it was while its transaction held the account.
async fn stop_with(instance: &Instance, servers: &OwnServers, server: &str, account: AccountId) {
    for round in 0..STOPS_MAX {
        tokio::time::sleep(Duration::from_millis(50 + round % 10)).await;
        instance.stop();
        tokio::time::sleep(SETTLED).await;
        if is_held(servers, server, account).await {
            return;
        }
        instance.go_on();
    }
    panic!("{STOPS_MAX} times stopped, and never in the middle of a batch");
}

/// Whether a transaction has the account. Nobody but the stopped instance is asked about it.
async fn is_held(servers: &OwnServers, server: &str, account: AccountId) -> bool {
    match server {
        "postgres" => is_locked(&servers.url("DATABASE_URL"), account).await,
        _ => is_claimed(&servers.url("MONGODB_URI"), account).await,
    }
}

async fn is_locked(url: &str, account: AccountId) -> bool {
    let free = format!(
        "select count(*) from
            (select id from accounts where id = '{}' for update skip locked) as free",
        account.uuid()
    );
    let free = sqlx::query_scalar::<_, i64>(AssertSqlSafe(free));
    free.fetch_one(&mut connect(url).await).await.unwrap() == 0
}

/// A claim meets a conflict at once where another transaction has the wallet.
async fn is_claimed(url: &str, account: AccountId) -> bool {
    let client = MongoClient::with_uri_str(url).await.unwrap();
    let wallets = client.default_database().unwrap().collection::<Document>("wallets");
    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let wallet = doc! { "_id": Uuid::from_bytes(*account.uuid().as_bytes()) };
    let claim = wallets.update_one(wallet, doc! { "$inc": { "rev": 1_i64 } });
    let claimed = claim.session(&mut session).await;
    match claimed {
        Ok(claimed) => {
            assert_eq!(claimed.matched_count, 1);
            session.abort_transaction().await.unwrap();
            false
        }
        Err(error) => {
            assert!(error.contains_label(TRANSIENT_TRANSACTION_ERROR), "{error}");
            true
        }
    }
}
