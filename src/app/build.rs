//! Builds the parts from the settings, one small function each.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::Broker;
use crate::config;
use crate::config::Settings;
use crate::config::policy::OutageAnswer;
use crate::domain::access::Reach;
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::domain::standing::Rules;
use crate::ingress::http;
use crate::ingress::http::{Doors, JitCredentials, JitHeader};
use crate::pipeline::{Homes, LaneSettings, Parts, Pipeline};
use crate::service::Service;
use crate::service::audit::AuditDesk;
use crate::service::dead_letters::DeadLetterDesk;
use crate::service::expiry::Sweeper;
use crate::service::explanations::Thinner;
use crate::service::feed::{Feed, FeedSettings};
use crate::service::health::{Health, Need, Watch, Watched};
use crate::service::in_flight::InFlight;
use crate::service::ingest::{Ingest, IngestParts, IngestSettings};
use crate::service::keys::KeyDesk;
use crate::service::keys::ring::KeyRing;
use crate::service::queues::QueueWatch;
use crate::service::reseal::Reseal;
use crate::store::api_keys::ApiKeys;
use crate::store::audit_log::AuditLog;
use crate::store::dead_letters::DeadLetters;
use crate::store::seal::Seal;
use crate::store::webhooks::WebhookEvents;
use crate::store::{FactsStore, Probe};
use crate::telemetry::alerts::Thresholds;
use crate::telemetry::card_testing::DeclineLimit;
use crate::telemetry::clock_skew::ClockSkew;
use crate::telemetry::faults::Faults;
use crate::telemetry::metrics;
use crate::telemetry::profile::Profiler;

use super::homes::OpenHomes;
use super::secrets::Secrets;
use super::stores::Stores;
use super::{AppError, gate, webhooks};

/// What is kept beside the books.
pub(super) struct Kept {
    /// Notifications of the card platform.
    pub(super) events: Arc<dyn WebhookEvents>,
    /// Messages that could not be worked.
    pub(super) letters: Arc<dyn DeadLetters>,
    /// Keys of the REST routes.
    pub(super) keys: Arc<dyn ApiKeys>,
    /// Who has done what.
    pub(super) audit_log: Arc<dyn AuditLog>,
}

impl Kept {
    /// All are kept where the business is.
    pub(super) fn of(homes: &OpenHomes) -> Self {
        let home = homes.of(Home::Business);
        const KEPT: &str = "every store of business accounts keeps all of these";
        Self {
            events: home.webhooks.clone().expect(KEPT),
            letters: home.letters.clone().expect(KEPT),
            keys: home.keys.clone().expect(KEPT),
            audit_log: home.audit_log.clone().expect(KEPT),
        }
    }
}

