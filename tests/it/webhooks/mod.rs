//! Notifications over HTTP: what the door answers, and what the books are afterwards.

mod afterwards;
mod door;
pub(crate) mod events;
mod orders;
mod outage;
mod parked;
mod parties;
mod races;
mod timing;

use std::time::Duration;

use tokio::time::Instant;

use crate::support::Client;

/// Waits until everything that is kept has been applied, or has been found to have no effect.
async fn all_applied(client: &mut Client) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let mut waiting = Vec::new();
        for state in ["received", "parked"] {
            let path = format!("/api/v1/webhook-events?state={state}&limit=1");
            let page = client.get(&path).await.json();
            waiting.extend(page["items"].as_array().expect("a page").iter().cloned());
        }
        if waiting.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "still to be applied: {waiting:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the only one that is parked is parked for this.
async fn parked_for(client: &mut Client, reason: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let parked = client.get("/api/v1/webhook-events?state=parked").await.json();
        if parked["items"][0]["reason"] == reason {
            return;
        }
        assert!(Instant::now() < until, "{parked}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
