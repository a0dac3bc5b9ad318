//! The control API: `/sim/*` on the API's listener, with the account's token.

mod inventory;
mod resolve;
mod routes;
mod status;

pub use inventory::Inventory;
pub use resolve::resolve;
pub use routes::router;
pub use status::Status;