/// Everything behind the doors.
pub(super) fn doors(
    settings: &Settings,
    secrets: &Secrets,
    stores: Stores,
    kept: Kept,
    broker: Arc<dyn Broker>,
    faults: &Arc<Faults>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<Doors>, impl Future<Output = ()> + Send + use<>), AppError> {
    let queues = Arc::new(QueueWatch::new(Arc::clone(&broker)));
    let probe = Arc::clone(&queues) as Arc<dyn Probe>;
    let mut servers = stores.watched;
    servers.push(Watched { name: "messageQueue", probe, need: Need::Help });
    let health = Arc::new(Health::new(Watch {
        servers,
        outbox: stores.outbox,
        caches: stores.caches,
        queues: Box::new(move || queues.latest()),
        clock: Arc::clone(clock),
        skew: ClockSkew::new(
            Duration::from_millis(settings.alerts.clock_skew_ms),
            Arc::clone(faults),
        ),
    }));
    let profiler =
        Arc::new(Profiler::new(thresholds(&settings.alerts), declines(&settings.alerts)));
    let facts = Arc::clone(&stores.facts);
    let pipeline = pipeline(settings, facts, stores.homes, clock, &profiler);
    let ingest = Ingest::new(IngestParts {
        raw: stores.raw,
        processed: stores.transactions,
        facts: Arc::clone(&stores.facts),
        history: Arc::clone(&stores.history),
        faults: Arc::clone(faults),
        clock: Arc::clone(clock),
        settings: ingest(&settings.ingest),
    });
    let resources = Arc::clone(&stores.resources);
    let service = Arc::new(Service {
        resources: stores.resources,
        lists: stores.lists,
        facts: stores.facts,
        history: stores.history,
        pipeline: Arc::clone(&pipeline),
        ingest,
        tiers: settings.kyc.tiers.clone(),
        in_flight: Arc::new(InFlight::default()),
        clock: Arc::clone(clock),
        reach: Reach::Program,
    });
    let ring = Arc::new(KeyRing::new(Arc::clone(&kept.keys), Arc::clone(clock)));
    let credentials = jit_credentials(settings, secrets);
    let (webhooks, passing) =
        webhooks::door(settings, secrets, kept.events, &service, (&broker, faults), credentials)?;
    let dead_letters = Arc::new(DeadLetterDesk {
        letters: kept.letters,
        broker: Arc::clone(&broker),
        faults: Arc::clone(faults),
        clock: Arc::clone(clock),
    });
    let doors = Arc::new(Doors {
        pipeline,
        service,
        profiler,
        clock: Arc::clone(clock),
        jit_credentials: jit_credentials(settings, secrets),
        jit_header: jit_header(&settings.jit.header),
        gate: gate::gate(settings, secrets, &ring)?,
        keys: KeyDesk { keys: kept.keys, resources, ring, clock: Arc::clone(clock) },
        audit: AuditDesk { log: kept.audit_log, clock: Arc::clone(clock) },
        outage: match settings.outage.answer {
            OutageAnswer::Decline => http::OutageAnswer::Decline,
            OutageAnswer::Error => http::OutageAnswer::Error,
        },
        import_bytes_max: settings.http.import_bytes_max,
        feed: Arc::new(Feed::new(Arc::clone(&broker), Arc::clone(clock), feed(settings))),
        health,
        webhooks,
        dead_letters,
        broker,
    });
    Ok((doors, passing))
}

fn pipeline(
    settings: &Settings,
    facts: Arc<dyn FactsStore>,
    homes: Homes,
    clock: &Arc<dyn Clock>,
    profiler: &Arc<Profiler>,
) -> Arc<Pipeline> {
    let lane = &settings.lane;
    Arc::new(Pipeline::new(Parts {
        facts,
        homes,
        clock: Arc::clone(clock),
        profiler: Arc::clone(profiler),
        settings: LaneSettings {
            deadline_us: settings.jit.deadline_ms * 1_000,
            batch_max: size(lane.batch_max),
            queue_max: size(lane.queue_max),
            stall_us: lane.stall_ms * 1_000,
        },
        rules: Rules {
            limited_user_spends: settings.policy.user_limited_may_spend,
            limited_card_spends: settings.policy.card_limited_may_spend,
            partial_approval: settings.policy.partial_approval,
            hold_days: u16::try_from(settings.holds.days).unwrap_or(u16::MAX),
        },
        hold_days: settings.holds.days_by_mcc.clone(),
    }))
}

/// Lets holds expire in every store.
pub(super) fn sweeper(homes: &OpenHomes, pipeline: &Arc<Pipeline>) -> Sweeper {
    let homes = homes.each().into_iter().map(|home| (home.name, Arc::clone(&home.due)));
    Sweeper { homes: homes.collect(), pipeline: Arc::clone(pipeline) }
}

/// Takes the checks of decisions away that are older than this.
pub(super) fn thinner(homes: &OpenHomes, clock: &Arc<dyn Clock>, retention: Duration) -> Thinner {
    let homes = homes.each().into_iter().map(|home| (home.name, Arc::clone(&home.explanations)));
    Thinner { homes: homes.collect(), clock: Arc::clone(clock), retention }
}

/// Seals personal fields anew that another key has sealed, or none.
pub(super) fn reseal(homes: &OpenHomes, stores: &Stores, seal: Arc<Seal>) -> Reseal {
    let lists = Arc::clone(&homes.of(Home::Personal).lists);
    Reseal { lists, resources: Arc::clone(&stores.resources), seal }
}

