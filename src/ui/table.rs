//! Tables as kubectl prints them: no lines, columns aligned, headings in capitals.

use comfy_table::{ContentArrangement, Table, presets};

use crate::visible::one_line;

/// Renders a table with `headings` over `rows`.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headings.iter().map(|heading| heading.to_uppercase()));
    for row in rows {
        // A cell is one line, whatever others have put into it.
        table.add_row(row.iter().map(|cell| one_line(cell).into_owned()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let text = table.to_string();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
