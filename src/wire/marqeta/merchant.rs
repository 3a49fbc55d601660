//! Where: `card_acceptor`, as old and new messages spell it.

use std::sync::Arc;

use super::field::{Field, WrongType, list, object, word};
use super::shape::CardAcceptor;
use crate::domain::finding::{Reason, Refusal};
use crate::domain::merchant::{Country, Mcc, Merchant};

const INVALID_MCC: Refusal = Refusal::new(Reason::TransactionNotPermitted, "merchant.invalid_mcc");

/// The merchant; every part of it may be missing, and a country that can not be read is.
pub(super) fn merchant(field: Field<'_>) -> Result<Merchant, Refusal> {
    let acceptor: CardAcceptor<'_> = object(field)?.unwrap_or_default();
    Ok(Merchant {
        mcc: mcc(acceptor.mcc)?,
        mid: shared(acceptor.mid)?,
        mcc_groups: groups(acceptor.mcc_groups)?,
        name: shared(acceptor.name)?,
        country: country(acceptor.country_code).or_else(|| country(acceptor.country)),
    })
}

/// A category code keeps its leading zeros, so it is text: a number has already lost them.
fn mcc(field: Field<'_>) -> Result<Option<Mcc>, Refusal> {
    if field.is_some_and(|raw| !raw.get().starts_with('"')) {
        return Err(INVALID_MCC);
    }
    word(field)?.map(|code| code.parse().map_err(|_| INVALID_MCC)).transpose()
}

fn groups(field: Field<'_>) -> Result<Vec<Arc<str>>, WrongType> {
    let words = list(field)?.into_iter().map(shared);
    words.filter_map(Result::transpose).collect()
}

fn country(field: Field<'_>) -> Option<Country> {
    word(field).ok().flatten()?.to_ascii_uppercase().parse().ok()
}

fn shared(field: Field<'_>) -> Result<Option<Arc<str>>, WrongType> {
    Ok(word(field)?.map(Arc::from))
}
