//! `infra apps` as a user calls it, where no cluster is needed: variables from the environment, and
//! kustomize's remote bases.

mod kustomize;
mod variables;
