//! Answers that do not end by themselves: their connection is not at rest while they go on, however long
//! that is, but it ends when nobody takes them any more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::domain::clock::Clock;

use super::pulse::Pulse;

/// Marks such an answer, in its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endless;

/// Its body. Once it has ended, the connection is at rest.
pub(super) struct EndlessBody {
    body: Body,
    pulse: Arc<Pulse>,
    clock: Arc<dyn Clock>,
}

impl EndlessBody {
    pub(super) fn new(body: Body, pulse: Arc<Pulse>, clock: Arc<dyn Clock>) -> Self {
        pulse.stream(clock.monotonic());
        Self { body, pulse, clock }
    }
}

impl HttpBody for EndlessBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for EndlessBody {
    fn drop(&mut self) {
        self.pulse.end(self.clock.monotonic());
    }
}