fn feed(settings: &Settings) -> FeedSettings {
    /// By how much an instance may hear an event later than another, of a broker that they share.
    const OVERLAP: Duration = Duration::from_secs(2);
    let is_shared = settings.broker.rabbitmq.url.is_some();
    FeedSettings {
        feeds_max: size(settings.feed.feeds_max),
        kept_max: size(settings.feed.kept_max),
        overlap: if is_shared { OVERLAP } else { Duration::ZERO },
    }
}

fn ingest(set: &config::ingest::Ingest) -> IngestSettings {
    let millis = Duration::from_millis;
    IngestSettings {
        queue_max: size(set.queue_max),
        accept_max: millis(set.accept_ms),
        batch_max: u32::try_from(set.batch_max).unwrap_or(u32::MAX),
        lease: millis(set.lease_ms),
        attempts_max: u32::try_from(set.attempts_max).unwrap_or(u32::MAX),
        retry: millis(set.retry_ms),
        poll: millis(set.poll_ms),
    }
}

/// Bounds of the HTTP listener.
pub(super) fn limits(settings: &config::http::Http) -> http::accept::Limits {
    http::accept::Limits {
        header_timeout: Duration::from_millis(settings.header_timeout_ms),
        body_timeout: Duration::from_millis(settings.body_timeout_ms),
        idle_timeout: Duration::from_millis(settings.idle_timeout_ms),
        connections_max: size(settings.connections_max),
    }
}

/// Bounds of the admin listener: the same patience, but few ever call.
pub(super) fn admin_limits(settings: &config::http::Http) -> http::accept::Limits {
    const CONNECTIONS_MAX: usize = 64;
    http::accept::Limits { connections_max: CONNECTIONS_MAX, ..limits(settings) }
}

/// Lets histograms settle their samples, whether or not anyone reads them. For ever.
pub(super) async fn keep_metrics_up() {
    let mut seconds = tokio::time::interval(Duration::from_secs(5));
    loop {
        seconds.tick().await;
        metrics::keep_up();
    }
}

/// Tells the profiler the time, once a second, for ever.
pub(super) async fn tick(profiler: Arc<Profiler>, clock: Arc<dyn Clock>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        profiler.tick(clock.now(), clock.monotonic());
    }
}

fn jit_credentials(settings: &Settings, secrets: &Secrets) -> Vec<JitCredentials> {
    let current = JitCredentials {
        username: secrets.jit_username.clone(),
        password: secrets.jit_password.clone(),
    };
    let previous =
        settings.jit.previous_username.clone().zip(settings.jit.previous_password.clone());
    let previous = previous.map(|(username, password)| JitCredentials { username, password });
    std::iter::once(current).chain(previous).collect()
}

fn jit_header(header: &config::access::JitHeader) -> Option<JitHeader> {
    let (name, value) = header.name.clone().zip(header.value.clone())?;
    Some(JitHeader { name: name.to_ascii_lowercase(), value })
}

fn thresholds(alerts: &config::alerts::Alerts) -> Thresholds {
    Thresholds {
        total_warning_us: alerts.total_warning_ms * 1_000,
        total_critical_us: alerts.total_critical_ms * 1_000,
        user_lookup_us: alerts.user_lookup_ms * 1_000,
        card_lookup_us: alerts.card_lookup_ms * 1_000,
        spending_limits_us: alerts.spending_limits_ms * 1_000,
        decision_us: alerts.decision_ms * 1_000,
    }
}

fn declines(alerts: &config::alerts::Alerts) -> DeclineLimit {
    DeclineLimit {
        declines: size(alerts.card_testing_declines),
        window_s: u32::try_from(alerts.card_testing_window_s).unwrap_or(u32::MAX),
    }
}

/// The settings' ranges fit everywhere.
fn size(setting: u64) -> usize {
    usize::try_from(setting).unwrap_or(usize::MAX)
}
