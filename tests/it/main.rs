//! The service as its callers see it: one binary, over HTTP, on the embedded store and a free port.

mod store;
