//! The words of the OpenAPI document: what a token, an amount or a currency looks like on the wire,
//! and by which codes it is refused. The readers in `text`, `read` and `merchant` hold callers to them.
//!
//! Fields of inputs are kept as literal text until they are read, and outputs carry types of `domain`,
//! which knows nothing of documents: `#[schema(value_type = …)]` names one of these in their place.

mod build;
mod ids;
mod money;
mod words;

pub use ids::*;
pub use money::*;
pub use words::*;

/// Under which name a schema lists the codes that its values are refused by.
pub const CODES: &str = "x-problem-codes";

/// Under which name an object lists fields of which at least one has to be there.
pub const ANY_OF: &str = "x-any-of";

#[cfg(test)]
mod tests;
