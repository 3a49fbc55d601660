//! How connections go back whose callers went away in the middle of a read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tollgate::store::Outbox;
use tollgate::store::postgres::PostgresOptions;

use super::postgres_cancelled::{behind, connections, open, proxy};
use super::postgres_database::{Database, prepared, run};

/// Connections for reads.
const READERS: usize = 3;

fn few_readers(url: &str) -> PostgresOptions {
    let mut options = PostgresOptions::new(url).unwrap();
    options.pool_max = 4; // a quarter is for writes
    options
}

/// The connections whose statements wait for a lock, by their servers.
async fn waiting(database: &Database) -> Vec<i32> {
    let sql = "select pid from pg_stat_activity where datname = current_database()
        and application_name = 'tollgate' and wait_event_type = 'Lock' order by pid";
    sqlx::query_scalar(sql).fetch_all(&mut database.connect().await).await.unwrap()
}

/// As many reads as there may be at a time, waiting for what this connection has locked.
async fn blocked(database: &Database, outbox: &Arc<dyn Outbox>) -> (PgConnection, JoinSet<()>) {
    let mut locker = database.connect().await;
    run(&mut locker, "begin; lock table outbox in access exclusive mode").await;
    let mut reads = JoinSet::new();
    for _ in 0..READERS {
        let outbox = Arc::clone(outbox);
        reads.spawn(async move { drop(outbox.depth().await) });
    }
    while waiting(database).await.len() < READERS {
        sleep(Duration::from_millis(20)).await;
    }
    (locker, reads)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_read_that_ends_soon_after_its_caller_went_away_costs_no_connection() {
    let database = Database::migrated().await;
    let subject = open(few_readers(database.service_url())).await;
    for _ in 0..5 {
        let (locker, mut reads) = blocked(&database, &subject.outbox).await;
        let before = waiting(&database).await;
        reads.shutdown().await;
        drop(locker);
        subject.outbox.depth().await.unwrap();
        let after = connections(&database).await;
        assert!(before.iter().all(|server| after.contains(server)), "{before:?} {after:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_read_whose_caller_went_away_ends_at_the_server_too() {
    let database = Database::migrated().await;
    let subject = open(few_readers(database.service_url())).await;
    let program = subject.program("acme", 1_00).await;
    let (_locker, mut reads) = blocked(&database, &subject.outbox).await;
    reads.shutdown().await;
    let until = Instant::now() + Duration::from_secs(15);
    while !waiting(&database).await.is_empty() {
        assert!(Instant::now() < until, "nobody wants what they read");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(subject.balance(program.account).await, [1_00, 0, 0, 0]);
}

/// Passes on what is read, until the host behind vanishes: what was open before that stays open, and
/// nothing is heard of it any more. Another host has taken the address.
async fn pass(client: TcpStream, server: TcpStream, vanished: Arc<AtomicUsize>) {
    let before = vanished.load(Ordering::SeqCst);
    let there = || vanished.load(Ordering::SeqCst) == before;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        () = half(&mut from_client, &mut to_server, there) => {}
        () = half(&mut from_server, &mut to_client, there) => {}
    }
}

async fn half(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, there: impl Fn() -> bool) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if !there() {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn reads_that_were_dropped_as_the_host_vanished_leave_their_places_to_others() {
    let database = Database::migrated().await;
    let (server, url) = behind(&database);
    let vanished = Arc::new(AtomicUsize::new(0));
    let gone = Arc::clone(&vanished);
    let port = proxy(server, move |client, server| pass(client, server, Arc::clone(&gone))).await;
    let subject = open(few_readers(&url(port))).await;
    let (locker, mut reads) = blocked(&database, &subject.outbox).await;
    vanished.fetch_add(1, Ordering::SeqCst);
    reads.shutdown().await;
    drop(locker);
    let until = Instant::now() + Duration::from_secs(20);
    while subject.outbox.depth().await.is_err() {
        assert!(Instant::now() < until, "their places are given to others");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_store_whose_server_went_away_in_the_middle_of_reads_closes_in_time() {
    let database = Database::migrated().await;
    let (server, url) = behind(&database);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // With it go its connections, and others are refused.
    let before = tokio::spawn(async move {
        let mut passing = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&server).await.unwrap();
            passing.spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let store = prepared(few_readers(&url(port))).await;
    let outbox: Arc<dyn Outbox> = store.clone();
    let (_locker, mut reads) = blocked(&database, &outbox).await;
    before.abort();
    while reads.join_next().await.is_some() {}
    sleep(Duration::from_millis(500)).await;
    timeout(Duration::from_secs(10), store.close()).await.expect("nobody opens connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn the_connections_that_a_pool_is_to_keep_are_opened_at_the_start() {
    let database = Database::migrated().await;
    let mut options = few_readers(&database.url);
    options.pool_min = 2;
    let _subject = open(options).await;
    let opened = async {
        while connections(&database).await.len() < 2 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), opened).await.expect("long before one would be idle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_idle_pool_keeps_the_connections_that_it_is_to_keep() {
    let database = Database::migrated().await;
    let mut options = few_readers(&database.url);
    (options.pool_min, options.idle_timeout) = (2, Duration::from_secs(2));
    let _subject = open(options).await;
    sleep(Duration::from_secs(3)).await;
    let before = connections(&database).await;
    sleep(Duration::from_secs(5)).await;
    let after = connections(&database).await;
    let kept = before.iter().filter(|server| after.contains(server)).count();
    assert_eq!((kept, after.len()), (2, 2), "{before:?} {after:?}");
}
