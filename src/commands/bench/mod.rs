//! `tollgate bench`
mod connection;
mod load;
mod requests;
