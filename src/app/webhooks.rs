//! The card platform's notifications: where they are kept, who handles them, who works.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::config::Settings;
use crate::ingress::http::JitCredentials;
use crate::ingress::http::webhooks::WebhookDoor;
use crate::ingress::http::webhooks::networks::Networks;
use crate::ingress::http::webhooks::signature::Rules;
use crate::service::Service;
use crate::service::webhooks::{Parts, Unknown, WebhookSettings, Webhooks};
use crate::store::seal::{Seal, Use};
use crate::store::webhooks::WebhookEvents;
use crate::telemetry::faults::Faults;

use super::AppError;
use super::secrets::Secrets;

/// The door, and the task that passes on what comes in.
pub(super) fn door(
    settings: &Settings,
    secrets: &Secrets,
    events: Arc<dyn WebhookEvents>,
    service: &Arc<Service>,
    (broker, faults): (&Arc<dyn Broker>, &Arc<Faults>),
    jit: Vec<JitCredentials>,
) -> Result<(WebhookDoor, impl Future<Output = ()> + Send + use<>), AppError> {
    let set = &settings.webhooks;
    let keys = std::iter::once(&secrets.webhook_key).chain(&set.storage.previous_key);
    let (handler, passing) = Webhooks::new(Parts {
        events,
        service: Arc::clone(service),
        seal: Seal::new(Use::Notifications, keys).map_err(AppError::WebhookKey)?,
        broker: Arc::clone(broker),
        faults: Arc::clone(faults),
        settings: WebhookSettings {
            unknown: set.unknown_company.map_or(Unknown::Park, Unknown::Create),
            grace: Duration::from_millis(set.sweep_after_ms),
            workers: usize::try_from(set.workers).unwrap_or(1),
            retention: Duration::from_secs(set.storage.retention_days * 86_400),
        },
    });
    let secrets = [&set.signature.secret, &set.signature.previous_secret];
    let door = WebhookDoor {
        handler,
        credentials: credentials(settings, jit),
        signatures: Rules {
            secrets: secrets.into_iter().flatten().cloned().collect(),
            sha1: set.signature.accept_sha1,
            timestamp: header(set.signature.timestamp_header.as_deref()),
        },
        networks: Networks {
            allowed: set.address.allowed.clone(),
            proxies: set.address.proxies.clone(),
        },
    };
    Ok((door, passing))
}

/// Looks for what is due, where the settings say so, and forgets what is old.
pub(super) fn work(tasks: &mut JoinSet<()>, handler: &Arc<Webhooks>, works: bool) {
    if works {
        let sweeping = Arc::clone(handler);
        tasks.spawn(async move { sweeping.sweep_for_ever().await });
        let forgetting = Arc::clone(handler);
        tasks.spawn(async move { forgetting.forget_for_ever().await });
    }
}

fn credentials(settings: &Settings, jit: Vec<JitCredentials>) -> Vec<JitCredentials> {
    let set = &settings.webhooks;
    let current = set.username.clone().zip(set.password.clone());
    let previous = set.previous_username.clone().zip(set.previous_password.clone());
    if current.is_none() && previous.is_none() {
        return jit;
    }
    let of = |(username, password)| JitCredentials { username, password };
    current.into_iter().chain(previous).map(of).collect()
}

/// The settings have been checked.
fn header(name: Option<&str>) -> Option<http::HeaderName> {
    name.and_then(|name| http::HeaderName::from_bytes(name.as_bytes()).ok())
}
