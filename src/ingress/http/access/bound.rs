//! The service as far as the caller sees it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::super::Doors;
use super::super::problem::Problem;
use crate::domain::access::Caller;
use crate::domain::audit::Record;
use crate::service::Service;

/// The verbs, bound to the caller: what is out of its reach does not exist, and what it changes leaves a
/// record.
pub struct Bound(pub Arc<Service>);

impl FromRequestParts<Arc<Doors>> for Bound {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, doors).await?;
        let record = parts.extensions.get::<Arc<Record>>().cloned();
        Ok(Self(doors.service.bound(caller.reach, record)))
    }
}
