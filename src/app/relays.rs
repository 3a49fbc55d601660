//! The relays of a process: a few for each store, until they are told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
use crate::config::relay;
use crate::egress::relay::{Parts, Relay, RelayOptions, RelayStats, UNREADABLE_KEPT};
use crate::service::dead_letters::DeadLetterDesk;

use super::homes::OpenHomes;

/// How long relays may take to publish what waits at the end, and to give up their leases.
const FINISH_MAX: Duration = Duration::from_secs(4);

/// Relays at work.
pub(super) struct Relays {
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Relays {
    /// Starts the relays of every store.
    pub(super) fn start(
        homes: &OpenHomes,
        broker: &Arc<dyn Broker>,
        settings: &relay::Relay,
        desk: &Arc<DeadLetterDesk>,
    ) -> Self {
        let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
        let options = RelayOptions {
            batch_max: u32::try_from(settings.batch_max).unwrap_or(u32::MAX),
            idle: Duration::from_millis(settings.idle_ms),
            lease: Duration::from_millis(settings.lease_ms),
            unreadable: UNREADABLE_KEPT,
        };
        for home in homes.each() {
            let stats = Arc::new(RelayStats::default());
            for _ in 0..settings.count {
                let relay = Relay::new(Parts {
                    home: home.name,
                    outbox: Arc::clone(&home.shards),
                    broker: Arc::clone(broker),
                    clock: Arc::clone(&desk.clock),
                    stats: Arc::clone(&stats),
                    desk: Arc::clone(desk),
                    options,
                });
                running.spawn(relay.run(stop.clone()));
            }
        }
        Self { stop, running }
    }

    /// Publishes what still waits, if that goes well and soon.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        let finishing = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(FINISH_MAX, finishing).await.is_err() {
            tracing::warn!("relays did not end in time; what they had in hand is published again");
        }
    }
}
