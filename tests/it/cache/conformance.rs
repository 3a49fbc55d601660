//! What every cache must keep, alone or shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::Notify;
use tollgate::domain::policy::Scope;
use tollgate::store::FactsStore;

use super::world::{Instance, Scripted, card_id, card_token, user_token};

pub async fn a_second_purchase_does_not_ask_the_store(source: Arc<Scripted>, cache: Instance) {
    assert_eq!(cache.purchase(0).await, Some((1, 1)));
    assert_eq!(source.reads(), 3);
    assert_eq!(cache.purchase(0).await, Some((1, 1)));
    assert_eq!(source.reads(), 3);
}

pub async fn a_thousand_misses_cost_one_read(source: Arc<Scripted>, cache: Instance) {
    let cache = Arc::new(cache);
    let purchases: Vec<_> = (0..1_000)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.purchase(0).await })
        })
        .collect();
    for purchase in purchases {
        assert_eq!(purchase.await.unwrap(), Some((1, 1)));
    }
    assert_eq!(source.reads(), 3, "one of each kind");
}

/// S-03: the reader misses and reads version 1; the writer commits version 2; the reader fills.
pub async fn a_slow_reader_never_puts_the_old_value_back(source: Arc<Scripted>, cache: Instance) {
    let release = Arc::new(Notify::new());
    *source.hold.lock().unwrap() = Some(Arc::clone(&release));
    let store = Arc::clone(&cache.store);
    let slow = tokio::spawn(async move { store.card(&card_token(0)).await.unwrap() });
    while source.reads() == 0 {
        tokio::task::yield_now().await;
    }
    cache.update_card(&source, 0).await;
    release.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().policy_version, 1, "asked before the write");
    for _ in 0..20 {
        assert_eq!(cache.card_version(0).await, Some(2), "version 1 is never visible");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// Whoever asks after a change was acknowledged sees it, and versions never go backwards.
pub async fn versions_never_go_backwards(source: Arc<Scripted>, cache: Instance) {
    let (cache, acknowledged) = (Arc::new(cache), Arc::new(AtomicI64::new(1)));
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (cache, done) = (Arc::clone(&cache), Arc::clone(&done));
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(async move {
                let mut last = 0;
                while !done.load(Ordering::SeqCst) {
                    let at_least = acknowledged.load(Ordering::SeqCst);
                    let seen = cache.card_version(0).await.unwrap();
                    assert!(seen >= at_least, "{seen} after {at_least} was acknowledged");
                    assert!(seen >= last, "{seen} after {last}");
                    last = seen;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..200 {
        cache.update_card(&source, 0).await;
        acknowledged.store(source.version(Scope::Card(card_id(0))), Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
}

pub async fn an_unknown_card_is_visible_once_it_is_created(source: Arc<Scripted>, cache: Instance) {
    let new = source.cards.load(Ordering::SeqCst);
    for _ in 0..100 {
        assert_eq!(cache.purchase(u128::from(new)).await, None);
    }
    source.cards.fetch_add(1, Ordering::SeqCst);
    assert_eq!(cache.purchase(u128::from(new)).await, Some((1, 1)));
}

pub async fn a_company_s_change_reaches_all_its_cards(source: Arc<Scripted>, cache: Instance) {
    for n in 0..10 {
        cache.purchase(n).await;
    }
    cache.update_company().await;
    let before = source.reads();
    for n in 0..10 {
        let card = cache.store.card(&card_token(n)).await.unwrap().unwrap();
        assert_eq!(card.owner.company.as_ref().unwrap().policy_version, 2);
        let user = cache.store.user(&user_token(n)).await.unwrap().unwrap();
        assert_eq!(user.company.as_ref().unwrap().policy_version, 2);
    }
    assert_eq!(source.reads() - before, 20, "each was read again");
}
