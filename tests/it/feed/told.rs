//! Events that a test tells, past every store.

use std::time::Duration;

use tollgate::app::clock::SystemClock;
use tollgate::broker::topology::Exchange;
use tollgate::broker::{Message, Outgoing, Target};
use tollgate::domain::clock::Clock;
use tollgate::domain::id::EventId;

use super::listener::{PATIENCE, open};
use crate::support::TestApp;
use crate::support::app::ADMIN_KEY;

/// An event with this number, and so many bytes of filling.
pub fn event(kind: &str, number: usize, filling_bytes: usize) -> Outgoing {
    let id = EventId::new(SystemClock::new().uuid());
    let body = serde_json::json!({
        "id": id, "type": kind, "version": 1, "key": "test",
        "at": "2026-11-20T12:00:00.000001Z",
        "payload": {"number": number, "filling": "x".repeat(filling_bytes)},
    });
    let message = Message {
        id: id.to_string(),
        content_type: "application/json".to_owned(),
        body: body.to_string().into(),
        ..Message::default()
    };
    Outgoing { target: Target::Topic(Exchange::Events, kind.to_owned()), message }
}

/// Waits until the app hears events: what was told before, nobody is told.
pub async fn until_heard(app: &TestApp) {
    const KIND: &str = "test.heard";
    let mut feed = open(app.addr, ADMIN_KEY, &format!("?types={KIND}"), None).await;
    let hearing = async {
        loop {
            app.broker().publish(vec![event(KIND, 0, 0)]).await.unwrap();
            let told = feed.until(KIND);
            if tokio::time::timeout(Duration::from_millis(200), told).await.is_ok() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, hearing).await.expect("the app hears the broker");
}
