//! Cards, cardholders and companies: their transitions, applied only when nothing newer is known, and
//! cards and cardholders that nobody knows, created so that they can not be used before someone has
//! looked at them, nor at all once the platform has told their end.

use super::apply::{Failure, RACED, Taken};
use super::{Unknown, Webhooks};
use crate::domain::id::{CardId, CompanyId, UserId};
use crate::domain::party::{
    Card, CardStatus, Company, CompanyStatus, Setter, Status, User, UserStatus,
};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::webhook::{ClaimedWebhook, WebhookStatus};
use crate::wire::marqeta::notification::transition::{CardMoved, CompanyMoved, UserMoved};

/// How often a change that someone else was faster with is tried again.
const TRIES: u32 = 5;

const APPLIED: (WebhookStatus, Option<String>) = (WebhookStatus::Applied, None);

fn ignored(why: &str) -> Taken {
    Ok((WebhookStatus::Ignored, Some(why.to_owned())))
}

/// Looks and changes until nobody else was faster in between.
pub(super) async fn until_first<F: Future<Output = Taken>>(change: impl Fn() -> F) -> Taken {
    for _ in 1..TRIES {
        match change().await {
            Err(Failure::Failed(RACED)) => {}
            taken => return taken,
        }
    }
    change().await
}

/// The platform tells times in seconds: what it did may have been at the end of one.
const SECOND_US: i64 = 999_999;

/// Whether somebody has set the status here after the platform did.
fn was_set_since(one: &ClaimedWebhook, set_here_at: Option<Timestamp>) -> bool {
    let told = one.event_at.map(|at| at.plus_micros(SECOND_US));
    matches!((told, set_here_at), (Some(told), Some(set)) if set > told)
}

/// The status, and who has given it, once the platform has told of one. `None`: what was set here since stays.
/// The end at the platform is the end; and what the platform restricts, the program alone can have lifted
/// since.
fn told<S: Status>(
    told: S,
    (was, set_by): (S, Option<Setter>),
    is_newer_here: bool,
) -> Option<(S, Option<Setter>)> {
    let binds = told.is_end() || (told.is_restriction() && set_by != Some(Setter::Program));
    if is_newer_here && !binds {
        return None;
    }
    // Whoever has suspended it here since meant the strictest there is.
    let stays_suspended = is_newer_here && was == S::SUSPENDED && !told.is_end();
    let status = if stays_suspended { was } else { told };
    // What a company has suspended is not its own any more once the platform joins in.
    let joins = told.is_restriction() && set_by == Some(Setter::Company);
    let is_platforms = joins || status != was;
    Some((status, if is_platforms { Some(Setter::Platform) } else { set_by }))
}

/// The status of one that nobody knew. What the platform has ended or restricted is so from the start: what
/// it told before that may come later, and is older then. The rest waits for somebody to look at it.
fn first<S: Status>(told: S, unused: S) -> S {
    if told.is_end() || told.is_restriction() { told } else { unused }
}

impl Webhooks {
    /// A card has another state at the platform.
    pub(super) async fn card_moved(&self, one: &ClaimedWebhook, moved: &CardMoved) -> Taken {
        let Some(card) = self.service.find_card(&moved.card).await? else {
            let Unknown::Create(company) = self.settings.unknown else {
                return Err(Failure::Unknown("card_unknown"));
            };
            let user = moved.user.as_ref();
            self.create_card(company, &moved.card, user, Some(moved)).await?;
            return Ok((WebhookStatus::Applied, Some("created".to_owned())));
        };
        if self.is_superseded(one).await? {
            return ignored("superseded");
        }
        if card.status == CardStatus::Terminated {
            return ignored("terminated");
        }
        let here = (card.status, card.status_set_by);
        let is_newer_here = was_set_since(one, card.status_set_at);
        // Where the status stays, the other news count.
        let (status, status_set_by) = told(moved.status, here, is_newer_here).unwrap_or(here);
        let changed = Card {
            status,
            status_set_by,
            last_four: moved.last_four.clone().or(card.last_four.clone()),
            expires: moved.expires.or(card.expires),
            product: moved.product.clone().or(card.product.clone()),
            version: card.version.saturating_add(1),
            ..card.clone()
        };
        if (Card { version: card.version, ..changed.clone() }) != card {
            self.service.resources.update_card(changed).await?;
        }
        Ok(APPLIED)
    }

