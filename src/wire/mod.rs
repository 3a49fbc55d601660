//! Shapes that cross the process edge, to and from `domain`. Lenient in, strict out.

pub mod marqeta;
pub mod scan;
pub mod v1;
