//! Funding, limits, and the windows that uses are counted in.

use std::sync::Arc;

use super::super::books::Books;
use super::super::intent::{Act, IntentRefusal, Outcome, Step, StepIntent};
use super::super::testing::{Ledger, NOON, account_id, facts, intent, limit, request, step, usd};
use super::super::wanted::Wanted;
use super::{authorize, books_with, decided, moved, row};
use crate::domain::decision::Fingerprint;
use crate::domain::facts::Facts;
use crate::domain::finding::Reason;
use crate::domain::id::UserId;
use crate::domain::merchant::Merchant;
use crate::domain::policy::{Limit, LimitMode, MerchantScope, Scope};
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::time::{Timestamp, Window, Zone};

#[test]
fn funding_and_limit_changes_happen_once_under_their_key() {
    let mut ledger = books_with(1_000);
    let on_account = |key: &str, what| {
        let act = Act::Step(StepIntent {
            key: key.to_owned(),
            fingerprint: Fingerprint::of(&[&format!("{what:?}")]),
            account: account_id(1),
            chain: None,
            step: what,
        });
        intent(&Facts::default(), act, 0)
    };
    let fund = on_account("k1", Step::Fund(usd(500)));
    let outcomes = ledger.run(NOON, &[fund.clone(), fund.clone()]);
    assert_eq!(moved(&outcomes[0]), moved(&outcomes[1]));
    ledger.run(NOON, &[fund]);
    assert_eq!(row(&ledger).funded, 500);
    let other = on_account("k1", Step::Fund(usd(501)));
    let outcome = &ledger.run(NOON, &[other])[0];
    assert!(matches!(outcome, Outcome::Refused(IntentRefusal::KeyReused)));
    let cut =
        |key, limit, version| on_account(key, Step::ChangeLimit { limit: usd(limit), version });
    ledger.run(NOON, &[cut("k2", 10, 1)]);
    let stale = &ledger.run(NOON, &[cut("k3", 20, 1)])[0];
    assert!(matches!(stale, Outcome::Refused(IntentRefusal::VersionConflict)));
    assert_eq!((row(&ledger).limit, row(&ledger).version), (10, 2));
    ledger.check();
}

