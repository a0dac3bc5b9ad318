//! The objects: as many of each of five kinds. Deployments have no replicas, so that it is the API
//! server and the tools that are measured, not controllers.

use std::fmt::Write;

/// Writes `each` ConfigMaps, Secrets, Services, Deployments and Ingresses in `namespace`.
pub(super) fn manifests(namespace: &str, each: usize) -> String {
    let mut text = String::new();
    for number in 0..each {
        let _ = write!(
            text,
            r"---
apiVersion: v1
kind: ConfigMap
metadata: {{ name: app-{number}, namespace: {namespace}, labels: {{ app: app-{number} }} }}
data: {{ LEVEL: info, NUMBER: 'n{number}' }}
---
apiVersion: v1
kind: Secret
metadata: {{ name: app-{number}, namespace: {namespace}, labels: {{ app: app-{number} }} }}
data: {{ key: c2VjcmV0 }}
---
apiVersion: v1
kind: Service
metadata: {{ name: app-{number}, namespace: {namespace}, labels: {{ app: app-{number} }} }}
spec:
  selector: {{ app: app-{number} }}
  ports: [{{ name: http, port: 80, targetPort: http, protocol: TCP }}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: app-{number}, namespace: {namespace}, labels: {{ app: app-{number} }} }}
spec:
  replicas: 0
  selector: {{ matchLabels: {{ app: app-{number} }} }}
  template:
    metadata: {{ labels: {{ app: app-{number} }} }}
    spec:
      containers:
        - name: web
          image: nginx:1.27.3
          ports: [{{ name: http, containerPort: 80, protocol: TCP }}]
          envFrom: [{{ configMapRef: {{ name: app-{number} }} }}, {{ secretRef: {{ name: app-{number} }} }}]
          resources: {{ requests: {{ cpu: 10m, memory: 16Mi }} }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{ name: app-{number}, namespace: {namespace}, labels: {{ app: app-{number} }} }}
spec:
  ingressClassName: traefik
  rules:
    - host: app-{number}.example.com
      http:
        paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: app-{number}, port: {{ name: http }} }} }} }}]
"
        );
    }
    text
}
