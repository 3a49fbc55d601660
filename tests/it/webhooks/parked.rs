//! Notifications that were parked: found over the API, and tried again once what was missing is there.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::events::{authorization, envelope};
use crate::support::program::{created, text};
use crate::support::{Program, TestApp};

const PATH: &str = "/api/v1/webhook-events";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_parked_is_found_and_tried_again() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let early = authorization("early", "mq-late-card", "1.00", "PENDING");
    let fine = authorization("fine", program.card(), "2.00", "PENDING");
    assert_eq!(client.notify(envelope("transactions", &[early, fine])).await.status, 200);
    let until = Instant::now() + Duration::from_secs(20);
    let parked = loop {
        let found = client.get(&format!("{PATH}?state=parked")).await.json();
        if let Some(parked) = found["items"].as_array().unwrap().first() {
            break parked.clone();
        }
        assert!(Instant::now() < until, "it is not parked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&parked["reason"], &parked["token"]), (&json!("card_unknown"), &json!("t-early")));
    assert_eq!(
        (&parked["family"], &parked["type"]),
        (&json!("transactions"), &json!("authorization"))
    );
    let own = format!("{PATH}/{}", text(&parked["id"]));
    assert_eq!(client.get(&own).await.json()["state"], "parked");

    let body =
        json!({"user_id": program.user, "marqeta_token": "mq-late-card", "status": "ACTIVE"});
    created(client.post("/api/v1/cards", body).await);
    let retried = client.post(&format!("{own}/retry"), json!({})).await;
    assert_eq!(retried.status, 202, "{retried:?}");
    while client.get(&own).await.json()["state"] != "applied" {
        assert!(Instant::now() < until, "{:?}", client.get(&own).await.json());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(program.held(&mut client).await, 3_00);
    let again = client.post(&format!("{own}/retry"), json!({})).await;
    assert_eq!(again.says(), (409, "invalid_transition".to_owned()), "it has been applied");

    let all = client.get(&format!("{PATH}?limit=1")).await.json();
    let next = text(&all["next"]);
    let rest = client.get(&format!("{PATH}?limit=1&cursor={next}")).await.json();
    assert_ne!(all["items"][0]["id"], rest["items"][0]["id"]);
    for (path, expected) in [
        (format!("{PATH}?state=lost"), (400, "invalid_parameter")),
        (format!("{PATH}/nonsense"), (400, "invalid_id")),
        (format!("{PATH}/evt_00000000000000000000000000000000"), (404, "not_found")),
    ] {
        let says = client.get(&path).await.says();
        assert_eq!((says.0, says.1.as_str()), expected, "{path}");
    }
    app.stop_and_verify().await;
}
