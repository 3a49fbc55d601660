//! Facts: found by token or id, complete, and with the versions they were read at.

use tollgate::domain::id::Home;
use tollgate::domain::party::Account;
use tollgate::domain::policy::{PolicyStamp, Scope};
use tollgate::domain::time::Window;

use super::subject::{Subject, token};

pub async fn references_are_tokens_or_ids(subject: &Subject) {
    let facts = &subject.facts;
    let program = subject.program("acme", 0).await;
    let by_token = facts.card(&token("acme-card")).await.unwrap().unwrap();
    let by_id = facts.card(&token(&program.card.id.to_string())).await.unwrap().unwrap();
    assert_eq!(by_token, by_id);
    assert_eq!(by_id.id, program.card.id);
    assert_eq!(by_id.account, program.account);
    assert_eq!(by_id.zone, program.zone);
    assert_eq!(by_id.expires, program.card.expires);
    assert_eq!(by_id.owner.home(), program.user.home());
    let user = facts.user(&token("acme-user")).await.unwrap().unwrap();
    assert_eq!(*user, by_id.owner);
    assert_eq!(user.company.as_ref().map(|company| company.id), program.employer());
    for unknown in ["nobody", "acme-car", "ACME-CARD", "crd_0"] {
        assert_eq!(facts.card(&token(unknown)).await.unwrap(), None, "{unknown}");
        assert_eq!(facts.user(&token(unknown)).await.unwrap(), None, "{unknown}");
    }
}

pub async fn a_personal_card_has_its_wallets_zone_and_no_company(subject: &Subject) {
    let person = subject.user(None, "wren");
    subject.resources.insert_user(person.clone()).await.unwrap();
    let wallet = subject.wallet(&person, "Asia/Tokyo");
    let account = Account::empty(wallet.account, wallet.currency);
    subject.resources.insert_wallet(wallet.clone(), account).await.unwrap();
    let card = subject.card(&person, wallet.account, "wren-card");
    subject.resources.insert_card(card).await.unwrap();
    let personal = subject.facts.card(&token("wren-card")).await.unwrap().unwrap();
    assert_eq!((personal.owner.company.as_ref(), personal.owner.home()), (None, Home::Personal));
    assert_eq!((&personal.zone, personal.currency), (&wallet.zone, wallet.currency));
}

pub async fn limits_come_narrowest_scope_first_with_all_versions(subject: &Subject) {
    let store = &subject.resources;
    let program = subject.program("acme", 0).await;
    let other = subject.program("other", 0).await;
    let scopes = program.scopes();
    let mut expected = Vec::new();
    for scope in scopes.iter().rev() {
        for window in [Window::Lifetime, Window::Day] {
            let limit = subject.limit(*scope, window, 1);
            store.insert_limit(limit.clone()).await.unwrap();
            expected.insert(0, limit);
        }
        store.insert_control(subject.control(*scope)).await.unwrap();
    }
    for foreign in other.scopes().into_iter().filter(|scope| *scope != Scope::Program) {
        store.insert_limit(subject.limit(foreign, Window::Day, 1)).await.unwrap();
    }
    let card = subject.facts.card(&token("acme-card")).await.unwrap().unwrap();
    let limits = subject.facts.limits(&card).await.unwrap();
    assert_eq!(limits.limits, expected);
    let bound: Vec<Scope> = limits.controls.iter().map(|control| control.scope).collect();
    assert_eq!(bound, scopes);
    let after = |subject| PolicyStamp { subject, version: program.first_version(subject) + 3 };
    let stamps: Vec<PolicyStamp> = scopes.into_iter().map(after).collect();
    assert_eq!(limits.stamps, stamps);
    assert_eq!(card.policy_version, 4);
}
