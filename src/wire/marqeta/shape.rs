//! The parts of the transaction object that we look at, unread. All other fields are passed over.

use serde::Deserialize;

use super::field::{Field, object};
use super::method::Order;

/// The body: one transaction object.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) token: Field<'a>,
    #[serde(borrow)]
    pub(super) preceding_related_transaction_token: Field<'a>,
    #[serde(borrow)]
    pub(super) card_token: Field<'a>,
    #[serde(borrow)]
    pub(super) acting_user_token: Field<'a>,
    #[serde(borrow)]
    pub(super) user_token: Field<'a>,
    #[serde(borrow)]
    pub(super) business_token: Field<'a>,
    #[serde(borrow)]
    pub(super) currency_code: Field<'a>,
    #[serde(borrow)]
    pub(super) gpa: Field<'a>,
    #[serde(borrow)]
    pub(super) gpa_order: Field<'a>,
    #[serde(borrow)]
    pub(super) gpa_order_unload: Field<'a>,
    #[serde(borrow)]
    pub(super) card_acceptor: Field<'a>,
    #[serde(borrow)]
    pub(super) pos: Field<'a>,
    #[serde(borrow)]
    pub(super) transaction_metadata: Field<'a>,
}

/// `jit_funding`, with the order around it.
pub(super) struct Funding<'a> {
    /// Which order carries it.
    pub(super) order: Order,
    /// `currency_code` of that order.
    pub(super) currency_code: Field<'a>,
    /// What it says.
    pub(super) data: FundingData<'a>,
}

/// `jit_funding`.
#[derive(Deserialize)]
pub(super) struct FundingData<'a> {
    #[serde(borrow)]
    pub(super) token: Field<'a>,
    #[serde(borrow)]
    pub(super) method: Field<'a>,
    #[serde(borrow)]
    pub(super) amount: Field<'a>,
    #[serde(borrow)]
    pub(super) user_token: Field<'a>,
    #[serde(borrow)]
    pub(super) acting_user_token: Field<'a>,
    #[serde(borrow)]
    pub(super) business_token: Field<'a>,
    #[serde(borrow)]
    pub(super) original_jit_funding_token: Field<'a>,
}

/// Any object that names its currency: an order, `gpa`.
#[derive(Deserialize)]
struct Priced<'a> {
    #[serde(borrow)]
    currency_code: Field<'a>,
    #[serde(borrow)]
    jit_funding: Field<'a>,
}

/// `card_acceptor`. The country has two names.
#[derive(Default, Deserialize)]
pub(super) struct CardAcceptor<'a> {
    #[serde(borrow)]
    pub(super) mid: Field<'a>,
    #[serde(borrow)]
    pub(super) mcc: Field<'a>,
    #[serde(borrow)]
    pub(super) mcc_groups: Field<'a>,
    #[serde(borrow)]
    pub(super) name: Field<'a>,
    #[serde(borrow)]
    pub(super) country_code: Field<'a>,
    #[serde(borrow)]
    pub(super) country: Field<'a>,
}

/// `pos`.
#[derive(Default, Deserialize)]
pub(super) struct Pos<'a> {
    #[serde(borrow)]
    pub(super) pan_entry_mode: Field<'a>,
    #[serde(borrow)]
    pub(super) partial_approval_capable: Field<'a>,
}

/// `transaction_metadata`.
#[derive(Default, Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) payment_channel: Field<'a>,
    #[serde(borrow)]
    pub(super) authorization_life_cycle: Field<'a>,
}

impl<'a> Message<'a> {
    /// The funding data: of `gpa_order` if it has any, else of `gpa_order_unload`.
    pub(super) fn funding(&self) -> Option<Funding<'a>> {
        let orders = [(Order::Load, self.gpa_order), (Order::Unload, self.gpa_order_unload)];
        orders.into_iter().find_map(|(order, field)| {
            let Priced { currency_code, jit_funding } = object(field).ok().flatten()?;
            let data = object(jit_funding).ok().flatten()?;
            Some(Funding { order, currency_code, data })
        })
    }

    /// `gpa.currency_code`.
    pub(super) fn gpa_currency_code(&self) -> Field<'a> {
        object::<Priced>(self.gpa).ok().flatten()?.currency_code
    }
}
