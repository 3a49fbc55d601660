//! One request down the corridor: user lookup, card lookup, spending limits, decision.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::domain::authorization::StageTimes;
use crate::domain::clock::Clock;
use crate::domain::decision::Decision;
use crate::domain::facts::{Cardholder, Facts};
use crate::domain::finding::Reason;
use crate::domain::preview::Preview;
use crate::domain::request::{AuthRequest, Door, FaultyRequest};
use crate::domain::time::Monotonic;
use crate::ledger::intent::{Act, Intent, IntentRefusal, Outcome};
use crate::store::{Hint, StoreFuture};
use crate::telemetry::profile::{Ended, Sample};

use super::{AuthorizeError, Pipeline, Unavailable, unavailable};

/// One request, while it is measured.
struct Run<'a> {
    clock: &'a dyn Clock,
    deadline: Monotonic,
    stages: StageTimes,
    commit_us: u64,
}

impl Run<'_> {
    fn left(&self) -> Duration {
        Duration::from_micros(self.deadline.since(self.clock.monotonic()))
    }

    /// Runs one lookup, within what is left of the deadline, and says how long it took. One that is
    /// answered from memory costs no timer.
    async fn lookup<T>(&self, mut lookup: StoreFuture<'_, T>) -> Result<(T, u64), Unavailable> {
        let started = self.clock.monotonic();
        let found = match (&mut lookup).now_or_never() {
            Some(found) => found,
            None => self.in_time(lookup).await?,
        };
        let found = found.map_err(|error| unavailable(&error))?;
        Ok((found, self.clock.monotonic().since(started)))
    }

    /// Gives a hint, in the same way.
    async fn hint(&self, mut hint: Hint<'_>) -> Result<u64, Unavailable> {
        let started = self.clock.monotonic();
        if (&mut hint).now_or_never().is_none() {
            self.in_time(hint).await?;
        }
        Ok(self.clock.monotonic().since(started))
    }

    async fn in_time<T>(&self, future: impl Future<Output = T>) -> Result<T, Unavailable> {
        tokio::time::timeout(self.left(), future).await.map_err(|_| Unavailable::Late)
    }
}

impl Pipeline {
    /// Decides a request. `received` is when its header was complete: the deadline counts from it.
    /// Repeats are answered with the first decision.
    pub async fn authorize(
        &self,
        mut request: AuthRequest,
        received: Monotonic,
    ) -> Result<Arc<Decision>, AuthorizeError> {
        let door = request.door;
        self.set_hold_days(&mut request);
        let mut run = self.run(received);
        let result = self.down_the_corridor(request, &mut run).await;
        self.measure(door, &run, received, &result);
        result
    }

    /// Stores the decline of a request that could be read only in part.
    pub async fn decline(
        &self,
        request: FaultyRequest,
        received: Monotonic,
    ) -> Result<Arc<Decision>, AuthorizeError> {
        let door = request.door;
        let mut run = self.run(received);
        let intent = self.intent(Facts::default(), Act::Decline(request));
        let result = self.settle(intent, &mut run).await;
        self.measure(door, &run, received, &result);
        result
    }

    /// The decision that a request has, if it has one: what is too late to be judged is answered with
    /// what was decided before.
    pub async fn recall(
        &self,
        request: &AuthRequest,
        received: Monotonic,
    ) -> Result<Option<Arc<Decision>>, AuthorizeError> {
        let mut run = self.run(received);
        let facts = self.fetch(request, &mut run).await?;
        let intent = self.intent(facts, Act::Recall(request.clone()));
        let ticket = self.lanes.submit(intent, Some(run.deadline))?;
        match run.in_time(ticket.settled()).await??.outcome {
            Outcome::Decided(decision) => Ok(Some(decision)),
            Outcome::Unknown => Ok(None),
            Outcome::Refused(IntentRefusal::TokenReused) => Err(AuthorizeError::TokenReused),
            Outcome::Refused(_) | Outcome::Previewed(_) | Outcome::Moved(_) | Outcome::Voided => {
                Err(Unavailable::Store.into())
            }
        }
    }

