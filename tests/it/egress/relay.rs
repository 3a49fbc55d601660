//! Relays beside writers: every event is published at least once, those of one key in order, though
//! relays are killed and the broker fails.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate::app::clock::SystemClock;
use tollgate::broker::Message;
use tollgate::domain::clock::Clock;
use tollgate::domain::dead_letter::{LetterFilter, LetterState};
use tollgate::domain::id::Home;
use tollgate::domain::standing::Rules;
use tollgate::egress::relay::{Parts, Relay, RelayOptions, RelayStats, UNREADABLE_KEPT};
use tollgate::ledger;
use tollgate::ledger::intent::Intent;
use tollgate::ledger::wanted::Wanted;
use tollgate::service::dead_letters::DeadLetterDesk;
use tollgate::store::dead_letters::DeadLetters;
use tollgate::store::{Outbox, StoreError};

use super::broker::Subscriber;
use crate::store::sqlite::open_store;
use crate::store::subject::{Subject, purchase};

pub const OPTIONS: RelayOptions = RelayOptions {
    batch_max: 50,
    idle: Duration::from_millis(5),
    lease: Duration::from_secs(1),
    unreadable: UNREADABLE_KEPT,
};

const WRITERS: usize = 32;
const ACCOUNTS: usize = 8;
const RELAYS: usize = 4;

/// A relay of this outbox, and its end.
async fn relay(subject: &Subject, broker: &Arc<Subscriber>) -> (JoinHandle<()>, CancellationToken) {
    with_letters(subject, broker, letters().await.1, OPTIONS)
}

/// Where events go that nobody takes.
pub async fn letters() -> (Subject, Arc<dyn DeadLetters>) {
    let (subject, store) = open_store(&Home::ALL).await;
    (subject, store)
}

pub fn with_letters(
    subject: &Subject,
    broker: &Arc<Subscriber>,
    letters: Arc<dyn DeadLetters>,
    options: RelayOptions,
) -> (JoinHandle<()>, CancellationToken) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let desk = DeadLetterDesk {
        letters,
        broker: broker.clone(),
        faults: Arc::default(),
        clock: Arc::clone(&clock),
    };
    let parts = Parts {
        home: "test",
        outbox: Arc::clone(&subject.shards),
        broker: broker.clone(),
        clock,
        stats: Arc::new(RelayStats::default()),
        desk: Arc::new(desk),
        options,
    };
    let stop = CancellationToken::new();
    (tokio::spawn(Relay::new(parts).run(stop.clone())), stop)
}

pub async fn until_empty(outbox: &dyn Outbox) {
    let emptied = async {
        while outbox.depth().await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), emptied).await.expect("the outbox drains");
}

/// The tokens of decisions by key, each where it was seen first.
pub fn first_seen(seen: &[(String, Message)]) -> BTreeMap<String, Vec<String>> {
    let (mut known, mut order) = (HashSet::new(), BTreeMap::<String, Vec<String>>::new());
    let mut places: HashMap<String, String> = HashMap::new();
    for (kind, message) in seen {
        if !known.insert(message.id.clone()) {
            continue;
        }
        let event: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(
            (event["type"].as_str(), event["id"].as_str()),
            (Some(&**kind), Some(&*message.id))
        );
        let key = event["key"].as_str().unwrap().to_owned();
        let place = message.headers["tollgate-place"].clone();
        let before = places.insert(key.clone(), place.clone());
        assert!(before.is_none_or(|before| before < place), "places of a key grow");
        if let Some(token) = event["payload"]["token"].as_str() {
            order.entry(key).or_default().push(token.to_owned());
        }
    }
    order
}

/// What was committed on each account, in order: written down while it is locked.
type Log = Mutex<BTreeMap<String, Vec<String>>>;

