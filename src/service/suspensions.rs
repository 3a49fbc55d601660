//! Who may end the suspension of a card or user. Whoever is bound to a company sees what the program has
//! suspended, or the card platform, and leaves it so: one that the company could end would be none.

use super::Service;
use super::error::Error;
use crate::domain::access::Reach;
use crate::domain::party::Setter;

impl Service {
    /// Whether this caller may end a suspension that was set so. Where nobody knows by whom, it may have
    /// been the program.
    pub(super) fn may_lift(&self, set_by: Option<Setter>) -> Result<(), Error> {
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
