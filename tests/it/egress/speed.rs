//! How fast relays empty the outbox, the broker's own time left out. To be read, on an idle machine and a
//! release build: `cargo test --release --test it egress::speed -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;
use tollgate::egress::relay::{Parts, Relay, RelayOptions, RelayStats, UNREADABLE_KEPT};
use tollgate::service::dead_letters::DeadLetterDesk;
use tollgate::store::Outbox;

use super::broker::Subscriber;
use crate::store::postgres_database::{Database, prepared, run};

const EVENTS: usize = 60_000;

/// As in the defaults.
const RELAYS: usize = 2;
const OPTIONS: RelayOptions = RelayOptions {
    batch_max: 500,
    idle: Duration::from_millis(50),
    lease: Duration::from_secs(10),
    unreadable: UNREADABLE_KEPT,
};

/// Decisions of a thousand accounts, whose events are made up from their rows.
const SEED: &str = "
create function id_of(kind integer, number integer) returns uuid language sql immutable as
    $$ select (lpad(to_hex(kind), 8, '0') || lpad(to_hex(number), 24, '0'))::uuid $$;
insert into authorizations (at, held, amount, id, chain_id, card_id, account_id, repeated, fingerprint,
        token, operation, currency, echo, details)
    select 0, 1250, 1250, id_of(1, n), id_of(1, n), id_of(2, n % 1000), id_of(3, n % 1000), false,
        decode(md5(n::text), 'hex'), decode('00' || md5(n::text), 'hex'), 'authorize', 'USD', '{}', '{}'
    from generate_series(1, 60000) as n;
insert into outbox (at, id, shard, version, kind)
    select 0, id_of(1, n), n % 1000 % 16, 1, 'authorization.approved' from generate_series(1, 60000) as n;
analyze;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn the_outbox_is_emptied_fast() {
    let database = Database::migrated().await;
    run(&mut database.connect().await, SEED).await;
    let store = prepared(database.options()).await;
    let (broker, stop) = (Arc::new(Subscriber::default()), CancellationToken::new());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let desk = DeadLetterDesk {
        letters: store.clone(),
        broker: broker.clone(),
        faults: Arc::default(),
        clock,
    };
    let desk = Arc::new(desk);
    let started = Instant::now();
    let relays: Vec<_> = (0..RELAYS)
        .map(|_| {
            let parts = Parts {
                home: "postgres",
                outbox: store.clone(),
                broker: broker.clone(),
                clock: Arc::new(SystemClock::new()),
                stats: Arc::new(RelayStats::default()),
                desk: Arc::clone(&desk),
                options: OPTIONS,
            };
            tokio::spawn(Relay::new(parts).run(stop.clone()))
        })
        .collect();
    while broker.count() < EVENTS {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rate = EVENTS as f64 / started.elapsed().as_secs_f64();
    stop.cancel();
    for relay in relays {
        relay.await.unwrap();
    }
    println!("{rate:.0} events a second");
    assert_eq!((broker.count(), store.depth().await.unwrap()), (EVENTS, 0));
    assert!(rate > 1_000.0, "{rate:.0} events a second: something is very wrong");
}
