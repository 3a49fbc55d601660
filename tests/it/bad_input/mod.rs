//! Bad input at every door: a clear error, nothing written, nothing left behind in a log or a store.

mod behind_nginx;
mod bodies;
mod doors;
mod head;
mod jit;
mod planted;
mod raw;
mod rest;
mod rows;
mod run;
mod slow;
mod webhooks;
mod world;
