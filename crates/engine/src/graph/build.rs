//! Building and asking the graph.

use std::collections::HashMap;

use infra_provider_api::{Address, Declared};

use super::{GraphError, find_cycle, topological};

/// Declared resources with their edges, free of circles.
#[derive(Clone, Debug)]
pub struct Graph<'a> {
    nodes: &'a [Declared],
    by_address: HashMap<&'a Address, usize>,
    needs: Vec<Vec<usize>>,
    order: Vec<usize>,
}

impl<'a> Graph<'a> {
    /// Builds the graph of `declared`.
    ///
    /// # Errors
    /// Returns an error if an address is declared twice, or if something undeclared is referred to.
    /// A circle is an error, too, and has its path.
    pub fn build(declared: &'a [Declared]) -> Result<Self, GraphError> {
        let mut by_address = HashMap::with_capacity(declared.len());
        for (index, resource) in declared.iter().enumerate() {
            if let Some(first) = by_address.insert(&resource.address, index) {
                return Err(GraphError::Duplicate {
                    address: resource.address.clone(),
                    first: declared[first].source.clone(),
                    second: resource.source.clone(),
                });
            }
        }
        let mut needs = Vec::with_capacity(declared.len());
        for resource in declared {
            let addresses = resource.needs();
            let mut found = Vec::with_capacity(addresses.len());
            for address in addresses {
                let Some(&need) = by_address.get(&address) else {
                    return Err(unknown(resource, address, declared));
                };
                found.push(need);
            }
            needs.push(found);
        }
        let Some(order) = topological(&needs) else {
            let mut path: Vec<Address> = find_cycle(&needs)
                .unwrap_or_default()
                .into_iter()
                .map(|index| declared[index].address.clone())
                .collect();
            path.extend(path.first().cloned());
            return Err(GraphError::Cycle { path });
        };
        Ok(Self { nodes: declared, by_address, needs, order })
    }

    /// Counts the resources.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns true if nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns the resource at `address`.
    pub fn get(&self, address: &Address) -> Option<&'a Declared> {
        self.by_address.get(address).map(|&index| &self.nodes[index])
    }

    /// Iterates over the resources, each after all that it needs.
    pub fn topological(&self) -> impl DoubleEndedIterator<Item = &'a Declared> + ExactSizeIterator {
        self.order.iter().map(|&index| &self.nodes[index])
    }

    /// Iterates over the resources, as declared.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a Declared> + use<'a> {
        self.nodes.iter()
    }

    /// Iterates over the addresses that `address` needs directly, sorted.
    pub fn needs(&self, address: &Address) -> impl Iterator<Item = &'a Address> {
        let found = self.by_address.get(address).map(|&index| self.needs[index].as_slice());
        found.unwrap_or_default().iter().map(|&index| &self.nodes[index].address)
    }
}

fn unknown(from: &Declared, to: Address, declared: &[Declared]) -> GraphError {
    let words: Vec<String> = declared.iter().map(|resource| resource.address.to_string()).collect();
    let near = infra_provider_api::nearest(&to.to_string(), words.iter().map(String::as_str))
        .and_then(|text| text.parse().ok());
    GraphError::Unknown { from: from.address.clone(), to, near, source_line: from.source.clone() }
}