/// Settles one batch of an account, with a pause between judging and committing.
async fn settle(subject: &Subject, account: &str, intents: &[Intent], pause: Duration, log: &Log) {
    let names: Vec<String> = intents.iter().map(name_of).collect();
    loop {
        match attempt(subject, account, intents, pause, log).await {
            Ok(()) => return,
            Err(StoreError::Conflict(_) | StoreError::Unavailable(_)) => {
                log.lock().unwrap().get_mut(account).unwrap().retain(|name| !names.contains(name));
            }
            Err(error) => panic!("{error}: {}", error.cause()),
        }
    }
}

fn name_of(intent: &Intent) -> String {
    let ledger::intent::Act::Authorize(request) = &intent.act else { panic!("a purchase") };
    request.token.to_string()
}

async fn attempt(
    subject: &Subject,
    account: &str,
    intents: &[Intent],
    pause: Duration,
    log: &Log,
) -> Result<(), StoreError> {
    let mut txn = subject.begin(&Wanted::by(intents)).await?;
    for intent in intents {
        ledger::apply(txn.books(), intent, &Rules::default());
        log.lock().unwrap().get_mut(account).unwrap().push(name_of(intent));
    }
    tokio::time::sleep(pause).await;
    txn.commit().await
}

/// So many writers with random pauses, four relays of which one is killed, a broker that breaks.
pub async fn nothing_is_lost_and_keys_keep_their_order(subject: Subject, batches: usize) {
    let subject = Arc::new(subject);
    let log: Arc<Log> = Arc::default();
    let mut cards = Vec::new();
    for number in 0..ACCOUNTS {
        let program = subject.program(&format!("p{number}"), 1_000_000_00).await;
        cards.push((format!("p{number}-card"), program.account.to_string()));
        log.lock().unwrap().insert(program.account.to_string(), Vec::new());
    }
    let broker = Arc::new(Subscriber::default());
    broker.breaks_every.store(7, Ordering::SeqCst);
    let mut relays = Vec::new();
    for _ in 0..RELAYS {
        relays.push(relay(&subject, &broker).await);
    }
    let writers = (0..WRITERS).map(|writer| {
        let (subject, log) = (Arc::clone(&subject), Arc::clone(&log));
        // A few share one account; the others are spread.
        let (card, account) = cards[if writer < 6 { 0 } else { writer % ACCOUNTS }].clone();
        tokio::spawn(async move {
            let clock = SystemClock::new();
            for batch in 0..batches {
                let random = clock.uuid().as_u128();
                let mut intents = Vec::new();
                for number in 0..=(random % 3) {
                    let name = format!("w{writer}-{batch}-{number}");
                    intents.push(subject.request(purchase(&name, &card, 1_00)).await);
                }
                let pause = Duration::from_micros((random >> 8) as u64 % 10_000);
                settle(&subject, &account, &intents, pause, &log).await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    relays[0].0.abort(); // in the middle of whatever it is doing
    subject.clock.pass(1_000_000);
    for writer in writers {
        writer.await.unwrap();
    }
    subject.clock.pass(1_000_000); // where time stands still, its lease ends now
    until_empty(&*subject.outbox).await;
    for (task, stop) in relays.into_iter().skip(1) {
        stop.cancel();
        task.await.unwrap();
    }
    let seen = broker.seen();
    let log = log.lock().unwrap().clone();
    let published = first_seen(&seen);
    let committed: BTreeSet<&String> = log.values().flatten().collect();
    let arrived: BTreeSet<&String> = published.values().flatten().collect();
    assert_eq!(committed.difference(&arrived).count(), 0, "lost");
    assert_eq!(published, log, "each key in the order of its commits");
    let repeated = seen.len() - committed.len() - 2 * ACCOUNTS;
    eprintln!("{} events, {repeated} more than once, 0 lost", committed.len());
    subject.assert_adds_up().await;
}

pub async fn events_wait_while_the_broker_is_down(subject: Subject) {
    subject.program("acme", 1_000_000_00).await;
    let broker = Arc::new(Subscriber::default());
    broker.down.store(true, Ordering::SeqCst);
    let (task, stop) = relay(&subject, &broker).await;
    for number in 0..120 {
        subject.approve(purchase(&format!("t{number}"), "acme-card", 1_00)).await;
    }
    assert_eq!(subject.outbox.depth().await.unwrap(), 122, "the card's and the user's as well");
    assert!(broker.seen().is_empty());
    broker.down.store(false, Ordering::SeqCst);
    until_empty(&*subject.outbox).await;
    let tokens: Vec<String> = (0..120).map(|number| format!("t{number}")).collect();
    assert_eq!(first_seen(&broker.seen()).into_values().collect::<Vec<_>>(), [tokens]);
    assert_eq!(broker.seen().len(), 122, "each was published once");
    stop.cancel();
    task.await.unwrap();
}

pub async fn a_relay_that_is_told_to_stop_publishes_what_waits(subject: Subject) {
    subject.program("acme", 1_000_000_00).await;
    let broker = Arc::new(Subscriber::default());
    for number in 0..130 {
        subject.approve(purchase(&format!("t{number}"), "acme-card", 1_00)).await;
    }
    let (task, stop) = relay(&subject, &broker).await;
    stop.cancel();
    task.await.unwrap();
    assert_eq!(subject.outbox.depth().await.unwrap(), 0);
    // Its leases are free at once.
    let (next, stop) = relay(&subject, &broker).await;
    subject.approve(purchase("late", "acme-card", 1_00)).await;
    until_empty(&*subject.outbox).await;
    stop.cancel();
    next.await.unwrap();
    assert_eq!(broker.seen().len(), 133);
}

pub async fn an_event_that_the_broker_refuses_holds_nobody_up(subject: Subject) {
    subject.program("acme", 1_000_000_00).await;
    subject.program("wren", 1_000_000_00).await;
    let broker = Arc::new(Subscriber::default());
    let (_folder, letters) = letters().await;
    subject.approve(purchase("before", "acme-card", 1_00)).await;
    subject.approve(purchase("poison", "acme-card", 1_00)).await;
    *broker.refuses.lock().unwrap() = Some("\"token\":\"poison\"".to_owned());
    let (task, stop) = with_letters(&subject, &broker, Arc::clone(&letters), OPTIONS);
    for number in 0..20 {
        subject.approve(purchase(&format!("a{number}"), "acme-card", 1_00)).await;
        subject.approve(purchase(&format!("w{number}"), "wren-card", 1_00)).await;
    }
    until_empty(&*subject.outbox).await;
    let published = first_seen(&broker.seen());
    let tokens: Vec<&String> = published.values().flatten().collect();
    assert_eq!(tokens.len(), 41, "all but one: {tokens:?}");
    let acme: Vec<String> = (0..20).map(|number| format!("a{number}")).collect();
    let expected = [vec!["before".to_owned()], acme].concat();
    assert!(published.values().any(|order| *order == expected), "in order: {published:?}");
    let kept = letters.letters(LetterFilter::default(), None, 10).await.unwrap();
    let [letter] = &kept[..] else { panic!("one letter: {kept:?}") };
    let envelope = &letter.envelope;
    assert_eq!((&*envelope.queue, &*envelope.reason), ("events", "refused_by_broker"));
    assert!(envelope.attempts >= 5, "{}", envelope.attempts);

    // Once the broker takes it, an operator can send it after the others.
    *broker.refuses.lock().unwrap() = None;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let desk = DeadLetterDesk { letters, broker: broker.clone(), faults: Arc::default(), clock };
    let sent = desk.redrive(letter.id, "operator", None, &None).await.unwrap();
    assert_eq!(sent.letter.state, LetterState::Redriven);
    let (key, message) = broker.seen().pop().unwrap();
    assert_eq!((key, message.id), ("authorization.approved".into(), envelope.message_id.clone()));
    stop.cancel();
    task.await.unwrap();
}
