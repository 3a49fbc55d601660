//! The schema: commands in order of date, each of which may be run again. The last one that was run is
//! written down in the `schema` collection.

use mongodb::bson::{Document, doc};
use mongodb::{Database, error::ErrorKind};
use serde::Deserialize;

use super::connect::durable;
use super::error::{refused, translate, unreadable};
use super::lease::Lease;
use crate::store::StoreError;

/// Every migration by its date. Forward only.
const MIGRATIONS: &[(i64, &str)] = &[
    (
        20_261_121_100_000,
        include_str!("../../../migrations/mongodb/20261121100000_create_collections.json"),
    ),
    (
        20_261_121_130_000,
        include_str!("../../../migrations/mongodb/20261121130000_extend_postings.json"),
    ),
    (
        20_261_121_140_000,
        include_str!("../../../migrations/mongodb/20261121140000_lease_outbox.json"),
    ),
    (
        20_261_121_140_100,
        include_str!("../../../migrations/mongodb/20261121140100_index_due_holds.json"),
    ),
    (
        20_261_121_150_000,
        include_str!("../../../migrations/mongodb/20261121150000_create_ingest.json"),
    ),
    (
        20_261_121_210_000,
        include_str!("../../../migrations/mongodb/20261121210000_lighten_lanes.json"),
    ),
    (
        20_261_121_210_100,
        include_str!("../../../migrations/mongodb/20261121210100_index_lists.json"),
    ),
    (
        20_261_121_210_200,
        include_str!("../../../migrations/mongodb/20261121210200_create_kyc.json"),
    ),
    (
        20_261_121_230_000,
        include_str!("../../../migrations/mongodb/20261121230000_lighten_ingest.json"),
    ),
    (
        20_261_129_130_000,
        include_str!("../../../migrations/mongodb/20261129130000_part_currencies.json"),
    ),
    (
        20_261_129_190_000,
        include_str!("../../../migrations/mongodb/20261129190000_thin_explanations.json"),
    ),
    (
        20_261_130_000_000,
        include_str!("../../../migrations/mongodb/20261130000000_check_links.json"),
    ),
];

/// A file of migrations. Of a command, the first key is its name: their order is kept.
#[derive(Deserialize)]
struct Migration {
    commands: Vec<Document>,
}

/// What `create` says of a collection that is there.
const NAMESPACE_EXISTS: i32 = 48;

/// What `dropIndexes` says when it has been run before.
const INDEX_NOT_FOUND: i32 = 27;

/// The document that tells which schema there is.
const VERSION: &str = "version";

/// Whether the schema is this release's; newer ones are refused.
pub(super) async fn is_current(database: &Database) -> Result<bool, StoreError> {
    let found = version(database).await?;
    let ours = MIGRATIONS.last().map_or(0, |(version, _)| *version);
    if found > ours {
        return Err(refused(format!("the schema ({found}) is newer than this release ({ours})")));
    }
    Ok(found == ours)
}

/// Runs what has not been run. The lease is renewed before every command: if it has been lost to
/// another instance, that one goes on.
pub(super) async fn migrate(database: &Database, lease: &mut Lease<'_>) -> Result<(), StoreError> {
    let found = version(database).await?;
    for (version, text) in MIGRATIONS.iter().filter(|(version, _)| *version > found) {
        let migration: Migration = serde_json::from_str(text).map_err(unreadable)?;
        for command in migration.commands {
            lease.renew().await?;
            run(database, command).await?;
        }
        let done = doc! { "$set": { "version": *version } };
        let schema = database.collection::<Document>("schema");
        schema.update_one(doc! { "_id": VERSION }, done).upsert(true).await.map_err(translate)?;
        tracing::info!(schema.version = *version, "brought the personal store's schema up to date");
    }
    Ok(())
}

async fn version(database: &Database) -> Result<i64, StoreError> {
    let schema = database.collection::<Document>("schema");
    let found = schema.find_one(doc! { "_id": VERSION }).await.map_err(translate)?;
    Ok(found.map_or(0, |found| found.get_i64("version").unwrap_or_default()))
}

/// Runs a command, on the disks of a majority. A collection that is there gets the validator.
async fn run(database: &Database, mut command: Document) -> Result<(), StoreError> {
    let concern = mongodb::bson::serialize_to_bson(&durable()).map_err(unreadable)?;
    command.insert("writeConcern", concern);
    let Err(error) = database.run_command(command.clone()).await else { return Ok(()) };
    match &*error.kind {
        ErrorKind::Command(failure) if failure.code == INDEX_NOT_FOUND => Ok(()),
        ErrorKind::Command(failure) if failure.code == NAMESPACE_EXISTS => {
            let name = command.get_str("create").map_err(unreadable)?;
            let mut change = doc! { "collMod": name };
            for option in ["validator", "writeConcern"] {
                change.extend(command.get(option).map(|value| (option.to_owned(), value.clone())));
            }
            database.run_command(change).await.map(drop).map_err(translate)
        }
        _ => Err(translate(error)),
    }
}
