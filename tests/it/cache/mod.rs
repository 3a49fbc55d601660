//! The conformance suite of caches: in memory always, on Redis with `scripts/test`. What only a
//! shared level can do wrong, and what a sick server may do to us, is beside it.

mod chaos;
mod conformance;
mod corrupt;
mod routed;
pub(crate) mod server;
mod shared;
mod speed;
mod transactions;
mod world;

use std::sync::Arc;

use crate::support::servers;
use world::{Instance, Scripted};

async fn in_memory() -> (Arc<Scripted>, Instance) {
    let source = Scripted::with_cards(100);
    let instance = Instance::alone(&source);
    (source, instance)
}

async fn on_redis() -> (Arc<Scripted>, Instance) {
    let source = Scripted::with_cards(100);
    let prefix = format!("{}:", servers::unique());
    let instance = Instance::sharing(&source, &servers::url("REDIS_URL"), &prefix).await;
    (source, instance)
}

macro_rules! conformance {
    ($($name:ident)+) => {
        mod memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (source, cache) = super::in_memory().await;
                    super::conformance::$name(source, cache).await;
                }
            )+
        }

        mod redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs servers: scripts/test"]
                async fn $name() {
                    let (source, cache) = super::on_redis().await;
                    super::conformance::$name(source, cache).await;
                }
            )+
        }
    };
}

conformance! {
    a_second_purchase_does_not_ask_the_store
    a_thousand_misses_cost_one_read
    a_slow_reader_never_puts_the_old_value_back
    versions_never_go_backwards
    an_unknown_card_is_visible_once_it_is_created
    a_company_s_change_reaches_all_its_cards
}
