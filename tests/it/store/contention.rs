//! Several instances at once on the same accounts. The suite's other sentences are about one lane; these
//! open two transactions that want the same. Each is handed two subjects that see one set of rows.
//!
//! Where a store lets nobody wait for a lock, whoever comes second meets a conflict at once, and begins again
//! until the first is done: the same wait, as seen from outside.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tollgate::domain::chain::Link;
use tollgate::domain::clock::Clock;
use tollgate::domain::finding::Reason;
use tollgate::domain::party::CardStatus;
use tollgate::domain::policy::Scope;
use tollgate::domain::posting::Flag;
use tollgate::domain::standing::Rules;
use tollgate::domain::time::Window;
use tollgate::ledger;
use tollgate::ledger::intent::{Intent, Outcome, Step};
use tollgate::ledger::wanted::Wanted;
use tollgate::store::{Refreshed, StoreError};

use super::subject::{Subject, named, purchase, root, token, usd};
use crate::support::dice::Dice;
use crate::support::rounds;

/// How long the second waits while the first goes on: below any store's lock timeout.
const WAIT: Duration = Duration::from_millis(100);

/// How long a change may take while a batch is held. Where nothing is written beside a batch it waits for the
/// batch instead, and this long is spent.
const CHANGE: Duration = Duration::from_secs(1);

/// How often a batch is tried that meets others.
const TRIES: u32 = 200;

/// How often chance is given its way.
const TRIALS: usize = 200;
const PAIRS_LONG: usize = 2_000;
const TRIPLES_LONG: usize = 5_000;

fn refused(outcome: &Outcome) -> Option<Reason> {
    let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
    decision.refusal.as_ref().map(|why| why.reason)
}

