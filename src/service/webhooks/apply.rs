//! Applying: what a notification tells, as steps of the ledger and changes of cards and cardholders.
//! Every step has a key of its own, so that it happens once however often it is told.

use super::parties::until_first;
use super::{Unknown, Webhooks};
use crate::domain::chain::Link;
use crate::domain::decision::{Decision, Echo, Fingerprint};
use crate::domain::facts::Facts;
use crate::domain::id::AccountId;
use crate::domain::posting::Movement;
use crate::domain::request::{AuthRequest, Door, FaultyRequest};
use crate::domain::token::Token;
use crate::domain::webhook::{ClaimedWebhook, WebhookStatus};
use crate::ledger::intent::{ChainRef, IntentRefusal, Notice, NoticeIntent, Step, StepIntent};
use crate::pipeline::{StepError, Unavailable};
use crate::service::error::Error;
use crate::store::StoreError;
use crate::telemetry::webhooks;
use crate::wire::marqeta::notification::element::{Content, read};
use crate::wire::marqeta::notification::kind::Verb;
use crate::wire::marqeta::notification::message::{Amount, Told};
use crate::wire::marqeta::notification::{Family, Raw};

/// Why a notification could not be applied, by what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It can not be: a person must look.
    Refused(&'static str),
    /// What it is about is not known, yet.
    Unknown(&'static str),
    /// Something is wrong on our side: a few more attempts.
    Failed(&'static str),
    /// A store does not answer.
    Unavailable,
}

/// Why something failed where somebody else was faster: it is worth another look.
pub(super) const RACED: &str = "conflict";

/// How long a notice waits for the decision that it takes back, in microseconds. Far longer than any
/// request is under way.
const UNDECIDED_US_MAX: i64 = 3_600_000_000;

pub(super) type Taken = Result<(WebhookStatus, Option<String>), Failure>;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::debug!(%error, cause = error.cause(), "a store did not take a notification");
        match error {
            StoreError::Conflict(_)
            | StoreError::OutcomeUnknown(_)
            | StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::Taken(_) | StoreError::Stale => Self::Failed(RACED),
            StoreError::Failed(_) => Self::Failed("store"),
        }
    }
}

impl From<Unavailable> for Failure {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable => Self::Unavailable,
            Error::VersionConflict | Error::TokenTaken(_) => Self::Failed(RACED),
            Error::NotFound(_) => Self::Refused("company_unknown"),
            _ => Self::Failed("store"),
        }
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Unavailable(_) => Self::Unavailable,
            StepError::Refused(refusal) => match refusal {
                IntentRefusal::UnknownAccount => Self::Unknown("account_unknown"),
                IntentRefusal::CurrencyMismatch => Self::Refused("currency_mismatch"),
                IntentRefusal::AdviceRaises => Self::Refused("advice_raises"),
                IntentRefusal::OutOfRange => Self::Refused("out_of_range"),
                IntentRefusal::TokenReused | IntentRefusal::KeyReused => {
                    Self::Refused("key_reused")
                }
                IntentRefusal::NotDue => Self::Refused("not_due"),
                IntentRefusal::VersionConflict => Self::Failed(RACED),
            },
        }
    }
}

/// The card's facts, and its account.
struct Known {
    facts: Facts,
    account: AccountId,
}

impl Webhooks {
    /// Applies what was kept.
    pub(super) async fn take_in(&self, one: &ClaimedWebhook) -> Taken {
        let opened = self
            .seal
            .open(one.id.uuid().as_bytes(), &one.body)
            .map_err(|_| Failure::Refused("unreadable"))?;
        let text = String::from_utf8(opened).map_err(|_| Failure::Refused("unreadable"))?;
        let element = read(Raw { family: Family::parse(&one.family), text: &text });
        match element.content.map_err(Failure::Refused)? {
            Content::Transaction(token, told) => self.transaction(one, token, told).await,
            Content::Card(moved) => until_first(|| self.card_moved(one, &moved)).await,
            Content::User(moved) => until_first(|| self.user_moved(one, &moved)).await,
            Content::Company(moved) => until_first(|| self.company_moved(one, &moved)).await,
            Content::Nothing(why) => Ok((WebhookStatus::Ignored, Some(why.to_owned()))),
        }
    }

    async fn transaction(&self, one: &ClaimedWebhook, token: Token, told: Told) -> Taken {
        match told {
            Told::Approved { request, funding } => self.approved(token, request, funding).await,
            Told::Declined { card, funding, echo, timed_out } => {
                let card = match (card, &funding) {
                    (None, Some(funding)) => self.card_decided_on(one, funding).await?,
                    (card, _) => card,
                };
                if timed_out {
                    webhooks::timed_out();
                }
                self.declined(token, card, funding, echo).await
            }
            Told::Moved { card, verb, amount, whole, preceding, original } => {
                let known = self.known(&card, None).await?;
                let step = step(verb, amount, whole).ok_or(Failure::Refused("amount_missing"))?;
                let chain = ChainRef {
                    root: None,
                    parents: preceding
                        .into_iter()
                        .map(Link::Transaction)
                        .chain(original.map(Link::Funding))
                        .collect(),
                    own: vec![Link::Transaction(token.clone())],
                };
                self.step(&token, known, chain, (step, whole)).await
            }
            Told::Nothing(why) => Ok((WebhookStatus::Ignored, Some(why.to_owned()))),
        }
    }

