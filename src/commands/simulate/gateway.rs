//! The gateway call: a funding request, and three seconds for its answer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::client::Ask;
use super::caller::{CallError, Caller};
use super::target::Target;

/// How long the gateway may take.
pub(super) const GATEWAY_LIMIT: Duration = Duration::from_secs(3);

/// What the platform makes of the gateway's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200 with a funding object.
    Approved {
        /// What the gateway wants to be reminded of.
        tags: Option<String>,
    },
    /// 402.
    Declined {
        /// The reason that was given.
        reason: String,
        /// What the gateway wants to be reminded of.
        tags: Option<String>,
    },
    /// No answer in time: whatever comes later is ignored.
    TimedOut,
    /// Anything else is an error: the purchase is declined.
    Failed {
        /// What it was.
        what: String,
    },
}

/// An asked gateway.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// What came of it.
    pub(super) verdict: Verdict,
    /// What was answered, if anything was, in time or not.
    pub(super) status: Option<u16>,
    /// The body of the answer.
    pub(super) body: Option<Value>,
    /// How long it took, in milliseconds.
    pub(super) took_ms: u64,
}

/// The gateway of a program.
pub(super) struct Gateway(RwLock<Arc<(Target, Caller)>>);

impl Gateway {
    pub(super) fn new(target: Target) -> Self {
        Self(RwLock::new(Self::at(target)))
    }

    fn at(target: Target) -> Arc<(Target, Caller)> {
        let caller = Caller::new(target.addr);
        Arc::new((target, caller))
    }

    /// From now on another one is asked.
    pub(super) fn retarget(&self, change: impl FnOnce(&Target) -> Option<Target>) {
        let mut own = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = change(&own.0) {
            *own = Self::at(target);
        }
    }

    /// Asks. `late`: the answer is waited for, and then taken as if it had come too late.
    pub(super) async fn ask(&self, request: &Value, late: bool) -> Asked {
        let own = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let (target, caller) = &*own;
        let ask = target.dress(Ask::post(target.path.clone(), request.to_string()));
        let started = Instant::now();
        let answer = caller.call(&ask, GATEWAY_LIMIT).await;
        let took = if late { GATEWAY_LIMIT } else { started.elapsed() };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (verdict, status, body) = match answer {
            Ok(answer) => {
                let body = answer.json();
                (judge(answer.status, &body), Some(answer.status), Some(body))
            }
            Err(CallError::TimedOut) => (Verdict::TimedOut, None, None),
            Err(CallError::Failed(what)) => (Verdict::Failed { what }, None, None),
        };
        let verdict = if late { Verdict::TimedOut } else { verdict };
        Asked { verdict, status, body, took_ms }
    }
}

/// Approve is 200, decline is 402, both with a funding object. Everything else is an error.
fn judge(status: u16, body: &Value) -> Verdict {
    let funding = &body["jit_funding"];
    let text = |name: &str| funding[name].as_str().map(str::to_owned);
    match status {
        200 if funding.is_object() => Verdict::Approved { tags: text("tags") },
        402 if funding.is_object() => Verdict::Declined {
            reason: text("decline_reason").unwrap_or_default(),
            tags: text("tags"),
        },
        _ => Verdict::Failed { what: format!("status {status}") },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_two_statuses_with_a_funding_object_are_decisions() {
        let body = json!({"jit_funding": {"decline_reason": "INVALID_CARD", "tags": "a"}});
        assert_eq!(judge(200, &body), Verdict::Approved { tags: Some("a".into()) });
        let declined = Verdict::Declined { reason: "INVALID_CARD".into(), tags: Some("a".into()) };
        assert_eq!(judge(402, &body), declined);
        for (status, body) in [(200, json!({})), (402, json!([])), (500, body.clone()), (201, body)]
        {
            assert!(matches!(judge(status, &body), Verdict::Failed { .. }), "{status}");
        }
    }
}
