//! Deployments, StatefulSets, DaemonSets, Jobs and what hangs on them, straight on the store.

mod controllers_support;

use controllers_support::objects::{condition, deployment, is_true, namespace, template};
use controllers_support::{Sim, apps, pods};
use infra_sim_kube::Resource;
use serde_json::json;

const SPEED: f64 = 10.0;

fn complete(sim: &Sim, name: &str) -> bool {
    let Some(d) = sim.get(&apps("deployments"), name) else {
        return false;
    };
    let n = |k: &str| d["status"][k].as_i64().unwrap_or(0);
    let wanted = d["spec"]["replicas"].as_i64().unwrap_or(1);
    d["status"]["observedGeneration"] == d["metadata"]["generation"]
        && n("updatedReplicas") == wanted
        && n("replicas") == wanted
        && n("availableReplicas") == wanted
        && condition(&d, "Progressing")["reason"] == "NewReplicaSetAvailable"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_comes_up_scales_rolls_and_rolls_back() {
    let sim = Sim::with_workers(2, SPEED).await;
    sim.create(&apps("deployments"), deployment("web", 3));
    sim.until("the deployment is complete", |s| complete(s, "web")).await;
    let d = sim.get(&apps("deployments"), "web").unwrap();
    assert!(is_true(&d, "Available"));
    assert_eq!(d["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    let spread: std::collections::BTreeSet<_> =
        sim.pods_of("web").iter().map(|p| p["spec"]["nodeName"].to_string()).collect();
    assert_eq!(spread.len(), 2, "pods are spread over the nodes");

    sim.edit(&apps("deployments"), "web", |d| d["spec"]["replicas"] = json!(5));
    sim.until("five pods", |s| complete(s, "web") && s.ready_pods_of("web") == 5).await;

    sim.edit(&apps("deployments"), "web", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("example.com/web:2");
    });
    sim.until("the new version everywhere", |s| {
        let ready = s.ready_pods_of("web");
        assert!(ready >= 5, "never fewer than wanted, found {ready}");
        let (sets, _) = s.store().list(&apps("replicasets"), Some("default"));
        let wanted: i64 = sets.iter().filter_map(|r| r["spec"]["replicas"].as_i64()).sum();
        assert!(wanted <= 6, "never more than one above");
        complete(s, "web")
    })
    .await;
    let d = sim.get(&apps("deployments"), "web").unwrap();
    assert_eq!(d["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    let (sets, _) = sim.store().list(&apps("replicasets"), Some("default"));
    assert_eq!(sets.len(), 2);

    sim.edit(&apps("deployments"), "web", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("example.com/web:1");
    });
    sim.until("rolled back to the first set", |s| {
        complete(s, "web")
            && s.pods_of("web")
                .iter()
                .all(|p| p["spec"]["containers"][0]["image"] == "example.com/web:1")
    })
    .await;
    let d = sim.get(&apps("deployments"), "web").unwrap();
    assert_eq!(d["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recreate_has_no_pods_of_two_versions() {
    let sim = Sim::with_workers(1, SPEED).await;
    let mut d = deployment("one", 2);
    d["spec"]["strategy"] = json!({"type": "Recreate"});
    sim.create(&apps("deployments"), d);
    sim.until("complete", |s| complete(s, "one")).await;
    sim.edit(&apps("deployments"), "one", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("example.com/web:2");
    });
    sim.until("replaced", |s| {
        let (all, _) = s.store().list(&pods(), Some("default"));
        let images: std::collections::BTreeSet<_> =
            all.iter().map(|p| p["spec"]["containers"][0]["image"].to_string()).collect();
        assert!(images.len() < 2, "both versions at a time");
        complete(s, "one") && images.iter().all(|i| i.contains(":2"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_cannot_pull_times_out_and_keeps_the_old_pods() {
    let sim = Sim::with_workers(1, 50.0).await;
    let mut d = deployment("web", 2);
    d["spec"]["progressDeadlineSeconds"] = json!(30);
    sim.create(&apps("deployments"), d);
    sim.until("complete", |s| complete(s, "web")).await;
    sim.edit(&apps("deployments"), "web", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!("example.com/web:does-not-exist");
    });
    sim.until("the deadline is exceeded", |s| {
        let d = s.get(&apps("deployments"), "web").unwrap();
        condition(&d, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    })
    .await;
    sim.until("the pod backs off", |s| {
        s.pods_of("web").iter().any(|p| {
            p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
        })
    })
    .await;
    assert_eq!(sim.ready_pods_of("web"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stateful_set_goes_in_order() {
    let sim = Sim::with_workers(1, SPEED).await;
    sim.create(
        &apps("statefulsets"),
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"replicas": 3, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": template("db", "example.com/db:1")}}),
    );
    sim.until("three in order", |s| {
        let ready: Vec<bool> = (0..3)
            .map(|i| s.get(&pods(), &format!("db-{i}")).is_some_and(|p| is_true(&p, "Ready")))
            .collect();
        for i in 1..3 {
            let exists = s.get(&pods(), &format!("db-{i}")).is_some();
            assert!(!exists || ready[i - 1], "db-{i} came before db-{} was ready", i - 1);
        }
        ready.iter().all(|r| *r)
    })
    .await;
    sim.edit(&apps("statefulsets"), "db", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("example.com/db:2");
    });
    sim.until("updated", |s| {
        let d = s.get(&apps("statefulsets"), "db").unwrap();
        let st = &d["status"];
        st["currentRevision"] == st["updateRevision"]
            && st["updatedReplicas"] == 3
            && st["readyReplicas"] == 3
            && st["observedGeneration"] == d["metadata"]["generation"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_set_follows_the_nodes() {
    let sim = Sim::with_workers(2, SPEED).await;
    let set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", "example.com/a:1")}});
    sim.create(&apps("daemonsets"), set);
    sim.until("two", |s| s.ready_pods_of("agent") == 2).await;
    sim.join("worker-3");
    sim.until("three", |s| {
        s.ready_pods_of("agent") == 3
            && s.get(&apps("daemonsets"), "agent").unwrap()["status"]["numberAvailable"] == 3
    })
    .await;
    sim.edit(&apps("daemonsets"), "agent", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("example.com/a:2");
    });
    sim.until("all updated, one at a time", |s| {
        assert!(s.ready_pods_of("agent") >= 2);
        let d = s.get(&apps("daemonsets"), "agent").unwrap();
        d["status"]["updatedNumberScheduled"] == 3
            && d["status"]["numberAvailable"] == 3
            && d["status"]["observedGeneration"] == d["metadata"]["generation"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_completes_and_a_crashing_one_fails() {
    let sim = Sim::with_workers(1, 100.0).await;
    let jobs = Resource::new("batch", "v1", "jobs");
    let mut t = template("job", "example.com/job:1");
    t["spec"]["restartPolicy"] = json!("Never");
    let job = |name: &str, t: &serde_json::Value| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
            "spec": {"completions": 3, "parallelism": 2, "backoffLimit": 1, "template": t}})
    };
    sim.create(&jobs, job("good", &t));
    t["metadata"]["annotations"] = json!({"sim.infra/crash": "true"});
    sim.create(&jobs, job("bad", &t));
    sim.until("one complete, one failed", |s| {
        let good = s.get(&jobs, "good").unwrap();
        let bad = s.get(&jobs, "bad").unwrap();
        is_true(&good, "Complete") && is_true(&bad, "Failed")
    })
    .await;
    let good = sim.get(&jobs, "good").unwrap();
    assert_eq!(good["status"]["succeeded"], 3);
    let bad = sim.get(&jobs, "bad").unwrap();
    assert_eq!(condition(&bad, "Failed")["reason"], "BackoffLimitExceeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cron_job_runs_on_the_simulated_clock() {
    let sim = Sim::with_workers(1, 300.0).await;
    let crons = Resource::new("batch", "v1", "cronjobs");
    let mut t = template("tick", "example.com/job:1");
    t["spec"]["restartPolicy"] = json!("Never");
    sim.create(
        &crons,
        json!({"apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": "* * * * *", "successfulJobsHistoryLimit": 1,
            "jobTemplate": {"spec": {"template": t}}}}),
    );
    let jobs = Resource::new("batch", "v1", "jobs");
    let mut seen = std::collections::BTreeSet::new();
    sim.until("three runs", |s| {
        let (all, _) = s.store().list(&jobs, Some("default"));
        seen.extend(all.iter().map(|j| j["metadata"]["name"].to_string()));
        seen.len() >= 3
    })
    .await;
    sim.edit(&crons, "tick", |c| c["spec"]["suspend"] = json!(true));
    sim.until("the history is short", |s| {
        let (all, _) = s.store().list(&jobs, Some("default"));
        all.len() == 1 && is_true(&all[0], "Complete")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_counts_and_endpoints_follow() {
    let sim = Sim::with_workers(2, SPEED).await;
    let budgets = Resource::new("policy", "v1", "poddisruptionbudgets");
    sim.create(&apps("deployments"), deployment("web", 3));
    sim.create(
        &budgets,
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}}),
    );
    sim.create(
        &Resource::core("services"),
        json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}}),
    );
    sim.until("one may go", |s| {
        let b = s.get(&budgets, "web").unwrap();
        let st = &b["status"];
        st["disruptionsAllowed"] == 1
            && st["expectedPods"] == 3
            && st["currentHealthy"] == 3
            && st["desiredHealthy"] == 2
    })
    .await;
    sim.until("three endpoints", |s| {
        s.get(&Resource::core("endpoints"), "web").is_some_and(|e| {
            e["subsets"][0]["addresses"].as_array().is_some_and(|a| a.len() == 3)
                && e["subsets"][0]["ports"][0]["port"] == 8080
        })
    })
    .await;
    let slices = Resource::new("discovery.k8s.io", "v1", "endpointslices");
    sim.until("three in a slice", |s| {
        let (all, _) = s.store().list(&slices, Some("default"));
        all.iter().any(|s| s["endpoints"].as_array().is_some_and(|e| e.len() == 3))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_owner_takes_its_children_and_a_namespace_its_content() {
    let sim = Sim::with_workers(1, SPEED).await;
    sim.create(&apps("deployments"), deployment("web", 2));
    sim.until("complete", |s| complete(s, "web")).await;
    sim.store().delete(&apps("deployments"), Some("default"), "web").unwrap();
    sim.until("all gone", |s| {
        s.store().list(&apps("replicasets"), Some("default")).0.is_empty()
            && s.store().list(&pods(), Some("default")).0.is_empty()
    })
    .await;

    let spaces = Resource::core("namespaces");
    sim.create(&spaces, namespace("shop"));
    let mut d = deployment("web", 2);
    d["metadata"]["namespace"] = json!("shop");
    sim.create(&apps("deployments"), d);
    sim.until("pods and the default account", |s| {
        s.store().list(&pods(), Some("shop")).0.len() == 2
            && s.store().get(&Resource::core("serviceaccounts"), Some("shop"), "default").is_some()
            && s.store()
                .get(&Resource::core("configmaps"), Some("shop"), "kube-root-ca.crt")
                .is_some()
    })
    .await;
    sim.store().delete(&spaces, None, "shop").unwrap();
    sim.until("the namespace is gone", |s| s.store().get(&spaces, None, "shop").is_none()).await;
    for r in s_kinds(&sim) {
        assert!(sim.store().list(&r, Some("shop")).0.is_empty(), "{r} left");
    }
}

fn s_kinds(sim: &Sim) -> Vec<Resource> {
    let mut all = sim.store().kinds();
    all.retain(|r| r.plural != "events");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreground_deletion_waits_for_the_children() {
    let sim = Sim::with_workers(1, SPEED).await;
    sim.create(&apps("deployments"), deployment("web", 1));
    sim.until("complete", |s| complete(s, "web")).await;
    sim.edit(&apps("deployments"), "web", |d| {
        d["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
    });
    sim.store().delete(&apps("deployments"), Some("default"), "web").unwrap();
    sim.until("gone, last of all", |s| {
        let left = s.get(&apps("deployments"), "web").is_some();
        let pods_left = !s.store().list(&pods(), Some("default")).0.is_empty();
        assert!(left || !pods_left, "the owner went before its pods");
        !left
    })
    .await;
}