    async fn step(
        &self,
        token: &Token,
        known: Known,
        chain: ChainRef,
        (step, whole): (Step, bool),
    ) -> Taken {
        // One transaction may be told of as a partial and later as a full reversal.
        let part = if whole && matches!(step, Step::Reverse(_)) { ":all" } else { "" };
        let key = format!("txn:{token}:{}{part}", step.kind().as_str());
        let intent = StepIntent {
            fingerprint: Fingerprint::of(&[&key]),
            key,
            account: known.account,
            chain: Some(chain),
            step,
        };
        let movement = self.service.pipeline.step(known.facts, intent).await?;
        Ok(applied(&movement))
    }

    async fn approved(&self, token: Token, request: AuthRequest, funding: Option<Token>) -> Taken {
        let user = request.cardholder().cloned();
        let known = self.known(&request.card, user.as_ref()).await?;
        let notice = Notice::Approved(request);
        self.notice(token, funding, known, ("approved", "declined"), notice).await
    }

    async fn declined(
        &self,
        token: Token,
        card: Option<Token>,
        funding: Option<Token>,
        echo: Echo,
    ) -> Taken {
        let ignored = |why: &str| Ok((WebhookStatus::Ignored, Some(why.to_owned())));
        let Some(card) = card else { return ignored("declined") };
        let facts = self.service.pipeline.facts_of(&card).await?;
        // Nothing can have been approved on a card that nobody knows.
        let Some(account) = facts.account() else { return ignored("declined") };
        let tombstone = funding.clone().map(|token| FaultyRequest {
            token,
            door: Door::Notice,
            refusal: Decision::late_refusal(),
            fingerprint: Fingerprint::ANY,
            echo,
        });
        let known = Known { facts, account };
        let notice = Notice::Declined(tombstone);
        self.notice(token, funding, known, ("declined", "approved"), notice).await
    }

    /// The card of what was decided under this token, for a notice that does not name it. Without a card
    /// there is no account to keep a tombstone with, so it waits for a decision that may still come.
    async fn card_decided_on(
        &self,
        one: &ClaimedWebhook,
        funding: &Token,
    ) -> Result<Option<Token>, Failure> {
        let history = &self.service.history;
        let decided = history.decided_under(std::slice::from_ref(funding)).await?;
        let Some((_, id)) = decided.into_iter().next() else {
            let over = one.received_at.plus_micros(UNDECIDED_US_MAX) < self.service.clock.now();
            return if over { Ok(None) } else { Err(Failure::Unknown("funding_unknown")) };
        };
        let card = history.authorization(id).await?.and_then(|record| record.card);
        Ok(card.and_then(|card| card.to_string().parse().ok()))
    }

    async fn notice(
        &self,
        transaction: Token,
        funding: Option<Token>,
        known: Known,
        (verb, opposite): (&str, &str),
        notice: Notice,
    ) -> Taken {
        let key = format!("txn:{transaction}:{verb}");
        let intent = NoticeIntent {
            fingerprint: Fingerprint::of(&[&key]),
            key,
            opposite: format!("txn:{transaction}:{opposite}"),
            transaction,
            funding,
            account: known.account,
            notice,
        };
        let movement = self.service.pipeline.notice(known.facts, intent).await?;
        Ok(applied(&movement))
    }

    /// The card; one that nobody knows is created, if the settings say so.
    async fn known(&self, card: &Token, user: Option<&Token>) -> Result<Known, Failure> {
        let facts = self.service.pipeline.facts_of(card).await?;
        if let Some(account) = facts.account() {
            return Ok(Known { facts, account });
        }
        let Unknown::Create(company) = self.settings.unknown else {
            return Err(Failure::Unknown("card_unknown"));
        };
        match self.create_card(company, card, user, None).await {
            // Another notification of the same card was faster.
            Ok(()) | Err(Failure::Failed(RACED)) => {}
            Err(failure) => return Err(failure),
        }
        let facts = self.service.pipeline.facts_of(card).await?;
        let account = facts.account().ok_or(Failure::Unknown("card_unknown"))?;
        Ok(Known { facts, account })
    }
}

/// What is worth a second look is said beside it.
fn applied(movement: &Movement) -> (WebhookStatus, Option<String>) {
    for flag in &movement.flags {
        webhooks::flagged(flag.as_str());
    }
    let flags: Vec<&str> = movement.flags.iter().map(|flag| flag.as_str()).collect();
    (WebhookStatus::Applied, (!flags.is_empty()).then(|| flags.join(",")))
}

/// The ledger's step; `None`: only a total is told where it must be said by how much.
pub(in crate::service) fn step(verb: Verb, amount: Amount, whole: bool) -> Option<Step> {
    let by = match (verb, amount) {
        (Verb::Advise, Amount::Total(total)) => return Some(Step::AdviseTotal(total)),
        (_, Amount::Total(_)) => return None,
        (_, Amount::By(by)) => by,
    };
    Some(match verb {
        Verb::Advise => Step::AdviseBy(by),
        Verb::Reverse => Step::Reverse((!whole).then_some(by)),
        Verb::Expire => Step::Expire,
        Verb::Clear => Step::Clear { amount: by, last: whole },
        Verb::ForcePost => Step::ForcePost(by),
        Verb::Refund => Step::Refund(by),
        Verb::ExpectCredit => Step::ExpectCredit(by),
        Verb::CancelCredit => Step::CancelCredit(by),
        Verb::Chargeback => Step::Chargeback(by),
        Verb::ChargebackReversal => Step::ChargebackReversal(by),
        Verb::ChargebackWon => Step::ChargebackWon(by),
        Verb::AdjustCredit => Step::AdjustCredit(by),
        Verb::AdjustDebit => Step::AdjustDebit(by),
    })
}
