//! The platform itself: its purchases, and what each act on one means. Asks the gateway where it has
//! a say, notifies of everything, and remembers what must be in the books of the other side.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::gateway::{Asked, Gateway, Verdict};
use super::message::Draft;
use super::notices::{CARD_TRANSITIONS, Notices, TRANSACTIONS};
use super::purchase::Purchase;
use crate::app::clock::SystemClock;
use crate::domain::clock::Clock;
use crate::domain::money::{Currency, Money};

/// What happens to a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A purchase.
    Authorize,
    /// It grows.
    Increment,
    /// It shrinks to a new total.
    Advise,
    /// Part of it, or all, is owed.
    Clear,
    /// Part of it, or all, will not be.
    Reverse,
    /// A purchase that is paid at once.
    PinDebit,
    /// Money back.
    Refund,
}

impl Act {
    /// The name in the route of a simulation call.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "authorization" => Self::Authorize,
            "authorization.incremental" => Self::Increment,
            "authorization.advice" => Self::Advise,
            "authorization.clearing" => Self::Clear,
            "authorization.reversal" => Self::Reverse,
            "pindebit" => Self::PinDebit,
            "refund" => Self::Refund,
            _ => return None,
        })
    }
}

/// What is to be simulated.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// What happens.
    pub(super) act: Act,
    /// How much, in minor units.
    pub(super) amount: Option<i64>,
    /// On which card, where no purchase is named.
    pub(super) card: Option<String>,
    /// The transaction before it.
    pub(super) preceding: Option<String>,
    /// A clearing of nothing that was asked for.
    pub(super) force_post: bool,
    /// Whether a clearing is the last; not said: if it clears all that is left.
    pub(super) is_final: Option<bool>,
    /// Whether the gateway's answer is taken as too late.
    pub(super) late: bool,
    /// Where.
    pub(super) merchant: Value,
}

/// Why nothing was simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("there is no such card")]
    NoCard,
    #[error("there is no such transaction to follow")]
    NoPreceding,
    #[error("the amount is missing or can not be this")]
    Amount,
}

/// What the platform remembers.
#[derive(Default)]
pub(super) struct State {
    /// Holders of cards, by card.
    pub(super) holders: HashMap<String, String>,
    /// States of cards that have been put into another one.
    pub(super) cards: BTreeMap<String, String>,
    /// Every transaction, in order.
    pub(super) transactions: Vec<Value>,
    /// Every purchase, in order.
    pub(super) purchases: Vec<Purchase>,
    /// Which purchase a transaction belongs to.
    chains: HashMap<String, usize>,
}

impl State {
    /// The state that a transaction has now. It is all that changes of one: an authorization that
    /// nothing is left of has been cleared.
    pub(super) fn stands<'a>(&self, transaction: &'a Value) -> &'a str {
        let token = transaction["token"].as_str().unwrap_or_default();
        let state = transaction["state"].as_str().unwrap_or_default();
        let purchase = self.chains.get(token).and_then(|index| self.purchases.get(*index));
        match purchase {
            Some(own) if state == "PENDING" && own.root == token && own.closed => "CLEARED",
            _ => state,
        }
    }

    /// A transaction as it is listed now.
    pub(super) fn listed(&self, transaction: &Value) -> Value {
        let mut listed = transaction.clone();
        listed["state"] = self.stands(transaction).into();
        listed
    }
}

/// The platform.
pub(super) struct Platform {
    state: Mutex<State>,
    pub(super) gateway: Gateway,
    pub(super) notices: Arc<Notices>,
    pub(super) clock: SystemClock,
    pub(super) currency: Currency,
}

