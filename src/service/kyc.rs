//! Know your customer: submit, approve, reject, and where a person stands. A tier is an ordinary
//! spending limit of the person, which the judge enforces like any other.

use std::sync::Arc;

use super::Service;
use super::error::{Error, allowed};
use super::lists::{Listed, page};
use crate::domain::id::{Home, KycId, UserId};
use crate::domain::kyc::{self, KycGrant, KycRecord, KycStatus};
use crate::domain::party::{Setter, User, UserStatus};
use crate::domain::policy::Limit;
use crate::domain::token::Token;
use crate::store::StoreError;
use crate::store::lists::{KycQuery, Page};
use crate::wire::v1::field::Invalid;
use crate::wire::v1::kyc::{Kyc, KycList, NewKyc, Standing};

/// How often a decision is tried that meets another change of the person or their limit.
const ATTEMPTS_MAX: u32 = 3;

/// How many submissions are forgotten at a time.
const ERASED_AT_ONCE: u32 = 100;

impl Service {
    /// Keeps what a person has submitted. While one submission waits, there can be no other.
    pub async fn submit_kyc(&self, new: NewKyc) -> Result<KycRecord, Error> {
        if self.tiers.monthly(&new.tier).is_none() {
            return Err(Invalid::new("invalid_tier", "there is no such tier").under("tier").into());
        }
        let user = self.find_user(&new.user).await?.filter(|user| user.home() == Home::Personal);
        let user = user.ok_or(Error::NotFound(Some("/user_id")))?;
        allowed(user.status != UserStatus::Closed)?;
        let record = KycRecord {
            id: KycId::new(self.clock.uuid()),
            user: user.id,
            tier: new.tier,
            documents: new.documents,
            status: KycStatus::Submitted,
            reason: None,
            version: 1,
            created_at: self.clock.now(),
            decided_at: None,
        };
        match self.resources.insert_kyc(record.clone()).await {
            Ok(_) => Ok(record),
            Err(StoreError::Taken(_)) => Err(Error::InvalidTransition),
            Err(error) => Err(error.into()),
        }
    }

    /// One submission.
    pub async fn kyc(&self, id: KycId) -> Result<KycRecord, Error> {
        self.resources.kyc(id).await?.ok_or(Error::NotFound(None))
    }

    /// Gives the person the tier: sets the monthly limit, and ends their being unverified.
    pub async fn approve_kyc(&self, id: KycId) -> Result<KycRecord, Error> {
        self.decide_kyc(id, KycStatus::Approved, None).await
    }

    /// Refuses the tier. What the person had before stays.
    pub async fn reject_kyc(&self, id: KycId, reason: Arc<str>) -> Result<KycRecord, Error> {
        self.decide_kyc(id, KycStatus::Rejected, Some(reason)).await
    }

    async fn decide_kyc(
        &self,
        id: KycId,
        status: KycStatus,
        reason: Option<Arc<str>>,
    ) -> Result<KycRecord, Error> {
        for _ in 0..ATTEMPTS_MAX {
            match self.try_to_decide(id, status, reason.clone()).await {
                Err(Error::VersionConflict | Error::TokenTaken(_)) => {}
                other => return other,
            }
        }
        Err(Error::Unavailable)
    }

    async fn try_to_decide(
        &self,
        id: KycId,
        status: KycStatus,
        reason: Option<Arc<str>>,
    ) -> Result<KycRecord, Error> {
        let found = self.kyc(id).await?;
        allowed(found.status.may_become(status))?;
        let grant = match status {
            KycStatus::Approved => Some(self.grant(&found).await?),
            KycStatus::Submitted | KycStatus::Rejected => None,
        };
        let decided = KycRecord {
            status,
            reason,
            version: found.version.saturating_add(1),
            decided_at: Some(self.clock.now()),
            ..found
        };
        self.resources.decide_kyc(decided.clone(), grant).await?;
        Ok(decided)
    }

    async fn grant(&self, record: &KycRecord) -> Result<KycGrant, Error> {
        let Some(monthly) = self.tiers.monthly(&record.tier) else {
            const DETAIL: &str = "the tier that was asked for is not offered any more";
            return Err(Error::NotSupported(DETAIL));
        };
        let limit = match self.resources.limit(kyc::limit_id(record.user)).await? {
            Some(limit) => {
                Limit { amount: Some(monthly), version: limit.version.saturating_add(1), ..limit }
            }
            None => kyc::monthly_limit(record.user, monthly, self.clock.now()),
        };
        let user = self.resources.user_record(record.user).await?.ok_or(Error::NotFound(None))?;
        let unverified = user.status == UserStatus::Unverified;
        let active = || User {
            status: UserStatus::Active,
            status_set_at: Some(self.clock.now()),
            status_set_by: Some(Setter::of(self.reach)),
            version: user.version.saturating_add(1),
            ..user.clone()
        };
        Ok(KycGrant { limit, user: unverified.then(active) })
    }

    /// Submissions, newest first.
    pub async fn list_kyc(&self, asked: KycList) -> Result<Listed<KycRecord>, Error> {
        let user = match &asked.user {
            None => None,
            Some(name) => match self.find_user(name).await? {
                Some(user) => Some(user.id),
                None => return Ok(Listed { items: Vec::new(), next: None }),
            },
        };
        let query = KycQuery { user, status: asked.status, page: page(&asked.page) };
        let found = self.lists.kyc_records(query).await?;
        Ok(Listed::of(KycList::NAME, found, asked.page.limit, |row| row.id))
    }

    /// Forgets the references to documents, and why they did not do. What was asked for and decided stays.
    pub(super) async fn erase_kyc(&self, user: UserId) -> Result<(), Error> {
        let mut before = None;
        loop {
            let page = Page { before, rows_max: ERASED_AT_ONCE };
            let query = KycQuery { user: Some(user), status: None, page };
            let found = self.lists.kyc_records(query).await?;
            let Some(last) = found.last() else { return Ok(()) };
            before = Some(last.id);
            for record in found {
                self.erase_submission(record).await?;
            }
        }
    }

    async fn erase_submission(&self, mut record: KycRecord) -> Result<(), Error> {
        for _ in 0..ATTEMPTS_MAX {
            if record.documents.is_empty() && record.reason.is_none() {
                return Ok(());
            }
            let id = record.id;
            let erased = KycRecord {
                documents: Vec::new(),
                reason: None,
                version: record.version.saturating_add(1),
                ..record
            };
            match self.resources.decide_kyc(erased, None).await {
                Ok(_) => return Ok(()),
                // Someone has decided it, or sealed it anew, meanwhile: what they wrote goes, too.
                Err(StoreError::Stale) => record = self.kyc(id).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable)
    }

    /// Where a person stands.
    pub async fn kyc_of(&self, reference: &Token) -> Result<Standing, Error> {
        let user = self.user_of(Home::Personal, reference).await?;
        let one = |status| {
            let page = Page { before: None, rows_max: 1 };
            self.lists.kyc_records(KycQuery { user: Some(user.id), status, page })
        };
        let latest = one(None).await?.pop();
        let approved = one(Some(KycStatus::Approved)).await?.pop();
        let limit = self.resources.limit(kyc::limit_id(user.id)).await?;
        Ok(Standing {
            user_id: user.id,
            tier: approved.map(|record| record.tier),
            limit_id: limit.as_ref().map(|limit| limit.id),
            monthly_limit: limit.and_then(|limit| limit.amount),
            latest: latest.map(Kyc::from),
        })
    }
}
