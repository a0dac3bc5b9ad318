//! The columns of the network.

use serde_json::{Value, json};

use super::cells::{few, list, number, text};
use super::column::Cell::*;
use super::column::{AGE, NAME, Table, col, wide};

pub(super) static TABLES: &[Table] = &[
    Table {
        kinds: &["services"],
        columns: &[
            NAME,
            col("Type", Plain("/spec/type")),
            col("Cluster-IP", Text("/spec/clusterIP", "<none>")),
            col("External-IP", With(|o| json!(external(o)))),
            col("Port(s)", With(ports)),
            AGE,
            wide("Selector", Pairs("/spec/selector")),
        ],
    },
    Table { kinds: &["endpoints"], columns: &[NAME, col("Endpoints", With(endpoints)), AGE] },
    Table {
        kinds: &["endpointslices.discovery.k8s.io"],
        columns: &[
            NAME,
            col("AddressType", Plain("/addressType")),
            col("Ports", With(slice_ports)),
            col("Endpoints", With(slice_addresses)),
            AGE,
        ],
    },
    Table {
        kinds: &["ingresses.networking.k8s.io"],
        columns: &[
            NAME,
            col("Class", Text("/spec/ingressClassName", "<none>")),
            col("Hosts", With(hosts)),
            col("Address", With(|o| json!(addresses(o)))),
            col("Ports", With(ingress_ports)),
            AGE,
        ],
    },
    Table {
        kinds: &["ingressclasses.networking.k8s.io"],
        columns: &[
            NAME,
            col("Controller", Plain("/spec/controller")),
            col("Parameters", With(parameters)),
            AGE,
        ],
    },
    Table {
        kinds: &["networkpolicies.networking.k8s.io"],
        columns: &[NAME, col("Pod-Selector", Selector("/spec/podSelector")), AGE],
    },
];

fn addresses(object: &Value) -> String {
    let entries = list(&object["status"]["loadBalancer"]["ingress"]).iter();
    let all = entries.filter_map(|entry| entry["ip"].as_str().or(entry["hostname"].as_str()));
    all.collect::<Vec<_>>().join(",")
}

fn external(service: &Value) -> String {
    let own: Vec<&str> =
        list(&service["spec"]["externalIPs"]).iter().filter_map(Value::as_str).collect();
    match service["spec"]["type"].as_str() {
        Some("ExternalName") => text(&service["spec"]["externalName"]).to_owned(),
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

fn ports(service: &Value) -> Value {
    let all: Vec<String> = list(&service["spec"]["ports"])
        .iter()
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match number(&port["nodePort"]) {
                0 => format!("{}/{protocol}", number(&port["port"])),
                node => format!("{}:{node}/{protocol}", number(&port["port"])),
            }
        })
        .collect();
    if all.is_empty() { json!("<none>") } else { json!(all.join(",")) }
}

fn endpoints(object: &Value) -> Value {
    let mut all = Vec::new();
    for subset in list(&object["subsets"]) {
        for address in list(&subset["addresses"]) {
            for port in list(&subset["ports"]) {
                all.push(format!("{}:{}", text(&address["ip"]), number(&port["port"])));
            }
        }
    }
    few(&all, "<none>")
}

fn slice_ports(slice: &Value) -> Value {
    let ports = list(&slice["ports"]).iter().map(|port| number(&port["port"]).to_string());
    few(&ports.collect::<Vec<_>>(), "<unset>")
}

fn slice_addresses(slice: &Value) -> Value {
    let endpoints = list(&slice["endpoints"]).iter();
    let addresses = endpoints
        .flat_map(|endpoint| list(&endpoint["addresses"]))
        .filter_map(|address| address.as_str().map(str::to_owned));
    few(&addresses.collect::<Vec<_>>(), "<unset>")
}

fn hosts(ingress: &Value) -> Value {
    let rules = list(&ingress["spec"]["rules"]).iter();
    let hosts = rules.map(|rule| text(&rule["host"])).filter(|host| !host.is_empty());
    few(&hosts.map(str::to_owned).collect::<Vec<_>>(), "*")
}

fn ingress_ports(ingress: &Value) -> Value {
    json!(if list(&ingress["spec"]["tls"]).is_empty() { "80" } else { "80, 443" })
}

fn parameters(class: &Value) -> Value {
    let to = &class["spec"]["parameters"];
    if !to.is_object() {
        return json!("<none>");
    }
    json!(format!("{}.{}/{}", text(&to["kind"]), text(&to["apiGroup"]), text(&to["name"])))
}