    /// What would be decided now, whether or not the request's token has been used. Nothing is stored
    /// or measured.
    pub async fn preview(
        &self,
        mut request: AuthRequest,
        received: Monotonic,
    ) -> Result<Preview, AuthorizeError> {
        self.set_hold_days(&mut request);
        let mut run = self.run(received);
        let facts = self.fetch(&request, &mut run).await?;
        let asked = request.token.clone();
        let mut intent = self.intent(facts, Act::Preview(request));
        intent.stages = run.stages;
        if let Act::Preview(request) = &mut intent.act {
            // Under its own token it would be judged as a part of what that was used for.
            request.token = format!("dry.{}", intent.uuid.simple())
                .parse()
                .expect("a prefix and 32 digits are a token");
        }
        let ticket = self.lanes.submit(intent, Some(run.deadline))?;
        let settled = run.in_time(ticket.settled()).await??;
        let Outcome::Previewed(mut preview) = settled.outcome else {
            return Err(Unavailable::Store.into());
        };
        preview.authorization.token = asked;
        preview.authorization.stages = settled.stages;
        Ok(*preview)
    }

    fn run(&self, received: Monotonic) -> Run<'_> {
        let deadline = received.plus_micros(self.deadline_us);
        Run { clock: &*self.clock, deadline, stages: StageTimes::default(), commit_us: 0 }
    }

    async fn down_the_corridor(
        &self,
        request: AuthRequest,
        run: &mut Run<'_>,
    ) -> Result<Arc<Decision>, AuthorizeError> {
        let facts = self.fetch(&request, run).await?;
        let merchant = request.merchant.mid.clone();
        let mut intent = self.intent(facts, Act::Authorize(request));
        intent.stages = run.stages;
        let asked = intent.uuid;
        let decision = self.settle(intent, run).await?;
        // A repeat is answered with what another intent has decided: nobody has tried a card again.
        if let Some(merchant) = merchant
            && decision.refusal.is_some()
            && decision.authorization.uuid() == asked
        {
            self.profiler.declined_at(&merchant);
        }
        Ok(decision)
    }

    /// Stages 1 to 3.
    async fn fetch(&self, request: &AuthRequest, run: &mut Run<'_>) -> Result<Facts, Unavailable> {
        let mut facts = Facts::default();
        let cardholder = request.cardholder();
        // Its time counts for the lookup that comes first.
        let mut expected_us = run.hint(self.facts.expect(cardholder, &request.card)).await?;
        if let Some(cardholder) = cardholder {
            let (user, took_us) = run.lookup(self.facts.user(cardholder)).await?;
            facts.cardholder = user.map_or(Cardholder::Unknown, Cardholder::Known);
            run.stages.user_lookup_us = took_us + std::mem::take(&mut expected_us);
        }
        (facts.card, run.stages.card_lookup_us) =
            run.lookup(self.facts.card(&request.card)).await?;
        run.stages.card_lookup_us += expected_us;
        if let Some(card) = &facts.card {
            (facts.limits, run.stages.spending_limits_us) =
                run.lookup(self.facts.limits(card)).await?;
        }
        Ok(facts)
    }

    /// Stage 4. Whatever ends this call without an answer, the lane is told to take an approval
    /// back: the ticket does so when it is dropped.
    async fn settle(
        &self,
        intent: Intent,
        run: &mut Run<'_>,
    ) -> Result<Arc<Decision>, AuthorizeError> {
        let ticket = self.lanes.submit(intent, Some(run.deadline))?;
        let settled = run.in_time(ticket.settled()).await??;
        run.stages = settled.stages;
        run.commit_us = settled.commit_us;
        match settled.outcome {
            Outcome::Decided(decision) => Ok(decision),
            Outcome::Refused(IntentRefusal::TokenReused) => Err(AuthorizeError::TokenReused),
            Outcome::Refused(_)
            | Outcome::Previewed(_)
            | Outcome::Moved(_)
            | Outcome::Voided
            | Outcome::Unknown => Err(Unavailable::Store.into()),
        }
    }

    fn measure(
        &self,
        door: Door,
        run: &Run<'_>,
        received: Monotonic,
        result: &Result<Arc<Decision>, AuthorizeError>,
    ) {
        let ended = match result {
            Ok(decision) => decision
                .refusal
                .as_ref()
                .map_or(Ended::Approved, |refusal| Ended::Declined(refusal.reason)),
            Err(AuthorizeError::TokenReused) => Ended::Declined(Reason::DuplicateTransaction),
            Err(AuthorizeError::Unavailable(_)) => Ended::Unavailable,
        };
        self.profiler.record(&Sample {
            door,
            stages: run.stages,
            commit_us: run.commit_us,
            total_us: self.clock.monotonic().since(received),
            ended,
        });
    }
}
