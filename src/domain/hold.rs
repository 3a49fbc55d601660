//! How long holds live where the message does not say: by merchant category.

use std::str::FromStr;

use super::merchant::{Mcc, MccError, MccRange};

/// Days by category; the first range that holds a code counts. Written `7011=30,3501-3999=30`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldDays(Vec<(MccRange, u16)>);

/// The text is not a list of categories with days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("categories with 1 to 365 days each, such as 7011=30,3501-3999=30")]
pub struct HoldDaysError;

impl From<MccError> for HoldDaysError {
    fn from(_: MccError) -> Self {
        Self
    }
}

impl HoldDays {
    /// The days of a category; `None`: those of any other.
    pub fn of(&self, mcc: Option<Mcc>) -> Option<u16> {
        let mcc = mcc?;
        self.0.iter().find(|(range, _)| range.contains(mcc)).map(|(_, days)| *days)
    }
}

impl FromStr for HoldDays {
    type Err = HoldDaysError;

    fn from_str(text: &str) -> Result<Self, HoldDaysError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let entry = |entry: &str| {
            let (range, days) = entry.split_once('=').ok_or(HoldDaysError)?;
            let days: u16 = days.trim().parse().map_err(|_| HoldDaysError)?;
            let fits = (1..=365).contains(&days);
            if fits { Ok((range.trim().parse()?, days)) } else { Err(HoldDaysError) }
        };
        entries.map(entry).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_range_that_holds_the_category_counts() {
        let days: HoldDays = "7011=30, 3000-3999=10,3500-3501=5".parse().unwrap();
        let of = |mcc: &str| days.of(Some(mcc.parse().unwrap()));
        assert_eq!(
            (of("7011"), of("3500"), of("5411"), days.of(None)),
            (Some(30), Some(10), None, None)
        );
        assert_eq!("".parse(), Ok(HoldDays::default()));
        for text in ["7011", "7011=0", "7011=366", "hotel=3", "7011=30;", "1-2=3"] {
            assert_eq!(text.parse::<HoldDays>(), Err(HoldDaysError), "{text}");
        }
    }
}
