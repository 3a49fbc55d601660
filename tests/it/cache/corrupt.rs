//! S-05: whatever is found on the server, it is at worst a miss.

use redis::AsyncCommands;
use tollgate::domain::policy::Scope;

use super::shared::{Corner, filled};
use super::world::{card_id, company_id};

/// Spoils the card's value in every way; a fresh instance must not care, and mend it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn rubbish_is_a_miss_and_is_mended() {
    let corner = Corner::new().await;
    filled(&corner.instance().await, 0).await;
    let good = corner.get("card:card-0").await.unwrap();
    let older = good.replace(r#"{"v":1,"#, r#"{"v":0,"#);
    let foreign = good.replace("card:card-0", "card:card-1").replace("card-0", "card-1");
    let half = &good[..good.len() / 2];
    for (what, value) in
        [("cut", half), ("older schema", &older), ("of another key", &foreign), ("empty", "")]
    {
        corner.set("card:card-0", value).await;
        let (fresh, before) = (corner.instance().await, corner.source.reads());
        assert_eq!(fresh.purchase(0).await, Some((1, 1)), "{what}");
        assert_eq!(corner.source.reads(), before + 1, "{what}: the card alone is read");
        assert_eq!(fresh.shared().unreadable, 1, "{what}");
        fresh.until("mended", |shared| shared.filled == 1).await;
        assert_eq!(corner.get("card:card-0").await.as_deref(), Some(good.as_str()), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_key_of_the_wrong_type_is_a_miss_and_is_mended() {
    let corner = Corner::new().await;
    filled(&corner.instance().await, 0).await;
    let good = corner.get("card:card-0").await.unwrap();
    let (mut raw, key) = (corner.raw.clone(), corner.key("card:card-0"));
    let () = raw.del(&key).await.unwrap();
    let () = raw.lpush(&key, "x").await.unwrap();
    let (fresh, before) = (corner.instance().await, corner.source.reads());
    assert_eq!(fresh.purchase(0).await, Some((1, 1)));
    assert_eq!(corner.source.reads(), before + 1);
    fresh.until("mended", |shared| shared.filled == 1).await;
    assert_eq!(corner.get("card:card-0").await.as_deref(), Some(good.as_str()));
}

/// The book-keeping itself is spoilt: floors and names of the wrong type.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn spoilt_floors_are_made_anew_by_the_next_change() {
    let corner = Corner::new().await;
    let instance = corner.instance().await;
    filled(&instance, 0).await;
    instance.update_card(&corner.source, 0).await;
    for key in ["floors:business", "floors:business:at"] {
        corner.set(key, "rubbish").await;
    }
    corner.set(&format!("names:{}", card_id(0)), "rubbish").await;
    instance.until("out of step", |shared| !shared.in_step).await;
    assert_eq!(instance.purchase(0).await, Some((2, 2)), "the store is asked instead");
    instance.update_card(&corner.source, 0).await;
    assert_eq!(instance.purchase(0).await, Some((3, 3)));
    instance.until("in step", |shared| shared.in_step).await;
    let other = corner.instance().await;
    other.update_company().await;
    instance.until("it hears again", |shared| shared.heard == 3).await;
    let company = corner.source.version(Scope::Company(company_id()));
    let card = instance.store_card(0).await;
    assert_eq!(card.owner.company.as_ref().unwrap().policy_version, company);
}
