//! A store that is away for ten minutes: consumers wait, nothing dies and nothing is parked, requests that
//! have waited for too long are answered late and not judged, and all is worked when it is back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use tollgate::broker::Outgoing;
use tollgate::broker::topology::Queue;

use super::answers::{Answers, UNAVAILABLE};
use super::platform::Platform;
use super::scene::{Scene, all, number, purchase, report, until};
use crate::support::Program;

/// While the store is down one message of each of three kinds comes each time, and notifications beside
/// them.
const EVERY: Duration = Duration::from_millis(250);
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// How long a request may wait for its decision by default, and some time more.
const SURELY_LATE: Duration = Duration::from_secs(3 + 2);

/// How long everything may take once the store is back. The last pause of a consumer is 2 s, that of a
/// notification 30 s.
const WORKED_WITHIN: Duration = Duration::from_secs(120);

/// `home`: whose purchases the store holds.
async fn outage(server: &'static str, home: &str) {
    let down = Duration::from_secs(number("TOLLGATE_ENDURE_STORE_OUTAGE_S", 600));
    let rounds = u32::try_from(down.as_millis() / EVERY.as_millis()).unwrap();
    let scene = Scene::start(&["postgres", "mongodb", "rabbitmq"], &[]).await;
    let mut client = scene.client();
    let business = Program::set_up(&mut client, 1_000_000_000, 8).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000_000, 8).await;
    let told_of = Program::set_up(&mut client, 1_000_000_000, 8).await;
    let also_told_of = Program::set_up_personal(&mut client, 1_000_000_000, 8).await;
    let (answers, reading) = Answers::read(&scene.broker);

    scene.kill(server).await;
    let gone = Instant::now();
    let told_cards = [&told_of.cards[..], &also_told_of.cards[..]].concat();
    let platform = Platform::start(scene.door(), told_cards, TOLD_EVERY);
    let mut published = BTreeMap::new();
    let mut put = async |outgoing: Outgoing| {
        let id = outgoing.message.id.clone();
        let results = scene.broker.publish(vec![outgoing]).await.expect("published");
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        published.insert(id, Instant::now());
    };
    for round in 0..rounds {
        let card = round as usize % 8;
        put(purchase(&format!("business-{round}"), &business.cards[card])).await;
        put(purchase(&format!("personal-{round}"), &personal.cards[card])).await;
        put(report(&format!("report-{round}"), &business.cards[card])).await;
        tokio::time::sleep_until(gone + EVERY * (round + 1)).await;
    }
    if server != "postgres" {
        // Nor for a while: what only waits for a store is not said to lack something.
        assert_eq!(scene.notices("parked").await, BTreeSet::new(), "parked during the outage");
    }
    let returns = Instant::now();
    scene.up(server).await;
    let sent = platform.stop().await;
    let waiting = "select count(*) from webhook_events where status = 'received'";
    let worked = until("everything is worked", WORKED_WITHIN, async || {
        let known = answers.ids();
        published.keys().filter(|id| !id.starts_with("report")).all(|id| known.contains(id))
            && scene.count("select count(*) from transactions").await == i64::from(rounds)
            && scene.count(waiting).await == 0
    })
    .await;
    reading.abort();
    let mut client = scene.client();
    let dead = all(&mut client, "/api/v1/dead-letters", "").await;
    let parked = all(&mut client, "/api/v1/transactions", "status=parked").await;
    assert_eq!((dead.len(), parked.len()), (0, 0), "{dead:?} {parked:?}");
    assert_eq!(scene.notices("parked").await, BTreeSet::new(), "no notification is parked");
    assert_eq!(scene.notices("applied").await, sent.acknowledged, "all were applied");
    assert_eq!(answers.contradictions(), [""; 0]);
    for queue in [Queue::JitFunding, Queue::Transactions, Queue::DeadLetters] {
        assert_eq!(scene.waiting(queue).await, 0, "{queue:?}");
    }
    let (approved, late) = (answers.said("200"), answers.said(UNAVAILABLE));
    let has_waited = |(id, at): &(&String, &Instant)| {
        id.starts_with(home) && returns.duration_since(**at) > SURELY_LATE
    };
    let have_waited: BTreeSet<String> =
        published.iter().filter(has_waited).map(|(id, _)| id.clone()).collect();
    assert!(!have_waited.is_empty(), "the outage is too short to tell");
    let judged: Vec<_> = have_waited.difference(&late).collect();
    assert!(judged.is_empty(), "judged, although they had waited for too long: {judged:?}");
    // What was answered late holds nothing.
    for (program, kind) in [(&business, "business"), (&personal, "personal")] {
        let expected = approved.iter().filter(|id| id.starts_with(kind)).count() as i64;
        assert_eq!(program.held(&mut client).await, expected, "{kind}");
    }
    let told = told_of.held(&mut client).await + also_told_of.held(&mut client).await;
    assert_eq!(told, sent.acknowledged.len() as i64, "each told purchase holds 0.01 once");
    scene.verify();
    println!(
        "endure: {server} away | {:.0} s | {} published: {} decided, {} answered late ({} had to be), \
         {rounds} reports processed; {} notifications applied ({} calls were refused, and came again) | 0 \
         dead, 0 parked, all worked {:.1} s after its return",
        down.as_secs_f64(),
        published.len(),
        approved.len(),
        late.len(),
        have_waited.len(),
        sent.acknowledged.len(),
        sent.refused,
        worked.as_secs_f64(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn postgres_is_waited_for() {
    outage("postgres", "business").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn mongodb_is_waited_for() {
    outage("mongodb", "personal").await;
}
