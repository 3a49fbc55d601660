//! The room table: for each folder under `src/`, what it may import.

/// What one room may name.
pub struct Row {
    /// The folder.
    pub room: &'static str,
    /// Other rooms. Its own is always free.
    pub rooms: &'static [&'static str],
    /// Governed crates, see [`GOVERNED`].
    pub crates: &'static [&'static str],
    /// Governed crates that only the room's adapter folders may name.
    pub adapter_crates: &'static [&'static str],
    /// No clock, files, network, environment.
    pub pure: bool,
    /// No async either.
    pub sync: bool,
}

const NONE: Row =
    Row { room: "", rooms: &[], crates: &[], adapter_crates: &[], pure: false, sync: false };

/// I/O and framework crates, and what touches randomness. All others are free.
pub const GOVERNED: &[&str] = &[
    "anyhow",
    "axum",
    "clap",
    "config",
    "http",
    "http_body_util",
    "hyper",
    "hyper_util",
    "jsonwebtoken",
    "lapin",
    "metrics",
    "metrics_exporter_prometheus",
    "mimalloc",
    "mongodb",
    "opentelemetry",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "quick_cache",
    "rand",
    "redis",
    "reqwest",
    "rustls",
    "sqlx",
    "tokio",
    "tokio_util",
    "tower",
    "tower_http",
    "tracing",
    "tracing_opentelemetry",
    "tracing_subscriber",
    "utoipa",
    "utoipa_axum",
];

/// Only `app` names these, and they themselves.
pub const ADAPTERS: &[(&str, &str)] = &[
    ("broker", "embedded"),
    ("broker", "rabbitmq"),
    ("cache", "memory"),
    ("cache", "off"),
    ("cache", "redis"),
    ("store", "mongodb"),
    ("store", "postgres"),
    ("store", "sqlite"),
];

/// What a pure room may not touch.
pub const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// The rows, in corridor order. `app` may name everything.
pub const ROWS: &[Row] = &[
    Row { room: "domain", pure: true, sync: true, ..NONE },
    // utoipa: what the shapes look like is said beside their readers.
    Row { room: "wire", rooms: &["domain"], crates: &["utoipa"], pure: true, sync: true, ..NONE },
    Row { room: "decision", rooms: &["domain"], pure: true, sync: true, ..NONE },
    Row { room: "ledger", rooms: &["domain", "decision"], pure: true, sync: true, ..NONE },
    Row {
        room: "cache",
        rooms: &["domain", "telemetry"],
        crates: &["quick_cache", "rand", "redis", "tokio"], // rand: times to live carry jitter
        ..NONE
    },
    Row {
        room: "broker",
        rooms: &["domain", "telemetry"],
        crates: &["tokio"],
        adapter_crates: &["lapin", "sqlx"],
        ..NONE
    },
    Row {
        room: "store",
        rooms: &["domain", "ledger", "wire", "cache", "telemetry"],
        crates: &["tokio", "tracing"],
        adapter_crates: &["sqlx", "mongodb"],
        ..NONE
    },
    Row {
        room: "pipeline",
        rooms: &["domain", "ledger", "store", "telemetry"],
        crates: &["tokio", "tracing"],
        ..NONE
    },
    Row {
        room: "service",
        rooms: &["domain", "wire", "ledger", "pipeline", "store", "cache", "broker", "telemetry"],
        crates: &["tokio", "tracing"],
        ..NONE
    },
    Row {
        room: "ingress",
        rooms: &["domain", "wire", "pipeline", "service", "broker", "config", "telemetry"],
        crates: &[
            "axum",
            "http",
            "http_body_util",
            "hyper",
            "hyper_util",
            "jsonwebtoken",
            "tokio",
            "tokio_util",
            "tower",
            "tower_http",
            "tracing",
            "utoipa",
            "utoipa_axum",
        ],
        ..NONE
    },
    Row {
        room: "egress",
        rooms: &["domain", "wire", "service", "store", "broker", "config", "telemetry"],
        crates: &[
            "http",
            "http_body_util",
            "hyper",
            "hyper_util",
            "reqwest",
            "rustls",
            "tokio",
            "tokio_util",
            "tracing",
        ],
        ..NONE
    },
    Row {
        room: "telemetry",
        rooms: &["domain", "config"],
        crates: &[
            "metrics",
            "metrics_exporter_prometheus",
            "opentelemetry",
            "opentelemetry_otlp",
            "opentelemetry_sdk",
            "quick_cache",
            "tracing",
            "tracing_opentelemetry",
            "tracing_subscriber",
        ],
        ..NONE
    },
    Row { room: "config", rooms: &["domain"], crates: &["config"], ..NONE },
    Row {
        room: "app",
        rooms: &[
            "domain",
            "wire",
            "decision",
            "ledger",
            "cache",
            "broker",
            "store",
            "pipeline",
            "service",
            "ingress",
            "egress",
            "telemetry",
            "config",
        ],
        crates: &[
            "axum",
            "http",
            "hyper",
            "hyper_util",
            "rand",
            "rustls",
            "sqlx",
            "tokio",
            "tokio_util",
            "tower",
            "tracing",
        ],
        ..NONE
    },
    Row {
        room: "commands",
        // store and broker: the traits, for the yardsticks of `bench`
        rooms: &["app", "config", "domain", "wire", "service", "store", "broker", "telemetry"],
        crates: &["axum", "clap", "http", "http_body_util", "hyper", "hyper_util", "tokio"],
        ..NONE
    },
];

/// The row of a room.
pub fn row(room: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.room == room)
}
