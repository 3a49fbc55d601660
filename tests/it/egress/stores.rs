//! Relays and sweepers on every store.

use std::sync::Arc;
use std::time::Duration;

use super::{expiry, relay};
use crate::store::clock::TestClock;
use crate::store::mongodb::{Corner, store, subject as on_mongodb};
use crate::store::postgres::subject as on_postgres;
use crate::store::postgres_database::Database;
use crate::store::sqlite::open_store;
use crate::store::subject::Subject;
use tollgate::domain::id::Home;

/// Enough for writers side by side.
const LANES: u32 = 16;

/// These machines are slow and shared.
const PATIENCE: Duration = Duration::from_secs(20);

async fn sqlite() -> Subject {
    open_store(&Home::ALL).await.0
}

async fn postgres() -> Subject {
    let database = Database::migrated().await;
    let mut options = database.options();
    options.lanes = LANES;
    options.deadline = PATIENCE;
    options.acquire_timeout = PATIENCE;
    let subject = on_postgres(options, Arc::new(TestClock::beside_a_server())).await;
    Subject { _cleanup: Box::new(database), ..subject }
}

async fn mongodb() -> Subject {
    let (corner, clock) = (Corner::new(), Arc::new(TestClock::beside_a_server()));
    let change = |options: &mut tollgate::store::mongodb::MongoOptions| {
        options.lanes = LANES;
        options.batch = PATIENCE;
        options.time_offset_us = clock.offset();
    };
    let store = store(&corner, change).await;
    on_mongodb(&corner, store, Arc::clone(&clock))
}

macro_rules! on_each_store {
    ($($room:ident::$name:ident($($argument:expr),*)),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$room::$name(super::sqlite().await, $($argument),*).await;
            })+
        }

        mod postgres_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: scripts/test"]
            async fn $name() {
                super::$room::$name(super::postgres().await, $($argument),*).await;
            })+
        }

        mod mongodb_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: scripts/test"]
            async fn $name() {
                super::$room::$name(super::mongodb().await, $($argument),*).await;
            })+
        }
    };
}

on_each_store! {
    relay::nothing_is_lost_and_keys_keep_their_order(6),
    relay::events_wait_while_the_broker_is_down(),
    relay::a_relay_that_is_told_to_stop_publishes_what_waits(),
    relay::an_event_that_the_broker_refuses_holds_nobody_up(),
    expiry::two_instances_let_each_hold_expire_once(),
    expiry::a_hold_that_was_prolonged_is_passed_by(),
}
