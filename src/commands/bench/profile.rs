//! Profiles: which cards a run asks with, and what each of them must be answered.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::domain::finding::Reason;
use crate::domain::id::Home;

/// Cards of each kind that is declined, as a share of the accounts, and at most so many.
const DECLINED_SHARE: u32 = 10;
const DECLINED_MAX: u32 = 1_000;

/// What kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Companies with one card each.
    Uncontended,
    /// One company, all cards draw on its account.
    HotAccount,
    /// Three of ten purchases are declined, for four reasons.
    MixedDecisions,
    /// Half the purchases with company cards, half with personal ones.
    MixedHomes,
    /// Wallets with one card each.
    Personal,
    /// The REST routes instead of purchases: companies with one card each. No part of `all`.
    Reads,
}

/// What `--profile` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Each that asks at the platform's door, one after another.
    All,
    /// This one.
    Only(Profile),
    /// What is done behind an answer.
    Behind(Work),
}

/// A number of cards that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What they are.
    pub kind: Kind,
    /// How many.
    pub cards: u32,
    /// How often they are asked with, beside the weights of the other groups.
    pub weight: u32,
}

/// What a card is, and so what must become of a purchase with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The only card of a company of its own.
    Company,
    /// One of many cards of one company.
    SharedCompany,
    /// The only card of a wallet of its own.
    Wallet,
    /// A company's card that is suspended.
    Suspended,
    /// A company's card whose day limit is below every purchase.
    Limited,
    /// The card of a company without money.
    Poor,
    /// A card that was never created.
    Unknown,
}

/// What a purchase must be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// 200.
    Approved,
    /// 402, with this reason and memo.
    Declined(Reason, &'static str),
}

impl Profile {
    /// Every profile, in the order in which they are run.
    pub const ALL: [Self; 5] = [
        Self::Uncontended,
        Self::HotAccount,
        Self::MixedDecisions,
        Self::MixedHomes,
        Self::Personal,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uncontended => "uncontended",
            Self::HotAccount => "hot-account",
            Self::MixedDecisions => "mixed-decisions",
            Self::MixedHomes => "mixed-homes",
            Self::Personal => "personal",
            Self::Reads => "reads",
        }
    }

    /// The cards for so many accounts; for the hot account, so many cards.
    pub fn groups(self, accounts: u32) -> Vec<Group> {
        let group = |kind, cards: u32, weight| Group { kind, cards: cards.max(1), weight };
        match self {
            Self::Uncontended | Self::Reads => vec![group(Kind::Company, accounts, 1)],
            Self::HotAccount => vec![group(Kind::SharedCompany, accounts, 1)],
            Self::Personal => vec![group(Kind::Wallet, accounts, 1)],
            Self::MixedHomes => vec![
                group(Kind::Company, accounts.div_ceil(2), 1),
                group(Kind::Wallet, accounts / 2, 1),
            ],
            Self::MixedDecisions => {
                let declined = (accounts / DECLINED_SHARE).min(DECLINED_MAX);
                vec![
                    group(Kind::Company, accounts, 70),
                    group(Kind::Suspended, declined, 8),
                    group(Kind::Limited, declined, 8),
                    group(Kind::Poor, declined, 8),
                    group(Kind::Unknown, declined, 6),
                ]
            }
        }
    }
}

impl Choice {
    /// The profiles that were chosen, each once, in their order.
    pub fn profiles(choices: &[Self]) -> Vec<Profile> {
        let chosen = |profile: &Profile| {
            choices
                .iter()
                .any(|choice| matches!(choice, Self::All) || *choice == Self::Only(*profile))
        };
        let reads = choices.contains(&Self::Only(Profile::Reads)).then_some(Profile::Reads);
        Profile::ALL.into_iter().filter(chosen).chain(reads).collect()
    }

    /// The kinds of work that were chosen, each once, in their order.
    pub fn works(choices: &[Self]) -> Vec<Work> {
        Work::ALL.into_iter().filter(|work| choices.contains(&Self::Behind(*work))).collect()
    }
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Choice; 11] = [
            Choice::Only(Profile::Uncontended),
            Choice::Only(Profile::HotAccount),
            Choice::Only(Profile::MixedDecisions),
            Choice::Only(Profile::MixedHomes),
            Choice::Only(Profile::Personal),
            Choice::Only(Profile::Reads),
            Choice::All,
            Choice::Behind(Work::Queue),
            Choice::Behind(Work::Relay),
            Choice::Behind(Work::Ingest),
            Choice::Behind(Work::Webhooks),
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::All => "all",
            Self::Only(profile) => profile.as_str(),
            Self::Behind(work) => work.as_str(),
        }))
    }
}

impl Kind {
    /// What a purchase with such a card must be answered.
    pub const fn expected(self) -> Expected {
        match self {
            Self::Company | Self::SharedCompany | Self::Wallet => Expected::Approved,
            Self::Suspended => Expected::Declined(Reason::CardNotActive, "card.suspended"),
            Self::Limited => Expected::Declined(Reason::AmountLimitExceeded, "limit.day.amount"),
            Self::Poor => Expected::Declined(Reason::InsufficientFunds, "funds.insufficient"),
            Self::Unknown => Expected::Declined(Reason::InvalidCard, "card.unknown"),
        }
    }

    /// Where its account is; `None`: it has none.
    pub const fn home(self) -> Option<Home> {
        match self {
            Self::Wallet => Some(Home::Personal),
            Self::Unknown => None,
            _ => Some(Home::Business),
        }
    }

    /// How many accounts so many of its cards draw on.
    pub const fn accounts(self, cards: u32) -> u32 {
        match self {
            Self::SharedCompany => 1,
            Self::Unknown => 0,
            _ => cards,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_ten_mixed_decisions_are_declines() {
        let groups = Profile::MixedDecisions.groups(1_000);
        let declined = |group: &&Group| group.kind.expected() != Expected::Approved;
        let weight = |groups: &mut dyn Iterator<Item = &Group>| -> u32 {
            groups.map(|group| group.weight).sum()
        };
        assert_eq!(weight(&mut groups.iter()), 100);
        assert_eq!(weight(&mut groups.iter().filter(declined)), 30);
        assert_eq!(groups.iter().filter(declined).count(), 4);
    }

    #[test]
    fn every_profile_has_cards_even_for_one_account() {
        for profile in Profile::ALL {
            let groups = profile.groups(1);
            assert!(groups.iter().all(|group| group.cards > 0 && group.weight > 0));
            assert!(groups.len() <= 10, "a group is named by one digit");
        }
    }

    #[test]
    fn profiles_are_chosen_by_name_each_once() {
        let parse = |name: &str| Choice::from_str(name, false).unwrap();
        let chosen = [parse("personal"), parse("uncontended"), parse("personal")];
        assert_eq!(Choice::profiles(&chosen), [Profile::Uncontended, Profile::Personal]);
        assert_eq!(Choice::profiles(&[parse("all")]), Profile::ALL);
        assert_eq!(Choice::works(&[parse("all")]), []);
        let chosen = [parse("webhooks"), parse("queue"), parse("webhooks")];
        assert_eq!(Choice::works(&chosen), [Work::Queue, Work::Webhooks]);
        assert!(Choice::from_str("none", false).is_err());
    }
}
