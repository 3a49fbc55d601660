//! The bare batch: the money home's own statements at a given batch size, without HTTP, wire and
//! judge. What the whole service reaches is reported as a share of this.

use std::sync::Arc;

use crate::domain::authorization::StageTimes;
use crate::domain::clock::Clock;
use crate::domain::facts::{Cardholder, Facts};
use crate::domain::merchant::Merchant;
use crate::domain::money::{AMOUNT_MAX_MINOR, Money};
use crate::domain::party::Account;
use crate::domain::request::{AuthRequest, Door, Operation};
use crate::domain::token::Token;
use crate::ledger::bare::{self, Prepared};
use crate::ledger::intent::{Act, Intent};
use crate::ledger::wanted::Wanted;
use crate::store::{FactsStore, MoneyHome, StoreError};

/// How many batches are prepared at a time, outside the measured time.
const PREPARED_BATCHES: usize = 32;

/// What the bare batch works on.
#[derive(Clone)]
pub struct Parts {
    /// Where the cards' facts come from.
    pub facts: Arc<dyn FactsStore>,
    /// The home that is measured.
    pub home: Arc<dyn MoneyHome>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

/// What was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bare {
    /// Durable decisions.
    pub decisions: u64,
    /// Transactions.
    pub batches: u64,
    /// The time they took, without their preparation.
    pub elapsed_us: u64,
}

/// What is asked for, again and again: so much with any of these cards.
#[derive(Clone, Debug)]
pub struct Purchases {
    /// The cards. Unknown ones are left out.
    pub cards: Vec<Token>,
    /// How much each purchase takes.
    pub amount: Money,
    /// Where.
    pub merchant: Merchant,
    /// How many of them one transaction settles; at least one does.
    pub batch: usize,
}

/// Settles batches of purchases, one after another, for at least this long. They are judged before:
/// what is timed is what the home does, from the first lock to the commit. Nothing is measured where
/// there is no card.
pub async fn bare_batch(
    parts: &Parts,
    purchases: &Purchases,
    at_least_us: u64,
) -> Result<Bare, StoreError> {
    let cards = known(&*parts.facts, &purchases.cards).await?;
    let mut bare = Bare::default();
    let mut cards_in_turn = cards.iter().cycle();
    while bare.elapsed_us < at_least_us && !cards.is_empty() {
        let ready: Vec<Batch> = (0..PREPARED_BATCHES)
            .map(|_| Batch::judged(&*parts.clock, purchases, &mut cards_in_turn))
            .collect();
        let started = parts.clock.monotonic();
        for batch in ready {
            bare.decisions += u64::try_from(batch.intents.len()).unwrap_or(0);
            bare.batches += 1;
            batch.settle(&*parts.home).await?;
        }
        bare.elapsed_us += parts.clock.monotonic().since(started);
    }
    Ok(bare)
}

/// Approvals that only have to be written.
struct Batch {
    intents: Vec<Intent>,
    approvals: Vec<Prepared>,
}

impl Batch {
    fn judged<'a>(
        clock: &dyn Clock,
        purchases: &Purchases,
        cards: &mut impl Iterator<Item = &'a (Token, Facts)>,
    ) -> Self {
        let intents = batch(clock, purchases, cards);
        let prepare = |intent: &Intent| {
            let account = Account::empty(intent.account()?, purchases.amount.currency());
            let account = Account { limit: AMOUNT_MAX_MINOR, ..account };
            bare::prepare(intent, account, clock.now())
        };
        let approvals = intents.iter().filter_map(prepare).collect();
        Self { intents, approvals }
    }

    /// The transaction of a lane.
    async fn settle(mut self, home: &dyn MoneyHome) -> Result<(), StoreError> {
        let mut txn = home.begin(&Wanted::by(&self.intents)).await?;
        txn.refresh_stale_facts(&mut self.intents).await?;
        for approval in self.approvals {
            bare::put(txn.books(), approval);
        }
        txn.commit().await
    }
}

/// Each known card with its facts.
async fn known(facts: &dyn FactsStore, cards: &[Token]) -> Result<Vec<(Token, Facts)>, StoreError> {
    let mut known = Vec::new();
    for token in cards {
        if let Some(card) = facts.card(token).await? {
            let limits = facts.limits(&card).await?;
            let facts = Facts { cardholder: Cardholder::Owner, card: Some(card), limits };
            known.push((token.clone(), facts));
        }
    }
    Ok(known)
}

fn batch<'a>(
    clock: &dyn Clock,
    purchases: &Purchases,
    cards: &mut impl Iterator<Item = &'a (Token, Facts)>,
) -> Vec<Intent> {
    let purchase = |(card, facts): &(Token, Facts)| {
        let uuid = clock.uuid();
        // A simple UUID is 32 hexadecimal digits: always a token.
        let token: Token = uuid.simple().to_string().parse().ok()?;
        let stages = StageTimes::default();
        let act = Act::Authorize(request(token, card, purchases));
        Some(Intent { uuid, facts: facts.clone(), stages, act })
    };
    cards.take(purchases.batch.max(1)).filter_map(purchase).collect()
}

fn request(token: Token, card: &Token, purchases: &Purchases) -> AuthRequest {
    let transaction = format!("t-{token}").parse().ok();
    AuthRequest {
        token,
        door: Door::Marqeta,
        operation: Operation::Authorize,
        amount: purchases.amount,
        card: card.clone(),
        acting_user: None,
        user: None,
        business: None,
        merchant: purchases.merchant.clone(),
        entry_mode: None,
        channel: None,
        transaction,
        preceding: None,
        original: None,
        method: Some("pgfs.authorization".into()),
        hold_days: None,
    }
}
