//! The list is read as notifications are: whatever the type, the books that notifications make and what
//! the list states of them are the same.

use std::collections::BTreeMap;
use std::pin::Pin;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::figures::{Figures, adjusted};
use super::{List, Listing, Window, state};
use crate::domain::chain::Link;
use crate::domain::decision::Fingerprint;
use crate::domain::token::Token;
use crate::ledger::intent::{Act, ChainRef, Notice, NoticeIntent, Outcome, StepIntent};
use crate::ledger::testing::{Ledger, NOON, account, account_id, facts, intent};
use crate::service::webhooks::step;
use crate::store::Source;
use crate::wire::marqeta::listed::listed;
use crate::wire::marqeta::notification::element::{Content, read};
use crate::wire::marqeta::notification::kind::known;
use crate::wire::marqeta::notification::message::Told;
use crate::wire::marqeta::notification::{Family, Raw};

#[test]
fn files_may_be_pages_envelopes_or_bare_lists() {
    let one = r#"{"type":"refund","state":"COMPLETION","token":"t","card_token":"c","amount":12,
        "currency_code":"EUR"}"#;
    for text in [
        format!(r#"{{"count":1,"is_more":false,"data":[{one}]}}"#),
        format!(r#"{{"transactions":[{one}]}}"#),
        format!("[{one}]"),
    ] {
        assert_eq!(List::of_file(&text).unwrap().transactions.len(), 1, "{text}");
    }
    let faulty = List::of_file(r#"[{"token":"t"}]"#).unwrap();
    assert_eq!(faulty.unreadable, ["transaction t: type_missing"]);
    assert!(List::of_file("{}").is_err());
}

/// Says of every page that there is another one.
struct Endless;

impl Listing for Endless {
    fn page<'a>(
        &'a self,
        _: Option<Window>,
        _: u64,
    ) -> Pin<Box<dyn Future<Output = Result<String, Source>> + Send + 'a>> {
        let page = r#"{"is_more": true, "data": [{}, {}]}"#;
        Box::pin(std::future::ready(Ok(page.to_owned())))
    }
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let said = List::fetched_at_most(&Endless, None, 5).await.unwrap_err().to_string();
    assert_eq!(said, "the platform lists more than 5");
}

/// A transaction of this type and funding method; `minor` as its digits.
fn transaction(token: &str, (kind, method): (&str, &str), state: &str, minor: i64) -> Value {
    let amount = format!("{}.{:02}", minor / 100, minor % 100);
    let amount: Value = serde_json::from_str(&amount).unwrap();
    json!({
        "type": kind, "state": state, "token": format!("t-{token}"), "card_token": "card",
        "amount": amount, "currency_code": "USD",
        "gpa_order": {"jit_funding": {"token": token, "method": method, "amount": amount}},
    })
}

fn follows(mut transaction: Value, token: &str) -> Value {
    transaction["preceding_related_transaction_token"] = format!("t-{token}").into();
    transaction
}

/// Takes a notification in, as the webhooks' worker does.
fn notify(ledger: &mut Ledger, transaction: &Value) {
    let text = transaction.to_string();
    let element = read(Raw { family: Family::Transaction, text: &text });
    let Content::Transaction(token, told) = element.content.unwrap() else { panic!("{text}") };
    let act = match told {
        Told::Approved { request, funding } => approved(token, funding, Notice::Approved(request)),
        Told::Moved { verb, amount, whole, preceding, original, .. } => {
            let parents = preceding.into_iter().map(Link::Transaction);
            Act::Step(StepIntent {
                key: format!("txn:{token}"),
                fingerprint: Fingerprint::of(&[token.as_str()]),
                account: account_id(1),
                chain: Some(ChainRef {
                    root: None,
                    parents: parents.chain(original.map(Link::Funding)).collect(),
                    own: vec![Link::Transaction(token)],
                }),
                step: step(verb, amount, whole).unwrap(),
            })
        }
        Told::Declined { .. } | Told::Nothing(_) => return, // nothing was held or moved before
    };
    let outcome = ledger.run(NOON, &[intent(&facts(1, Vec::new()), act, 0)]).remove(0);
    assert!(matches!(outcome, Outcome::Moved(_)), "{text}: {outcome:?}");
    ledger.check();
}

fn approved(transaction: Token, funding: Option<Token>, notice: Notice) -> Act {
    Act::Notice(NoticeIntent {
        key: format!("txn:{transaction}:approved"),
        opposite: format!("txn:{transaction}:declined"),
        fingerprint: Fingerprint::of(&[transaction.as_str()]),
        transaction,
        funding,
        account: account_id(1),
        notice,
    })
}

