//! Personal fields, sealed on their way into the store and opened on their way out. Behind this, no
//! store, cache or dump of either holds the name or the mail address of a person, or a reference to their
//! documents. (Employees of a company are the company's; the business store keeps them as they are.)
//!
//! Each field is sealed by itself, for its own place, and names its key: with a new key in the settings
//! it is sealed anew when it is written next, and the old key opens it until then. (A start writes all of them
//! where the settings have more than one key, or say so.) A field whose key is not known here stays sealed, in
//! both directions: a person can still be suspended, and nothing is lost.

use std::sync::Arc;

use crate::domain::audit::Record;
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, KycId, LimitId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp};

use super::seal::{Seal, SealError};
use super::{ResourceStore, StoreError, StoreFuture};

/// Resources whose personal fields are sealed.
pub struct SealedResources {
    resources: Arc<dyn ResourceStore>,
    seal: Arc<Seal>,
}

/// A personal field.
type Field = Option<Arc<str>>;

impl SealedResources {
    /// Before a store.
    pub fn new(resources: Arc<dyn ResourceStore>, seal: Arc<Seal>) -> Self {
        Self { resources, seal }
    }

    fn closed(&self, user: User) -> Result<User, StoreError> {
        on_each(user, |place, text| close_or_leave(&self.seal, place, text))
    }

    fn opened(&self, user: User) -> Result<User, StoreError> {
        opened(&self.seal, user)
    }

    fn closed_kyc(&self, record: KycRecord) -> Result<KycRecord, StoreError> {
        on_submission(record, |place, text| close_or_leave(&self.seal, place, text))
    }
}

/// The submission with its fields open.
pub(super) fn opened_kyc(seal: &Seal, record: KycRecord) -> Result<KycRecord, StoreError> {
    on_submission(record, |place, text| open_or_leave(seal, place, text))
}

/// The submission with another text for each document, and for why it was rejected: that is about a
/// person, in free words.
fn on_submission(
    record: KycRecord,
    turn: impl Fn(&[u8], &str) -> Result<String, SealError>,
) -> Result<KycRecord, StoreError> {
    let id = record.id;
    let turned = |place: String, text: &str| -> Result<Arc<str>, StoreError> {
        let text = turn(place.as_bytes(), text);
        text.map(Arc::from).map_err(|error| StoreError::Failed(Box::new(error)))
    };
    let documents = record.documents.iter().enumerate();
    let documents = documents.map(|(number, text)| turned(format!("{id} document {number}"), text));
    let reason = record.reason.as_deref().map(|text| turned(format!("{id} reason"), text));
    Ok(KycRecord {
        documents: documents.collect::<Result<_, _>>()?,
        reason: reason.transpose()?,
        ..record
    })
}

fn close_or_leave(seal: &Seal, place: &[u8], text: &str) -> Result<String, SealError> {
    if seal.is_foreign(text) { Ok(text.to_owned()) } else { seal.close_text(place, text) }
}

fn open_or_leave(seal: &Seal, place: &[u8], text: &str) -> Result<String, SealError> {
    match seal.open_text(place, text) {
        Err(SealError::UnknownKey) => {
            tracing::error!("a personal field is sealed with a key that is not set here");
            Ok(text.to_owned())
        }
        opened => opened,
    }
}

/// The user with their fields open.
pub(super) fn opened(seal: &Seal, user: User) -> Result<User, StoreError> {
    on_each(user, |place, text| open_or_leave(seal, place, text))
}

/// The user with another text in each personal field.
fn on_each(
    user: User,
    turn: impl Fn(&[u8], &str) -> Result<String, SealError>,
) -> Result<User, StoreError> {
    if user.company.is_some() {
        return Ok(user);
    }
    let id = user.id;
    let turned = |name: &str, field: Field| -> Result<Field, StoreError> {
        let Some(text) = field else { return Ok(None) };
        let text = turn(format!("{id} {name}").as_bytes(), &text);
        text.map(|text| Some(text.into())).map_err(|error| StoreError::Failed(Box::new(error)))
    };
    Ok(User {
        first_name: turned("first_name", user.first_name)?,
        last_name: turned("last_name", user.last_name)?,
        email: turned("email", user.email)?,
        role: turned("role", user.role)?,
        ..user
    })
}

impl ResourceStore for SealedResources {
    fn recording(&self, record: &Arc<Record>) -> Option<Arc<dyn ResourceStore>> {
        let resources = self.resources.recording(record)?;
        Some(Arc::new(Self { resources, seal: Arc::clone(&self.seal) }))
    }

