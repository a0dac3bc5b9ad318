//! etcd's members, as the machine of an administrator reaches them: through the API server.
//!
//! etcd's client port is open to the control planes only. The API server forwards to it as to any
//! port of a pod (`kubectl port-forward`), and etcd itself asks for a client certificate of its own
//! authority, whose key lies in `ssl/<cluster>/`. It speaks JSON beside gRPC. So nothing has to be
//! opened in a firewall, no program has to be in etcd's image, and it works as long as the API server
//! does, which is as long as etcd has a quorum.

mod access;
mod answer;
mod call;
mod identity;
mod member;
mod status;

pub use access::EtcdAccess;
pub use member::Member;
pub use status::MemberStatus;