    /// A cardholder has another status at the platform.
    pub(super) async fn user_moved(&self, one: &ClaimedWebhook, moved: &UserMoved) -> Taken {
        let Some(user) = self.service.find_user(&moved.user).await? else {
            let Unknown::Create(company) = self.settings.unknown else {
                return Err(Failure::Unknown("user_unknown"));
            };
            let status = first(moved.status, UserStatus::Unverified);
            self.create_user(company, Some(&moved.user), status).await?;
            return Ok((WebhookStatus::Applied, Some("created".to_owned())));
        };
        let here = (user.status, user.status_set_by);
        let told = told(moved.status, here, was_set_since(one, user.status_set_at));
        let Some((status, status_set_by)) = told else { return ignored("superseded") };
        if self.is_superseded(one).await? {
            return ignored("superseded");
        }
        if (status, status_set_by) == here {
            return Ok(APPLIED);
        }
        // Closed, or erased, for good: whoever asked to be forgotten does not come back.
        if user.status == UserStatus::Closed {
            return ignored("closed");
        }
        let version = user.version.saturating_add(1);
        let changed = User { status, status_set_by, version, ..user };
        self.service.resources.update_user(changed).await?;
        Ok(APPLIED)
    }

    /// A company has another status at the platform. One that nobody knows is never created here: its
    /// currency and its credit are not told.
    pub(super) async fn company_moved(&self, one: &ClaimedWebhook, moved: &CompanyMoved) -> Taken {
        let Some(company) = self.service.find_company(&moved.company).await? else {
            return Err(Failure::Unknown("company_unknown"));
        };
        let is_end = moved.status == CompanyStatus::Closed;
        let stays = !is_end && was_set_since(one, company.status_set_at);
        if stays || self.is_superseded(one).await? {
            return ignored("superseded");
        }
        if company.status == moved.status {
            return Ok(APPLIED);
        }
        if !company.status.may_become(moved.status) {
            return ignored("closed");
        }
        let version = company.version.saturating_add(1);
        let changed = Company { status: moved.status, version, ..company };
        self.service.resources.update_company(changed).await?;
        Ok(APPLIED)
    }

    /// Whether a newer transition is known of the same card, cardholder or company. What does not say when
    /// it happened is newest when it arrives.
    async fn is_superseded(&self, one: &ClaimedWebhook) -> Result<bool, Failure> {
        let (Some(subject), Some(at)) = (&one.subject, one.event_at) else { return Ok(false) };
        Ok(self.events.superseded(subject, at).await?)
    }

    /// A card that nobody knows, to be activated by a person or by a later transition. [`RACED`]: another
    /// notification of the same card was faster.
    pub(super) async fn create_card(
        &self,
        company: CompanyId,
        token: &Token,
        user: Option<&Token>,
        moved: Option<&CardMoved>,
    ) -> Result<(), Failure> {
        let holder = self.holder(company, user).await?;
        // Which of the user's wallets it draws on is not told: somebody may create it yet.
        let company = holder.company.ok_or(Failure::Unknown("card_of_a_personal_user"))?;
        let company = self.service.resources.company(company).await?;
        let company = company.ok_or(Failure::Refused("company_unknown"))?;
        let unused = CardStatus::Unactivated;
        let card = Card {
            id: CardId::new(self.service.clock.uuid()),
            user: holder.id,
            account: company.account,
            marqeta_token: Some(token.clone()),
            last_four: moved.and_then(|moved| moved.last_four.clone()),
            product: moved.and_then(|moved| moved.product.clone()),
            expires: moved.and_then(|moved| moved.expires),
            status: moved.map_or(unused, |moved| first(moved.status, unused)),
            version: 1,
            created_at: self.service.clock.now(),
            status_set_at: None,
            status_set_by: Some(Setter::Platform),
        };
        self.service.resources.insert_card(card).await?;
        Ok(())
    }

    /// Who holds a card that nobody knows.
    async fn holder(&self, company: CompanyId, user: Option<&Token>) -> Result<User, Failure> {
        let Some(token) = user else {
            return self.create_user(company, None, UserStatus::Unverified).await;
        };
        if let Some(known) = self.service.find_user(token).await? {
            return Ok(known);
        }
        match self.create_user(company, user, UserStatus::Unverified).await {
            Err(Failure::Failed(RACED)) => {
                let found = self.service.find_user(token).await?;
                found.ok_or(Failure::Failed(RACED))
            }
            created => created,
        }
    }

    async fn create_user(
        &self,
        company: CompanyId,
        token: Option<&Token>,
        status: UserStatus,
    ) -> Result<User, Failure> {
        if self.service.resources.company(company).await?.is_none() {
            return Err(Failure::Refused("company_unknown"));
        }
        let user = User {
            id: UserId::new(self.service.clock.uuid()),
            company: Some(company),
            marqeta_token: token.cloned(),
            first_name: None,
            last_name: None,
            email: None,
            role: None,
            status,
            version: 1,
            created_at: self.service.clock.now(),
            status_set_at: None,
            status_set_by: Some(Setter::Platform),
        };
        self.service.resources.insert_user(user.clone()).await?;
        Ok(user)
    }
}
