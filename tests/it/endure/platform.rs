//! The card platform: sends notifications until they are acknowledged, whoever is killed meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Method, header};
use tokio::task::JoinHandle;

use super::scene::Door;
use crate::support::Client;
use crate::webhooks::events::{authorization, envelope};

/// Notifications of one call.
const CHUNK: usize = 5;

/// Before what was not acknowledged is sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Sends approvals of 0.01 until it is told to stop.
pub struct Platform {
    stop: Arc<AtomicBool>,
    sending: JoinHandle<Sent>,
}

/// What was sent.
#[derive(Default)]
pub struct Sent {
    /// The tokens of notifications that were acknowledged.
    pub acknowledged: BTreeSet<String>,
    /// Calls that were not.
    pub refused: usize,
}

impl Platform {
    /// Begins, with purchases on these cards that nobody asked the service about, and so long a pause
    /// after each call.
    pub fn start(door: Door, cards: Vec<String>, pause: Duration) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let own = Arc::clone(&stop);
        let sending = tokio::spawn(async move {
            let mut sent = Sent::default();
            let mut n = 0;
            while !own.load(Ordering::SeqCst) {
                let tokens: Vec<String> = (n..n + CHUNK).map(|n| format!("told-{n}")).collect();
                let told = tokens.iter().enumerate().map(|(at, token)| {
                    authorization(token, &cards[(n + at) % cards.len()], "0.01", "PENDING")
                });
                let body = envelope("transactions", &told.collect::<Vec<_>>());
                while !is_acknowledged(door.client(), &body).await {
                    sent.refused += 1;
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                sent.acknowledged.extend(tokens);
                n += CHUNK;
                tokio::time::sleep(pause).await;
            }
            sent
        });
        Self { stop, sending }
    }

    /// What was sent until now, and nothing more.
    pub async fn stop(self) -> Sent {
        self.stop.store(true, Ordering::SeqCst);
        self.sending.await.unwrap()
    }
}

async fn is_acknowledged(client: Option<Client>, body: &str) -> bool {
    let Some(mut client) = client else { return false };
    let request = client.request(Method::POST, "/api/v1/marqeta/webhooks");
    let request = request.header(header::AUTHORIZATION, client.basic());
    client.send(request, body.to_owned().into()).await.is_ok_and(|answer| answer.status == 200)
}
