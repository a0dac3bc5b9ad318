//! What `infra init` writes.

/// A commented infra.toml. `NAME` stands for the cluster's name.
pub const STARTER: &str = r#"# One file, one cluster. `infra validate` checks it, `infra plan` shows what it would make.
# An editor that knows JSON Schema helps while typing: `infra validate --schema > infra.schema.json`.

[cluster]
name = "NAME"
provider = "do"                  # the cloud; --provider overrides it
kubernetes = "1.36.2"
# default_environment = "test"   # the overlay taken when --env is not given

[providers.do]
region = "fra1"
image = "ubuntu-24-04-x64"

# Three control planes survive the loss of one. The number must be odd.
[pools.control-plane]
count = 3
vcpus = 2                        # the cheapest machine type with at least this much …
memory = "4GiB"

[pools.worker]
count = 2
type = "s-2vcpu-4gb"             # … or the cloud's own name of a type
# labels = { disk = "ssd" }
# taints = ["dedicated=batch:NoSchedule"]

# Who may log in. The public key, or the file that holds it.
[ssh_keys]
# ops = { file = "~/.ssh/id_ed25519.pub" }

# What is let in from outside. The load balancers, and the nodes among themselves, always are.
# [[firewall]]
# protocol = "tcp"
# ports = "22"
# from = ["203.0.113.0/24"]

# The domain and *.domain will point at the ingress load balancer.
# [dns]
# domain = "example.com"

# [apps]
# base = "apps/base"
# variables = { VERSION = "0.1.0" }

# [environments.test.apps]
# overlay = "apps/test"

# [environments.prod]
# protected = true               # asks for `prod` to be typed
# [environments.prod.apps]
# overlay = "apps/prod"
"#;
