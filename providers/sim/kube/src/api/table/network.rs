use serde_json::{Value, json};

use super::{View, age_of, name, number, or, pairs, selector};

pub(super) fn view(group: &str, plural: &str) -> Option<View> {
    Some(match (group, plural) {
        ("", "services") => View {
            columns: &[
                ("Name", false),
                ("Type", false),
                ("Cluster-IP", false),
                ("External-IP", false),
                ("Port(s)", false),
                ("Age", false),
                ("Selector", true),
            ],
            row: |o| {
                vec![
                    name(o),
                    o["spec"]["type"].clone(),
                    or(&o["spec"]["clusterIP"], "<none>"),
                    json!(external(o)),
                    json!(ports(o)),
                    age_of(o),
                    pairs(&o["spec"]["selector"]),
                ]
            },
        },
        ("", "endpoints") => View {
            columns: &[("Name", false), ("Endpoints", false), ("Age", false)],
            row: |o| {
                let mut list = Vec::new();
                for subset in o["subsets"].as_array().into_iter().flatten() {
                    for address in subset["addresses"].as_array().into_iter().flatten() {
                        for port in subset["ports"].as_array().into_iter().flatten() {
                            list.push(format!(
                                "{}:{}",
                                address["ip"].as_str().unwrap_or_default(),
                                number(&port["port"])
                            ));
                        }
                    }
                }
                vec![name(o), json!(few(&list, 3)), age_of(o)]
            },
        },
        ("discovery.k8s.io", "endpointslices") => View {
            columns: &[
                ("Name", false),
                ("AddressType", false),
                ("Ports", false),
                ("Endpoints", false),
                ("Age", false),
            ],
            row: |o| {
                let ports: Vec<String> = o["ports"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|p| number(&p["port"]).to_string())
                    .collect();
                let addresses: Vec<String> = o["endpoints"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .flat_map(|e| e["addresses"].as_array().into_iter().flatten())
                    .filter_map(|a| a.as_str().map(str::to_owned))
                    .collect();
                let ports = if ports.is_empty() { "<unset>".to_owned() } else { few(&ports, 3) };
                let addresses =
                    if addresses.is_empty() { "<unset>".to_owned() } else { few(&addresses, 3) };
                vec![name(o), o["addressType"].clone(), json!(ports), json!(addresses), age_of(o)]
            },
        },
        ("networking.k8s.io", "ingresses") => View {
            columns: &[
                ("Name", false),
                ("Class", false),
                ("Hosts", false),
                ("Address", false),
                ("Ports", false),
                ("Age", false),
            ],
            row: |o| {
                let hosts: Vec<String> = o["spec"]["rules"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|rule| {
                        rule["host"].as_str().filter(|h| !h.is_empty()).map(str::to_owned)
                    })
                    .collect();
                let hosts = if hosts.is_empty() { "*".to_owned() } else { few(&hosts, 3) };
                let tls = o["spec"]["tls"].as_array().is_some_and(|tls| !tls.is_empty());
                vec![
                    name(o),
                    or(&o["spec"]["ingressClassName"], "<none>"),
                    json!(hosts),
                    json!(addresses(o)),
                    json!(if tls { "80, 443" } else { "80" }),
                    age_of(o),
                ]
            },
        },
        ("networking.k8s.io", "ingressclasses") => View {
            columns: &[
                ("Name", false),
                ("Controller", false),
                ("Parameters", false),
                ("Age", false),
            ],
            row: |o| {
                let p = &o["spec"]["parameters"];
                let parameters = if p.is_object() {
                    format!(
                        "{}.{}/{}",
                        p["kind"].as_str().unwrap_or_default(),
                        p["apiGroup"].as_str().unwrap_or_default(),
                        p["name"].as_str().unwrap_or_default()
                    )
                } else {
                    "<none>".into()
                };
                vec![name(o), o["spec"]["controller"].clone(), json!(parameters), age_of(o)]
            },
        },
        ("networking.k8s.io", "networkpolicies") => View {
            columns: &[("Name", false), ("Pod-Selector", false), ("Age", false)],
            row: |o| vec![name(o), selector(&o["spec"]["podSelector"]), age_of(o)],
        },
        _ => return None,
    })
}

fn few(list: &[String], most: usize) -> String {
    if list.is_empty() {
        return "<none>".into();
    }
    let shown = list[..list.len().min(most)].join(",");
    if list.len() > most { format!("{shown} + {} more...", list.len() - most) } else { shown }
}

fn addresses(object: &Value) -> String {
    let list: Vec<&str> = object["status"]["loadBalancer"]["ingress"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["ip"].as_str().or_else(|| entry["hostname"].as_str()))
        .collect();
    list.join(",")
}

fn external(service: &Value) -> String {
    let own: Vec<&str> = service["spec"]["externalIPs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match service["spec"]["type"].as_str() {
        Some("ExternalName") => {
            service["spec"]["externalName"].as_str().unwrap_or_default().to_owned()
        }
        Some("LoadBalancer") => {
            let given = addresses(service);
            match (given.is_empty(), own.is_empty()) {
                (true, true) => "<pending>".into(),
                (false, true) => given,
                (true, false) => own.join(","),
                (false, false) => format!("{given},{}", own.join(",")),
            }
        }
        _ if own.is_empty() => "<none>".into(),
        _ => own.join(","),
    }
}

fn ports(service: &Value) -> String {
    let list: Vec<String> = service["spec"]["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match number(&port["nodePort"]) {
                0 => format!("{}/{protocol}", number(&port["port"])),
                node => format!("{}:{node}/{protocol}", number(&port["port"])),
            }
        })
        .collect();
    if list.is_empty() { "<none>".into() } else { list.join(",") }
}