/// What the books have of each purchase, by the sums of all: chains have names of their own.
fn ours(ledger: &Ledger) -> Vec<Figures> {
    let whole = ledger.chains.values().filter(|chain| chain.merged_into.is_none());
    let figures = whole.map(|chain| {
        let own = ledger.postings.iter().filter(|posting| posting.source == chain.id);
        Figures::of_chain(chain, adjusted(&own.cloned().collect::<Vec<_>>()))
    });
    sorted(figures.collect())
}

fn theirs(transactions: &[Value]) -> Vec<Figures> {
    let read = |value: &Value| listed(&RawValue::from_string(value.to_string()).unwrap()).unwrap();
    let list: Vec<_> = transactions.iter().map(read).collect();
    sorted(state(&list).iter().map(super::Stated::figures).collect())
}

/// In an order of their own; purchases without money have no chain, or an empty one.
fn sorted(mut figures: Vec<Figures>) -> Vec<Figures> {
    figures.retain(|figures| !figures.are_zero());
    figures.sort_by_key(|it| (it.held, it.posted(), it.cleared, it.expected));
    figures
}

/// Compares both sides after these, and the account beside them. Says whether anything was moved.
fn check(transactions: &[Value]) -> bool {
    let mut ledger = Ledger::default();
    ledger.accounts.insert(account_id(1), account(1, 1_000_000));
    transactions.iter().for_each(|transaction| notify(&mut ledger, transaction));
    let said = || format!("{transactions:#?}");
    let (ours, theirs) = (ours(&ledger), theirs(transactions));
    assert_eq!(ours, theirs, "{}", said());
    let reversed: Vec<_> = transactions.iter().rev().cloned().collect();
    assert_eq!(self::theirs(&reversed), theirs, "listed the other way round: {}", said());
    let account = &ledger.accounts[&account_id(1)];
    let sum = |of: fn(&Figures) -> i64| -> i64 { theirs.iter().map(of).sum() };
    assert_eq!(account.held, sum(|it| it.held), "{}", said());
    assert_eq!(account.posted, sum(Figures::posted), "{}", said());
    !ledger.steps.is_empty()
}

#[test]
fn the_two_sides_agree_on_every_known_type_and_method_in_every_state() {
    // The last one says in words that it is the last.
    const STATES: [&str; 6] =
        ["PENDING", "CLEARED", "COMPLETION", "DECLINED", "ERROR", "COMPLETION"];
    let authorization = transaction("a", ("authorization", "pgfs.authorization"), "PENDING", 5_000);
    let (types, methods) = known();
    let types = types.into_iter().map(|name| (name, "pgfs.none"));
    let methods = methods.into_iter().map(|name| ("brand.new", name));
    let mut moving: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for what in types.chain(methods) {
        for (at, state) in STATES.into_iter().enumerate() {
            let mut one = transaction("b", what, state, 1_000);
            if at + 1 == STATES.len() {
                one["is_final_clearing"] = "true".into();
            }
            let after = follows(one.clone(), "a");
            let alone = check(std::slice::from_ref(&one));
            check(&[authorization.clone(), after.clone()]);
            check(&[after, authorization.clone()]);
            *moving.entry(what).or_default() += u32::from(alone);
        }
    }
    let still = moving.values().filter(|times| **times == 0).count();
    assert_eq!((moving.len(), still), (59 + 38, 8), "types that never move anything");
}

#[test]
fn the_two_sides_agree_on_a_whole_life_and_on_an_advice_to_a_total() {
    let of = |token, kind, state, minor| transaction(token, (kind, "pgfs.none"), state, minor);
    let authorization = of("a", "authorization.atm.withdrawal", "PENDING", 5_000);
    let mut advice = follows(of("s", "authorization.advice", "PENDING", 4_000), "a");
    advice["gpa_order"] = Value::Null; // only the new total is told
    assert!(check(&[authorization.clone(), advice.clone()]));
    let life = [
        authorization,
        follows(of("i", "authorization.incremental", "PENDING", 2_000), "a"),
        follows(of("c1", "authorization.clearing.atm.withdrawal", "COMPLETION", 3_000), "a"),
        follows(of("c2", "authorization.clearing", "PENDING", 1_000), "a"),
        follows(of("r", "refund", "COMPLETION", 500), "c1"),
        follows(of("e", "refund.authorization", "PENDING", 700), "c1"),
        follows(of("d", "dispute.credit", "COMPLETION", 900), "c1"),
        follows(of("b", "dispute.debit", "COMPLETION", 200), "d"),
        follows(of("p", "auth_plus_capture", "COMPLETION", 100), "a"),
        transaction("j", ("gpa.debit", "pgfs.adjustment.debit"), "COMPLETION", 50),
    ];
    assert!(check(&life));
    let stated = theirs(&life);
    let purchase = stated.iter().find(|figures| figures.cleared == 3_000).unwrap();
    let expected = Figures {
        held: 4_000,
        cleared: 3_000,
        refunded: 500,
        expected: 200,
        disputed: 700,
        adjusted: 0,
    };
    assert_eq!(*purchase, expected);
}
