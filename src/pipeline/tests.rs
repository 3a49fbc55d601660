//! Tests of lanes with faulty homes.
