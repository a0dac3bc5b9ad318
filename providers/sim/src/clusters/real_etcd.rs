//! The same changes of members, asked of a real etcd on loopback and of the embedded one's rules.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::member_rules::{
    MemberRefusal, may_add, may_list, may_promote, may_remove, may_transfer,
};
use super::record::Member;

/// How long the real one may take to see what the embedded one sees at once.
const AGREE_MAX: Duration = Duration::from_secs(60);
/// etcd gives up by itself after 7 s what it gives up at all.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const UNKNOWN: &str = "nobody";

/// What is asked, by the names of members.
#[derive(Debug, Clone, Copy)]
enum Step {
    List,
    /// The same, asked of another one than the first.
    ListAt(&'static str),
    /// The first one reads a key, which a majority has to confirm.
    Read,
    Add(&'static str),
    AddLearner(&'static str),
    Promote(&'static str),
    Remove(&'static str),
    /// The first is asked to let the second lead.
    Transfer(&'static str, &'static str),
    /// It leads from now on, whoever led before; what comes of it is not compared.
    Lead(&'static str),
    /// Its process begins.
    Start(&'static str),
    /// Its process ends, without a word.
    Stop(&'static str),
}

use Step::{Add, AddLearner, Lead, List, ListAt, Promote, Read, Remove, Start, Stop, Transfer};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The members: name, whether it has started, whether it is a learner.
    Members(BTreeSet<(String, bool, bool)>),
    Refused {
        status: u16,
        code: u64,
        reason: String,
    },
    NoAnswer,
    /// Whether the read is answered.
    Answered(bool),
}

/// The embedded one.
#[derive(Default)]
struct Embedded {
    leader: u64,
    members: Vec<Member>,
    up: BTreeSet<u64>,
}

fn number(name: &str) -> u64 {
    name.bytes().map(u64::from).sum()
}

impl Embedded {
    fn member(name: &str, learner: bool) -> Member {
        Member {
            droplet: number(name),
            port: 6443,
            socket: None,
            cert_pem: String::new(),
            key_pem: String::new(),
            learner,
            id: number(name),
            name: String::new(),
            address: name.to_owned(),
            version: String::new(),
        }
    }

    fn start(&mut self, name: &str) {
        self.up.insert(number(name));
        for member in self.members.iter_mut().filter(|member| member.id == number(name)) {
            name.clone_into(&mut member.name);
        }
    }

    /// Returns the outcome, and the members after it.
    fn outcome(&self, step: Step) -> (Outcome, Vec<Member>) {
        let is_up = |droplet: u64| self.up.contains(&droplet);
        let mut members = self.members.clone();
        let allowed = match step {
            List => may_list(&members, is_up),
            ListAt(name) => {
                let one = members.iter().find(|member| member.id == number(name));
                match one.is_some_and(|one| one.learner) {
                    true => Err(MemberRefusal::Learner),
                    false => may_list(&members, is_up),
                }
            }
            Read => return (Outcome::Answered(may_list(&members, is_up).is_ok()), members),
            Add(name) => may_add(&members, name, false, is_up),
            AddLearner(name) => may_add(&members, name, true, is_up),
            Promote(name) => may_promote(&members, number(name), is_up),
            Remove(name) => may_remove(&members, number(name), is_up),
            Transfer(from, to) => {
                let one = members.iter().find(|member| member.id == number(from));
                match one.is_some_and(|one| one.learner) {
                    true => Err(MemberRefusal::Learner),
                    false => may_transfer(&members, self.leader == number(from), number(to)),
                }
            }
            Start(_) | Stop(_) | Lead(_) => unreachable!("nobody is asked"),
        };
        if let Err(refusal) = allowed {
            let (status, code) = refusal.code();
            let (status, code) = (status.as_u16(), u64::from(code));
            let outcome = match refusal {
                MemberRefusal::NoAnswer => Outcome::NoAnswer,
                _ => Outcome::Refused { status, code, reason: refusal.to_string() },
            };
            return (outcome, members);
        }
        match step {
            Add(name) => members.push(Self::member(name, false)),
            AddLearner(name) => members.push(Self::member(name, true)),
            Remove(name) => members.retain(|member| member.id != number(name)),
            Promote(name) => {
                let promoted = members.iter_mut().filter(|member| member.id == number(name));
                promoted.for_each(|member| member.learner = false);
            }
            Transfer(..) => return (Outcome::Answered(true), members),
            List | ListAt(_) | Read | Start(_) | Stop(_) | Lead(_) => {}
        }
        let told = |one: &Member| (one.address.clone(), !one.name.is_empty(), one.learner);
        (Outcome::Members(members.iter().map(told).collect()), members)
    }
}

/// One real member; its process ends with it.
struct Process {
    name: &'static str,
    client: u16,
    peer: u16,
    child: Option<Child>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Process {
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer)
    }
}

/// The real one.
struct Real {
    dir: tempfile::TempDir,
    http: reqwest::Client,
    members: Vec<Process>,
}

impl Real {
    fn new(names: &[&'static str]) -> Self {
        // All are held until the last one is known, so that none is given twice.
        let held: Vec<TcpListener> =
            (0..names.len() * 2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = held.iter().map(|one| one.local_addr().unwrap().port()).collect();
        let process = |(name, ports): (&&'static str, &[u16])| Process {
            name,
            client: ports[0],
            peer: ports[1],
            child: None,
        };
        Self {
            dir: tempfile::tempdir().unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            members: names.iter().zip(ports.chunks(2)).map(process).collect(),
        }
    }

    fn find(&self, name: &str) -> &Process {
        self.members.iter().find(|one| one.name == name).unwrap()
    }

    fn start(&mut self, name: &str, cluster: &[&str], is_new: bool) {
        let all: Vec<String> =
            cluster.iter().map(|one| format!("{one}={}", self.find(one).peer_url())).collect();
        let data = self.dir.path().join(name);
        let log = std::fs::File::create(self.dir.path().join(format!("{name}.log"))).unwrap();
        let one = self.members.iter_mut().find(|one| one.name == name).unwrap();
        let (peer, client) = (one.peer_url(), format!("http://127.0.0.1:{}", one.client));
        let mut etcd = Command::new("etcd");
        etcd.args(["--name", name, "--data-dir"]).arg(data);
        etcd.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        etcd.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        etcd.args(["--initial-cluster", &all.join(",")]);
        etcd.args(["--initial-cluster-state", if is_new { "new" } else { "existing" }]);
        etcd.args(["--unsafe-no-fsync", "--log-level", "error"]);
        one.child = Some(etcd.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    async fn post(&self, path: &str, body: Value) -> Option<(u16, Value)> {
        // The first one is asked: it runs all the time.
        self.post_to(&self.members[0], path, body).await
    }

    async fn post_to(&self, to: &Process, path: &str, body: Value) -> Option<(u16, Value)> {
        let url = format!("http://127.0.0.1:{}/v3/{path}", to.client);
        let asked = async {
            let answer = self.http.post(url).json(&body).send().await.ok()?;
            Some((answer.status().as_u16(), answer.json().await.ok()?))
        };
        tokio::time::timeout(ANSWER_MAX, asked).await.ok()?
    }

    fn name_of(&self, member: &Value) -> String {
        let url = member["peerURLs"][0].as_str().unwrap();
        let one = self.members.iter().find(|one| one.peer_url() == url);
        one.map_or_else(|| url.to_owned(), |one| one.name.to_owned())
    }

    /// Returns a member's number, from what the first one remembers.
    async fn id(&self, name: &str) -> Option<String> {
        let (_, answer) = self.post("cluster/member/list", json!({})).await?;
        let all = answer["members"].as_array()?;
        let found = all.iter().find(|one| self.name_of(one) == name)?;
        Some(found["ID"].as_str()?.to_owned())
    }

    async fn outcome(&self, step: Step) -> Outcome {
        let peer = |name: &str| json!([self.find(name).peer_url()]);
        let (path, body) = match step {
            Read => ("kv/range", json!({"key": "aGVhbHRo"})),
            List | ListAt(_) => ("cluster/member/list", json!({"linearizable": true})),
            Add(name) => ("cluster/member/add", json!({"peerURLs": peer(name)})),
            AddLearner(name) => {
                ("cluster/member/add", json!({"peerURLs": peer(name), "isLearner": true}))
            }
            Promote(name) | Remove(name) => {
                let path = if matches!(step, Promote(_)) {
                    "cluster/member/promote"
                } else {
                    "cluster/member/remove"
                };
                (path, json!({"ID": self.id(name).await.unwrap_or_else(|| "7".into())}))
            }
            Transfer(_, to) => {
                let id = self.id(to).await.unwrap_or_else(|| "7".into());
                ("maintenance/transfer-leadership", json!({"targetID": id}))
            }
            Start(_) | Stop(_) | Lead(_) => unreachable!("nobody is asked"),
        };
        let posted = match step {
            Transfer(name, _) | ListAt(name) => self.post_to(self.find(name), path, body).await,
            _ => self.post(path, body).await,
        };
        if matches!(step, Read) {
            return Outcome::Answered(posted.is_some_and(|(status, _)| status == 200));
        }
        let Some((status, answer)) = posted else { return Outcome::NoAnswer };
        if status != 200 {
            let code = answer["code"].as_u64().unwrap_or_default();
            let reason = answer["message"].as_str().unwrap_or_default().to_owned();
            return Outcome::Refused { status, code, reason };
        }
        if matches!(step, Transfer(..)) {
            return Outcome::Answered(true);
        }
        let told = |one: &Value| {
            let started = one["name"].as_str().is_some_and(|name| !name.is_empty());
            (self.name_of(one), started, one["isLearner"] == true)
        };
        Outcome::Members(answer["members"].as_array().unwrap().iter().map(told).collect())
    }

    /// Lets `name` lead, and waits until it does.
    async fn lead(&self, name: &str) {
        let wanted = self.id(name).await.unwrap();
        let begun = Instant::now();
        loop {
            let status = self.post("maintenance/status", json!({})).await;
            let leader = status.and_then(|(_, told)| Some(told["leader"].as_str()?.to_owned()));
            if leader.as_ref() == Some(&wanted) {
                return;
            }
            for one in &self.members {
                if leader.is_some() && self.id(one.name).await == leader {
                    let body = json!({"targetID": wanted});
                    self.post_to(one, "maintenance/transfer-leadership", body).await;
                }
            }
            assert!(begun.elapsed() < AGREE_MAX, "{name} does not lead, but {leader:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the first member has, or has lost, its connection to another one.
    async fn until_connected(&self, name: &str, wanted: bool) {
        let Some(id) = self.id(name).await else { return };
        let remote = format!("Remote=\"{:x}\"", id.parse::<u64>().unwrap());
        let url = format!("http://127.0.0.1:{}/metrics", self.members[0].client);
        let begun = Instant::now();
        loop {
            let text = match self.http.get(&url).send().await {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            let line = text.lines().find(|line| {
                line.starts_with("etcd_network_active_peers{") && line.contains(&remote)
            });
            let is_connected = line.is_some_and(|line| !line.ends_with(" 0"));
            if !text.is_empty() && is_connected == wanted {
                return;
            }
            assert!(begun.elapsed() < AGREE_MAX, "{name} is connected: {is_connected}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Takes a step in both; the real one may see a change of its members' health a little later.
async fn agree(embedded: &mut Embedded, real: &Real, at: usize, step: Step) {
    let (expected, members) = embedded.outcome(step);
    let begun = Instant::now();
    loop {
        let got = real.outcome(step).await;
        if got == expected {
            break;
        }
        let is_over = matches!(got, Outcome::Members(_)) && !matches!(step, List | ListAt(_))
            || begun.elapsed() > AGREE_MAX;
        assert!(!is_over, "step {at}, {step:?}\n real: {got:?}\n embedded: {expected:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    embedded.members = members;
}

#[tokio::test]
async fn the_embedded_etcd_answers_changes_of_members_as_the_real_one_does() {
    let there = Command::new("etcd").arg("--version").output();
    if !there.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: there is no etcd in PATH, so the embedded one was not compared with it"
        );
        return;
    }
    let mut real = Real::new(&["a", "b", "c", "d", "e", "f"]);
    let mut embedded = Embedded::default();
    let mut first = vec!["a", "b", "c"];
    for name in &first {
        embedded.members.push(Embedded::member(name, false));
        embedded.start(name);
        real.start(name, &first, true);
    }
    let steps = [
        // All run.
        List,
        Read,
        Remove(UNKNOWN),
        Promote(UNKNOWN),
        Promote("b"),
        Add("b"),
        AddLearner("d"),
        AddLearner("d"),
        AddLearner("e"),
        Promote("d"),
        Start("d"),
        ListAt("d"),
        // Leadership is given away by who has it, to one that votes.
        Lead("a"),
        Transfer("b", "c"),
        Transfer("d", "b"),
        Transfer("a", "d"),
        Transfer("a", UNKNOWN),
        Transfer("a", "b"),
        Lead("a"),
        Promote("d"),
        ListAt("d"),
        Promote("d"),
        Remove("d"),
        Stop("d"),
        // A voter that never started.
        Add("e"),
        Add("f"),
        AddLearner("f"),
        Remove("e"),
        // One of three is down.
        Stop("c"),
        List,
        Read,
        Add("f"),
        AddLearner("f"),
        Remove("b"),
        Remove(UNKNOWN),
        Promote(UNKNOWN),
        // Two of three are.
        Stop("b"),
        List,
        Read,
        Add("f"),
        AddLearner("f"),
        Remove("c"),
        Remove("a"),
        Remove(UNKNOWN),
        Promote(UNKNOWN),
        // Back again, without the dead one, and down to one.
        Start("b"),
        Remove("c"),
        List,
        Add("f"),
        Remove("f"),
        Remove("b"),
        List,
        Remove("a"),
        Add("f"),
        List,
        Add("e"),
    ];
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Start(name) => {
                if !first.contains(&name) {
                    first.push(name);
                }
                embedded.start(name);
                real.start(name, &first, false);
                real.until_connected(name, true).await;
            }
            Stop(name) => {
                embedded.up.remove(&number(name));
                let one = real.members.iter_mut().find(|one| one.name == name).unwrap();
                one.stop();
                real.until_connected(name, false).await;
            }
            Lead(name) => {
                real.lead(name).await;
                embedded.leader = number(name);
            }
            _ => agree(&mut embedded, &real, at, step).await,
        }
        if let Transfer(from, to) = step
            && embedded.leader == number(from)
            && embedded.members.iter().any(|member| member.id == number(to) && !member.learner)
        {
            embedded.leader = number(to);
        }
    }
}
