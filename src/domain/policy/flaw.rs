//! What keeps a control from being one.

use super::Control;
use crate::domain::time::Timestamp;

/// Why a control can not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It lists nothing.
    Empty,
    /// It ends before it starts, or just then.
    EndsFirst,
}

impl Flaw {
    /// What is wrong with a control whose lists hold so much, and that binds from when until when.
    pub fn of(
        listed: [usize; 6],
        (starts_at, ends_at): (Option<Timestamp>, Option<Timestamp>),
    ) -> Option<Self> {
        if listed == [0; 6] {
            return Some(Self::Empty);
        }
        let ends_first = starts_at.zip(ends_at).is_some_and(|(starts, ends)| ends <= starts);
        ends_first.then_some(Self::EndsFirst)
    }

    /// One sentence for a person.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Empty => "a control needs something to allow or deny in one of its lists",
            Self::EndsFirst => "a control ends after it starts",
        }
    }
}

impl Control {
    /// What is wrong with it, if anything is.
    pub fn flaw(&self) -> Option<Flaw> {
        let listed = [
            self.mccs.len(),
            self.mcc_groups.len(),
            self.merchants.len(),
            self.countries.len(),
            self.entry_modes.len(),
            self.channels.len(),
        ];
        Flaw::of(listed, (self.starts_at, self.ends_at))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::domain::id::ControlId;
    use crate::domain::policy::{Effect, Scope};

    fn empty() -> Control {
        Control {
            id: ControlId::new(Uuid::nil()),
            scope: Scope::Program,
            effect: Effect::Deny,
            mccs: Vec::new(),
            mcc_groups: Vec::new(),
            merchants: Vec::new(),
            countries: Vec::new(),
            entry_modes: Vec::new(),
            channels: Vec::new(),
            starts_at: None,
            ends_at: None,
            version: 1,
            created_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn any_one_list_is_enough() {
        assert_eq!(empty().flaw(), Some(Flaw::Empty));
        let one = || vec![Arc::from("ONE")];
        for control in [
            Control { mcc_groups: one(), ..empty() },
            Control { merchants: one(), ..empty() },
            Control { entry_modes: one(), ..empty() },
            Control { channels: one(), ..empty() },
        ] {
            assert_eq!(control.flaw(), None, "{control:?}");
        }
    }

    #[test]
    fn a_control_ends_after_it_starts() {
        let at = |micros: i64| Some(Timestamp::from_micros(micros));
        let check = |starts, ends, expected| {
            assert_eq!(Flaw::of([1, 0, 0, 0, 0, 0], (starts, ends)), expected);
        };
        check(at(5), at(6), None);
        check(at(5), at(5), Some(Flaw::EndsFirst));
        check(at(5), at(4), Some(Flaw::EndsFirst));
        check(None, at(4), None);
        check(at(5), None, None);
    }
}