impl Platform {
    pub(super) fn new(gateway: Gateway, notices: Arc<Notices>, currency: Currency) -> Self {
        let (state, clock) = (Mutex::default(), SystemClock::new());
        Self { state, gateway, notices, clock, currency }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token.
    pub(super) fn token(&self) -> String {
        self.clock.uuid().to_string()
    }

    /// Lets it happen, and answers the transaction as the platform has it then.
    pub(super) async fn simulate(&self, order: Order) -> Result<Value, Fault> {
        let order = self.unrelated(order)?;
        let (index, draft) = self.draft(&order)?;
        let transaction = match order.act {
            Act::Authorize | Act::Increment | Act::PinDebit => {
                let asked = self.gateway.ask(&draft.request(), order.late).await;
                self.settle_asked(order.act, index, &draft, &asked)
            }
            _ => self.settle_told(&order, index, &draft),
        };
        self.notices.notify(TRANSACTIONS, transaction.clone());
        Ok(transaction)
    }

    /// A card has another state.
    pub(super) fn turned(&self, card: &str, state: &str, notice: Value) {
        self.state().cards.insert(card.to_owned(), state.to_owned());
        self.notices.notify(CARD_TRANSITIONS, notice);
    }

    /// A forced clearing follows nothing: the transaction that its caller names only says which card.
    fn unrelated(&self, order: Order) -> Result<Order, Fault> {
        let forced = order.act == Act::Clear && order.force_post;
        let Some(named) = order.preceding.as_ref().filter(|_| forced) else { return Ok(order) };
        let state = self.state();
        let index = *state.chains.get(named).ok_or(Fault::NoPreceding)?;
        let card = Some(state.purchases[index].card.clone());
        Ok(Order { card, preceding: None, ..order })
    }

    /// The purchase, made if need be, and the message about it.
    fn draft(&self, order: &Order) -> Result<(usize, Draft), Fault> {
        let (token, funding) = (self.token(), self.token());
        let state = &mut *self.state();
        let index = match (&order.preceding, order.act) {
            (Some(preceding), _) => *state.chains.get(preceding).ok_or(Fault::NoPreceding)?,
            (None, Act::Increment | Act::Advise | Act::Reverse) => return Err(Fault::NoPreceding),
            (None, Act::Clear) if !order.force_post => return Err(Fault::NoPreceding),
            (None, _) => {
                let card = order.card.clone().ok_or(Fault::NoCard)?;
                let (root, funding) = (token.clone(), funding.clone());
                state.purchases.push(Purchase { card, root, funding, ..Purchase::default() });
                state.purchases.len() - 1
            }
        };
        let purchase = &state.purchases[index];
        let user = state.holders.get(&purchase.card).ok_or(Fault::NoCard)?.clone();
        let words = words(order, purchase)?;
        let money = |minor| Money::new(minor, self.currency);
        let draft = Draft {
            kind: words.kind,
            state: words.state,
            method: words.method,
            is_credit: order.act == Act::Refund,
            original: (purchase.funding != funding).then(|| purchase.funding.clone()),
            preceding: order.preceding.clone(),
            card: purchase.card.clone(),
            user,
            amount: money(words.amount),
            asked: money(words.asked),
            funded: money(words.funded),
            impact: words.impact,
            is_final: words.is_final,
            merchant: merchant(&order.merchant),
            at: self.clock.now().to_string(),
            token: token.clone(),
            funding,
        };
        state.chains.insert(token, index);
        Ok((index, draft))
    }

    fn settle_asked(&self, act: Act, index: usize, draft: &Draft, asked: &Asked) -> Value {
        let state = &mut *self.state();
        let purchase = &mut state.purchases[index];
        let granted = match &asked.verdict {
            Verdict::Approved { .. } => draft.funded.minor(),
            _ => 0,
        };
        match act {
            Act::Authorize => purchase.authorized += granted,
            Act::Increment => purchase.incremented += granted,
            _ => purchase.debited += granted,
        }
        if purchase.funding == draft.funding {
            let tags = asked.body.as_ref().map(|body| &body["jit_funding"]["tags"]);
            purchase.decision = tags.and_then(Value::as_str).map(str::to_owned);
            purchase.late = asked.verdict == Verdict::TimedOut;
        }
        let transaction = draft.answered(state.transactions.len() as u64 + 1, asked);
        state.transactions.push(transaction.clone());
        transaction
    }

    fn settle_told(&self, order: &Order, index: usize, draft: &Draft) -> Value {
        let state = &mut *self.state();
        let purchase = &mut state.purchases[index];
        let funded = draft.funded.minor();
        match order.act {
            Act::Clear => {
                purchase.cleared += funded;
                purchase.closed |= draft.is_final == Some(true);
            }
            Act::Reverse => {
                purchase.reversed += funded;
                purchase.closed |= draft.state == "CLEARED";
            }
            Act::Advise => purchase.shrunk += funded,
            _ => purchase.refunded += funded,
        }
        let transaction = draft.notice(state.transactions.len() as u64 + 1);
        state.transactions.push(transaction.clone());
        transaction
    }
}

/// How an act is put into words, and its amounts in minor units.
struct Words {
    kind: &'static str,
    state: &'static str,
    method: &'static str,
    amount: i64,
    asked: i64,
    funded: i64,
    impact: i64,
    is_final: Option<bool>,
}

fn words(order: &Order, purchase: &Purchase) -> Result<Words, Fault> {
    let left = purchase.held();
    let amount = match (order.amount, order.act) {
        (Some(amount), _) => amount,
        (None, Act::Reverse | Act::Clear) => left,
        (None, Act::Refund) => purchase.posted(),
        (None, _) => return Err(Fault::Amount),
    };
    if amount <= 0 {
        return Err(Fault::Amount);
    }
    let words = |kind, state, method, impact| Words {
        kind,
        state,
        method,
        amount,
        asked: amount,
        funded: amount,
        impact,
        is_final: None,
    };
    Ok(match order.act {
        Act::Authorize => words("authorization", "PENDING", "pgfs.authorization", -amount),
        Act::Increment => {
            const METHOD: &str = "pgfs.authorization.incremental";
            words("authorization.incremental", "PENDING", METHOD, -amount)
        }
        Act::PinDebit => words("pindebit", "COMPLETION", "pgfs.pindebit", -amount),
        Act::Refund => words("refund", "COMPLETION", "pgfs.refund", amount),
        Act::Reverse => {
            // All of what is left is a full reversal: nothing follows it.
            let released = amount.min(left);
            if released == 0 {
                return Err(Fault::Amount);
            }
            let state = if released == left { "CLEARED" } else { "PENDING" };
            let method = "pgfs.authorization.reversal";
            let own = words("authorization.reversal", state, method, released);
            Words { amount: released, funded: released, asked: purchase.net(), ..own }
        }
        Act::Advise => {
            // The new total is told, and what it takes off is funded back.
            let off = purchase.net().checked_sub(amount).filter(|off| *off > 0);
            let off = off.ok_or(Fault::Amount)?;
            let method = "pgfs.authorization.reversal";
            let own = words("authorization.advice", "PENDING", method, off);
            Words { funded: off, ..own }
        }
        Act::Clear if order.preceding.is_none() => {
            words("authorization.clearing", "COMPLETION", "pgfs.force_capture", -amount)
        }
        Act::Clear => {
            let method = "pgfs.authorization.capture";
            let own = words("authorization.clearing", "COMPLETION", method, -amount);
            Words { is_final: Some(order.is_final.unwrap_or(amount >= left)), ..own }
        }
    })
}

/// A merchant as the platform describes it, with what the caller says of it.
fn merchant(said: &Value) -> Value {
    let mut merchant = json!({
        "mid": "000000000077001", "mcc": "5411", "name": "FERN STREET GROCER",
        "city": "GHENT", "state": "BEL", "postal_code": "9000      ", "country_code": "BEL",
    });
    if let (Some(merchant), Some(said)) = (merchant.as_object_mut(), said.as_object()) {
        merchant.extend(said.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    merchant
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(act: Act, amount: Option<i64>, preceding: Option<&str>) -> Order {
        Order {
            act,
            amount,
            card: None,
            preceding: preceding.map(str::to_owned),
            force_post: false,
            is_final: None,
            late: false,
            merchant: Value::Null,
        }
    }

    #[test]
    fn an_act_is_told_in_the_platform_s_words_and_amounts() {
        let purchase = Purchase { authorized: 4_835, ..Purchase::default() };
        let advice = words(&order(Act::Advise, Some(4_000), Some("t")), &purchase).unwrap();
        assert_eq!(
            (advice.amount, advice.funded, advice.kind),
            (4_000, 835, "authorization.advice")
        );
        let all = words(&order(Act::Reverse, None, Some("t")), &purchase).unwrap();
        assert_eq!((all.funded, all.state), (4_835, "CLEARED"));
        let part = words(&order(Act::Reverse, Some(35), Some("t")), &purchase).unwrap();
        assert_eq!((part.funded, part.state, part.asked), (35, "PENDING", 4_835));
        let clearing = words(&order(Act::Clear, Some(6_000), Some("t")), &purchase).unwrap();
        assert_eq!((clearing.impact, clearing.is_final), (-6_000, Some(true)));
        let forced = words(&order(Act::Clear, Some(5), None), &Purchase::default()).unwrap();
        assert_eq!((forced.method, forced.is_final), ("pgfs.force_capture", None));
        assert!(words(&order(Act::Advise, Some(5_000), Some("t")), &purchase).is_err());
    }
}
