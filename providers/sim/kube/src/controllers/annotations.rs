//! Annotations of simulated Nodes: what their kubelets do and which certificate they serve with.

/// Annotation of a simulated Node: whether its kubelet runs (`running`, `stopped`).
pub const KUBELET: &str = "sim.infra/kubelet";
/// Annotation of a simulated Node: since when its kubelet is silent.
pub const STOPPED_AT: &str = "sim.infra/kubelet-stopped-at";
/// Annotation of a simulated Node whose kubelet asks for its certificate; others sign their own.
pub const ASKS: &str = "sim.infra/kubelet-asks";
/// Annotation of a simulated Node: the certificate that its kubelet serves with, PEM.
pub const SERVING: &str = "sim.infra/kubelet-serving";
