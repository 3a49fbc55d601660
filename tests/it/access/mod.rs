//! Who may call what: the table of scopes beside the router.

mod routes;
