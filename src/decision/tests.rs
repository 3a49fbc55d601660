//! Every check, one table: what differs, and what is refused.

use std::sync::Arc;

use super::decide;
use crate::domain::facts::{Cardholder, Facts, LimitFacts, UserFacts};
use crate::domain::finding::{Reason, Verdict};
use crate::domain::id::{ControlId, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::party::{Account, CardStatus, CompanyStatus, UserStatus};
use crate::domain::policy::{Control, Counter, Effect, Limit, MerchantScope, Scope};
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::standing::{Need, Rules, Standing};
use crate::domain::time::{Expiry, Timestamp, Window};
use crate::ledger::testing::{NOON, account, card, card_id, facts, limit, request};
use uuid::Uuid;

/// A purchase of 10.00 that passes every check.
struct Case {
    request: AuthRequest,
    facts: Facts,
    account: Option<Account>,
    used: Vec<Counter>,
    need: Option<Need>,
    closed: bool,
    rules: Rules,
}

impl Case {
    fn new() -> Self {
        let mut request = request("a", Operation::Authorize, 1_000);
        request.merchant.mid = Some("shop".into());
        request.merchant.mcc = Some("5411".parse().unwrap());
        request.merchant.country = Some("BEL".parse().unwrap());
        request.entry_mode = Some("CHIP".into());
        request.channel = Some("OTHER".into());
        Self {
            request,
            facts: facts(1, vec![]),
            account: Some(account(1, 1_000)),
            used: vec![],
            need: None,
            closed: false,
            rules: Rules::default(),
        }
    }

    fn card(mut self, change: impl FnOnce(&mut crate::domain::facts::CardFacts)) -> Self {
        let mut card = card(1);
        change(&mut card);
        self.facts.card = Some(Arc::new(card));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn limits(mut self, limits: Vec<(Limit, i64, i64)>) -> Self {
        let used =
            |&(_, amount, count): &(Limit, i64, i64)| Counter { window_start: NOON, amount, count };
        self.used = limits.iter().map(used).collect();
        let limits = limits.into_iter().map(|(limit, _, _)| limit).collect();
        self.facts.limits = Arc::new(LimitFacts { limits, ..LimitFacts::default() });
        self
    }

    fn controls(mut self, controls: Vec<Control>) -> Self {
        self.facts.limits = Arc::new(LimitFacts { controls, ..LimitFacts::default() });
        self
    }

    fn decide(&self) -> Verdict {
        let asked = self.request.amount.minor();
        let plain = Need { total: asked, funds: asked, counted: asked, uses: 1 };
        let standing = Standing {
            now: NOON,
            account: self.account.as_ref(),
            used: self.used.clone(),
            need: self.need.unwrap_or(plain),
            purchase_closed: self.closed,
            rules: self.rules,
        };
        decide(&self.request, &self.facts, &standing)
    }
}

fn control(effect: Effect, scope: Scope, change: impl FnOnce(&mut Control)) -> Control {
    let mut control = Control {
        id: ControlId::new(Uuid::from_u128(7)),
        scope,
        effect,
        mccs: vec![],
        mcc_groups: vec![],
        merchants: vec![],
        countries: vec![],
        entry_modes: vec![],
        channels: vec![],
        starts_at: None,
        ends_at: None,
        version: 1,
        created_at: NOON,
    };
    change(&mut control);
    control
}

#[track_caller]
fn approves(case: &Case) {
    assert_eq!(case.decide().refusal, None);
}

#[track_caller]
fn refuses(case: &Case, reason: Reason, code: &str) {
    let refusal = case.decide().refusal.expect("a refusal");
    assert_eq!((refusal.reason, refusal.code.as_str()), (reason, code));
}

#[test]
fn a_plain_purchase_is_approved_and_every_check_is_kept() {
    let verdict = Case::new().decide();
    let checks: Vec<&str> = verdict.findings.iter().map(|it| it.check.as_str()).collect();
    assert_eq!(verdict.refusal, None);
    assert_eq!(
        checks,
        [
            "card.known",
            "card.held",
            "card.status",
            "card.expiry",
            "user.status",
            "company.status",
            "currency",
            "funds.available",
        ]
    );
}

#[test]
fn a_suspended_card_declines_and_every_check_is_kept() {
    let case = Case::new().card(|card| card.status = CardStatus::Suspended).with(|case| {
        case.account = Some(account(1, 999)); // the funds would refuse as well
    });
    let verdict = case.decide();
    assert_eq!(verdict.refusal.unwrap().code.as_str(), "card.suspended");
    let refused = verdict.findings.iter().filter(|finding| finding.refusal.is_some()).count();
    assert_eq!(refused, 2);
}

#[test]
fn cards_and_people() {
    let status = |status| Case::new().card(|card| card.status = status);
    refuses(&status(CardStatus::Unactivated), Reason::CardNotActive, "card.unactivated");
    refuses(&status(CardStatus::Terminated), Reason::CardNotActive, "card.terminated");
    refuses(&status(CardStatus::Limited), Reason::CardNotActive, "card.limited");
    approves(&status(CardStatus::Limited).with(|case| case.rules.limited_card_spends = true));

    let expires = |text| Case::new().card(|card| card.expires = Expiry::parse(text));
    refuses(&expires("2026-02"), Reason::ExpiredCard, "card.expired");
    approves(&expires("2026-03"));

    let user = |status| Case::new().card(|card| card.owner.status = status);
    refuses(&user(UserStatus::Unverified), Reason::CardholderNotActive, "user.unverified");
    refuses(&user(UserStatus::Suspended), Reason::CardholderNotActive, "user.suspended");
    refuses(&user(UserStatus::Closed), Reason::ClosedAccount, "user.closed");
    approves(&user(UserStatus::Limited));
    let strict = user(UserStatus::Limited).with(|case| case.rules.limited_user_spends = false);
    refuses(&strict, Reason::CardholderNotActive, "user.limited");

    let company =
        |status| Case::new().card(|card| card.owner.company.as_mut().unwrap().status = status);
    refuses(
        &company(CompanyStatus::Suspended),
        Reason::TransactionNotPermitted,
        "company.suspended",
    );
    refuses(&company(CompanyStatus::Closed), Reason::ClosedAccount, "company.closed");
    approves(&Case::new().card(|card| card.owner.company = None));
}

#[test]
fn the_cardholder_that_is_named_must_hold_the_card() {
    let holder = |holder| Case::new().with(|case| case.facts.cardholder = holder);
    let known = |id| UserFacts { id: UserId::new(Uuid::from_u128(id)), ..card(1).owner };
    approves(&holder(Cardholder::Known(Arc::new(known(1)))));
    let other = holder(Cardholder::Known(Arc::new(known(2))));
    refuses(&other, Reason::InvalidCard, "card.not_held");
    refuses(&holder(Cardholder::Unknown), Reason::InvalidCard, "cardholder.unknown");
    let unknown = Case::new().with(|case| case.facts.card = None);
    refuses(&unknown, Reason::InvalidCard, "card.unknown");
}

#[test]
fn controls_refuse_by_list() {
    let deny = |change: fn(&mut Control)| {
        Case::new().controls(vec![control(Effect::Deny, Scope::Program, change)])
    };
    let merchant = deny(|it| it.merchants = vec!["shop".into()]);
    refuses(&merchant, Reason::InvalidMerchant, "control.merchant");
    let mcc = deny(|it| it.mccs = vec!["5400-5499".parse().unwrap()]);
    refuses(&mcc, Reason::InvalidMerchant, "control.mcc");
    let country = deny(|it| it.countries = vec!["BEL".parse().unwrap()]);
    refuses(&country, Reason::TransactionNotPermitted, "control.country");
    let mode = deny(|it| it.entry_modes = vec!["CHIP".into()]);
    refuses(&mode, Reason::TransactionNotPermitted, "control.entry_mode");
    let channel = deny(|it| it.channels = vec!["OTHER".into()]);
    refuses(&channel, Reason::TransactionNotPermitted, "control.channel");
    approves(&deny(|it| it.mccs = vec!["7995".parse().unwrap()]));

    let group = deny(|it| it.mcc_groups = vec!["gambling".into()]);
    approves(&group);
    let named = group.with(|case| case.request.merchant.mcc_groups = vec!["gambling".into()]);
    refuses(&named, Reason::InvalidMerchant, "control.mcc");
}

#[test]
fn allow_lists_of_one_scope_add_up_and_every_scope_must_pass() {
    let grocer =
        |scope| control(Effect::Allow, scope, |it| it.mccs = vec!["5411".parse().unwrap()]);
    let fuel = |scope| control(Effect::Allow, scope, |it| it.mccs = vec!["5541".parse().unwrap()]);
    let on_card = Scope::Card(card_id(1));
    approves(&Case::new().controls(vec![fuel(on_card), grocer(on_card)]));
    approves(&Case::new().controls(vec![grocer(on_card), fuel(on_card)]));
    let both = Case::new().controls(vec![grocer(on_card), fuel(Scope::Program)]);
    refuses(&both, Reason::InvalidMerchant, "control.mcc");
    let both = Case::new().controls(vec![fuel(on_card), grocer(Scope::Program)]);
    refuses(&both, Reason::InvalidMerchant, "control.mcc");
    let untold =
        Case::new().controls(vec![grocer(on_card)]).with(|case| case.request.merchant.mcc = None);
    refuses(&untold, Reason::InvalidMerchant, "control.mcc");
}

#[test]
fn controls_bind_between_their_start_and_end() {
    let at = |micros| Some(Timestamp::from_micros(NOON.as_micros() + micros));
    let check = |starts_at, ends_at, binds| {
        let control = control(Effect::Deny, Scope::Program, |it| {
            it.merchants = vec!["shop".into()];
            (it.starts_at, it.ends_at) = (starts_at, ends_at);
        });
        let refused = Case::new().controls(vec![control]).decide().refusal.is_some();
        assert_eq!(refused, binds, "{starts_at:?} {ends_at:?}");
    };
    check(at(0), None, true);
    check(at(1), None, false);
    check(None, at(1), true);
    check(None, at(0), false);
}

#[test]
fn limits_hold_to_the_minor_unit() {
    let day = |used, count| limit_case(limit(1, Window::Day, Some(5_000), Some(3)), used, count);
    approves(&day(4_000, 2));
    refuses(&day(4_001, 2), Reason::AmountLimitExceeded, "limit.day.amount");
    refuses(&day(4_000, 3), Reason::TransactionCountLimitExceeded, "limit.day.count");
    let overflow = day(i64::MAX, 0);
    refuses(&overflow, Reason::AmountLimitExceeded, "limit.day.amount");
    let transaction = |max| limit_case(limit(1, Window::Transaction, Some(max), None), 0, 0);
    approves(&transaction(1_000));
    refuses(&transaction(999), Reason::AmountLimitExceeded, "limit.transaction.amount");
    for (window, code) in [
        (Window::Week, "limit.week.amount"),
        (Window::Month, "limit.month.amount"),
        (Window::Lifetime, "limit.lifetime.amount"),
    ] {
        refuses(
            &limit_case(limit(1, window, Some(1), None), 0, 0),
            Reason::AmountLimitExceeded,
            code,
        );
    }
}

fn limit_case(limit: Limit, amount: i64, count: i64) -> Case {
    Case::new().limits(vec![(limit, amount, count)])
}

#[test]
fn a_transaction_limit_is_told_before_a_window_limit_and_only_what_binds_counts() {
    let day = limit(1, Window::Day, Some(1), None);
    let transaction = limit(2, Window::Transaction, Some(1), None);
    let both = Case::new().limits(vec![(day, 0, 0), (transaction, 0, 0)]);
    refuses(&both, Reason::AmountLimitExceeded, "limit.transaction.amount");

    let mut elsewhere = limit(1, Window::Day, Some(1), None);
    elsewhere.merchant = MerchantScope::Mcc("7995".parse().unwrap());
    approves(&limit_case(elsewhere, 0, 0));
    let mut euros = limit(1, Window::Day, Some(1), None);
    euros.currency = Currency::parse("EUR");
    approves(&limit_case(euros, 0, 0));
}

#[test]
fn the_last_minor_unit_may_be_spent_and_no_more() {
    let available = |limit| Case::new().with(|case| case.account = Some(account(1, limit)));
    approves(&available(1_000));
    refuses(&available(999), Reason::InsufficientFunds, "funds.insufficient");
    let overdrawn = Case::new().with(|case| {
        case.account = Some(Account { posted: 5_000, ..account(1, 1_000) });
        case.request.operation = Operation::BalanceInquiry;
        case.need = Some(Need::default());
    });
    approves(&overdrawn);
    let foreign = Case::new().with(|case| {
        case.request.amount = Money::new(1_000, Currency::parse("EUR").unwrap());
    });
    refuses(&foreign, Reason::InvalidAmount, "currency.foreign");
}

#[test]
fn a_balance_that_would_leave_its_range_is_no_lack_of_funds() {
    let with = |account: Account| Case::new().with(|case| case.account = Some(account));
    let full = |held| Account { held, ..account(1, i64::MAX) };
    let overflows = |case: &Case| refuses(case, Reason::AmountLimitExceeded, "funds.overflow");
    approves(&with(full(i64::MAX - 1_000)));
    overflows(&with(full(i64::MAX - 999)));
    overflows(&with(Account { posted: 1, ..full(i64::MAX) }));
    overflows(&with(Account { funded: 1, ..full(0) }));
    let poor = Account { held: i64::MAX - 1_000, ..account(1, 1_000) };
    refuses(&with(poor), Reason::InsufficientFunds, "funds.insufficient");
    let inquiry = with(full(i64::MAX)).with(|case| {
        case.request.operation = Operation::BalanceInquiry;
        case.need = Some(Need::default());
    });
    approves(&inquiry);
}

#[test]
fn an_increment_needs_an_open_purchase() {
    let increment = |closed| {
        Case::new().with(|case| {
            case.request.operation = Operation::Increment;
            case.closed = closed;
        })
    };
    approves(&increment(false));
    refuses(&increment(true), Reason::TransactionNotPermitted, "purchase.closed");
}

#[test]
fn credits_need_a_card_and_an_open_account_only() {
    let credit = |change: fn(&mut crate::domain::facts::CardFacts)| {
        Case::new().card(change).with(|case| case.request.operation = Operation::ExpectCredit)
    };
    approves(&credit(|card| card.status = CardStatus::Terminated));
    approves(&credit(|card| card.owner.status = UserStatus::Suspended));
    let closed = credit(|card| {
        card.owner.company.as_mut().unwrap().status = CompanyStatus::Closed;
    });
    refuses(&closed, Reason::ClosedAccount, "company.closed");
    let gone = credit(|card| {
        card.owner.company = None;
        card.owner.status = UserStatus::Closed;
    });
    refuses(&gone, Reason::ClosedAccount, "user.closed");
}
