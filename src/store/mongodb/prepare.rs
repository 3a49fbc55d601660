//! Before the first use: the server is checked, and the schema is brought up to date.

use std::sync::Arc;

use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};

use super::connect::Clients;
use super::error::{behind, refused, translate};
use super::lease::Lease;
use super::read::within;
use super::{MongoStore, schema, walls};
use crate::store::{Prepare, StoreError, StoreFuture};

/// How long an orphaned transaction may keep its wallets, in seconds: the server must end it then.
const LIFETIME_S_MAX: i64 = 5;

impl Prepare for MongoStore {
    fn prepare(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            if self.prepared.get().is_some() {
                return Ok(());
            }
            let clients = self.unchecked_clients().await?;
            within(self.options.call, prepare(&clients.rest)).await?;
            let _ = self.prepared.set(clients); // set by another call meanwhile: the same ones
            Ok(())
        })
    }
}

impl MongoStore {
    /// The clients, made once; a server that does not answer yet is no reason to make them again.
    async fn unchecked_clients(&self) -> Result<Arc<Clients>, StoreError> {
        if let Some(clients) = self.clients.get() {
            return Ok(Arc::clone(clients));
        }
        let made = Arc::new(Clients::make(&self.options).await?);
        Ok(Arc::clone(self.clients.get_or_init(|| made)))
    }
}

async fn prepare(database: &Database) -> Result<(), StoreError> {
    check_transactions(database).await?;
    check_lifetime(database).await?;
    if !schema::is_current(database).await? {
        let mut lease = Lease::take(database).await.map_err(behind)?;
        let migrated = schema::migrate(database, &mut lease).await;
        lease.release().await?;
        migrated?;
    }
    walls::build(database).await
}

/// A stand-alone server has no transactions.
async fn check_transactions(database: &Database) -> Result<(), StoreError> {
    let hello = database.run_command(doc! { "hello": 1 }).await.map_err(translate)?;
    let routed = hello.get_str("msg").is_ok_and(|message| message == "isdbgrid");
    if routed || hello.get_str("setName").is_ok() {
        return Ok(());
    }
    Err(refused(
        "the server has no transactions: it must run as a replica set (one member is enough)",
    ))
}

async fn check_lifetime(database: &Database) -> Result<(), StoreError> {
    let admin = database.client().database("admin");
    let asked = doc! { "getParameter": 1, "transactionLifetimeLimitSeconds": 1 };
    match admin.run_command(asked).await.map_err(translate) {
        Ok(found) if lifetime_s(&found).is_some_and(|found| found <= LIFETIME_S_MAX) => Ok(()),
        Ok(_) => Err(refused(format!(
            "the server lets transactions live too long: set its parameter \
             transactionLifetimeLimitSeconds to {LIFETIME_S_MAX} or less"
        ))),
        // Hosted servers do not let everyone look.
        Err(StoreError::Failed(_)) => {
            tracing::warn!("can not check how long the server lets transactions live");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn lifetime_s(found: &Document) -> Option<i64> {
    match found.get("transactionLifetimeLimitSeconds")? {
        Bson::Int32(seconds) => Some(i64::from(*seconds)),
        Bson::Int64(seconds) => Some(*seconds),
        _ => None,
    }
}
