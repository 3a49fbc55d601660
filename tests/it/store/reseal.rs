//! After a change of the key, everything personal is sealed anew.

use std::sync::Arc;

use secrecy::SecretString;
use tollgate::domain::kyc::{KycRecord, KycStatus};
use tollgate::domain::party::User;
use tollgate::service::reseal::{Reseal, Resealed};
use tollgate::store::ResourceStore;
use tollgate::store::seal::{Seal, Use};
use tollgate::store::sealed::SealedResources;

use super::kyc::submission;
use super::subject::Subject;

const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn seal(keys: &[&str]) -> Arc<Seal> {
    let keys: Vec<SecretString> = keys.iter().map(|key| SecretString::from(*key)).collect();
    Arc::new(Seal::new(Use::Personal, &keys).unwrap())
}

fn sealed(subject: &Subject, keys: &[&str]) -> Arc<SealedResources> {
    Arc::new(SealedResources::new(Arc::clone(&subject.resources), seal(keys)))
}

async fn round(subject: &Subject, keys: &[&str]) -> Resealed {
    let (lists, resources) = (Arc::clone(&subject.lists), sealed(subject, keys));
    let mut done = Resealed::default();
    Reseal { lists, resources, seal: seal(keys) }.round(&mut done).await.unwrap();
    done
}

fn named(subject: &Subject, name: &str) -> User {
    User { first_name: Some("Jenny".into()), ..subject.user(None, name) }
}

pub async fn what_another_key_has_sealed_is_sealed_anew_once(subject: &Subject) {
    let before = sealed(subject, &[OLD]);
    let (first, second, plain) =
        (named(subject, "wren"), named(subject, "finch"), named(subject, "robin"));
    before.insert_user(first.clone()).await.unwrap();
    before.insert_user(second.clone()).await.unwrap();
    // Kept before there was a key; it only looks like something sealed.
    let plain = User { last_name: Some("sealed:1:wren:AAAA".into()), ..plain };
    subject.resources.insert_user(plain.clone()).await.unwrap();
    let nameless =
        User { first_name: None, last_name: None, role: None, ..named(subject, "nameless") };
    subject.resources.insert_user(nameless).await.unwrap();
    let waiting = submission(subject, &first);
    let submitted = submission(subject, &second);
    let rejected = KycRecord {
        status: KycStatus::Rejected,
        reason: Some("it has expired".into()),
        version: 2,
        ..submitted.clone()
    };
    before.insert_kyc(waiting.clone()).await.unwrap();
    before.insert_kyc(submitted).await.unwrap();
    before.decide_kyc(rejected.clone(), None).await.unwrap();

    let unknown = round(subject, &[NEW]).await;
    let expected = Resealed { users: 1, submissions: 0, left: 4 };
    assert_eq!(unknown, expected, "what can not be opened stays as it is");
    let expected = Resealed { users: 2, submissions: 2, left: 0 };
    assert_eq!(round(subject, &[NEW, OLD]).await, expected);
    assert_eq!(round(subject, &[NEW, OLD]).await, Resealed::default(), "nothing is left");

    let after = sealed(subject, &[NEW]);
    for user in [first, second, plain] {
        let found = after.user_record(user.id).await.unwrap();
        assert_eq!(found, Some(User { version: 2, ..user }), "the old key is not needed");
    }
    for record in [waiting, rejected] {
        let found = after.kyc(record.id).await.unwrap();
        assert_eq!(found, Some(KycRecord { version: record.version + 1, ..record }));
    }
}

pub async fn what_was_never_sealed_is_sealed_without_another_key(subject: &Subject) {
    let store = sealed(subject, &[NEW]);
    let user = named(subject, "wren");
    store.insert_user(user.clone()).await.unwrap();
    let decided = |documents: &[&str], reason: Option<&str>| {
        let texts = documents.iter().map(|text| Arc::from(*text)).collect();
        KycRecord {
            documents: texts,
            status: KycStatus::Rejected,
            reason: reason.map(Arc::from),
            version: 2,
            ..submission(subject, &user)
        }
    };
    let referred = decided(&["doc-0123456789-wren"], None);
    let reasoned = decided(&[], Some("sealed:1:wren:AAAA")); // it only looks like something sealed
    let neither = decided(&[], None);
    let kept = decided(&["doc-0123456789-done"], Some("it has expired"));
    for (record, resources) in [
        (&referred, &subject.resources),
        (&reasoned, &subject.resources),
        (&neither, &subject.resources),
        (&kept, &(store.clone() as Arc<dyn ResourceStore>)),
    ] {
        // One that waits bars the next.
        let submitted =
            KycRecord { status: KycStatus::Submitted, reason: None, version: 1, ..record.clone() };
        resources.insert_kyc(submitted).await.unwrap();
        resources.decide_kyc(record.clone(), None).await.unwrap();
    }
    let expected = Resealed { users: 0, submissions: 2, left: 0 };
    assert_eq!(round(subject, &[NEW]).await, expected);
    assert_eq!(round(subject, &[NEW]).await, Resealed::default());
    for (record, version) in [(referred, 3), (reasoned, 3), (neither, 2), (kept, 2)] {
        let found = store.kyc(record.id).await.unwrap();
        assert_eq!(found, Some(KycRecord { version, ..record }), "it is read as before");
    }
}
