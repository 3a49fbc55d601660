//! Reconciliation: what the platform has listed, beside our books. Purchases of the list that we do not
//! have are *missing*, purchases of ours that are not listed *extra*, others may be *different*.
//! Nothing is changed: what differs is for a person to judge.

mod compare;
mod daily;
mod figures;
mod report;
mod stated;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::time::Timestamp;
use crate::store::{Audit, History, Source};
use crate::wire::marqeta::listed::{Listed, listed};

pub use compare::reconcile;
pub use daily::{Daily, Looked, reconcile_daily};
pub use figures::Figures;
pub use report::{Difference, Report};
pub use stated::{Asked, Stated, state};

/// The longest list: whoever lists more is not the platform, or a program so large that it is to be
/// compared in parts.
const LISTED_MAX: u64 = 5_000_000;

/// The books of all homes.
pub struct Books {
    /// What was decided, of each home.
    pub histories: Vec<Arc<dyn History>>,
    /// Everything, of each home.
    pub audits: Vec<Arc<dyn Audit>>,
}

/// From when until when purchases are compared. The end is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The beginning.
    pub from: Timestamp,
    /// The end.
    pub to: Timestamp,
}

/// The platform's list, wherever it comes from.
pub trait Listing: Send + Sync {
    /// The text of the page that begins with this transaction, counted from 0, of those that the
    /// platform made in the window; without one, of the last weeks.
    fn page<'a>(
        &'a self,
        window: Option<Window>,
        start: u64,
    ) -> Pin<Box<dyn Future<Output = Result<String, Source>> + Send + 'a>>;
}

/// A list, read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// What could be read.
    pub transactions: Vec<Listed>,
    /// Why others could not be.
    pub unreadable: Vec<String>,
}

/// A page, as the platform's API answers it.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    is_more: bool,
    data: Vec<Box<RawValue>>,
}

/// A file of notifications.
#[derive(Deserialize)]
struct Envelope {
    transactions: Vec<Box<RawValue>>,
}

impl List {
    /// Reads a file: what the API answers, notifications, or the bare list.
    pub fn of_file(text: &str) -> Result<Self, serde_json::Error> {
        let all: Vec<Box<RawValue>> = serde_json::from_str::<Page>(text)
            .map(|page| page.data)
            .or_else(|_| serde_json::from_str::<Envelope>(text).map(|all| all.transactions))
            .or_else(|_| serde_json::from_str(text))?;
        let mut list = Self::default();
        list.take(&all);
        Ok(list)
    }

    /// Asks for one page after the other of what the platform made in the window. That is not the one
    /// in which purchases are compared: what happened to them since belongs to them, too.
    pub async fn fetched(listing: &dyn Listing, window: Option<Window>) -> Result<Self, Source> {
        Self::fetched_at_most(listing, window, LISTED_MAX).await
    }

    async fn fetched_at_most(
        listing: &dyn Listing,
        window: Option<Window>,
        listed_max: u64,
    ) -> Result<Self, Source> {
        let (mut list, mut start) = (Self::default(), 0);
        loop {
            let page: Page = serde_json::from_str(&listing.page(window, start).await?)?;
            list.take(&page.data);
            start += page.data.len() as u64;
            if start > listed_max {
                return Err(format!("the platform lists more than {listed_max}").into());
            }
            if !page.is_more || page.data.is_empty() {
                return Ok(list);
            }
        }
    }

    fn take(&mut self, all: &[Box<RawValue>]) {
        for raw in all {
            match listed(raw) {
                Ok(listed) => self.transactions.push(listed),
                Err(fault) => self.unreadable.push(fault.to_string()),
            }
        }
    }
}
