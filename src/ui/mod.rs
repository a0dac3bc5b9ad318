//! Plan text, progress, tables. The library's events come in, text goes out.

mod plan;
mod progress;
mod table;

pub use plan::{PlanView, plan_text, summary};
pub use progress::{Reporter, Style};
pub use table::table;
