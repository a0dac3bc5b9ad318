//! The kubelet's and kube-proxy's own documents: only their top-level field names are checked.

use serde_yaml_ng::Value;

use crate::stand_in::Failure;

/// Fields of `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1).
const KUBELET: &str = "apiVersion kind enableServer staticPodPath podLogsDir syncFrequency fileCheckFrequency \
 httpCheckFrequency staticPodURL staticPodURLHeader address port readOnlyPort tlsCertFile tlsPrivateKeyFile \
 tlsCipherSuites tlsMinVersion tlsCurvePreferences rotateCertificates serverTLSBootstrap authentication authorization \
 registryPullQPS registryBurst imagePullCredentialsVerificationPolicy preloadedImagesVerificationAllowlist \
 eventRecordQPS eventBurst enableDebuggingHandlers enableContentionProfiling healthzPort healthzBindAddress \
 oomScoreAdj clusterDomain clusterDNS streamingConnectionIdleTimeout nodeStatusUpdateFrequency \
 nodeStatusReportFrequency nodeLeaseDurationSeconds imageMinimumGCAge imageMaximumGCAge \
 imageGCHighThresholdPercent imageGCLowThresholdPercent volumeStatsAggPeriod kubeletCgroups systemCgroups \
 cgroupRoot cgroupsPerQOS cgroupDriver cpuManagerPolicy singleProcessOOMKill cpuManagerPolicyOptions \
 cpuManagerReconcilePeriod memoryManagerPolicy topologyManagerPolicy topologyManagerScope \
 topologyManagerPolicyOptions qosReserved runtimeRequestTimeout hairpinMode maxPods podCIDR podPidsLimit \
 resolvConf runOnce cpuCFSQuota cpuCFSQuotaPeriod nodeStatusMaxImages maxOpenFiles contentType kubeAPIQPS \
 kubeAPIBurst serializeImagePulls maxParallelImagePulls evictionHard evictionSoft evictionSoftGracePeriod \
 evictionPressureTransitionPeriod evictionMaxPodGracePeriod evictionMinimumReclaim mergeDefaultEvictionSettings \
 podsPerCore enableControllerAttachDetach protectKernelDefaults makeIPTablesUtilChains iptablesMasqueradeBit \
 iptablesDropBit featureGates failSwapOn memorySwap containerLogMaxSize containerLogMaxFiles \
 containerLogMaxWorkers containerLogMonitorInterval configMapAndSecretChangeDetectionStrategy systemReserved \
 kubeReserved reservedSystemCPUs showHiddenMetricsForVersion systemReservedCgroup kubeReservedCgroup \
 enforceNodeAllocatable allowedUnsafeSysctls volumePluginDir providerID kernelMemcgNotification logging \
 enableSystemLogHandler enableSystemLogQuery shutdownGracePeriod shutdownGracePeriodCriticalPods \
 shutdownGracePeriodByPodPriority crashLoopBackOff reservedMemory enableProfilingHandler \
 enableDebugFlagsHandler seccompDefault memoryThrottlingFactor registerWithTaints registerNode tracing \
 localStorageCapacityIsolation containerRuntimeEndpoint imageServiceEndpoint failCgroupV1 userNamespaces";

/// Fields of `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1).
const PROXY: &str = "apiVersion kind featureGates clientConnection logging hostnameOverride bindAddress \
 healthzBindAddress metricsBindAddress bindAddressHardFail enableProfiling showHiddenMetricsForVersion mode \
 iptables ipvs nftables winkernel detectLocalMode detectLocal clusterCIDR nodePortAddresses oomScoreAdj conntrack \
 configSyncPeriod portRange windowsRunAsService";

/// Refuses unknown top-level fields.
pub fn check_component(value: &Value, kind: &str) -> Result<(), Failure> {
    let known = if kind == "KubeletConfiguration" { KUBELET } else { PROXY };
    let Some(map) = value.as_mapping() else {
        return Err(Failure::new(format!("{kind}: not a mapping")));
    };
    for key in map.keys().filter_map(Value::as_str) {
        if !known.split_whitespace().any(|k| k == key) {
            return Err(Failure::new(format!(
                "error unmarshaling configuration schema.GroupVersionKind{{Kind:\"{kind}\"}}: strict decoding error: unknown field \"{key}\""
            )));
        }
    }
    Ok(())
}
