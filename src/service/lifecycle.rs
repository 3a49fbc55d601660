//! What happens to a purchase after its authorization: increments are judged, the rest is applied.

use std::sync::Arc;

use super::Service;
use super::error::Error;
use crate::domain::authorization::Authorization;
use crate::domain::decision::Fingerprint;
use crate::domain::facts::Facts;
use crate::domain::id::{AccountId, AuthorizationId, CardId};
use crate::domain::money::{Currency, Money};
use crate::domain::posting::Movement;
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::time::Monotonic;
use crate::domain::token::Token;
use crate::ledger::intent::{ChainRef, Step, StepIntent};
use crate::wire::v1::purchase;
use crate::wire::v1::step::{Action, NewStep};

/// What came of a life-cycle call.
pub enum Followed {
    /// It was judged; the record of the decision.
    Decided(Authorization),
    /// It was applied; what it moved.
    Moved(Arc<Movement>),
}

/// A purchase that a step can be taken on.
struct Purchase {
    root: AuthorizationId,
    /// The decision that opened it: what an increment is judged by, as it comes without details.
    first: Authorization,
    account: AccountId,
    card: CardId,
    currency: Currency,
}

impl Service {
    /// Takes a life-cycle step on the purchase that an authorization belongs to.
    pub async fn follow(
        &self,
        id: AuthorizationId,
        step: NewStep,
        received: Monotonic,
    ) -> Result<Followed, Error> {
        let purchase = self.purchase(id).await?;
        if step.currency.is_some_and(|currency| currency != purchase.currency) {
            return Err(Error::CurrencyMismatch);
        }
        let currency = purchase.currency;
        let money = |minor| Money::new(minor, currency);
        let taken = match step.action {
            Action::Increment(amount) => {
                let request = increment(purchase, step.token, money(amount))?;
                return self.authorize(request, received).await.map(Followed::Decided);
            }
            Action::Reverse(amount) => Step::Reverse(amount.map(money)),
            Action::Advise(total) => Step::AdviseTotal(money(total)),
            Action::Clear { amount, last } => Step::Clear { amount: money(amount), last },
            Action::Refund(amount) => Step::Refund(money(amount)),
            Action::Expire => Step::Expire,
        };
        let facts = self.pipeline.facts_of(&as_token(purchase.card)?).await?;
        let chain = (Some(purchase.root), purchase.account);
        self.take(facts, chain, step.token, taken).await.map(Followed::Moved)
    }

    /// Takes a step under a token that is unique in its home, whatever the kind of the step.
    pub(super) async fn take(
        &self,
        facts: Facts,
        (root, account): (Option<AuthorizationId>, AccountId),
        token: Token,
        step: Step,
    ) -> Result<Arc<Movement>, Error> {
        // Purchases are named by id here, never by a token: one that a client has used for another
        // purchase before would join the two.
        let intent = StepIntent {
            key: format!("step:{token}"),
            fingerprint: fingerprint(root, account, &step),
            account,
            chain: Some(ChainRef { root, ..ChainRef::default() }),
            step,
        };
        self.pipeline.step(facts, intent).await.map_err(|error| match error.into() {
            Error::KeyReused => Error::TokenReused,
            other => other,
        })
    }

    async fn purchase(&self, id: AuthorizationId) -> Result<Purchase, Error> {
        let named = self.recorded(id).await?;
        // The root as recorded, not as merged since: a repeat must have the same fingerprint.
        let root = named.chain.unwrap_or(named.id);
        let chain = self.history.chain(root).await?;
        let account = chain.as_ref().map(|chain| chain.account).or(named.account);
        let card = chain.as_ref().map(|chain| chain.card).or(named.card);
        let (Some(account), Some(card)) = (account, card) else {
            return Err(Error::NotSupported(
                "this authorization has no card that is known, so nothing can follow it",
            ));
        };
        let currency = match &chain {
            Some(chain) => chain.currency,
            None => self.account(account).await?.currency,
        };
        let first = if named.id == root { None } else { self.history.authorization(root).await? };
        // A chain that began with a later message has no first; any message of it finds it as well.
        Ok(Purchase { root, first: first.unwrap_or(named), account, card, currency })
    }
}

fn increment(purchase: Purchase, token: Token, amount: Money) -> Result<AuthRequest, Error> {
    let first = purchase.first;
    Ok(AuthRequest {
        original: Some(first.token),
        merchant: first.merchant,
        entry_mode: first.entry_mode,
        channel: first.channel,
        ..purchase::request(Operation::Increment, token, as_token(purchase.card)?, amount)
    })
}

/// Our ids are tokens wherever a card may be named.
pub(super) fn as_token(card: CardId) -> Result<Token, Error> {
    card.to_string().parse().map_err(|error| Error::Internal(Box::new(error)))
}

pub(super) fn fingerprint(
    root: Option<AuthorizationId>,
    account: AccountId,
    step: &Step,
) -> Fingerprint {
    let (amount, last) = match step {
        Step::AdviseTotal(money)
        | Step::AdviseBy(money)
        | Step::Refund(money)
        | Step::ForcePost(money)
        | Step::ExpectCredit(money)
        | Step::CancelCredit(money)
        | Step::Chargeback(money)
        | Step::ChargebackReversal(money)
        | Step::ChargebackWon(money)
        | Step::AdjustCredit(money)
        | Step::AdjustDebit(money)
        | Step::Fund(money)
        | Step::ChangeLimit { limit: money, .. } => (Some(*money), false),
        Step::Reverse(money) => (*money, false),
        Step::Clear { amount, last } => (Some(*amount), *last),
        Step::Expire | Step::Lapse => (None, false),
    };
    Fingerprint::of(&[
        step.kind().as_str(),
        &root.map_or_else(|| account.to_string(), |root| root.to_string()),
        &amount.map_or_else(String::new, |money| money.minor().to_string()),
        amount.map_or("", |money| money.currency().code()),
        if last { "final" } else { "" },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_the_same_step_on_the_same_chain() {
        let eur = |minor| Money::new(minor, Currency::parse("EUR").unwrap());
        let root = "aut_b01901234567878ab8def0123456789ab".parse().ok();
        let account = "acc_b01901234567878ab8def0123456789ab".parse().unwrap();
        let clear =
            |minor, last| fingerprint(root, account, &Step::Clear { amount: eur(minor), last });
        assert_eq!(clear(5, false), clear(5, false));
        let others = [
            clear(6, false),
            clear(5, true),
            fingerprint(None, account, &Step::Clear { amount: eur(5), last: false }),
            fingerprint(root, account, &Step::Refund(eur(5))),
            fingerprint(root, account, &Step::Reverse(Some(eur(5)))),
            fingerprint(root, account, &Step::Reverse(None)),
            fingerprint(root, account, &Step::Expire),
        ];
        for other in others {
            assert_ne!(clear(5, false), other);
        }
    }
}
