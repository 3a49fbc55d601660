//! Shapes that cross the process edge, to and from `domain`. Lenient in, strict out.

pub mod card_data;
pub mod marqeta;
pub mod scan;
pub mod v1;
