//! Holds that run out are given back once, however many instances look for them.

use std::sync::Arc;

use tollgate::app::clock::SystemClock;
use tollgate::domain::chain::HoldState;
use tollgate::domain::posting::Flag;
use tollgate::domain::request::Operation;
use tollgate::domain::standing::Rules;
use tollgate::ledger::intent::Step;
use tollgate::pipeline::{Homes, LaneSettings, Parts, Pipeline};
use tollgate::service::expiry::{Sweeper, Swept};
use tollgate::telemetry::profile::Profiler;

use crate::store::subject::{Subject, purchase, root, token, usd};

const DAY_US: i64 = 86_400_000_000;
const HOLDS: usize = 40;

/// The sweeper of one instance.
fn sweeper(subject: &Subject) -> Sweeper {
    let pipeline = Pipeline::new(Parts {
        facts: Arc::clone(&subject.facts),
        homes: Homes::Shared(Arc::clone(&subject.home)),
        clock: Arc::new(SystemClock::new()),
        profiler: Arc::new(Profiler::default()),
        // These machines are slow and shared.
        settings: LaneSettings {
            deadline_us: 20_000_000,
            stall_us: 15_000_000,
            ..Default::default()
        },
        rules: Rules::default(),
        hold_days: "".parse().unwrap(),
    });
    Sweeper { homes: Vec::new(), pipeline: Arc::new(pipeline) }
}

pub async fn two_instances_let_each_hold_expire_once(subject: Subject) {
    let program = subject.program("acme", 1_000_00).await;
    let mut short = Vec::new();
    for number in 0..HOLDS {
        let request = purchase(&format!("short-{number}"), "acme-card", 1_00);
        short.push(subject.approve(request).await.id);
    }
    let mut longer = purchase("longer", "acme-card", 5_00);
    longer.hold_days = Some(30);
    subject.approve(longer).await;
    let (one, other) = (sweeper(&subject), sweeper(&subject));
    assert_eq!(one.sweep(&*subject.due).await.unwrap(), Swept::default(), "none is due");
    subject.clock.pass(7 * DAY_US);
    let swept = tokio::join!(one.sweep(&*subject.due), other.sweep(&*subject.due));
    let (swept, also) = (swept.0.unwrap(), swept.1.unwrap());
    let looked_at = swept.expired + swept.passed + also.expired + also.passed;
    assert!(looked_at >= HOLDS as u64, "{swept:?} {also:?}");
    assert_eq!((swept.failed, also.failed), (0, 0));
    let expired = subject.waiting().await;
    let expired = expired.iter().filter(|row| row.event.kind == "authorization.expired");
    assert_eq!(expired.count(), HOLDS, "each of them once");
    for id in &short {
        assert_eq!(subject.chain(*id).await.state(), HoldState::Expired);
    }
    assert_eq!(subject.balance(program.account).await, [1_000_00, 0, 5_00, 0]);
    assert_eq!(one.sweep(&*subject.due).await.unwrap(), Swept::default(), "nothing is left");
    // The money is owed all the same.
    let late = Step::Clear { amount: usd(1_00), last: true };
    let cleared = subject.take("late", "acme-card", root(short[0]), late).await;
    assert_eq!(cleared.flags, [Flag::ClearedAfterClose]);
    assert_eq!(subject.balance(program.account).await, [1_000_00, 0, 5_00, 1_00]);
    subject.assert_adds_up().await;
}

/// What the store says is due is only a hint: it may have been prolonged, or ended, since.
pub async fn a_hold_that_was_prolonged_is_passed_by(subject: Subject) {
    subject.program("acme", 1_000_00).await;
    let prolonged = subject.approve(purchase("prolonged", "acme-card", 1_00)).await.id;
    let cleared = subject.approve(purchase("cleared", "acme-card", 1_00)).await.id;
    let due = subject.approve(purchase("due", "acme-card", 1_00)).await.id;
    subject.clock.pass(7 * DAY_US);
    let hint = subject.due.due_holds(Default::default(), 10).await.unwrap();
    assert_eq!(hint.iter().map(|hold| hold.chain).collect::<Vec<_>>(), [prolonged, cleared, due]);
    let mut increment = purchase("more", "acme-card", 2_00);
    increment.operation = Operation::Increment;
    increment.original = Some(token("prolonged"));
    subject.approve(increment).await;
    let last = Step::Clear { amount: usd(1_00), last: true };
    subject.take("last", "acme-card", root(cleared), last).await;
    let swept = sweeper(&subject).sweep(&Hint(hint)).await.unwrap();
    assert_eq!(swept, Swept { expired: 1, passed: 2, failed: 0 });
    assert_eq!(subject.chain(prolonged).await.hold(), 3_00);
    assert_eq!(subject.chain(cleared).await.state(), HoldState::Cleared);
    assert_eq!(subject.chain(due).await.state(), HoldState::Expired);
    assert_eq!(subject.due.due_holds(Default::default(), 10).await.unwrap(), []);
    subject.assert_adds_up().await;
}

/// What a store said a while ago.
struct Hint(Vec<tollgate::store::DueHold>);

impl tollgate::store::DueHolds for Hint {
    fn due_holds(
        &self,
        _from: tollgate::domain::time::Timestamp,
        _holds_max: u32,
    ) -> tollgate::store::StoreFuture<'_, Vec<tollgate::store::DueHold>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}
