//! Certificate authorities, leaf certificates, kubeconfigs, expiry, rotation
