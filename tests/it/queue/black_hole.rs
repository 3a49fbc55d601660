//! A way to the broker that swallows everything: nobody closes anything, and nothing arrives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tollgate::broker::Broker;
use tollgate::broker::topology::Queue;

use super::kills::flows;
use super::supervisor::{MemoryInbox, Script, open, start};
use crate::broker::world as brokers;
use crate::support::servers;

/// How long the way stays as it is for new connections, too.
const SWALLOWS_FOR: Duration = Duration::from_secs(4);

/// A publish call fails by its own limit of two seconds; the rest is for a busy machine.
const PUBLISH_MAX: Duration = Duration::from_secs(4);

/// How soon consumers are back.
const BACK_WITHIN: Duration = Duration::from_secs(25);

/// A way to a server. What was connected when it began to swallow stays connected, and is never heard
/// of again.
#[derive(Default)]
struct Way {
    swallows: AtomicBool,
    connections: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Way {
    /// Opens a way to a server; says at which address.
    async fn to(server: String) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let way = Arc::<Self>::default();
        let own = Arc::clone(&way);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&server).await.unwrap();
                let is_lost = Arc::new(AtomicBool::new(own.swallows.load(Ordering::SeqCst)));
                own.connections.lock().unwrap().push(Arc::clone(&is_lost));
                let ((from, back), (answers, onward)) = (client.into_split(), server.into_split());
                tokio::spawn(carry(from, onward, Arc::clone(&is_lost)));
                tokio::spawn(carry(answers, back, is_lost));
            }
        });
        (way, address)
    }

    fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
        for is_lost in self.connections.lock().unwrap().iter() {
            is_lost.store(true, Ordering::SeqCst);
        }
    }

    fn carry_again(&self) {
        self.swallows.store(false, Ordering::SeqCst);
    }
}

/// Carries bytes one way. On a lost connection not even its end is told.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, is_lost: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if is_lost.load(Ordering::SeqCst) {
            if read == 0 {
                std::future::pending::<()>().await;
            }
        } else if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// The same URL at another address.
fn at(url: &str, address: &str) -> (String, String) {
    let (credentials, rest) = url.rsplit_once('@').expect("a URL with credentials");
    let (server, path) = rest.split_once('/').expect("a URL with a virtual host");
    (server.to_owned(), format!("{credentials}@{address}/{path}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_broker_that_is_never_heard_of_again_is_given_up_and_found_anew() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let (server, _) = at(&url, "");
    let (way, address) = Way::to(server).await;
    let (_, own_url) = at(&url, &address);
    let rabbit = brokers::open(&own_url, &prefix);
    let broker: Arc<dyn Broker> = rabbit.clone();
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let consumers = start(&broker, &inbox, &script, &open());
    flows(&broker, &script, "first").await;

    let began = Instant::now();
    way.swallow();
    while began.elapsed() < SWALLOWS_FOR {
        let published = Instant::now();
        let outgoing = brokers::to(Queue::Webhooks, brokers::message("swallowed"));
        assert!(brokers::publish(&broker, outgoing).await.is_err());
        assert!(published.elapsed() < PUBLISH_MAX, "{:?}", published.elapsed());
    }
    way.carry_again();
    flows(&broker, &script, "after").await;
    let took = began.elapsed();
    assert!(took < BACK_WITHIN, "consumers are back after {took:?}");
    consumers.stop(Duration::from_secs(5)).await;
    rabbit.close().await;
    brokers::clear(&url, &prefix).await;
}
