//! SIGTERM under load: told to probes at once, purchases answered until the door closes, gone soon after,
//! and everything that was answered is there.

use std::time::Duration;

use tokio::time::Instant;

use crate::outage::volley::{Shot, nothing_is_missing};
use crate::support::instance::Instance;
use crate::support::{Client, Program, marqeta};

const CALLERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(10);

/// How long the door stays open.
const DRAIN: Duration = Duration::from_millis(1_500);

/// A connection that is made while the door closes may be one too many.
const CLOSING: Duration = Duration::from_millis(100);

/// Asks until nobody answers, every second time on a new connection. What was answered, and when the
/// first request was sent that was not.
async fn ask_until_closed(mut client: Client, card: String, name: String) -> (Vec<Shot>, Instant) {
    let mut shots = Vec::new();
    loop {
        if shots.len().is_multiple_of(2) {
            client = client.another();
        }
        let token = format!("{name}-{}", shots.len());
        let sent = Instant::now();
        let Ok(answer) = client.try_jit(marqeta::purchase(&token, &card, "0.01").into()).await
        else {
            return (shots, sent);
        };
        let (status, body) = (answer.status.as_u16(), answer.body);
        shots.push(Shot { token, card: card.clone(), sent, took: sent.elapsed(), status, body });
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_is_told_at_once_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let drain = ("TOLLGATE__HTTP__DRAIN_MS".to_owned(), DRAIN.as_millis().to_string());
    let service = Instance::start_on(folder.path(), &[drain]).await;
    let program = Program::set_up(&mut service.client(), 100_000_000, CALLERS).await;
    let callers = program.cards.iter().enumerate().map(|(caller, card)| {
        let (client, card) = (service.client(), card.clone());
        tokio::spawn(ask_until_closed(client, card, format!("drain-{caller}")))
    });
    let callers: Vec<_> = callers.collect();
    tokio::time::sleep(Duration::from_millis(300)).await;

    let mut probe = service.client();
    assert_eq!(probe.get("/ready").await.status, 200);
    let told = Instant::now();
    service.signal("TERM");
    while probe.get("/ready").await.status != 503 {
        assert!(told.elapsed() < Duration::from_secs(1), "it is still ready");
    }
    assert_eq!(probe.get("/live").await.status, 200);
    let ended = service.ended_within(Duration::from_secs(10)).await;
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert!(told.elapsed() >= DRAIN, "the door stays open: {:?}", told.elapsed());

    let mut shots = Vec::new();
    for caller in callers {
        let (answered, unanswered) = caller.await.unwrap();
        assert!(unanswered + CLOSING >= told + DRAIN, "not answered, and the door was open");
        shots.extend(answered);
    }
    let during = shots.iter().filter(|shot| shot.sent > told && shot.is_approved()).count();
    assert!(during > CALLERS, "{during} approved after the signal");
    let wrong = shots.iter().find(|shot| !shot.is_approved() && !shot.is_unavailable());
    assert!(wrong.is_none(), "{wrong:?}");

    let again = Instance::start(folder.path()).await;
    let approved = nothing_is_missing(&again.client(), &shots).await;
    let held = program.held(&mut again.client()).await;
    assert_eq!(usize::try_from(held).unwrap(), approved);
    again.verify();
}
