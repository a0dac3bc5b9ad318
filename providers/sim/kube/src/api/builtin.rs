use std::sync::{Arc, LazyLock};

use super::kind::{Kind, Subresource};
use crate::schema::{Type, root_type};

/// group version plural kind scope(n|c) short names, categories, subresources; `-` for none.
/// The order is the one discovery shows, and groups are found in.
const TABLE: &str = "
- v1 bindings Binding n - - create-only
- v1 configmaps ConfigMap n cm - -
- v1 endpoints Endpoints n ep - -
- v1 events Event n ev - -
- v1 limitranges LimitRange n limits - -
- v1 namespaces Namespace c ns - finalize,status
- v1 nodes Node c no - proxy,status
- v1 persistentvolumeclaims PersistentVolumeClaim n pvc - status
- v1 persistentvolumes PersistentVolume c pv - status
- v1 pods Pod n po all attach,binding,ephemeralcontainers,eviction,exec,log,portforward,resize,status
- v1 podtemplates PodTemplate n - - -
- v1 replicationcontrollers ReplicationController n rc all scale,status
- v1 resourcequotas ResourceQuota n quota - status
- v1 secrets Secret n - - -
- v1 serviceaccounts ServiceAccount n sa - token
- v1 services Service n svc all status
admissionregistration.k8s.io v1 mutatingwebhookconfigurations MutatingWebhookConfiguration c - api-extensions -
admissionregistration.k8s.io v1 validatingadmissionpolicies ValidatingAdmissionPolicy c - api-extensions status
admissionregistration.k8s.io v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding c - api-extensions -
admissionregistration.k8s.io v1 validatingwebhookconfigurations ValidatingWebhookConfiguration c - api-extensions -
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition c crd,crds api-extensions status
apps v1 controllerrevisions ControllerRevision n - - -
apps v1 daemonsets DaemonSet n ds all status
apps v1 deployments Deployment n deploy all scale,status
apps v1 replicasets ReplicaSet n rs all scale,status
apps v1 statefulsets StatefulSet n sts all scale,status
authentication.k8s.io v1 selfsubjectreviews SelfSubjectReview c - - create-only
authentication.k8s.io v1 tokenreviews TokenReview c - - create-only
authorization.k8s.io v1 localsubjectaccessreviews LocalSubjectAccessReview n - - create-only
authorization.k8s.io v1 selfsubjectaccessreviews SelfSubjectAccessReview c - - create-only
authorization.k8s.io v1 selfsubjectrulesreviews SelfSubjectRulesReview c - - create-only
authorization.k8s.io v1 subjectaccessreviews SubjectAccessReview c - - create-only
autoscaling v2 horizontalpodautoscalers HorizontalPodAutoscaler n hpa all status
autoscaling v1 horizontalpodautoscalers HorizontalPodAutoscaler n hpa all status
batch v1 cronjobs CronJob n cj all status
batch v1 jobs Job n - all status
certificates.k8s.io v1 certificatesigningrequests CertificateSigningRequest c csr - approval,status
coordination.k8s.io v1 leases Lease n - - -
discovery.k8s.io v1 endpointslices EndpointSlice n - - -
events.k8s.io v1 events Event n ev - -
networking.k8s.io v1 ingressclasses IngressClass c - - -
networking.k8s.io v1 ingresses Ingress n ing - status
networking.k8s.io v1 networkpolicies NetworkPolicy n netpol - -
node.k8s.io v1 runtimeclasses RuntimeClass c - - -
policy v1 poddisruptionbudgets PodDisruptionBudget n pdb - status
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding c - - -
rbac.authorization.k8s.io v1 clusterroles ClusterRole c - - -
rbac.authorization.k8s.io v1 rolebindings RoleBinding n - - -
rbac.authorization.k8s.io v1 roles Role n - - -
scheduling.k8s.io v1 priorityclasses PriorityClass c pc - -
storage.k8s.io v1 csidrivers CSIDriver c - - -
storage.k8s.io v1 csinodes CSINode c - - -
storage.k8s.io v1 csistoragecapacities CSIStorageCapacity n - - -
storage.k8s.io v1 storageclasses StorageClass c sc - -
storage.k8s.io v1 volumeattachments VolumeAttachment c - - status
";

static BUILT_IN: LazyLock<Vec<Arc<Kind>>> =
    LazyLock::new(|| TABLE.lines().filter_map(parse).map(Arc::new).collect());

/// Returns the kinds every cluster has.
pub(crate) fn built_in() -> &'static [Arc<Kind>] {
    &BUILT_IN
}

fn words(list: &str) -> Vec<String> {
    list.split(',').filter(|word| *word != "-").map(str::to_owned).collect()
}

fn parse(line: &str) -> Option<Kind> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [group, version, plural, kind, scope, short, categories, subs] = fields.as_slice() else {
        return None;
    };
    let group = if *group == "-" { "" } else { group };
    let create_only = *subs == "create-only";
    let subresources = if create_only { Vec::new() } else { words(subs) };
    Some(Kind {
        group: group.to_owned(),
        version: (*version).to_owned(),
        kind: (*kind).to_owned(),
        plural: (*plural).to_owned(),
        singular: kind.to_lowercase(),
        short: words(short),
        categories: words(categories),
        namespaced: *scope == "n",
        create_only,
        subresources: subresources
            .iter()
            .map(|name| subresource(name, group, version, kind))
            .collect(),
        schema: root_type(group, version, kind).unwrap_or(Type::Any),
        custom: None,
    })
}

/// Makes a subresource of a kind by its name.
pub(crate) fn subresource(name: &str, group: &str, version: &str, kind: &str) -> Subresource {
    let (group, version, kind, verbs): (&str, &str, &str, &[&'static str]) = match name {
        "scale" => ("autoscaling", "v1", "Scale", &["get", "patch", "update"]),
        "eviction" => ("policy", "v1", "Eviction", &["create"]),
        "binding" => ("", "v1", "Binding", &["create"]),
        "token" => ("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        "log" => ("", "v1", "Pod", &["get"]),
        "exec" => ("", "v1", "PodExecOptions", &["create", "get"]),
        "attach" => ("", "v1", "PodAttachOptions", &["create", "get"]),
        "portforward" => ("", "v1", "PodPortForwardOptions", &["create", "get"]),
        "proxy" => ("", "v1", "NodeProxyOptions", &["create", "delete", "get", "patch", "update"]),
        "finalize" => (group, version, kind, &["update"]),
        _ => (group, version, kind, &["get", "patch", "update"]),
    };
    Subresource {
        name: name.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        verbs: verbs.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_kind_has_a_type() {
        assert!(built_in().len() > 50);
        for kind in built_in() {
            assert_ne!(kind.schema, Type::Any, "{}", kind.kind);
        }
    }
}
