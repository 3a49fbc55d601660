//! Callers go away in the middle of everything; nothing stays open, and nothing acknowledged is lost.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tollgate::domain::clock::Clock;
use tollgate::domain::id::UserId;
use tollgate::domain::standing::Rules;
use tollgate::ledger;
use tollgate::ledger::intent::{Act, Intent, Outcome};
use tollgate::ledger::wanted::Wanted;

use super::subject::{Subject, purchase, token};

/// How long what was asked goes on before its caller goes: not at all, or until it is answered.
const LINGER: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(10), Duration::from_millis(60)];

/// Whether a wait is one depends on who runs first, so each test goes round until it has gone away
/// often enough at every kind of moment, and fails if that never happens.
const CUTS: usize = 6;
const ROUNDS_MAX: usize = 600;

/// Enough keys, or purchases, that statements take longer than a poll.
const KEYS: usize = 5_000;
const PURCHASES: usize = 100;

/// Goes away at the wait after so many; `None`: before it had an answer.
async fn cut<T>(future: impl Future<Output = T>, polls: usize, linger: Duration) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => {
            std::thread::sleep(linger);
            Poll::Ready(None)
        }
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Goes away after so long; timers are too coarse for this.
pub async fn cut_after<T>(future: impl Future<Output = T>, after: Duration) -> Option<T> {
    let mut future = pin!(future);
    let until = Instant::now() + after;
    poll_fn(|context| {
        if let Poll::Ready(done) = future.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        if Instant::now() >= until {
            return Poll::Ready(None);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

pub async fn a_dropped_begin_leaves_nothing_behind(subject: &Subject) {
    let program = subject.program("acme", 1_000_000_00).await;
    let intents = [subject.request(purchase("never", "acme-card", 1_00)).await];
    let mut wanted = Wanted::by(&intents);
    wanted.tokens.extend((0..KEYS).map(|number| token(&format!("unseen-{number}"))));
    // Gone at once, and after it has had the time to load. (How many waits that takes differs.)
    let mut gone = [0, 0];
    for round in 0..ROUNDS_MAX {
        for (polls, linger) in [(0, LINGER[0]), (0, LINGER[1]), (1, LINGER[0]), (1, LINGER[1])] {
            let txn = cut(subject.begin(&wanted), polls, linger).await;
            gone[usize::from(!linger.is_zero())] += usize::from(txn.is_none());
            drop(txn.transpose().unwrap());
            // The next write must be committed on its own, and be there for others to see.
            let name = format!("u{round}-{polls}-{}", linger.as_millis());
            let user = subject.user(program.employer(), &name);
            let id = user.id;
            subject.resources.insert_user(user).await.unwrap();
            assert!(subject.resources.user_record(id).await.unwrap().is_some(), "{name}");
        }
        if gone.iter().all(|gone| *gone >= CUTS) {
            break;
        }
    }
    assert!(gone.iter().all(|gone| *gone >= CUTS), "{gone:?}");
    assert_eq!(subject.balance(program.account).await, [1_000_000_00, 0, 0, 0]);
    subject.approve(purchase("after", "acme-card", 1_00)).await;
    subject.assert_adds_up().await;
}

/// A fresh batch of purchases.
async fn batch(subject: &Subject, name: &str) -> Vec<Intent> {
    let facts = subject.facts_of(&purchase(name, "acme-card", 1_00)).await;
    let requests = (0..PURCHASES).map(|n| purchase(&format!("{name}-{n}"), "acme-card", 1_00));
    requests.map(|request| subject.intent(facts.clone(), Act::Authorize(request))).collect()
}

/// It was committed, and nobody has heard of it: whoever runs the batch again is told what was decided.
async fn answered_from_their_rows(subject: &Subject, intents: &mut [Intent]) {
    let again = subject.settle(intents).await.unwrap();
    for (outcome, intent) in again.iter().zip(&*intents) {
        let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
        assert!(decision.approved());
        assert_eq!(decision.authorization, intent.authorization_id());
    }
}

pub async fn a_dropped_transaction_is_rolled_back(subject: &Subject) {
    let program = subject.program("acme", 1_000_000_00).await;
    let all = i64::try_from(PURCHASES).unwrap() * 1_00;
    // Gone before the point of return, while it wrote, and while it waited for the commit.
    let (mut held, mut writing, mut committing) = (0, 0, 0);
    // Away at one wait after the other, until there are no more; then again, with another pause.
    let (mut polls, mut ends) = (0, 0);
    for round in 0..ROUNDS_MAX {
        let linger = LINGER[ends % LINGER.len()];
        let name = format!("t{round}");
        let mut intents = batch(subject, &name).await;
        let judged = AtomicBool::new(false);
        let settle = async {
            let mut txn = subject.begin(&Wanted::by(&intents)).await.unwrap();
            let books = txn.books();
            for intent in &intents {
                ledger::apply(books, intent, &Rules::default());
            }
            judged.store(true, Ordering::SeqCst);
            txn.commit().await.unwrap();
        };
        let acknowledged = cut(settle, polls, linger).await.is_some();
        polls = if acknowledged { 0 } else { polls + 1 };
        ends += usize::from(acknowledged);
        // Whoever comes next waits until what was cut short has ended, one way or the other.
        let account = Wanted { accounts: [program.account].into(), ..Wanted::default() };
        subject.pass(&account).await;
        let mut stored = 0;
        for intent in [&intents[0], &intents[PURCHASES - 1]] {
            let id = intent.authorization_id();
            stored += usize::from(subject.history.chain(id).await.unwrap().is_some());
        }
        assert!(stored == 0 || stored == 2, "all of {name} or nothing");
        assert!(stored == 2 || !acknowledged, "{name} was acknowledged");
        held += if stored == 2 { all } else { 0 };
        if stored == 2 && !acknowledged {
            answered_from_their_rows(subject, &mut intents).await;
        }
        assert_eq!(subject.balance(program.account).await[2], held, "{name}: once");
        writing += usize::from(stored == 0 && judged.load(Ordering::SeqCst));
        committing += usize::from(stored == 2 && !acknowledged);
        if writing >= CUTS && committing >= CUTS {
            break;
        }
    }
    assert!(writing >= CUTS && committing >= CUTS, "{writing} and {committing}");
    subject.approve(purchase("after", "acme-card", 1_00)).await;
    subject.assert_adds_up().await;
}

pub async fn writers_and_lanes_side_by_side_lose_nothing(subject: &Subject) {
    const EACH: usize = 60;
    let program = Arc::new(subject.program("acme", 1_000_000_00).await);
    let mut writers = Vec::new();
    for writer in 0..4 {
        let resources = Arc::clone(&subject.resources);
        let company = program.employer();
        let users: Vec<_> =
            (0..EACH).map(|number| subject.user(company, &format!("w{writer}-{number}"))).collect();
        writers.push(tokio::spawn(async move {
            let mut written: Vec<UserId> = Vec::new();
            for mut user in users {
                written.push(user.id);
                resources.insert_user(user.clone()).await.unwrap();
                assert!(resources.insert_user(user.clone()).await.is_err(), "taken");
                user.version = 2;
                resources.update_user(user).await.unwrap();
            }
            written
        }));
    }
    for number in 0..EACH {
        subject.approve(purchase(&format!("t{number}"), "acme-card", 1_00)).await;
        subject.clock.uuid();
    }
    for writer in writers {
        for id in writer.await.unwrap() {
            let user = subject.resources.user_record(id).await.unwrap();
            assert_eq!(user.map(|user| user.version), Some(2));
        }
    }
    let held = i64::try_from(EACH).unwrap() * 1_00;
    assert_eq!(subject.balance(program.account).await, [1_000_000_00, 0, held, 0]);
    subject.assert_adds_up().await;
}
