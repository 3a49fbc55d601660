//! How clients are made: one whose connections only lanes use, one for everything else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, Tls,
    WriteConcern,
};
use mongodb::{Client, Database};
use secrecy::ExposeSecret;

use super::MongoOptions;
use super::error::{refused, translate};
use super::pool::Connections;
use crate::store::StoreError;

/// The database where the URL names none.
const DATABASE: &str = "tollgate";

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a lane waits for a server: less than it takes to call it stalled.
const LANE_SELECTION: Duration = Duration::from_millis(150);

/// How often the server is looked at, so that its return is noticed soon.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The two clients, each at the service's database. Compression is not compiled in.
pub(super) struct Clients {
    pub(super) lanes: Database,
    pub(super) rest: Database,
    /// Those of `rest`.
    pub(super) connections: Arc<Connections>,
}

impl Clients {
    /// Reads the URL (which may ask the name service) and makes the clients. They connect by
    /// themselves, when they are needed.
    pub(super) async fn make(options: &MongoOptions) -> Result<Self, StoreError> {
        let parsing = ClientOptions::parse(options.url.expose_secret());
        let mut parsed = tokio::time::timeout(options.call, parsing)
            .await
            .map_err(|elapsed| StoreError::Unavailable(Box::new(elapsed)))?
            .map_err(translate)?;
        check(&parsed)?;
        if let Some(ca_path) = &options.ca_path {
            trust(&mut parsed, ca_path)?;
        }
        parsed.connect_timeout = Some(CONNECT_TIMEOUT);
        parsed.heartbeat_freq = Some(HEARTBEAT);
        parsed.server_selection_timeout = Some(options.server_selection);
        parsed.retry_writes = Some(true);
        parsed.retry_reads = Some(true);
        parsed.selection_criteria =
            Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        parsed.read_concern = Some(ReadConcern::majority());
        parsed.write_concern = Some(durable());
        let mut lanes = parsed.clone();
        lanes.app_name = Some(format!("{}-lanes", options.app_name));
        // Callers are waiting, and are better told soon that there is nobody.
        lanes.server_selection_timeout = Some(options.server_selection.min(LANE_SELECTION));
        lanes.min_pool_size = Some(options.lanes);
        // Beside each lane's own, room for the rollback of the batch before.
        lanes.max_pool_size = Some(options.lanes.saturating_mul(2).saturating_add(2));
        let mut rest = parsed;
        rest.app_name = Some(options.app_name.clone());
        // The driver opens and keeps them by itself, from when it has found the server.
        rest.min_pool_size = Some(options.pool_min);
        rest.max_pool_size = Some(options.pool_max);
        let connections = Arc::new(Connections::default());
        rest.cmap_event_handler = Some(connections.listen());
        Ok(Self { lanes: database(lanes)?, rest: database(rest)?, connections })
    }
}

/// Takes these certificates for those of who may vouch for the server.
fn trust(options: &mut ClientOptions, ca_path: &Path) -> Result<(), StoreError> {
    match &mut options.tls {
        Some(Tls::Enabled(tls)) => {
            tls.ca_file_path = Some(ca_path.to_owned());
            Ok(())
        }
        _ => Err(refused("the URL does not ask for TLS, which the authority's file is for")),
    }
}

fn database(options: ClientOptions) -> Result<Database, StoreError> {
    let name = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
    Ok(Client::with_options(options).map_err(translate)?.database(&name))
}

/// On the disks of a majority.
pub(super) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

/// A URL must not ask for less than is promised.
fn check(options: &ClientOptions) -> Result<(), StoreError> {
    let Some(asked) = &options.write_concern else { return Ok(()) };
    if !matches!(asked.w, None | Some(Acknowledgment::Majority)) {
        return Err(refused("the URL asks for a write concern below w=majority"));
    }
    if asked.journal == Some(false) {
        return Err(refused("the URL asks for writes that are not journaled"));
    }
    Ok(())
}
