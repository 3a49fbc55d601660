//! Callers that go away, and a commit whose acknowledgement is lost on its way.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tollgate::domain::time::Timestamp;
use tollgate::ledger::intent::Outcome;
use tollgate::ledger::wanted::Wanted;
use tollgate::store::StoreError;
use tollgate::store::postgres::PostgresOptions;

use super::cancelled::cut_after;
use super::clock::TestClock;
use super::postgres::subject;
use super::postgres_database::{Database, connect, run};
use super::subject::{Subject, purchase};
use crate::support::own_servers::OwnServers;

/// How many begins must have been cancelled, each after one of so many times, of how many at most.
const CANCELLED: u32 = 1_000;
const MOMENTS: u32 = 1_000;
const BEGINS_MAX: u32 = 20_000;

async fn idle_in_transaction(database: &Database) -> i64 {
    let sql = "select count(*) from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%'";
    sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await.unwrap()
}

/// The connections that are open beside the lanes', by their servers.
pub async fn connections(database: &Database) -> Vec<i32> {
    let sql = "select pid from pg_stat_activity
        where datname = current_database() and application_name = 'tollgate' order by pid";
    sqlx::query_scalar(sql).fetch_all(&mut database.connect().await).await.unwrap()
}

pub async fn open(options: PostgresOptions) -> Subject {
    subject(options, Arc::new(TestClock::beside_a_server())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_write_that_is_refused_costs_no_connection() {
    let database = Database::migrated().await;
    let subject = open(database.options()).await;
    let program = subject.program("acme", 1_000_000_00).await;
    let user = subject.user(program.employer(), "one");
    subject.resources.insert_user(user.clone()).await.unwrap();
    let before = connections(&database).await;
    for _ in 0..5 {
        let again = subject.resources.insert_user(user.clone()).await;
        assert!(matches!(again, Err(StoreError::Taken(_))), "{again:?}");
    }
    // The pool may have opened another one while this one was on its way back.
    let after = connections(&database).await;
    assert!(before.iter().all(|server| after.contains(server)), "{before:?} {after:?}");
    assert_eq!(idle_in_transaction(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_thousand_cancelled_begins_leave_no_transaction_open_and_lose_nothing() {
    let database = Database::migrated().await;
    let mut options = database.options();
    // A server on which hundreds of connections were just closed is slow, and time is not what is tested.
    options.deadline = Duration::from_secs(10);
    let subject = open(options).await;
    let program = subject.program("acme", 1_000_000_00).await;
    let wanted = Wanted::by(&[subject.request(purchase("never", "acme-card", 1_00)).await]);
    let (mut gone, mut number, mut acknowledged) = (0, 0, Vec::new());
    while gone < CANCELLED {
        assert!(number < BEGINS_MAX, "only {gone} were cancelled");
        number += 1;
        let after = Duration::from_micros(u64::from(20 + number % MOMENTS * 580 / MOMENTS));
        let begun = cut_after(subject.home.begin(&wanted), after).await;
        gone += u32::from(begun.is_none());
        drop(begun.transpose().unwrap());
        let user = subject.user(program.employer(), &format!("u{number}"));
        let id = user.id;
        if let Some(written) = cut_after(subject.resources.insert_user(user), after).await {
            written.unwrap();
            acknowledged.push(id);
        }
    }
    for number in 0..50 {
        subject.approve(purchase(&format!("t{number}"), "acme-card", 1_00)).await;
        let user = subject.user(program.employer(), &format!("v{number}"));
        acknowledged.push(user.id);
        subject.resources.insert_user(user).await.unwrap();
    }
    // What was dropped last is rolled back in a task of its own.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(idle_in_transaction(&database).await, 0);
    for id in acknowledged {
        assert!(subject.resources.user_record(id).await.unwrap().is_some(), "{id}");
    }
    assert_eq!(subject.balance(program.account).await[2], 50_00);
    subject.assert_adds_up().await;
}

/// The database on its server, and a URL of the same database with a port of this machine in its place.
pub fn behind(database: &Database) -> (String, impl Fn(u16) -> String) {
    let (before, rest) = database.service_url().rsplit_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    (server.to_owned(), move |port| format!("{before}@127.0.0.1:{port}/{name}?sslmode=disable"))
}

/// Accepts in the server's place; what is to be done with the two connections is up to the test.
pub async fn proxy<F: Future<Output = ()> + Send + 'static>(
    server: String,
    pass: impl Fn(TcpStream, TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(pass(client, server));
        }
    });
    port
}

/// Passes everything on until it is armed: then the next commit reaches the server, and its answer
/// reaches nobody. Ends, and closes both, as soon as either does.
async fn pass(client: TcpStream, server: TcpStream, armed: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let muted = AtomicBool::new(false);
    let requests = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            let commit = buffer[..read].windows(7).any(|text| text == b"commit\0");
            if commit && armed.swap(false, Ordering::SeqCst) {
                muted.store(true, Ordering::SeqCst);
            }
            to_server.write_all(&buffer[..read]).await.unwrap();
        }
    };
    let answers = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if muted.load(Ordering::SeqCst) {
                return; // it is committed, and nobody will hear of it
            }
            to_client.write_all(&buffer[..read]).await.unwrap();
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_lost_acknowledgement_is_answered_from_the_row() {
    let database = Database::migrated().await;
    let (server, url) = behind(&database);
    let armed = Arc::new(AtomicBool::new(false));
    let arm = Arc::clone(&armed);
    let port = proxy(server, move |client, server| pass(client, server, Arc::clone(&arm))).await;
    let mut options = PostgresOptions::new(&url(port)).unwrap();
    options.deadline = Duration::from_secs(10); // it is the connection that ends it
    let subject = open(options).await;
    let program = subject.program("acme", 100_00).await;
    for number in 0..5 {
        let request = purchase(&format!("t{number}"), "acme-card", 1_00);
        let mut intents = [subject.request(request).await];
        armed.store(true, Ordering::SeqCst);
        let unknown = subject.settle(&mut intents).await;
        assert!(matches!(unknown, Err(StoreError::OutcomeUnknown(_))), "{unknown:?}");
        let again = subject.settle(&mut intents).await.unwrap().remove(0);
        let Outcome::Decided(decision) = again else { panic!("{again:?}") };
        assert!(decision.approved());
        assert_eq!(decision.authorization, intents[0].authorization_id());
        assert_eq!(subject.balance(program.account).await[2], (number + 1) * 1_00, "once");
    }
    subject.assert_adds_up().await;
}

/// The driver sets no keepalive: of a host that vanishes in the middle of a statement it hears nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_a_silent_server_does_not_answer_is_given_up() {
    let own = OwnServers::start(&["postgres"]);
    let url = own.url("DATABASE_URL");
    let mut options = PostgresOptions::new(&url).unwrap();
    options.statement_timeout = Duration::from_secs(4);
    let subject = open(options).await;
    let (mut locker, mut watcher) = (connect(&url).await, connect(&url).await);
    run(&mut locker, "begin; lock table outbox in access exclusive mode").await;
    let (reader, writer) = (Arc::clone(&subject.outbox), Arc::clone(&subject.outbox));
    let reading = tokio::spawn(async move { reader.depth().await });
    let writing =
        tokio::spawn(async move { writer.drop_before(Timestamp::from_micros(0), 1).await });
    // Both have been taken, and wait for the lock.
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watcher).await.unwrap() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    own.stop("postgres");
    let given_up = async { (reading.await.unwrap(), writing.await.unwrap()) };
    let given_up = tokio::time::timeout(Duration::from_secs(40), given_up).await;
    let (read, written) = given_up.expect("neither is waited for for ever");
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(written, Err(StoreError::OutcomeUnknown(_))), "{written:?}");
    own.go_on("postgres");
    drop(locker);
    let until = Instant::now() + Duration::from_secs(20);
    while subject.outbox.depth().await.is_err() {
        assert!(Instant::now() < until, "new connections are made");
    }
}
