//! A request body that must be complete in time. The timer is only set when bytes are missing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::pulse::Pulse;

/// Bytes a second of a long body at least, on the whole. No line that is worth a bulk load is slower, and
/// the largest one (`http.import_bytes_max`, 256 MiB) keeps its connection for hours at most, not for ever.
const RATE_MIN: u32 = 16 * 1024;

/// The body was not complete in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body was not complete in time")]
pub struct BodyTimedOut;

/// What the driver of the connection says about the body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of one request, as it comes in.
pub(super) struct TimedBody {
    incoming: Incoming,
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    pulse: Arc<Pulse>,
    /// How long more of it may still be waited for; what comes in earns more of it.
    left: Duration,
    patient: bool,
    /// The end has been seen; a chunked body does not tell it in any other way.
    ended: bool,
}

impl TimedBody {
    pub(super) fn new(incoming: Incoming, limit: Duration, pulse: Arc<Pulse>) -> Self {
        Self { incoming, limit, sleep: None, pulse, left: limit, patient: false, ended: false }
    }

    /// A body that may be long, and is only not to stop or to drip.
    pub(super) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// A piece has come. Only the waiting counts: how long the one before took to be worked is not the
    /// sender's affair.
    fn earn(&mut self, bytes: usize) {
        if let Some(sleep) = self.sleep.take() {
            self.left = sleep.deadline().saturating_duration_since(Instant::now());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(1).saturating_mul(bytes) / RATE_MIN;
        self.left = self.limit.min(self.left.saturating_add(earned));
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            self.ended = frame.is_none();
            if self.patient {
                let piece = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                self.earn(piece.map_or(0, Bytes::len));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let left = self.left;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Some(Err(BodyTimedOut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        if !self.ended && !self.incoming.is_end_stream() {
            self.pulse.leave_unread();
        }
    }
}

/// Whether this error, or what caused it, is the time that ran out.
pub(super) fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<BodyTimedOut>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The next piece of a body; trailers are passed over.
pub(super) async fn next_piece(body: &mut axum::body::Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        match body.frame().await?.map(Frame::into_data) {
            Ok(Ok(piece)) => return Some(Ok(piece)),
            Ok(Err(_trailers)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}
