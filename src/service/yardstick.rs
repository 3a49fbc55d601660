//! The bare batch: the money home's own statements at a given batch size, without HTTP, wire and
//! judge. What the whole service reaches is reported as a share of this.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::domain::authorization::StageTimes;
use crate::domain::clock::Clock;
use crate::domain::facts::{Cardholder, Facts};
use crate::domain::id::AccountId;
use crate::domain::merchant::Merchant;
use crate::domain::money::{AMOUNT_MAX_MINOR, Money};
use crate::domain::party::Account;
use crate::domain::request::{AuthRequest, Door, Operation};
use crate::domain::token::Token;
use crate::ledger::bare::{self, Prepared};
use crate::ledger::intent::{Act, Intent};
use crate::ledger::wanted::Wanted;
use crate::store::{FactsStore, MoneyHome, StoreError};

/// How many batches of each lane are prepared at a time, outside the measured time.
const PREPARED_BATCHES: usize = 32;

/// How many cards are looked up at a time.
const LOOKUPS: usize = 32;

/// What the bare batch works on: a home as one instance of the service has opened it.
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
    /// How many were under way at a time.
    pub lanes: usize,
    /// Transactions that were refused for a conflict, and are not counted.
    pub conflicts: u64,
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

/// Settles batches of purchases for at least this long, in so many lanes of each instance at the
/// same time; each lane has accounts of its own. The batches are judged before: what is timed is
/// what the home does, from the first lock to the commit. Nothing is measured where there is no
/// card or no instance.
pub async fn bare_batch(
    instances: &[Parts],
    purchases: &Purchases,
    lanes_each: usize,
    at_least_us: u64,
) -> Result<Bare, StoreError> {
    let Some(first) = instances.first() else { return Ok(Bare::default()) };
    let known = known(&*first.facts, &purchases.cards).await?;
    let mut lanes = lanes(instances, lanes_each, known);
    let mut bare = Bare { lanes: lanes.len(), ..Bare::default() };
    while bare.elapsed_us < at_least_us && !lanes.is_empty() {
        let ready: Vec<_> = lanes.iter_mut().map(|lane| lane.prepared(purchases)).collect();
        let started = first.clock.monotonic();
        let settling: Vec<_> =
            ready.into_iter().map(|(home, batches)| tokio::spawn(settle(home, batches))).collect();
        for lane in settling {
            let settled = lane.await.map_err(|panic| StoreError::Failed(panic.into()))??;
            bare.decisions += settled.decisions;
            bare.batches += settled.batches;
            bare.conflicts += settled.conflicts;
        }
        bare.elapsed_us += first.clock.monotonic().since(started);
    }
    Ok(bare)
}

/// One batch after another.
async fn settle(home: Arc<dyn MoneyHome>, batches: Vec<Batch>) -> Result<Bare, StoreError> {
    let mut settled = Bare::default();
    for batch in batches {
        let decisions = u64::try_from(batch.intents.len()).unwrap_or(0);
        match batch.settle(&*home).await {
            Ok(()) => {
                settled.decisions += decisions;
                settled.batches += 1;
            }
            Err(StoreError::Conflict(_)) => settled.conflicts += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(settled)
}

/// A lane: a home, and cards on accounts that no other lane has.
struct Lane {
    parts: Parts,
    cards: Vec<(Token, Facts)>,
    next: usize,
}

impl Lane {
    fn prepared(&mut self, purchases: &Purchases) -> (Arc<dyn MoneyHome>, Vec<Batch>) {
        let Self { parts, cards, next } = self;
        let mut in_turn = cards.iter().cycle().skip(*next);
        let batches: Vec<Batch> = (0..PREPARED_BATCHES)
            .map(|_| Batch::judged(&*parts.clock, purchases, &mut in_turn))
            .collect();
        *next = (*next + PREPARED_BATCHES * purchases.batch.max(1)) % cards.len().max(1);
        (Arc::clone(&parts.home), batches)
    }
}

/// Deals the accounts out. A lane that would get none is left out.
fn lanes(instances: &[Parts], lanes_each: usize, known: Vec<(Token, Facts)>) -> Vec<Lane> {
    let count = (instances.len() * lanes_each).max(1);
    let mut lanes: Vec<Lane> = instances
        .iter()
        .cycle()
        .take(count)
        .map(|parts| Lane { parts: parts.clone(), cards: Vec::new(), next: 0 })
        .collect();
    let mut owners: BTreeMap<AccountId, usize> = BTreeMap::new();
    for (token, facts) in known {
        let Some(account) = facts.account() else { continue };
        let owner = owners.len() % count;
        let owner = *owners.entry(account).or_insert(owner);
        if let Some(lane) = lanes.get_mut(owner) {
            lane.cards.push((token, facts));
        }
    }
    lanes.retain(|lane| !lane.cards.is_empty());
    lanes
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
    let lookups = cards.iter().map(|token| known_card(facts, token));
    let found: Vec<_> = stream::iter(lookups).buffered(LOOKUPS).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn known_card(
    facts: &dyn FactsStore,
    token: &Token,
) -> Result<Option<(Token, Facts)>, StoreError> {
    let Some(card) = facts.card(token).await? else { return Ok(None) };
    let limits = facts.limits(&card).await?;
    let facts = Facts { cardholder: Cardholder::Owner, card: Some(card), limits };
    Ok(Some((token.clone(), facts)))
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
        partial: false,
    }
}
