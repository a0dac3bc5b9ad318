//! What the cloud's own controllers do: the cloud-controller-manager and the CSI driver. They act
//! only when their workloads run in the cluster, with a token.

mod driver;
mod ingress;
mod load_balancer;
mod node;

pub use driver::{CSI, find, is_driver_change};
pub use ingress::IngressStatus;
pub use load_balancer::LoadBalancers;
pub use node::CloudNodes;
