//! Who may end the suspension of a card or user, or take its platform's token off it. Whoever is bound to a
//! company sees what the program has suspended, or the card platform, and leaves it so: one that the company
//! could end would be none.

use super::Service;
use super::error::Error;
use crate::domain::access::Reach;
use crate::domain::party::{Setter, Status};

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
    /// somebody else has set does not make it the company's.
    pub(super) fn setter<S: PartialEq>(
        &self,
        asked: Option<S>,
        was: S,
        set_by: Option<Setter>,
    ) -> Option<Setter> {
        match asked {
            None => set_by,
            Some(status) if status == was && self.reach != Reach::Program => set_by,
            Some(_) => Some(Setter::of(self.reach)),
        }
    }
}
