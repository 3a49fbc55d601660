//! A store that is away for ten minutes: consumers wait, nothing dies and nothing is parked, and all is
//! worked when it is back.

use std::collections::BTreeSet;
use std::time::Duration;

use tollgate::broker::Outgoing;
use tollgate::broker::topology::Queue;

use super::answers::Answers;
use super::scene::{Scene, all, number, purchase, report, until};
use crate::support::Program;

/// Messages of each kind while the store is down, spread over the time.
const EACH: usize = 200;

/// How long everything may take once the store is back. The last pause of a consumer is 2 s, that of a
/// notification 30 s.
const WORKED_WITHIN: Duration = Duration::from_secs(120);

async fn outage(server: &'static str) {
    let down = Duration::from_secs(number("TOLLGATE_ENDURE_STORE_OUTAGE_S", 600));
    let scene = Scene::start(&["postgres", "mongodb", "rabbitmq"], &[]).await;
    let mut client = scene.client();
    let business = Program::set_up(&mut client, 1_000_000_000, 8).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000_000, 8).await;
    let (answers, reading) = Answers::read(&scene.broker);

    scene.kill(server).await;
    let mut published = BTreeSet::new();
    let mut put = async |outgoing: Outgoing| {
        published.insert(outgoing.message.id.clone());
        let results = scene.broker.publish(vec![outgoing]).await.expect("published");
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    };
    for n in 0..EACH {
        put(purchase(&format!("business-{n}"), &business.cards[n % 8])).await;
        put(purchase(&format!("personal-{n}"), &personal.cards[n % 8])).await;
        put(report(&format!("report-{n}"), &business.cards[n % 8])).await;
        tokio::time::sleep(down / EACH as u32).await;
    }
    scene.up(server).await;
    let worked = until("everything is worked", WORKED_WITHIN, async || {
        let asked = published.iter().filter(|id| !id.starts_with("report"));
        let known = answers.ids();
        asked.into_iter().all(|id| known.contains(id))
            && scene.count("select count(*) from transactions").await == EACH as i64
    })
    .await;
    let reported = scene.count("select count(*) from transactions").await;
    reading.abort();
    let mut client = scene.client();
    let dead = all(&mut client, "/api/v1/dead-letters", "").await;
    let parked = all(&mut client, "/api/v1/transactions", "status=parked").await;
    assert_eq!((dead.len(), parked.len()), (0, 0), "{dead:?} {parked:?}");
    assert_eq!(answers.contradictions(), [""; 0]);
    for queue in [Queue::JitFunding, Queue::Transactions, Queue::DeadLetters] {
        assert_eq!(scene.waiting(queue).await, 0, "{queue:?}");
    }
    let (approved, late) = (answers.said("200"), answers.said("unavailable"));
    for (program, kind) in [(&business, "business"), (&personal, "personal")] {
        let expected = approved.iter().filter(|id| id.starts_with(kind)).count() as i64;
        assert_eq!(program.held(&mut client).await, expected, "{kind}");
    }
    scene.verify();
    println!(
        "endure: {server} away | {:.0} s | {} published: {} decided, {} answered late, {reported} reports \
         processed | 0 dead, 0 parked, all worked {:.1} s after its return",
        down.as_secs_f64(),
        published.len(),
        approved.len(),
        late.len(),
        worked.as_secs_f64(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn postgres_is_waited_for() {
    outage("postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn mongodb_is_waited_for() {
    outage("mongodb").await;
}
