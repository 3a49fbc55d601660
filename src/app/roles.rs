//! What a process of a deployment does: all of it, or a part.

/// The parts. A process always answers probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Serves purchases and the REST routes.
    pub api: bool,
    /// Works off the hot path: lets holds expire, sweeps the outbox.
    pub worker: bool,
    /// Takes events from the outbox to the broker.
    pub relay: bool,
}

impl Roles {
    /// Everything in one process.
    pub const ALL: Self = Self { api: true, worker: true, relay: true };
}
