//! The live feed: who is told what, from where on, and until when.

mod companies;
mod ends;
mod listener;
mod live;
mod servers;
mod slow;
mod told;
