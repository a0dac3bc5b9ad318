//! What a pod asks of its node.

use serde_json::Value;

use super::object::ObjectExt;
use crate::quantity::Quantity;

/// The most that one request counts as. No machine has as much, and the sum of a node still fits.
const MOST: i64 = 1 << 53;

/// Requested CPU and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Thousandths of a CPU.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory: i64,
}

impl Requests {
    /// Computes the effective request of a pod spec: the sum over its containers and the init
    /// containers that keep running. If its largest init container asks for more, that counts
    /// instead. The overhead is added.
    pub fn of_pod(spec: &Value) -> Self {
        let mut run = Self::default();
        for c in spec.list_at("/containers") {
            run.add(Self::of_container(c));
        }
        let mut peak = Self::default();
        let mut sidecars = Self::default();
        for c in spec.list_at("/initContainers") {
            let mut r = Self::of_container(c);
            if c["restartPolicy"] == "Always" {
                sidecars.add(r);
                continue;
            }
            r.add(sidecars);
            peak = peak.max(r);
        }
        run.add(sidecars);
        let mut total = run.max(peak);
        total.add(Self::of_list(&spec["overhead"]));
        total
    }

    fn of_container(c: &Value) -> Self {
        let asked = Self::of_list(c.at("/resources/requests"));
        let limit = Self::of_list(c.at("/resources/limits"));
        // What is limited and not requested is requested at its limit, as the API defaults it.
        let pick = |key: &str, a: i64, l: i64| {
            if c.at("/resources/requests")[key].is_null() { l } else { a }
        };
        Self {
            cpu_milli: pick("cpu", asked.cpu_milli, limit.cpu_milli),
            memory: pick("memory", asked.memory, limit.memory),
        }
    }

    fn of_list(v: &Value) -> Self {
        Self {
            cpu_milli: Quantity::read(&v["cpu"]).map_or(0, Quantity::milli).min(MOST),
            memory: Quantity::read(&v["memory"]).map_or(0, Quantity::whole).min(MOST),
        }
    }

    fn add(&mut self, o: Self) {
        self.cpu_milli += o.cpu_milli;
        self.memory += o.memory;
    }

    fn max(self, o: Self) -> Self {
        Self { cpu_milli: self.cpu_milli.max(o.cpu_milli), memory: self.memory.max(o.memory) }
    }

    /// Returns the quality of service class that follows from requests and limits.
    pub fn qos_class(spec: &Value) -> &'static str {
        let mut any = false;
        let mut guaranteed = true;
        for c in spec.list_at("/containers").iter().chain(spec.list_at("/initContainers")) {
            for key in ["cpu", "memory"] {
                let limit = Quantity::read(&c.at("/resources/limits")[key]).map(Quantity::milli);
                let asked = Quantity::read(&c.at("/resources/requests")[key]);
                let asked = asked.map(Quantity::milli).or(limit);
                any |= asked.is_some_and(|a| a > 0) || limit.is_some_and(|l| l > 0);
                guaranteed &= limit.is_some() && asked == limit;
            }
        }
        match (any, guaranteed) {
            (false, _) => "BestEffort",
            (true, true) => "Guaranteed",
            (true, false) => "Burstable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_large_init_container_counts_instead_of_the_sum() {
        let c = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": "1Mi"}}});
        let spec = json!({"containers": [c("100m"), c("200m")], "initContainers": [c("1")]});
        let r = Requests::of_pod(&spec);
        assert_eq!((r.cpu_milli, r.memory), (1000, 2 << 20));
    }

    #[test]
    fn exotic_amounts_count() {
        let spec = |memory: &str| {
            let requests = json!({"cpu": "500000u", "memory": memory});
            json!({"containers": [{"resources": {"requests": requests}}]})
        };
        let asked = |memory: &str| Requests::of_pod(&spec(memory)).memory;
        assert_eq!(Requests::of_pod(&spec("1Gi")).cpu_milli, 500);
        assert_eq!(asked("1e9"), 1_000_000_000);
        assert_eq!(asked("1Ei"), MOST);
    }

    #[test]
    fn qos() {
        let c = |r: Value| json!({"containers": [{"resources": r}]});
        assert_eq!(Requests::qos_class(&c(json!({}))), "BestEffort");
        let both = json!({"limits": {"cpu": "1", "memory": "1Gi"}});
        assert_eq!(Requests::qos_class(&c(both)), "Guaranteed");
        assert_eq!(Requests::qos_class(&c(json!({"requests": {"cpu": "1"}}))), "Burstable");
    }
}
