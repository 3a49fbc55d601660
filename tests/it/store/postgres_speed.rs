//! What a decision costs on PostgreSQL: time, CPU on both sides and WAL, at the batch size that lanes
//! reach under load. To be read, on an idle machine and a release build:
//! `cargo test --release --test it postgres_speed -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use tollgate::app::clock::SystemClock;
use tollgate::domain::authorization::StageTimes;
use tollgate::domain::clock::Clock;
use tollgate::domain::facts::{Cardholder, Facts};
use tollgate::domain::standing::Rules;
use tollgate::ledger;
use tollgate::ledger::intent::{Act, Intent};
use tollgate::ledger::wanted::Wanted;
use tollgate::store::postgres::PostgresStore;
use tollgate::store::{FactsStore, MoneyHome};

use super::postgres_database::{Database, prepared, run};
use super::subject::{purchase, token};

const ACCOUNTS: usize = 100_000;
/// Cards whose facts are known beforehand; they are spread over all accounts.
const CARDS: usize = 4_000;
const LANES: usize = 2;
const BATCH: usize = 100;
const PREPARED: usize = 10;
/// The aim. 1,949 were measured, whole pages (a tenth of one a decision) included.
const WAL_BYTES_MAX: f64 = 2_048.0;
const MEASURED: Duration = Duration::from_secs(8);

/// One company, user, card, daily limit and counter an account.
const SEED: &str = "
create function id_of(kind integer, number integer) returns uuid language sql immutable as
    $$ select (lpad(to_hex(kind), 8, '0') || lpad(to_hex(number), 24, '0'))::uuid $$;
insert into accounts (id, currency, limit_minor, funded, held, posted, version)
    select id_of(1, n), 'USD', 1000000000000, 0, 0, 0, 1 from generate_series(1, 100000) as n;
insert into companies (id, marqeta_token, name, status, currency, zone, account_id, version, created_at)
    select id_of(2, n), 'company-' || n, 'Company', 'ACTIVE', 'USD', 'UTC', id_of(1, n), 1, 0
    from generate_series(1, 100000) as n;
insert into users (id, company_id, marqeta_token, status, version, created_at)
    select id_of(3, n), id_of(2, n), 'user-' || n, 'ACTIVE', 1, 0 from generate_series(1, 100000) as n;
insert into cards (id, user_id, account_id, marqeta_token, status, version, created_at)
    select id_of(4, n), id_of(3, n), id_of(1, n), 'card-' || n, 'ACTIVE', 1, 0
    from generate_series(1, 100000) as n;
insert into spending_limits (id, scope, scope_kind, version, body)
    select id_of(5, n), id_of(4, n), 'card', 1, jsonb_build_object(
        'id', 'lim_' || replace(id_of(5, n)::text, '-', ''),
        'scope', 'crd_' || replace(id_of(4, n)::text, '-', ''),
        'merchant', 'any', 'window', 'day', 'amount', 1000000000, 'count', null, 'currency', null,
        'mode', 'cap', 'version', 1, 'created_at', 0)
    from generate_series(1, 100000) as n;
insert into policy_versions (version, subject)
    select 1, id_of(kind, n) from generate_series(2, 4) as kind, generate_series(1, 100000) as n;
insert into counters (window_start, amount, count, limit_id, member_id, member_kind)
    select 0, 0, 0, id_of(5, n), id_of(4, n), 0 from generate_series(1, 100000) as n;
analyze;
";

/// Nanoseconds that the threads of a process have run.
fn cpu_ns(pid: &str) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let ran = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    tasks.filter_map(|task| ran(task.ok()?)).sum()
}

async fn server(connection: &mut PgConnection) -> (u64, i64, i64) {
    let lanes = "select pid from pg_stat_activity where application_name = 'tollgate lane'
        and datname = current_database()";
    let lanes: Vec<i32> = sqlx::query_scalar(lanes).fetch_all(&mut *connection).await.unwrap();
    let wal = "select (pg_current_wal_lsn() - '0/0')::bigint, wal_fpi from pg_stat_wal";
    let (wal, pages) = sqlx::query_as(wal).fetch_one(connection).await.unwrap();
    (lanes.iter().map(|pid| cpu_ns(&pid.to_string())).sum(), wal, pages)
}

