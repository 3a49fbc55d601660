//! What another key of personal fields has sealed, or none, is written again with the present one, so that the
//! others may go. What is done is known by its key: to begin anew does no harm.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::id::{Home, KycId, UserId};
use crate::domain::kyc::KycRecord;
use crate::domain::party::User;
use crate::store::lists::{KycQuery, Lists, Page, UserQuery};
use crate::store::seal::Seal;
use crate::store::{ResourceStore, StoreError};

/// Objects of a page.
const ROWS_MAX: u32 = 100;

/// How often an object is tried that somebody else changes at the same time.
const TRIES: u32 = 3;

/// Before it is begun again, where a store does not answer: at first, and twice as long each time, up to this.
const AGAIN: Duration = Duration::from_secs(10);
const AGAIN_MAX: Duration = Duration::from_secs(600);

/// What has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// People who were written again.
    pub users: u64,
    /// Submissions.
    pub submissions: u64,
    /// Objects that still have a field of another key: it is not known here, or they could not be written.
    pub left: u64,
}

/// What it works with.
pub struct Reseal {
    /// People and submissions as they are kept, sealed.
    pub lists: Arc<dyn Lists>,
    /// Opens what is read, and seals what is written.
    pub resources: Arc<dyn ResourceStore>,
    /// The keys.
    pub seal: Arc<Seal>,
}

impl Reseal {
    /// Goes through everything once, however often a store does not answer. Why it does not is told once, and
    /// again when that changes.
    pub async fn until_done(self) {
        let mut done = Resealed::default();
        let mut failing = Failing::default();
        while let Err(error) = self.round(&mut done).await {
            if failing.is_news(&error) {
                warn(&error, "could not seal personal fields anew; beginning again until it works");
            }
            let written = done.users.saturating_add(done.submissions);
            tokio::time::sleep(failing.pause(written)).await;
        }
        let Resealed { users, submissions, left } = done;
        if left > 0 {
            tracing::error!(left, "personal fields remain sealed with another key: keep all keys");
        }
        tracing::info!(users, submissions, left, "sealed personal fields anew");
    }

    /// Goes through everything, and adds what it has done.
    pub async fn round(&self, done: &mut Resealed) -> Result<(), StoreError> {
        done.left = 0;
        self.users(done).await?;
        self.submissions(done).await
    }

    async fn users(&self, done: &mut Resealed) -> Result<(), StoreError> {
        let mut before = None;
        loop {
            let page = Page { before, rows_max: ROWS_MAX };
            let query = UserQuery { home: Home::Personal, company: None, status: None, page };
            let found = self.lists.users(query).await?;
            let Some(last) = found.last() else { return Ok(()) };
            before = Some(last.id);
            for user in found {
                let fields = [&user.first_name, &user.last_name, &user.email, &user.role];
                let texts: Vec<&str> = fields.into_iter().flatten().map(|text| &**text).collect();
                let write = || self.write_user(user.id);
                done.users += self.anew(&texts, write, &mut done.left).await?;
            }
        }
    }

    async fn submissions(&self, done: &mut Resealed) -> Result<(), StoreError> {
        let mut before = None;
        loop {
            let page = Page { before, rows_max: ROWS_MAX };
            let found = self.lists.kyc_records(KycQuery { user: None, status: None, page }).await?;
            let Some(last) = found.last() else { return Ok(()) };
            before = Some(last.id);
            for record in found {
                let fields = record.documents.iter().chain(&record.reason);
                let texts: Vec<&str> = fields.map(|text| &**text).collect();
                let write = || self.write_submission(record.id);
                done.submissions += self.anew(&texts, write, &mut done.left).await?;
            }
        }
    }

    /// Writes the object of these fields, if one of them has another key; says how many objects it has
    /// written, which is one at most.
    async fn anew<W: Future<Output = Result<(), StoreError>>>(
        &self,
        texts: &[&str],
        write: impl Fn() -> W,
        left: &mut u64,
    ) -> Result<u64, StoreError> {
        let (mut is_old, mut stays) = (false, false);
        for text in texts {
            let foreign = self.seal.is_foreign(text);
            stays |= foreign;
            is_old |= !foreign && !self.seal.is_present(text);
        }
        let written = is_old && self.until_first(write).await?;
        *left += u64::from(stays || (is_old && !written));
        Ok(u64::from(written))
    }

    /// Whether it was written; an error means that the store does not answer.
    async fn until_first<W: Future<Output = Result<(), StoreError>>>(
        &self,
        write: impl Fn() -> W,
    ) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match write().await {
                Ok(()) => return Ok(true),
                Err(StoreError::Stale | StoreError::Conflict(_)) => {}
                Err(error @ (StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) => {
                    return Err(error);
                }
                Err(error) => {
                    warn(&error, "an object with personal fields can not be written");
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    async fn write_user(&self, id: UserId) -> Result<(), StoreError> {
        let user = self.resources.user_record(id).await?.ok_or(StoreError::Stale)?;
        let version = user.version.saturating_add(1);
        self.resources.update_user(User { version, ..user }).await.map(drop)
    }

    async fn write_submission(&self, id: KycId) -> Result<(), StoreError> {
        let record = self.resources.kyc(id).await?.ok_or(StoreError::Stale)?;
        let version = record.version.saturating_add(1);
        self.resources.decide_kyc(KycRecord { version, ..record }, None).await.map(drop)
    }
}

/// How it has failed so far.
#[derive(Default)]
struct Failing {
    told: String,
    /// In a row, without anything written between them.
    times: u32,
    written: u64,
}

impl Failing {
    /// Whether this has not been told last.
    fn is_news(&mut self, error: &StoreError) -> bool {
        let why = format!("{error}: {}", error.cause());
        let is_news = self.told != why;
        self.told = why;
        is_news
    }

    /// How long to wait now that so much was written in all.
    fn pause(&mut self, written: u64) -> Duration {
        if written > self.written {
            (self.times, self.written) = (0, written);
        }
        let longer = 1_u32.checked_shl(self.times).unwrap_or(u32::MAX);
        self.times = self.times.saturating_add(1);
        AGAIN.saturating_mul(longer).min(AGAIN_MAX)
    }
}

fn warn(error: &StoreError, what: &'static str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_up_to_its_longest_until_something_is_written() {
        let mut failing = Failing::default();
        let pauses: Vec<u64> = (0..100).map(|_| failing.pause(7).as_secs()).collect();
        assert_eq!(pauses[..7], [10, 20, 40, 80, 160, 320, 600]);
        assert!(pauses[7..].iter().all(|pause| *pause == 600));
        assert_eq!([failing.pause(8), failing.pause(8)].map(|pause| pause.as_secs()), [10, 20]);
    }

    #[test]
    fn why_it_fails_is_told_once_and_when_it_changes() {
        let mut failing = Failing::default();
        let (away, broken) = (
            || StoreError::Unavailable("away".into()),
            || StoreError::Failed("a row can not be read".into()),
        );
        let told =
            [away(), away(), broken(), broken(), away()].map(|error| failing.is_news(&error));
        assert_eq!(told, [true, false, true, false, true]);
    }
}
