//! A reader who takes nothing holds nobody up, and is told what it has missed.

use super::listener::{PATIENCE, listen_on, narrow, open};
use super::told::{event, until_heard};
use crate::support::TestApp;
use crate::support::app::ADMIN_KEY;

/// More than systems keep on the way, with what one event has.
const EVENTS: usize = 600;
const FILLING_BYTES: usize = 32 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_too_slowly_is_told_of_a_gap_and_goes_on_behind_it() {
    let app = TestApp::start_with(|settings| settings.feed.kept_max = 50).await;
    until_heard(&app).await;
    let stream = narrow(app.addr).await;
    let mut slow = listen_on(stream, ADMIN_KEY, "?types=test.filled", None).await.ok().unwrap();
    let mut fast = open(app.addr, ADMIN_KEY, "?types=test.filled", None).await;
    let broker = app.broker();
    for number in 0..EVENTS {
        broker.publish(vec![event("test.filled", number, FILLING_BYTES)]).await.unwrap();
        // One who reads at once misses nothing, whoever else does not.
        let told = fast.until("test.filled").await;
        assert_eq!(told.data["payload"]["number"], number);
    }
    let (mut numbers, mut gaps) = (Vec::new(), 0);
    let reading = async {
        while numbers.last() != Some(&(EVENTS as u64 - 1)) {
            let told = slow.next().await.expect("the feed goes on");
            if told.event == "gap" {
                assert_eq!(told.data["reason"], "too_slow");
                gaps += 1;
            }
            numbers.extend(told.data["payload"]["number"].as_u64());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the last one comes");
    assert!(gaps > 0 && numbers.len() < EVENTS, "{gaps} gaps, {} events", numbers.len());
    assert!(numbers.is_sorted(), "in their order");
    drop((slow, fast));
    app.stop_and_verify().await;
}