/// As a lane: again after a conflict, for much longer.
pub async fn settle(subject: &Subject, mut intents: Vec<Intent>) -> Vec<Outcome> {
    for tried in 0..TRIES {
        match subject.settle(&mut intents).await {
            Ok(outcomes) => return outcomes,
            // Unavailable: too many waited before it. Its caller would repeat it.
            Err(
                StoreError::Conflict(_)
                | StoreError::OutcomeUnknown(_)
                | StoreError::Unavailable(_),
            ) => {
                tokio::time::sleep(Duration::from_millis(1 + u64::from(tried % 7))).await;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("{TRIES} conflicts in a row");
}

/// A batch waits for another. What the holder has counted, and a card whose suspension was asked for
/// meanwhile, must both be seen by it: it reads only once nobody is before it.
pub async fn a_batch_that_waited_sees_what_changed_meanwhile(one: Arc<Subject>, two: Arc<Subject>) {
    let program = one.program("acme", 1000_00).await;
    let limit = one.limit(Scope::Card(program.card.id), Window::Day, 10_00);
    one.resources.insert_limit(limit).await.unwrap();
    one.approve(purchase("t0", "acme-card", 1_00)).await;
    let first = one.request(purchase("t1", "acme-card", 6_00)).await;
    let waiting = vec![
        two.request(purchase("t2", "acme-card", 4_00)).await,
        two.request(purchase("t3", "acme-card", 1_00)).await,
    ];
    let mut holder = one.home.begin(&Wanted::by(std::slice::from_ref(&first))).await.unwrap();
    let waiter = tokio::spawn(async move { (settle(&two, waiting).await, two) });
    tokio::time::sleep(WAIT).await;
    ledger::apply(holder.books(), &first, &Rules::default());
    holder.commit().await.unwrap();
    let (outcomes, two) = waiter.await.unwrap();
    assert_eq!(refused(&outcomes[0]), Some(Reason::AmountLimitExceeded), "7 of 10 are used");
    assert_eq!(refused(&outcomes[1]), None);

    let mut held = [one.request(purchase("t4", "acme-card", 1_00)).await];
    let waiting = vec![two.request(purchase("t5", "acme-card", 1_00)).await];
    let mut holder = one.home.begin(&Wanted::by(&held)).await.unwrap();
    let refreshed = holder.refresh_stale_facts(&mut held).await.unwrap();
    assert!(matches!(refreshed, Refreshed::Current), "{refreshed:?}");
    let waiter = tokio::spawn(async move { (settle(&two, waiting).await, two) });
    tokio::time::sleep(WAIT).await;
    let mut card = program.card.clone();
    (card.status, card.version) = (CardStatus::Suspended, 2);
    let resources = Arc::clone(&one.resources);
    let mut change = tokio::spawn(async move { resources.update_card(card).await.unwrap() });
    let changed = tokio::time::timeout(CHANGE, &mut change).await;
    ledger::apply(holder.books(), &held[0], &Rules::default());
    holder.commit().await.unwrap();
    match changed {
        Ok(changed) => drop(changed.unwrap()),
        Err(_elapsed) => drop(change.await.unwrap()),
    }
    let (outcomes, two) = waiter.await.unwrap();
    assert_eq!(refused(&outcomes[0]), Some(Reason::CardNotActive));
    two.assert_adds_up().await;
}

/// Midnight passes while a batch waits: it counts in the new day.
pub async fn time_is_read_after_the_lock(one: Arc<Subject>, two: Arc<Subject>) {
    let program = one.program("acme", 1000_00).await;
    let limit = one.limit(Scope::Card(program.card.id), Window::Day, 10_00);
    one.resources.insert_limit(limit).await.unwrap();
    let first = one.request(purchase("t1", "acme-card", 10_00)).await;
    let waiting = vec![two.request(purchase("t2", "acme-card", 10_00)).await];
    let mut holder = one.home.begin(&Wanted::by(std::slice::from_ref(&first))).await.unwrap();
    let clock = Arc::clone(&one.clock);
    let waiter = tokio::spawn(async move { (settle(&two, waiting).await, two) });
    tokio::time::sleep(WAIT / 2).await;
    clock.pass(86_400_000_000);
    tokio::time::sleep(WAIT / 2).await; // whoever has read the time before has met the holder, too
    ledger::apply(holder.books(), &first, &Rules::default());
    holder.commit().await.unwrap();
    let (outcomes, two) = waiter.await.unwrap();
    assert_eq!(refused(&outcomes[0]), None, "a new day");
    two.assert_adds_up().await;
}

/// Two lanes, the same two accounts, named in opposite order; and the same two tokens.
pub async fn opposite_orders_end(one: Arc<Subject>, two: Arc<Subject>) {
    const ROUNDS: usize = 40;
    let acme = one.program("acme", 1_000_000_00).await;
    let other = one.program("other", 1_000_000_00).await;
    for round in 0..ROUNDS {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let mine = [purchase(&a, "acme-card", 1_00), purchase(&b, "other-card", 1_00)];
        let mut first = Vec::new();
        let mut second = Vec::new();
        for request in &mine {
            first.push(one.request(request.clone()).await);
        }
        for request in mine.iter().rev() {
            second.push(two.request(request.clone()).await);
        }
        let (first, second) = tokio::join!(settle(&one, first), settle(&two, second));
        for outcome in first.iter().chain(&second) {
            assert_eq!(refused(outcome), None);
        }
    }
    let held = i64::try_from(ROUNDS).unwrap() * 1_00;
    for account in [acme.account, other.account] {
        assert_eq!(one.balance(account).await[2], held, "each token once");
    }
    one.assert_adds_up().await;
}

/// 64 racers on one account from two instances: what is there is spent to the last unit, and no more.
pub async fn racers_spend_what_is_there_and_no_more(one: Arc<Subject>, two: Arc<Subject>) {
    const RACERS: usize = 64;
    const EACH: i64 = 5;
    let enough = RACERS / 2 * usize::try_from(EACH).unwrap();
    let program = one.program("acme", i64::try_from(enough).unwrap() * 1_00).await;
    let mut racers = Vec::new();
    for racer in 0..RACERS {
        let subject = Arc::clone(if racer % 2 == 0 { &one } else { &two });
        let mut intents = Vec::new();
        for number in 0..EACH {
            let name = format!("r{racer}-{number}");
            intents.push(subject.request(purchase(&name, "acme-card", 1_00)).await);
        }
        racers.push(tokio::spawn(async move {
            let mut approved = 0_usize;
            for intent in intents {
                let outcome = settle(&subject, vec![intent]).await.remove(0);
                approved += usize::from(refused(&outcome).is_none());
            }
            approved
        }));
    }
    let mut approved = 0;
    for racer in racers {
        approved += racer.await.unwrap();
    }
    assert_eq!(approved, enough, "no false declines, no overdraft");
    let [limit, _, held, _] = one.balance(program.account).await;
    assert_eq!(held, limit);
    one.clock.uuid();
    one.assert_adds_up().await;
}

/// Settles these at the same instant, each by itself. What came of each, in their order.
async fn at_once(racers: Vec<(&Arc<Subject>, Intent)>) -> Vec<Outcome> {
    let start = Arc::new(Barrier::new(racers.len()));
    let racers = racers.into_iter().map(|(subject, intent)| {
        let (subject, start) = (Arc::clone(subject), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            settle(&subject, vec![intent]).await.remove(0)
        })
    });
    let mut outcomes = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        outcomes.push(racer.await.unwrap());
    }
    outcomes
}

/// Two ask for more than half of what is there: each time one of them gets it.
pub async fn of_two_who_ask_for_more_than_half_one_gets_it(one: Arc<Subject>, two: Arc<Subject>) {
    let account = one.program("acme", 100_00).await.account;
    for trial in 0..rounds(TRIALS, PAIRS_LONG) {
        let mine = one.request(purchase(&format!("a{trial}"), "acme-card", 60_00)).await;
        let yours = two.request(purchase(&format!("b{trial}"), "acme-card", 60_00)).await;
        let ids = [mine.authorization_id(), yours.authorization_id()];
        let outcomes = at_once(vec![(&one, mine), (&two, yours)]).await;
        let approved = match [refused(&outcomes[0]), refused(&outcomes[1])] {
            [None, Some(Reason::InsufficientFunds)] => ids[0],
            [Some(Reason::InsufficientFunds), None] => ids[1],
            other => panic!("trial {trial}: {other:?}"),
        };
        assert_eq!(one.balance(account).await, [100_00, 0, 60_00, 0], "trial {trial}");
        let back = Step::Reverse(None);
        let back = one.step(&format!("r{trial}"), "acme-card", root(approved), back).await;
        settle(&one, vec![back]).await;
    }
    assert_eq!(one.balance(account).await, [100_00, 0, 0, 0]);
    one.assert_adds_up().await;
}

/// A purchase, its reversal and its clearing at once, in any order: the books end as if one had come after the
/// other. What may still be held is held, once, and what was cleared is posted, once.
pub async fn a_purchase_its_reversal_and_its_clearing_at_once_resolve_its_hold_once(
    one: Arc<Subject>,
    two: Arc<Subject>,
) {
    const GRANTED: i64 = 10_000_000_00;
    const ASKED: i64 = 10_00;
    let account = one.program("acme", GRANTED).await.account;
    let mut dice = Dice(6);
    let (mut held, mut posted, mut overtaken) = (0, 0, 0);
    let trials = rounds(TRIALS, TRIPLES_LONG);
    for trial in 0..trials {
        let mut minor = |most| i64::try_from(dice.below(most)).unwrap() + 1;
        let (less, cleared) = (minor(12_00), minor(15_00));
        let (whole, last) = (dice.below(4) == 0, dice.below(4) == 0);
        let reversal = Step::Reverse((!whole).then(|| usd(less)));
        let clearing = Step::Clear { amount: usd(cleared), last };
        let name = format!("a{trial}");
        let chain = || named(&[Link::Funding(token(&name))], &[]);
        let mut messages = [
            one.request(purchase(&name, "acme-card", ASKED)).await,
            one.step(&format!("r{trial}"), "acme-card", chain(), reversal).await,
            one.step(&format!("c{trial}"), "acme-card", chain(), clearing).await,
        ];
        dice.shuffle(&mut messages);
        let racers = [&one, &two, &one].into_iter().zip(messages).collect();
        for outcome in at_once(racers).await {
            match outcome {
                Outcome::Decided(decision) => assert_eq!(decision.refusal, None, "trial {trial}"),
                Outcome::Moved(movement) => {
                    overtaken += usize::from(movement.flags.contains(&Flag::NoAuthorization));
                }
                other => panic!("trial {trial}: {other:?}"),
            }
        }
        held += if whole || last { 0 } else { (ASKED - less - cleared).max(0) };
        posted += cleared;
        let expected = [GRANTED, 0, held, posted];
        assert_eq!(one.balance(account).await, expected, "{trial}: {reversal:?}, {clearing:?}");
    }
    assert!((1..trials).contains(&overtaken), "{overtaken} of {trials} were cleared first");
    one.assert_adds_up().await;
}
