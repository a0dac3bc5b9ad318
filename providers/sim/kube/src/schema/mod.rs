//! The types of the Kubernetes API: which fields there are, how lists merge.

mod crd;
mod decode;
mod fields;
mod openapi;
mod parse;
mod types;
mod wire;

pub(crate) use crd::custom_type;
pub(crate) use decode::decode;
pub(crate) use openapi::{named_schemas, schema_name, schema_of};
use parse::named;
pub(crate) use parse::root_type;
pub(crate) use types::{ListKind, Struct, Type};
pub(crate) use wire::from_wire;
