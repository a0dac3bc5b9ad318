//! The provider against a server that answers as each test tells it to.

mod accounts;
mod connection;
mod creates;
mod dns;
mod lists;
mod made;
mod mock;
mod policy;
