//! Plan text, progress, tables. The library's events come in, text goes out.

mod apps;
mod findings;
mod passphrase;
mod plan;
mod progress;
mod repeats;
mod table;

pub use apps::{AppsPlanView, apps_plan_text};
pub use findings::{drawn, text_again};
pub use passphrase::{TerminalUser, signals_are_heard};
pub use plan::{PlanView, plan_text, summary};
pub use progress::{Reporter, Style};
pub use repeats::{Alike, alike};
pub use table::table;
