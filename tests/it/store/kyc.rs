//! What people submit is kept, and decided together with what it gives.

use std::sync::Arc;

use secrecy::SecretString;
use tollgate::domain::clock::Clock;
use tollgate::domain::id::KycId;
use tollgate::domain::kyc::{KycGrant, KycRecord, KycStatus, monthly_limit};
use tollgate::domain::party::{User, UserStatus};
use tollgate::domain::policy::{Limit, Scope};
use tollgate::store::lists::{KycQuery, Lists, Page};
use tollgate::store::seal::{Seal, Use};
use tollgate::store::sealed::SealedResources;
use tollgate::store::sealed_lists::SealedLists;
use tollgate::store::{ResourceStore, StoreError};

use super::subject::Subject;

pub fn submission(subject: &Subject, user: &User) -> KycRecord {
    KycRecord {
        id: KycId::new(subject.clock.uuid()),
        user: user.id,
        tier: "basic".into(),
        documents: vec!["018f6b1e-7e2a-7c3d-9f1a-2b3c4d5e6f70".into()],
        status: KycStatus::Submitted,
        reason: None,
        version: 1,
        created_at: subject.clock.now(),
        decided_at: None,
    }
}

async fn person(subject: &Subject, name: &str) -> User {
    let user = User { status: UserStatus::Unverified, ..subject.user(None, name) };
    subject.resources.insert_user(user.clone()).await.unwrap();
    user
}

pub async fn a_submission_is_decided_with_what_it_gives(subject: &Subject) {
    let store = &subject.resources;
    let user = person(subject, "wren").await;
    let record = submission(subject, &user);
    store.insert_kyc(record.clone()).await.unwrap();
    assert_eq!(store.kyc(record.id).await.unwrap().as_ref(), Some(&record));
    let second = store.insert_kyc(submission(subject, &user)).await;
    assert!(matches!(second, Err(StoreError::Taken(_))), "one waits: {second:?}");
    let limit = monthly_limit(user.id, 500_00, subject.clock.now());
    let active = User { status: UserStatus::Active, version: 2, ..user.clone() };
    let approved = KycRecord {
        status: KycStatus::Approved,
        version: 2,
        decided_at: Some(subject.clock.now()),
        ..record.clone()
    };
    let grant = KycGrant { limit: limit.clone(), user: Some(active.clone()) };
    let stamps = store.decide_kyc(approved.clone(), Some(grant.clone())).await.unwrap();
    assert!(stamps.iter().all(|stamp| stamp.subject == Scope::User(user.id)), "{stamps:?}");
    assert_eq!(store.kyc(record.id).await.unwrap().as_ref(), Some(&approved));
    assert_eq!(store.limit(limit.id).await.unwrap().as_ref(), Some(&limit));
    assert_eq!(store.user_record(user.id).await.unwrap(), Some(active));
    let again = store.decide_kyc(approved, Some(grant)).await;
    assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
    // Another tier is the next version of the same limit.
    let record = submission(subject, &user);
    store.insert_kyc(record.clone()).await.unwrap();
    let approved = KycRecord { status: KycStatus::Approved, version: 2, ..record };
    let limit = Limit { amount: Some(900_00), version: 2, ..limit };
    let grant = KycGrant { limit: limit.clone(), user: None };
    store.decide_kyc(approved, Some(grant)).await.unwrap();
    assert_eq!(store.limit(limit.id).await.unwrap(), Some(limit));
}

pub async fn a_decision_that_can_not_be_kept_whole_is_not_kept(subject: &Subject) {
    let store = &subject.resources;
    let user = person(subject, "wren").await;
    let record = submission(subject, &user);
    store.insert_kyc(record.clone()).await.unwrap();
    let limit = monthly_limit(user.id, 500_00, subject.clock.now());
    let stale = User { status: UserStatus::Active, version: 7, ..user };
    let approved = KycRecord { status: KycStatus::Approved, version: 2, ..record.clone() };
    let grant = KycGrant { limit: limit.clone(), user: Some(stale) };
    let decided = store.decide_kyc(approved, Some(grant)).await;
    assert!(matches!(decided, Err(StoreError::Stale)), "{decided:?}");
    assert_eq!(store.kyc(record.id).await.unwrap(), Some(record));
    assert_eq!(store.limit(limit.id).await.unwrap(), None);
}

pub async fn submissions_are_listed_by_person_and_status(subject: &Subject) {
    let (first, second) = (person(subject, "wren").await, person(subject, "finch").await);
    let mut expected = Vec::new();
    for user in [&first, &second] {
        let record = submission(subject, user);
        subject.resources.insert_kyc(record.clone()).await.unwrap();
        expected.insert(0, record);
    }
    let rejected = KycRecord {
        status: KycStatus::Rejected,
        reason: Some("it has \"expired\"".into()),
        version: 2,
        decided_at: Some(subject.clock.now()),
        ..expected[1].clone()
    };
    subject.resources.decide_kyc(rejected.clone(), None).await.unwrap();
    expected[1] = rejected.clone();
    let page = Page { before: None, rows_max: 10 };
    let list = |user, status| subject.lists.kyc_records(KycQuery { user, status, page });
    assert_eq!(list(None, None).await.unwrap(), expected);
    assert_eq!(list(Some(first.id), None).await.unwrap(), std::slice::from_ref(&rejected));
    assert_eq!(list(None, Some(KycStatus::Rejected)).await.unwrap(), [rejected]);
    assert!(list(Some(first.id), Some(KycStatus::Submitted)).await.unwrap().is_empty());
}

pub async fn documents_are_sealed_and_what_was_kept_plain_is_read(subject: &Subject) {
    let key = SecretString::from("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    let seal = Arc::new(Seal::new(Use::Personal, [&key]).unwrap());
    let store = SealedResources::new(Arc::clone(&subject.resources), Arc::clone(&seal));
    let lists = SealedLists::new(Arc::clone(&subject.lists), seal);
    let user = person(subject, "wren").await;
    let plain = submission(subject, &user);
    subject.resources.insert_kyc(plain.clone()).await.unwrap();
    assert_eq!(store.kyc(plain.id).await.unwrap().as_ref(), Some(&plain));
    let decided = KycRecord { status: KycStatus::Rejected, version: 2, ..plain };
    store.decide_kyc(decided.clone(), None).await.unwrap();
    let fresh = submission(subject, &user);
    store.insert_kyc(fresh.clone()).await.unwrap();
    for written in [&decided, &fresh] {
        let kept = subject.resources.kyc(written.id).await.unwrap().unwrap();
        assert_eq!(kept.documents.len(), 1);
        assert!(kept.documents[0].starts_with("sealed:1:"), "{kept:?}");
    }
    let page = Page { before: None, rows_max: 10 };
    let query = KycQuery { user: Some(user.id), status: None, page };
    assert_eq!(lists.kyc_records(query).await.unwrap(), [fresh, decided]);
}
