//! A card program by its names: what was created can be named again from a few numbers, so that a
//! program of 100,000 cards fits in a line of a file and is found again in a later run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::profile::{Expected, Group, Kind, Profile};
use crate::domain::id::Home;

/// Letters of the prefix, and digits of a number.
const PREFIX_LEN: usize = 8;
const DIGITS: usize = 8;

/// The platform's token of a card or user: prefix, letter, group, number.
pub type Name = [u8; PREFIX_LEN + 2 + DIGITS];

/// How many limits each card meets. All are far above what a run spends: they are counted, and do
/// not refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Limits {
    /// None.
    #[value(name = "0")]
    #[serde(rename = "0")]
    None,
    /// A day's amount: of the user for every second company card, of the company for the others
    /// and on the hot account; of the user for wallets.
    #[value(name = "1")]
    #[serde(rename = "1")]
    One,
    /// Two amounts of the user (day, week), one of the company (a day's pool; for wallets of the
    /// card), and a month's count of the card.
    #[value(name = "4")]
    #[serde(rename = "4")]
    Four,
}

impl Limits {
    /// The number.
    pub const fn per_card(self) -> u8 {
        match self {
            Self::None => 0,
            Self::One => 1,
            Self::Four => 4,
        }
    }
}

/// What was created, or is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What every name begins with; no other program in the same store has it.
    pub prefix: String,
    /// Its cards.
    pub groups: Vec<Group>,
    /// The limits that each card meets.
    pub limits: Limits,
}

impl Program {
    /// A new program for a profile. `random` becomes its prefix.
    pub fn new(profile: Profile, accounts: u32, limits: Limits, random: u128) -> Self {
        let prefix = format!("b{:07x}", random & 0x0fff_ffff);
        Self { prefix, groups: profile.groups(accounts), limits }
    }

    /// A card's token.
    pub fn card(&self, group: usize, number: u32) -> Name {
        self.name(b'c', group, number)
    }

    /// Its holder's token.
    pub fn user(&self, group: usize, number: u32) -> Name {
        self.name(b'u', group, number)
    }

    fn name(&self, letter: u8, group: usize, number: u32) -> Name {
        let mut name = [b'0'; PREFIX_LEN + 2 + DIGITS];
        for (place, byte) in name.iter_mut().zip(self.prefix.bytes()) {
            *place = byte;
        }
        let digit = |number: u32| b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
        name[PREFIX_LEN] = letter;
        name[PREFIX_LEN + 1] = digit(u32::try_from(group).unwrap_or(0));
        let mut rest = number;
        for place in name.iter_mut().rev().take(DIGITS) {
            *place = digit(rest);
            rest /= 10;
        }
        name
    }

    /// How many accounts its cards draw on.
    pub fn accounts(&self) -> u32 {
        self.groups.iter().map(|group| group.kind.accounts(group.cards)).sum()
    }

    /// How many cards it has.
    pub fn cards(&self) -> u32 {
        let created = self.groups.iter().filter(|group| group.kind != Kind::Unknown);
        created.map(|group| group.cards).sum()
    }

    /// Cards of `home` whose purchases are approved, at most so many, evenly chosen.
    pub fn spending(&self, home: Home, cards_max: u32) -> Vec<String> {
        let spends = |group: &Group| {
            group.kind.home() == Some(home) && group.kind.expected() == Expected::Approved
        };
        let groups = self.groups.iter().enumerate().filter(|(_, group)| spends(group));
        let cards = groups.flat_map(|(index, group)| {
            let step = group.cards.div_ceil(cards_max.max(1)).max(1);
            let numbers = (0..group.cards).step_by(usize::try_from(step).unwrap_or(1));
            numbers.map(move |number| text(&self.card(index, number)))
        });
        cards.collect()
    }
}

/// A name as text.
pub fn text(name: &Name) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Programs that were created earlier, by profile.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Programs(BTreeMap<String, Program>);

impl Programs {
    /// Those in a file; none where there is no file.
    pub fn load(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// The program of a profile, if it is as large as the wanted one and has the same limits.
    pub fn find(&self, profile: Profile, wanted: &Program) -> Option<&Program> {
        let found = self.0.get(profile.as_str())?;
        (found.groups == wanted.groups && found.limits == wanted.limits).then_some(found)
    }

    /// Adds a program, and writes the file.
    pub fn keep(&mut self, profile: Profile, program: &Program, path: &Path) -> io::Result<()> {
        self.0.insert(profile.as_str().to_owned(), program.clone());
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::from)?;
        fs::write(path, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scratch::Scratch;
    use super::*;

    fn program(accounts: u32) -> Program {
        Program::new(Profile::Uncontended, accounts, Limits::One, 0xabc_1234_5678)
    }

    #[test]
    fn names_are_tokens_and_tell_group_and_number() {
        let program = program(3);
        assert_eq!(program.prefix, "b2345678");
        assert_eq!(text(&program.card(2, 98_765)), "b2345678c200098765");
        assert!(text(&program.user(0, 0)).parse::<crate::domain::token::Token>().is_ok());
    }

    #[test]
    fn programs_are_found_again_if_they_are_what_is_wanted() {
        let scratch = Scratch::create(None, "programs-test").unwrap();
        let path = scratch.path().join("programs.json");
        let mut programs = Programs::load(&path).unwrap();
        programs.keep(Profile::Uncontended, &program(3), &path).unwrap();
        let programs = Programs::load(&path).unwrap();
        assert_eq!(programs.find(Profile::Uncontended, &program(3)), Some(&program(3)));
        assert_eq!(programs.find(Profile::Uncontended, &program(4)), None);
        assert_eq!(programs.find(Profile::Personal, &program(3)), None);
    }

    #[test]
    fn spending_cards_are_chosen_evenly_and_by_home() {
        assert_eq!(program(1_000).spending(Home::Business, 10).len(), 10);
        assert_eq!(program(3).spending(Home::Business, 10).len(), 3);
        assert!(program(3).spending(Home::Personal, 10).is_empty());
        let mixed = Program::new(Profile::MixedDecisions, 10, Limits::None, 1);
        assert!(mixed.spending(Home::Business, 100).iter().all(|card| card.contains("c0")));
    }
}
