//! Two homes on one server: what one purchase needs is asked for at once, wherever its card lives.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tollgate::cache::redis::{RedisOptions, RedisServer};
use tollgate::cache::{FactsCache, MemoryRoutes};
use tollgate::domain::id::Home;
use tollgate::domain::token::Token;
use tollgate::store::FactsStore;
use tollgate::store::cached::CachedStore;
use tollgate::store::routed::{HomeStores, RoutedStore};
use tollgate::store::sqlite::SqliteStore;

use crate::store::postgres_cancelled::proxy;
use crate::store::sqlite::open_store;
use crate::support::servers;

use super::world::{clock, eventually, lifetimes, memory, token};

/// How long a step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// An instance with two homes.
struct Process {
    routed: Arc<RoutedStore>,
    caches: [Arc<dyn FactsCache>; 2],
}

impl Process {
    async fn on(url: &str, prefix: &str, stores: &[Arc<SqliteStore>; 2]) -> Self {
        let options = RedisOptions {
            url: url.to_owned(),
            authority: None,
            prefix: prefix.to_owned(),
            connect: PATIENCE,
            budget: PATIENCE,
        };
        let server = RedisServer::open(options, clock()).unwrap();
        let cache = |home| Arc::new(server.for_home(home, lifetimes(), memory()));
        let caches: [Arc<dyn FactsCache>; 2] = [cache(Home::Business), cache(Home::Personal)];
        let [business, personal] = [0, 1].map(|home| home_of(&stores[home], &caches[home]));
        let users = Arc::new(MemoryRoutes::new(100));
        let cards = Arc::new(server.routes(100));
        let log = stores[0].clone();
        let routed = RoutedStore::new(business, personal, users, cards, log, clock());
        let process = Self { routed: Arc::new(routed), caches };
        eventually("in step", PATIENCE, || process.caches.iter().all(|cache| cache.is_shared()))
            .await;
        process
    }

    /// What one purchase looks up.
    async fn look_up(&self, user: Option<&Token>, card: &Token) -> bool {
        if let Some(user) = user {
            self.routed.user(user).await.unwrap();
        }
        let Some(card) = self.routed.card(card).await.unwrap() else { return false };
        self.routed.limits(&card).await.unwrap();
        true
    }
}

fn home_of(store: &Arc<SqliteStore>, cache: &Arc<dyn FactsCache>) -> HomeStores {
    let cached = CachedStore::new(store.clone(), store.clone(), Arc::clone(cache));
    let cached = Arc::new(cached);
    HomeStores {
        facts: cached.clone(),
        resources: cached,
        history: store.clone(),
        outbox: store.clone(),
        lists: store.clone(),
    }
}

/// What is asked of the server, whose answers wait while the door is shut.
#[derive(Clone)]
struct Overheard {
    asked: Arc<Mutex<Vec<u8>>>,
    door: watch::Sender<bool>,
}

impl Overheard {
    async fn pass(self, client: TcpStream, server: TcpStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let requests = async {
            let mut buffer = vec![0; 65_536];
            while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                self.asked.lock().unwrap().extend_from_slice(&buffer[..read]);
                to_server.write_all(&buffer[..read]).await.unwrap();
            }
        };
        let answers = async {
            let (mut buffer, mut door) = (vec![0; 65_536], self.door.subscribe());
            while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                door.wait_for(|open| *open).await.unwrap();
                to_client.write_all(&buffer[..read]).await.unwrap();
            }
        };
        tokio::select! {
            () = requests => {}
            () = answers => {}
        }
    }

    /// How often the route, the facts of the card, and its limits have been asked for.
    fn times(&self, prefix: &str, card: &str) -> [usize; 3] {
        let asked = self.asked.lock().unwrap();
        let asked = String::from_utf8_lossy(&asked);
        ["route", "card", "limits"]
            .map(|kind| asked.matches(&format!("{prefix}{kind}:{card}\r\n")).count())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_a_purchase_needs_of_two_homes_is_asked_for_in_one_round_trip() {
    let (url, prefix) = (servers::url("REDIS_URL"), format!("{}:", servers::unique()));
    let (subject, business) = open_store(&[Home::Business]).await;
    let (_empty, personal) = open_store(&[Home::Personal]).await;
    let stores = [business, personal];
    subject.program("acme", 100_00).await;
    let (user, card, nobody) = (token("acme-user"), token("acme-card"), token("nobody"));
    let first = Process::on(&url, &prefix, &stores).await;
    assert!(first.look_up(Some(&user), &card).await);
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut raw = client.get_multiplexed_async_connection().await.unwrap();
    for key in ["route:acme-card", "card:acme-card", "limits:acme-card", "user:acme-user"] {
        let mut exists = redis::cmd("EXISTS");
        exists.arg(format!("{prefix}{key}"));
        while exists.query_async::<u64>(&mut raw).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    let (scheme, rest) = url.split_once("://").unwrap();
    let (address, database) = rest.split_once('/').unwrap();
    let server = address.rsplit_once('@').map_or(address, |(_, server)| server);
    let overheard = Overheard { asked: Arc::default(), door: watch::Sender::new(true) };
    let passing = overheard.clone();
    let port = proxy(server.to_owned(), move |client, server| passing.clone().pass(client, server));
    let to = address.replace(server, &format!("127.0.0.1:{}", port.await));
    let second = Process::on(&format!("{scheme}://{to}/{database}"), &prefix, &stores).await;
    // Whether the server has all of it or nothing at all.
    for (user, card, is_known) in [(Some(user), card, true), (None, nobody, false)] {
        overheard.door.send_replace(false);
        let (routed, expected) = (Arc::clone(&second.routed), (user.clone(), card.clone()));
        let expecting =
            tokio::spawn(async move { routed.expect(expected.0.as_ref(), &expected.1).await });
        // Where it lives, and what either home has of it, before there was any answer.
        let times = || overheard.times(&prefix, card.as_str());
        eventually("all is asked for at once", PATIENCE, || times() == [1, 2, 2]).await;
        overheard.door.send_replace(true);
        expecting.await.unwrap();
        assert_eq!(second.look_up(user.as_ref(), &card).await, is_known);
        assert_eq!(times(), [1, 2, 2], "nothing is asked for again");
    }
    let hits = second.caches[0].shared_stats().unwrap();
    assert_eq!((hits.users.hits, hits.cards.hits, hits.limits.hits), (1, 1, 1));
    assert_eq!(hits.unreadable + second.caches[1].shared_stats().unwrap().unreadable, 0);
}
