//! Kinds that belong to no cloud: certificates, node bundles, Nodes, suites.