#[test]
fn a_balance_ends_where_its_range_does_and_somebody_is_told() {
    let mut ledger = books_with(i64::MAX);
    let facts = facts(1, vec![]);
    assert!(authorize(&mut ledger, &facts, "a", i64::MAX - 10).approved());
    let alerts = |ledger: &Ledger| {
        let told = ledger.events.iter().filter(|event| event.kind == "alert.balance_range");
        told.map(|event| (event.key.clone(), event.payload.get().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(alerts(&ledger), []);
    let refused = authorize(&mut ledger, &facts, "b", 11).refusal.expect("it does not fit");
    assert_eq!(refused.reason, Reason::AmountLimitExceeded);
    assert_eq!(refused.code.as_str(), "funds.overflow");
    assert_eq!(row(&ledger).held, i64::MAX - 10);
    let [(key, payload)] = &alerts(&ledger)[..] else { panic!("one alert") };
    assert_eq!(*key, account_id(1).to_string());
    assert!(payload.contains("critical") && payload.contains(key), "{payload}");
    assert!(authorize(&mut ledger, &facts, "c", 10).approved());
    assert_eq!(row(&ledger).held, i64::MAX);
    assert_eq!(alerts(&ledger).len(), 1);
    ledger.check();
}

#[test]
fn what_is_given_back_goes_only_into_the_window_it_came_from() {
    let mut ledger = books_with(100_000);
    let facts = facts(1, vec![limit(9, Window::Day, Some(1_000), Some(2))]);
    assert!(authorize(&mut ledger, &facts, "a", 1_000).approved());
    let tomorrow = Timestamp::from_micros(NOON.as_micros() + 86_400_000_000);
    let at = |ledger: &mut Ledger, name: &str, minor| {
        let act = Act::Authorize(request(name, Operation::Authorize, minor));
        decided(&ledger.run(tomorrow, &[intent(&facts, act, 0)])[0]).approved()
    };
    assert!(at(&mut ledger, "b", 600), "a new day");
    let reverse = intent(&facts, step(1, "r", "a", Step::Reverse(None)), 0);
    ledger.run(tomorrow, &[reverse]);
    assert!(!at(&mut ledger, "c", 401), "yesterday's use gives nothing back to today");
    assert!(at(&mut ledger, "d", 400));
    assert!(!at(&mut ledger, "e", 1), "nor does it give back a count");
    ledger.check();
}

#[test]
fn a_month_that_begins_again_in_another_zone_is_the_same_month() {
    const HOUR: i64 = 3_600_000_000;
    let tokyo_february = 1_769_871_600_000_000; // 2026-01-31T15:00Z
    let los_angeles_february = tokyo_february + 17 * HOUR;
    let seen_from = |zone: &str| {
        let mut facts = facts(1, vec![limit(9, Window::Month, Some(1_000), None)]);
        let card = Arc::make_mut(facts.card.as_mut().unwrap());
        card.zone = Zone::parse(zone).unwrap();
        facts
    };
    let (tokyo, los_angeles) = (seen_from("Asia/Tokyo"), seen_from("America/Los_Angeles"));
    let mut ledger = books_with(100_000);
    let mut at = |micros: i64, facts: &Facts, name: &str, minor| {
        let act = Act::Authorize(request(name, Operation::Authorize, minor));
        let now = Timestamp::from_micros(micros);
        decided(&ledger.run(now, &[intent(facts, act, 0)])[0]).approved()
    };
    assert!(at(tokyo_february + HOUR, &tokyo, "a", 600));
    assert!(at(tokyo_february + 2 * HOUR, &los_angeles, "b", 300), "January there");
    assert!(!at(los_angeles_february + HOUR, &los_angeles, "c", 101), "not a second time");
    assert!(at(los_angeles_february + HOUR, &los_angeles, "d", 100));
    assert!(!at(los_angeles_february + 2 * HOUR, &tokyo, "e", 1));
    assert!(at(tokyo_february + 28 * 24 * HOUR, &tokyo, "f", 1_000), "March");
    ledger.check();
}

#[test]
fn a_new_limit_starts_from_the_approvals_of_its_window() {
    let mut ledger = books_with(100_000);
    assert!(authorize(&mut ledger, &facts(1, vec![]), "a", 800).approved());
    let mut young = limit(9, Window::Day, Some(1_000), None);
    young.created_at = NOON;
    let limited = facts(1, vec![young]);
    assert!(!authorize(&mut ledger, &limited, "b", 201).approved());
    assert!(authorize(&mut ledger, &limited, "c", 200).approved());
    let reverse = intent(&limited, step(1, "r", "a", Step::Reverse(Some(usd(300)))), 0);
    ledger.run(NOON, &[reverse]);
    assert!(authorize(&mut ledger, &limited, "d", 300).approved(), "given back to the new limit");
    assert!(!authorize(&mut ledger, &limited, "e", 1).approved());
}

#[test]
fn a_counter_is_not_started_for_a_first_purchase_where_its_limit_does_not_count() {
    let pool = Limit {
        scope: Scope::User(UserId::new(uuid::Uuid::from_u128(1))),
        mode: LimitMode::Pool,
        merchant: MerchantScope::Mid("m-1".into()),
        ..limit(1, Window::Day, Some(1_000), None)
    };
    let facts = facts(1, vec![pool]);
    let wanted = |name: &str, mid: &str| {
        let merchant = Merchant { mid: Some(mid.into()), ..Merchant::default() };
        let asked = AuthRequest { merchant, ..request(name, Operation::Authorize, 10) };
        Wanted::by(&[intent(&facts, Act::Authorize(asked), 0)])
    };
    let mut books = Books::at(NOON);
    assert_eq!(books.unseeded(&wanted("a", "m-1")).len(), 1);
    assert!(books.unseeded(&wanted("a", "m-2")).is_empty());
    let step = step(1, "s", "a", Step::Expire);
    assert_eq!(books.unseeded(&Wanted::by(&[intent(&facts, step, 0)])).len(), 1);
    // What a chain has used it has used at its own merchant.
    let mut ledger = books_with(1_000);
    authorize(&mut ledger, &facts, "a", 10);
    ledger.chains.values().for_each(|chain| books.load_chain(chain.clone()));
    assert_eq!(books.unseeded(&wanted("b", "m-2")).len(), 1);
}
