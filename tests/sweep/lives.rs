//! A cluster that is made, changed and destroyed by runs whose every action is troubled.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use infra::{
    config,
    rotate::Generations,
    session::{Session, SessionOptions},
};
use infra_provider_api::{NoProgress, Phase};
use xtask::sweep::{Lab, Provider, SUITE, Tools};

use super::{
    failing_kinds::{Log, Trouble},
    runs::Runs,
};

const SPEED: f64 = 25.0;

/// A session works in the current folder, of which a program has one.
static FOLDER: Mutex<()> = Mutex::new(());

/// A site with a certificate, beside the suite of the other sweeps.
const SITE: &str = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: site, namespace: shop }
spec:
  tls: [{ hosts: [shop.lab.example.com], secretName: site-tls }]
  rules:
    - host: shop.lab.example.com
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: api, port: { number: 80 } } } }] }
";

/// The life of a cluster.
pub struct Life {
    pub provider: Provider,
    /// The infra.toml at first.
    pub declared: String,
    /// And later.
    pub changed: String,
    /// Whether a machine of a pool is replaced, too.
    pub rotates: bool,
    /// Kinds that no file can declare: a destroy deletes them.
    pub made_by_kubernetes: &'static [&'static str],
    /// Come with their machine: after a failed run, the next one may find them there.
    pub join_by_themselves: &'static [&'static str],
    /// Kinds of which this life has nothing.
    pub left_out: &'static [&'static str],
}

fn options() -> SessionOptions {
    SessionOptions {
        file: PathBuf::from("infra.toml"),
        spec: config::Options::default(),
        sim: true,
        sim_speed: Some(SPEED),
    }
}

/// Begins to replace a machine of a pool, as `rotate-node` does; the next apply goes on with it.
async fn begin_rotation() {
    let session = Session::open(&options(), Arc::new(NoProgress)).await.unwrap();
    let kind = session.cloud.plane.managed().unwrap().machine_kind;
    let kinds = session.cloud.provider.kinds();
    let machines = kinds.iter().find(|one| one.name() == kind).unwrap();
    let machines = machines.list_owned(&session.cx).await.unwrap();
    let folder = session.layout.state.clone();
    let mut generations = Generations::read(&folder).unwrap();
    generations.begin_machine(machines[0].address.name(), 2);
    generations.write(&folder).unwrap();
}

impl Life {
    /// Leads it twice: with every action made twice, and with every action failed once and lost once. Both
    /// lead to the same world, every kind takes part, and nothing is left.
    pub fn lead(&self) {
        let _folder = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let home = std::env::current_dir().unwrap();
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_infra"));
        let tools = Tools { binary, speed: SPEED, provider: self.provider };
        let mut shapes = Vec::new();
        for how in [Trouble::Twice, Trouble::FailsOnceAndIsLostOnce] {
            let lab = Lab::empty(&tools).unwrap();
            lab.write("infra.toml", &self.declared).unwrap();
            lab.write("apps/all.yaml", SUITE).unwrap();
            lab.write("apps/site.yaml", SITE).unwrap();
            lab.start_cloud(Some(7)).unwrap();
            lab.let_gke_leave().unwrap();
            std::env::set_current_dir(lab.path()).unwrap();
            let log = Arc::new(Mutex::new(Log::default()));
            let phase = Phase::default();
            let runs = Runs { session: options(), phase, how, log: Arc::clone(&log) };
            let mut took = BTreeMap::new();

            took.insert("create", runtime.block_on(runs.converge(false)));
            runtime.block_on(runs.assert_settled("created"));
            let looked = runtime.block_on(runs.observe());
            let names: Vec<&str> = looked.kinds.names().collect();
            lab.write("infra.toml", &self.changed).unwrap();
            lab.write("apps/all.yaml", &SUITE.replace("green", "blue")).unwrap();
            lab.write("apps/site.yaml", &SITE.replace("shop.lab", "store.lab")).unwrap();
            took.insert("update", runtime.block_on(runs.converge(false)));
            runtime.block_on(runs.assert_settled("updated"));
            if self.rotates {
                runtime.block_on(begin_rotation());
                took.insert("rotation", runtime.block_on(runs.converge(false)));
                runtime.block_on(runs.assert_settled("rotated"));
            }
            shapes.push(lab.shape_at_rest().unwrap());
            took.insert("destroy", runtime.block_on(runs.converge(true)));
            assert_eq!(lab.shape().unwrap(), BTreeMap::new(), "{how:?}: something is left");
            std::env::set_current_dir(&home).unwrap();

            let log = log.lock().unwrap();
            assert!(log.broken.is_empty(), "{:#?}", log.broken);
            eprintln!("{how:?}: runs {took:?}; {:?}", log.actions);
            for name in names.into_iter().filter(|name| !self.left_out.contains(name)) {
                self.assert_took_part(name, how, &log);
            }
        }
        assert_eq!(shapes[0], shapes[1], "both ways lead to the same world");
    }

    fn assert_took_part(&self, name: &str, how: Trouble, log: &Log) {
        let actions = log.actions.get(name);
        let wanted = if self.made_by_kubernetes.contains(&name) { "delete" } else { "create" };
        let by_itself =
            name == "volume" || how != Trouble::Twice && self.join_by_themselves.contains(&name);
        let there = by_itself || actions.is_some_and(|all| all.contains(wanted));
        assert!(there, "{name} is registered, and its cluster's file never makes one");
    }
}
