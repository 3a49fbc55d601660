//! Tickets: one intent's place in a lane, and the promise that its answer is delivered or undone.

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::domain::authorization::StageTimes;
use crate::domain::time::Monotonic;
use crate::domain::token::Token;
use crate::ledger::intent::{Act, Intent, Outcome, Undelivered};

use super::Unavailable;

/// What a lane sends back.
pub(super) struct Settled {
    pub(super) outcome: Outcome,
    pub(super) stages: StageTimes,
    /// From the judge's end to the end of the commit.
    pub(super) commit_us: u64,
}

/// Why a lane has no outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsettled {
    pub(super) why: Unavailable,
    /// Whether the intent may have been committed all the same.
    pub(super) maybe_stored: bool,
}

/// An intent that waits in a lane.
pub(super) struct Queued {
    pub(super) intent: Intent,
    pub(super) waiting: Waiting,
}

/// Who waits for an intent, and until when.
pub(super) struct Waiting {
    /// Past it the intent is not judged. Life-cycle steps and voids have none.
    pub(super) deadline: Option<Monotonic>,
    pub(super) queued_at: Monotonic,
    /// Nobody waits for a void.
    pub(super) reply: Option<oneshot::Sender<Result<Settled, Unsettled>>>,
}

impl Queued {
    /// Whether this may be left undone because nobody is there any more to hear of it. What has
    /// happened (a step) is applied all the same.
    pub(super) fn is_abandoned(&self) -> bool {
        let asked = matches!(self.intent.act, Act::Authorize(_) | Act::Decline(_));
        asked && self.waiting.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// What is to be done, and who waits for it.
    pub(super) fn split(self) -> (Intent, Waiting) {
        (self.intent, self.waiting)
    }
}

impl Waiting {
    /// Answers whoever waits. If nobody is there any more, the ticket's drop has sent a void.
    pub(super) fn answer(&mut self, result: Result<Settled, Unsettled>) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(result);
        }
    }
}

/// The caller's half. Dropped before the outcome was handed over, it tells the lane to take an
/// approval back.
pub(super) struct Ticket {
    reply: Option<oneshot::Receiver<Result<Settled, Unsettled>>>,
    void: Option<(mpsc::UnboundedSender<Queued>, Intent)>,
}

impl Ticket {
    /// The two halves. `voids` is where the lane takes voids from.
    pub(super) fn pair(
        intent: Intent,
        deadline: Option<Monotonic>,
        queued_at: Monotonic,
        voids: &mpsc::UnboundedSender<Queued>,
    ) -> (Queued, Self) {
        let (sender, receiver) = oneshot::channel();
        let void = void_of(&intent).map(|void| (voids.clone(), void));
        let waiting = Waiting { deadline, queued_at, reply: Some(sender) };
        let queued = Queued { intent, waiting };
        (queued, Self { reply: Some(receiver), void })
    }

    /// Nothing has been queued: there is nothing to take back.
    pub(super) fn disarm(&mut self) {
        self.void = None;
    }

    /// Waits for the outcome. There is no `await` between its coming and this call's return, so an
    /// outcome is either returned or voided.
    pub(super) async fn settled(mut self) -> Result<Settled, Unavailable> {
        let Some(reply) = self.reply.as_mut() else { return Err(Unavailable::Store) };
        let settled = reply.await;
        match settled {
            Ok(Ok(settled)) => {
                self.disarm();
                Ok(settled)
            }
            Ok(Err(unsettled)) => {
                if !unsettled.maybe_stored {
                    self.disarm();
                }
                Err(unsettled.why)
            }
            Err(_lane_gone) => Err(Unavailable::Store),
        }
    }
}

impl Drop for Ticket {
    /// The receiver goes first: a lane that sees the void sees that the intent was abandoned too.
    fn drop(&mut self) {
        self.reply = None;
        if let Some((voids, intent)) = self.void.take() {
            let nobody = Waiting { deadline: None, queued_at: Monotonic::default(), reply: None };
            let _ = voids.send(Queued { intent, waiting: nobody }); // fails only when the lane has ended, and the process with it
        }
    }
}

/// The void of an intent that asks for a decision. Its event needs an id of its own, and a drop has
/// no clock to draw one from: the last bit of the intent's own tells them apart.
fn void_of(intent: &Intent) -> Option<Intent> {
    let token: Token = match &intent.act {
        Act::Authorize(request) => request.token.clone(),
        Act::Recall(_)
        | Act::Preview(_)
        | Act::Decline(_)
        | Act::Step(_)
        | Act::Void(_)
        | Act::Notice(_) => return None,
    };
    let uuid = Uuid::from_u128(intent.uuid.as_u128() ^ 1);
    let act = Act::Void(Undelivered { token, asked: intent.uuid });
    Some(Intent { uuid, facts: intent.facts.clone(), stages: intent.stages, act })
}
