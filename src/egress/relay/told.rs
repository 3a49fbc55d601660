//! What a relay tells of what goes wrong: each kind of trouble once, and that it is over. What can not be
//! read is a kind of its own: it may last for long, and other trouble comes beside it.

use super::{Round, Trouble};

/// What was told, and is not over.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    /// Some events can not be read.
    unreadable: bool,
    /// Anything else.
    troubled: bool,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The round has met trouble that was not told.
    Trouble,
    /// Events are published again.
    Published,
    /// Every event can be read again.
    Readable,
}

impl Told {
    /// A round has ended; says what is new.
    pub(super) fn news(&mut self, done: &Result<Round, Trouble>) -> Vec<News> {
        let before = *self;
        *self = match done {
            // It may not have come to the shard that has trouble.
            Ok(Round::Busy) => before,
            Err(Trouble::Unreadable { is_full: true, .. }) => Self { unreadable: true, ..before },
            Ok(Round::Done | Round::Empty) => Self::default(),
            Err(Trouble::Unreadable { .. }) => Self { unreadable: true, troubled: false },
            Err(_) => Self { troubled: true, ..before },
        };
        let mut news = Vec::new();
        let begins = |was: bool, is: bool| is && !was;
        if begins(before.unreadable, self.unreadable) || begins(before.troubled, self.troubled) {
            news.push(News::Trouble);
        }
        if before.troubled && !self.troubled {
            news.push(News::Published);
        }
        if before.unreadable && !self.unreadable {
            news.push(News::Readable);
        }
        news
    }

    /// Whether anything but some events is in the way.
    pub(super) fn is_troubled(&self) -> bool {
        self.troubled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::BrokerError;

    fn unreadable(is_full: bool) -> Result<Round, Trouble> {
        Err(Trouble::Unreadable { count: 1, error: "no".into(), is_full })
    }

    fn down() -> Result<Round, Trouble> {
        let source = BrokerError::Unavailable("down".into());
        Err(Trouble::Broker { failed: 1, published: 1, source })
    }

    #[test]
    fn other_trouble_is_told_beside_what_can_not_be_read() {
        let mut told = Told::default();
        let mut check = |done: Result<Round, Trouble>, expected: &[News], is_troubled: bool| {
            assert_eq!(told.news(&done), expected, "{done:?}");
            assert_eq!(told.is_troubled(), is_troubled, "{done:?}");
        };
        check(Ok(Round::Done), &[], false);
        check(unreadable(false), &[News::Trouble], false);
        check(unreadable(false), &[], false);
        check(down(), &[News::Trouble], true);
        check(down(), &[], true);
        check(Ok(Round::Busy), &[], true);
        check(unreadable(true), &[], true);
        check(unreadable(false), &[News::Published], false);
        check(Ok(Round::Empty), &[News::Readable], false);
        check(down(), &[News::Trouble], true);
        check(unreadable(false), &[News::Trouble, News::Published], false);
        check(down(), &[News::Trouble], true);
        check(Ok(Round::Done), &[News::Published, News::Readable], false);
    }
}
