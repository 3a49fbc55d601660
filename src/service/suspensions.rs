//! Who may end the suspension of a card or user, or take its platform's token off it. Whoever is bound to a
//! company sees what the program has suspended, or the card platform, and leaves it so: one that the company
//! could end would be none.

use super::Service;
use super::error::Error;
use crate::domain::access::Reach;
use crate::domain::party::{Setter, Status};
use crate::domain::time::Timestamp;

/// What somebody asks of a card or user.
pub(super) struct Asked<S> {
    /// The status that it shall have.
    pub(super) status: S,
    /// Whether its platform's token shall be another, or none.
    pub(super) moves_token: bool,
}

impl Service {
    /// Whether this caller may ask that of what somebody has given this status. A token that moves on to a
    /// new card would leave the suspension behind.
    pub(super) fn may_ask<S: Status>(
        &self,
        was: S,
        set_by: Option<Setter>,
        asked: &Asked<S>,
    ) -> Result<(), Error> {
        let status = asked.status;
        let is_stricter = status == was || status == S::SUSPENDED || status.is_end();
        if was.is_restriction() && (!is_stricter || asked.moves_token) {
            self.may_lift(set_by)?;
        }
        let is_bound = self.reach != Reach::Program;
        if was.is_end() && asked.moves_token && is_bound { Err(Error::Forbidden) } else { Ok(()) }
    }

    /// Whether this caller may end a suspension that was set so. Where nobody knows by whom, it may have
    /// been the program.
    fn may_lift(&self, set_by: Option<Setter>) -> Result<(), Error> {
        let is_own = self.reach == Reach::Program || set_by == Some(Setter::Company);
        if is_own { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Who has set the status once this caller has asked for one (`None`: for none). To repeat what
    /// somebody else has set does not make it the company's, nor does to suspend what another restricts.
    pub(super) fn setter<S: Status>(
        &self,
        asked: Option<S>,
        was: S,
        set_by: Option<Setter>,
    ) -> Option<Setter> {
        let Some(status) = asked else { return set_by };
        let is_kept = status == was || (status == S::SUSPENDED && was.is_restriction());
        let is_bound = self.reach != Reach::Program;
        if is_kept && is_bound { set_by } else { Some(Setter::of(self.reach)) }
    }

    /// When the status was last set here, once this caller has asked for one. What the platform has done
    /// before that does not count any more: so a company's caller that only says what is so already has not
    /// set it, except to be on the safe side.
    pub(super) fn set_at<S: Status>(
        &self,
        asked: Option<S>,
        was: S,
        set_at: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let is_set =
            |status: &S| *status != was || status.is_restriction() || self.reach == Reach::Program;
        asked.filter(is_set).map(|_| self.clock.now()).or(set_at)
    }
}
