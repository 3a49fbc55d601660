//! How long requests take at each door of the HTTP listener, from the complete header to the answer.

use std::time::Duration;

use metrics::{Histogram, Unit};

use super::metrics::{Metric, exporter, metric};

/// By `door`: jit, webhooks, imports, api (every other route below /api/), other.
pub const REQUEST_SECONDS: Metric = metric(
    "tollgate_http_request_seconds",
    Unit::Seconds,
    "Duration of HTTP requests from their complete header to their answer, by door",
);

/// Where a request comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The card platform asks.
    Jit,
    /// The card platform notifies.
    Webhooks,
    /// Files of any length.
    Imports,
    /// Every other route of ours.
    Api,
    /// Probes, pages, and what there is not.
    Other,
}

impl Door {
    /// Of this path.
    pub fn of(path: &str) -> Self {
        match path {
            "/api/v1/marqeta/jit" => Self::Jit,
            "/api/v1/marqeta/webhooks" => Self::Webhooks,
            "/api/v1/imports" => Self::Imports,
            path if path.starts_with("/api/") => Self::Api,
            _ => Self::Other,
        }
    }
}

/// The handles, looked up once.
pub struct DoorMetrics {
    jit: Histogram,
    webhooks: Histogram,
    imports: Histogram,
    api: Histogram,
    other: Histogram,
}

impl Default for DoorMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl DoorMetrics {
    /// Handles of this process's exporter.
    pub fn new() -> Self {
        exporter();
        let of = |door: &'static str| metrics::histogram!(REQUEST_SECONDS.name, "door" => door);
        Self {
            jit: of("jit"),
            webhooks: of("webhooks"),
            imports: of("imports"),
            api: of("api"),
            other: of("other"),
        }
    }

    /// One request took so long.
    pub fn took(&self, door: Door, us: u64) {
        let histogram = match door {
            Door::Jit => &self.jit,
            Door::Webhooks => &self.webhooks,
            Door::Imports => &self.imports,
            Door::Api => &self.api,
            Door::Other => &self.other,
        };
        histogram.record(Duration::from_micros(us));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_its_door() {
        for (path, door) in [
            ("/api/v1/marqeta/jit", Door::Jit),
            ("/api/v1/marqeta/webhooks", Door::Webhooks),
            ("/api/v1/imports", Door::Imports),
            ("/api/v1/cards/crd_1", Door::Api),
            ("/health", Door::Other),
            ("/apiary", Door::Other),
        ] {
            assert_eq!(Door::of(path), door, "{path}");
        }
    }
}