async fn settle(store: &PostgresStore, mut intents: Vec<Intent>) {
    let mut txn = store.begin(&Wanted::by(&intents)).await.unwrap();
    txn.refresh_stale_facts(&mut intents).await.unwrap();
    for intent in &intents {
        ledger::apply(txn.books(), intent, &Rules::default());
    }
    txn.commit().await.unwrap();
}

fn batch(clock: &SystemClock, cards: &[Facts], from: usize) -> Vec<Intent> {
    let facts = (0..BATCH).map(|n| &cards[(from + n) % cards.len()]);
    let intent = |facts: &Facts| {
        let uuid = clock.uuid();
        let card = facts.card.as_ref().unwrap().marqeta_token.clone().unwrap();
        let mut request = purchase(&uuid.to_string(), card.as_str(), 1_00);
        request.merchant.name = Some("A grocer's in Brussels".into());
        request.transaction = Some(token(&clock.uuid().to_string()));
        let act = Act::Authorize(request);
        Intent { uuid, facts: facts.clone(), stages: StageTimes::default(), act }
    };
    facts.map(intent).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_decision_costs_little() {
    let database = Database::migrated().await;
    let mut admin = database.connect().await;
    run(&mut admin, SEED).await;
    let mut options = database.options();
    options.lanes = u32::try_from(LANES).unwrap();
    let store = prepared(options).await;
    let mut known = Vec::new();
    for n in 0..CARDS {
        let name = token(&format!("card-{}", n * (ACCOUNTS / CARDS) + 1));
        let card = store.card(&name).await.unwrap().unwrap();
        let limits = store.limits(&card).await.unwrap();
        known.push(Facts { cardholder: Cardholder::Owner, card: Some(card), limits });
    }
    let clock = SystemClock::new();
    let shares: Vec<Arc<Vec<Facts>>> =
        known.chunks(CARDS / LANES).map(|share| Arc::new(share.to_vec())).collect();
    let mut from = 0;
    // What comes of the seed alone is not to be counted.
    run(&mut admin, "vacuum analyze").await;
    run(&mut admin, "checkpoint").await;
    // Once unmeasured: connections, plans, and the whole pages after a checkpoint.
    for share in &shares {
        for _ in 0..CARDS / LANES / BATCH {
            settle(&store, batch(&clock, share, from)).await;
            from += BATCH;
        }
    }
    let (mut ours, mut theirs, mut wal, mut pages) = (0, 0, 0, 0);
    let (mut elapsed, mut decisions) = (Duration::ZERO, 0_usize);
    while elapsed < MEASURED {
        let mut ready = Vec::new();
        for share in &shares {
            let batches: Vec<_> =
                (0..PREPARED).map(|n| batch(&clock, share, from + n * BATCH)).collect();
            ready.push(batches);
        }
        from += PREPARED * BATCH;
        let before = server(&mut admin).await;
        let own = cpu_ns("self");
        let started = Instant::now();
        let lanes = ready.into_iter().map(|batches| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for batch in batches {
                    settle(&store, batch).await;
                }
            })
        });
        for lane in lanes.collect::<Vec<_>>() {
            lane.await.unwrap();
        }
        elapsed += started.elapsed();
        ours += cpu_ns("self") - own;
        let after = server(&mut admin).await;
        theirs += after.0 - before.0;
        wal += after.1 - before.1;
        pages += after.2 - before.2;
        decisions += LANES * PREPARED * BATCH;
    }
    let each = |sum: f64| sum / decisions as f64;
    eprintln!("{:.0} decisions/s", decisions as f64 / elapsed.as_secs_f64());
    eprintln!("{:.1} us of CPU each in the service, judge included", each(ours as f64) / 1e3);
    eprintln!("{:.1} us of CPU each in the database", each(theirs as f64) / 1e3);
    eprintln!("{:.0} bytes of WAL each, {:.3} whole pages", each(wal as f64), each(pages as f64));
    assert!(each(wal as f64) <= WAL_BYTES_MAX, "much more WAL than when this was written");
}
