//! Bad input at every door: a clear error, nothing written, nothing left behind in a log or a store.

mod api_keys;
mod behind_nginx;
mod bodies;
mod doors;
mod fields;
mod head;
mod imports;
mod jit;
mod kyc;
mod planted;
mod raw;
mod rest;
mod rows;
mod run;
mod slow;
mod smuggled;
mod webhooks;
mod world;
