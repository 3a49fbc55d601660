//! The same on RabbitMQ: instances tell the same, and a broker that goes away ends no feed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::listener::{Listener, PATIENCE, Told, open};
use super::live::{buy, tokens_until};
use crate::broker::world::clear;
use crate::support::app::ADMIN_KEY;
use crate::support::client::Client;
use crate::support::own_servers::OwnServers;
use crate::support::{Program, TestApp, servers};

/// How much comes again to whoever comes back.
const OVERLAP: Duration = Duration::from_secs(2);

async fn start(url: &str, prefix: &str) -> TestApp {
    let app = TestApp::start_with(|settings| {
        settings.broker.rabbitmq.url = Some(url.into());
        prefix.clone_into(&mut settings.broker.rabbitmq.prefix);
    });
    app.await
}

/// Buys until this feed is told of it: its instance may still be connecting.
async fn until_heard(client: &mut Client, program: &Program, feed: &mut Listener, name: &str) {
    for number in 0..20 {
        buy(client, program, &format!("{name}-{number}")).await;
        let told = feed.until("authorization.approved");
        if tokio::time::timeout(Duration::from_secs(1), told).await.is_ok() {
            return;
        }
    }
    panic!("{name} hears nothing");
}

async fn until_token(feed: &mut Listener, token: &str) -> Told {
    loop {
        let told = feed.next().await.expect("the feed goes on");
        if told.data["payload"]["token"] == token {
            return told;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn every_instance_tells_what_one_has_decided_and_goes_on_for_another() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let (one, two) = (start(&url, &prefix).await, start(&url, &prefix).await);
    let mut client = one.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let query = "?types=authorization.*";
    let mut at_one = open(one.addr, ADMIN_KEY, query, None).await;
    let mut at_two = open(two.addr, ADMIN_KEY, query, None).await;
    until_heard(&mut client, &program, &mut at_one, "one").await;
    until_heard(&mut client, &program, &mut at_two, "two").await;
    // What is told again begins behind the gap of before they listened.
    tokio::time::sleep(OVERLAP + Duration::from_millis(500)).await;
    buy(&mut client, &program, "t-0").await;
    let first = until_token(&mut at_one, "t-0").await;
    assert_eq!(until_token(&mut at_two, "t-0").await, first);
    drop(at_one);
    for number in 1..6 {
        buy(&mut client, &program, &format!("t-{number}")).await;
    }
    let expected: Vec<String> = (1..6).map(|number| format!("t-{number}")).collect();
    assert_eq!(tokens_until(&mut at_two, "t-5").await, expected);
    // Of one account nothing comes again, and nothing is missing.
    let mut moved = open(two.addr, ADMIN_KEY, query, Some(&first.id)).await;
    assert_eq!(tokens_until(&mut moved, "t-5").await, expected);
    drop((at_two, moved));
    one.stop_and_verify().await;
    two.stop_and_verify().await;
    clear(&url, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_broker_that_goes_away_and_comes_back_is_a_gap_in_a_feed_that_goes_on() {
    let own = tokio::task::spawn_blocking(|| OwnServers::start(&["rabbitmq"])).await.unwrap();
    let own = Arc::new(own);
    let app = start(&own.url("RABBITMQ_URL"), "").await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let mut feed = open(app.addr, ADMIN_KEY, "?types=authorization.*", None).await;
    until_heard(&mut client, &program, &mut feed, "first").await;
    buy(&mut client, &program, "before").await;
    until_token(&mut feed, "before").await;
    let servers = Arc::clone(&own);
    tokio::task::spawn_blocking(move || servers.kill("rabbitmq")).await.unwrap();
    assert_eq!(feed.until("gap").await.data, json!({"reason": "not_heard"}));
    buy(&mut client, &program, "meanwhile").await;
    let servers = Arc::clone(&own);
    tokio::task::spawn_blocking(move || servers.up("rabbitmq")).await.unwrap();
    let gap = feed.until("gap").await;
    assert_eq!(
        gap.data,
        json!({"reason": "not_heard"}),
        "what was published before it hears again"
    );
    buy(&mut client, &program, "after").await;
    let after = tokio::time::timeout(PATIENCE, until_token(&mut feed, "after"));
    after.await.expect("what comes after the gap is told");
    drop(feed);
    app.stop_and_verify().await;
}
