//! The HTTP façade: routes, access, bodies, problems.

pub mod accept;
pub mod access;
pub mod accounts;
pub mod admin;
pub mod answer;
pub mod api_keys;
mod asset;
pub mod audit;
pub mod authorizations;
pub mod body;
mod card_watch;
pub mod cards;
pub mod companies;
mod console;
pub mod controls;
mod dead_letters;
mod docs;
mod edge;
mod endless;
pub mod error;
#[cfg(test)]
mod error_pages;
pub mod extract;
pub mod feed;
mod framing;
pub mod health;
mod host;
pub mod imports;
pub mod kyc;
pub mod limits;
pub mod marqeta;
pub mod openapi;
pub mod personal;
pub mod postings;
pub mod problem;
pub mod profile;
mod pulse;
mod refusal;
pub mod request_id;
pub mod scopes;
mod steps;
mod timed_body;
pub mod transactions;
pub mod users;
mod webhook_events;
pub mod webhooks;
pub mod yardstick;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use http::StatusCode;
use secrecy::SecretString;
use utoipa_axum::router::OpenApiRouter;

use crate::broker::Broker;
use crate::domain::clock::Clock;
use crate::pipeline::Pipeline;
use crate::service::Service;
use crate::service::audit::AuditDesk;
use crate::service::dead_letters::DeadLetterDesk;
use crate::service::feed::Feed;
use crate::service::health::Health;
use crate::service::keys::KeyDesk;
use crate::telemetry::profile::Profiler;

use problem::Problem;

/// What an outage is answered with at the JIT door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageAnswer {
    /// 402 `TRANSACTION_NOT_PERMITTED`, memo `unavailable`: a decision the platform respects.
    Decline,
    /// 503: the platform's own stand-in may act.
    Error,
}

/// One accepted set of credentials at the JIT door; two are accepted while rotating.
#[derive(Clone, Debug)]
pub struct JitCredentials {
    /// Basic user name.
    pub username: String,
    /// Basic password.
    pub password: SecretString,
}

/// The optional custom header at the JIT door.
#[derive(Clone, Debug)]
pub struct JitHeader {
    /// Its name, lower case.
    pub name: String,
    /// The value it must have.
    pub value: SecretString,
}

/// What the handlers share.
pub struct Doors {
    /// Decides requests.
    pub pipeline: Arc<Pipeline>,
    /// Everything off the hot path.
    pub service: Arc<Service>,
    /// Messages that could not be worked.
    pub dead_letters: Arc<DeadLetterDesk>,
    /// The stage profile.
    pub profiler: Arc<Profiler>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Credentials of the JIT door.
    pub jit_credentials: Vec<JitCredentials>,
    /// The custom header that must accompany them.
    pub jit_header: Option<JitHeader>,
    /// Where the card platform notifies.
    pub webhooks: webhooks::WebhookDoor,
    /// Keys of these routes.
    pub keys: KeyDesk,
    /// Who has done what.
    pub audit: AuditDesk,
    /// Who may call every other `/api/v1` route.
    pub gate: access::Gate,
    /// What an outage is answered with.
    pub outage: OutageAnswer,
    /// Bytes of one bulk load at most.
    pub import_bytes_max: u64,
    /// What happens, as it happens.
    pub feed: Arc<Feed>,
    /// What probes are told.
    pub health: Arc<Health>,
    /// Where requests go that are to be decided later.
    pub broker: Arc<dyn Broker>,
}

/// Every route, in the words of the document as well: those that ask for no key of ours, and those that do.
fn routes() -> (OpenApiRouter<Arc<Doors>>, OpenApiRouter<Arc<Doors>>) {
    let open = OpenApiRouter::new()
        .merge(health::router())
        .merge(openapi::router())
        .merge(docs::router())
        .merge(console::router())
        .merge(marqeta::router())
        .merge(webhooks::router());
    let managed = OpenApiRouter::new()
        .merge(companies::router())
        .merge(users::router())
        .merge(cards::router())
        .merge(accounts::router())
        .merge(limits::router())
        .merge(controls::router())
        .merge(dead_letters::router())
        .merge(personal::router())
        .merge(kyc::router())
        .merge(imports::router())
        .merge(authorizations::router())
        .merge(steps::router())
        .merge(postings::router())
        .merge(transactions::router())
        .merge(webhook_events::router())
        .merge(feed::router())
        .merge(profile::router())
        .merge(api_keys::router())
        .merge(audit::router());
    (open, managed)
}

/// Every route. Unknown ones are 404, unknown methods 405, both as problems.
pub fn router(doors: Arc<Doors>) -> Router {
    let (open, managed) = routes();
    let gate = from_fn_with_state(Arc::clone(&doors), access::admit);
    let managed = Router::from(managed).route_layer(gate);
    with_fallbacks(Router::from(open).merge(managed)).with_state(doors)
}

/// What a process serves that is none of the doors: probes.
pub fn probes(doors: Arc<Doors>) -> Router {
    with_fallbacks(health::router().into()).with_state(doors)
}

fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.fallback(not_found).method_not_allowed_fallback(method_not_allowed)
}

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
}

/// The framework adds the `Allow` header.
async fn method_not_allowed() -> Problem {
    const DETAIL: &str = "this path does not know the method; see the Allow header";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", DETAIL)
}

/// Who is at the other end of the connection: perhaps a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub std::net::IpAddr);

/// When the header of a request was complete. The accept loop puts it into the request's
/// extensions; deadlines count from it.
#[derive(Clone, Copy, Debug)]
pub struct Received(pub crate::domain::time::Monotonic);
