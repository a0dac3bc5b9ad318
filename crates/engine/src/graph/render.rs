//! The graph as mermaid and as dot text.

use std::fmt::Write;

use super::Graph;

impl Graph<'_> {
    /// Draws a mermaid flowchart; arrows point from what is needed to what needs it.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        let ids = self.ids();
        for (resource, id) in self.iter().zip(&ids) {
            // Writing to a string can't fail.
            let _ = writeln!(text, "  {id}[\"{}\"]", quote(&resource.address.to_string()));
        }
        for (from, to) in self.arrows() {
            let _ = writeln!(text, "  {} --> {}", ids[from], ids[to]);
        }
        text
    }

    /// Draws a Graphviz digraph; arrows point from what is needed to what needs it.
    pub fn dot(&self) -> String {
        let mut text = String::from(
            "digraph infra {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n",
        );
        let ids = self.ids();
        for (resource, id) in self.iter().zip(&ids) {
            let label = resource.address.to_string().replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "  {id} [label=\"{label}\"];");
        }
        for (from, to) in self.arrows() {
            let _ = writeln!(text, "  {} -> {};", ids[from], ids[to]);
        }
        text.push_str("}\n");
        text
    }

    fn ids(&self) -> Vec<String> {
        (1..=self.len()).map(|number| format!("n{number}")).collect()
    }

    fn arrows(&self) -> Vec<(usize, usize)> {
        let places: std::collections::HashMap<_, _> =
            self.iter().enumerate().map(|(index, resource)| (&resource.address, index)).collect();
        self.iter()
            .enumerate()
            .flat_map(|(to, resource)| {
                self.needs(&resource.address)
                    .filter_map(|need| places.get(need).copied())
                    .map(move |from| (from, to))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

fn quote(text: &str) -> String {
    text.replace('"', "#quot;")
}