    fn insert_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move { self.resources.insert_user(self.closed(user)?).await })
    }

    fn user_record(&self, id: UserId) -> StoreFuture<'_, Option<User>> {
        Box::pin(async move {
            let found = self.resources.user_record(id).await?;
            found.map(|user| self.opened(user)).transpose()
        })
    }

    fn update_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move { self.resources.update_user(self.closed(user)?).await })
    }

    fn insert_users(&self, users: Vec<User>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let closed: Result<Vec<User>, _> =
                users.into_iter().map(|user| self.closed(user)).collect();
            self.resources.insert_users(closed?).await
        })
    }

    /// An approval may change the person.
    fn decide_kyc(
        &self,
        record: KycRecord,
        grant: Option<KycGrant>,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let grant = match grant {
                Some(KycGrant { limit, user }) => {
                    let user = user.map(|user| self.closed(user)).transpose()?;
                    Some(KycGrant { limit, user })
                }
                None => None,
            };
            self.resources.decide_kyc(self.closed_kyc(record)?, grant).await
        })
    }

    fn insert_kyc(&self, record: KycRecord) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move { self.resources.insert_kyc(self.closed_kyc(record)?).await })
    }

    fn kyc(&self, id: KycId) -> StoreFuture<'_, Option<KycRecord>> {
        Box::pin(async move {
            let found = self.resources.kyc(id).await?;
            found.map(|record| opened_kyc(&self.seal, record)).transpose()
        })
    }

    fn insert_cards(&self, cards: Vec<Card>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.insert_cards(cards)
    }

    fn insert_company(
        &self,
        company: Company,
        account: Account,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.insert_company(company, account)
    }

    fn company(&self, id: CompanyId) -> StoreFuture<'_, Option<Company>> {
        self.resources.company(id)
    }

    fn update_company(&self, company: Company) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.update_company(company)
    }

    fn insert_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.insert_card(card)
    }

    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        self.resources.card_record(id)
    }

    fn update_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.update_card(card)
    }

    fn insert_wallet(&self, wallet: Wallet, account: Account) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.insert_wallet(wallet, account)
    }

    fn wallet(&self, account: AccountId) -> StoreFuture<'_, Option<Wallet>> {
        self.resources.wallet(account)
    }

    fn wallets_of(&self, user: UserId) -> StoreFuture<'_, Vec<Wallet>> {
        self.resources.wallets_of(user)
    }

    fn update_wallet(&self, wallet: Wallet) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.update_wallet(wallet)
    }

    fn account(&self, id: AccountId) -> StoreFuture<'_, Option<Account>> {
        self.resources.account(id)
    }

    fn insert_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.insert_limit(limit)
    }

    fn insert_limits(&self, limits: Vec<Limit>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.insert_limits(limits)
    }

    fn limit(&self, id: LimitId) -> StoreFuture<'_, Option<Limit>> {
        self.resources.limit(id)
    }

    fn update_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.update_limit(limit)
    }

    fn delete_limit(&self, id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        self.resources.delete_limit(id)
    }

    fn insert_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.insert_control(control)
    }

    fn control(&self, id: ControlId) -> StoreFuture<'_, Option<Control>> {
        self.resources.control(id)
    }

    fn update_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.resources.update_control(control)
    }

    fn delete_control(&self, id: ControlId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        self.resources.delete_control(id)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use uuid::Uuid;

    use super::super::seal::Use;
    use super::*;
    use crate::domain::party::UserStatus;
    use crate::domain::time::Timestamp;

    fn user(company: Option<CompanyId>) -> User {
        User {
            id: UserId::new(Uuid::from_u128(7)),
            company,
            marqeta_token: None,
            first_name: Some("Jenny".into()),
            last_name: None,
            email: Some("jenny@example.org".into()),
            role: None,
            status: UserStatus::Active,
            version: 1,
            created_at: Timestamp::from_micros(0),
            status_set_at: None,
            status_set_by: None,
        }
    }

    fn sealed(
        user: User,
        keys: &[&str],
        turn: fn(&Seal, &[u8], &str) -> Result<String, SealError>,
    ) -> User {
        let keys: Vec<SecretString> = keys.iter().map(|key| SecretString::from(*key)).collect();
        let seal = Seal::new(Use::Personal, &keys).unwrap();
        on_each(user, |place, text| turn(&seal, place, text)).unwrap()
    }

    const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    #[test]
    fn a_person_s_fields_are_closed_and_opened_and_an_employee_s_are_left() {
        let closed = sealed(user(None), &[OLD], Seal::close_text);
        let shown = format!("{:?} {:?}", closed.first_name, closed.email);
        assert!(!shown.contains("Jenny") && !shown.contains("example.org"), "{shown}");
        assert_eq!((&closed.last_name, closed.status), (&None, UserStatus::Active));
        assert_eq!(sealed(closed.clone(), &[NEW, OLD], Seal::open_text), user(None));
        let employee = user(Some(CompanyId::new(Uuid::from_u128(9))));
        assert_eq!(sealed(employee.clone(), &[OLD], Seal::close_text), employee);
    }

    #[test]
    fn fields_can_not_change_places() {
        let mut closed = sealed(user(None), &[OLD], Seal::close_text);
        std::mem::swap(&mut closed.first_name, &mut closed.email);
        let keys = [SecretString::from(OLD)];
        let seal = Seal::new(Use::Personal, &keys).unwrap();
        assert!(on_each(closed, |place, text| seal.open_text(place, text)).is_err());
    }
}
