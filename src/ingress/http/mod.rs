//! The HTTP façade: routes, access, bodies, problems.

pub mod body;
pub mod marqeta;
pub mod problem;

use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::clock::Clock;
use crate::pipeline::Pipeline;
use crate::service::Service;
use crate::telemetry::profile::Profiler;

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
    /// The stage profile.
    pub profiler: Arc<Profiler>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Credentials of the JIT door.
    pub jit_credentials: Vec<JitCredentials>,
    /// The custom header that must accompany them.
    pub jit_header: Option<JitHeader>,
    /// The admin keys (bearer) of every other `/api/v1` route.
    pub admin_keys: Vec<SecretString>,
    /// What an outage is answered with.
    pub outage: OutageAnswer,
}

/// When the header of a request was complete. The accept loop puts it into the request's
/// extensions; deadlines count from it.
#[derive(Clone, Copy, Debug)]
pub struct Received(pub crate::domain::time::Monotonic);
