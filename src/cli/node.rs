//! `infra node`

use clap::{Args, Subcommand};
use infra_provider_api::NodeSlot;
use infra_provisioning::node::preview;

use super::{global::Global, run::Run};
use crate::{
    session::{CliError, ExitCode, Observation, Purpose, refuse_managed},
    visible::one_line,
};

/// Inspect one node
#[derive(Debug, Args)]
pub struct NodeArgs {
    #[command(subcommand)]
    verb: NodeVerb,
}

#[derive(Debug, Subcommand)]
enum NodeVerb {
    /// Print exactly what a machine gets at boot
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The node.
    node: String,
    /// Only what the cloud hands to the machine.
    #[arg(long, conflicts_with = "kubeadm")]
    user_data: bool,
    /// Only kubeadm's configuration.
    #[arg(long)]
    kubeadm: bool,
    /// Show secrets.
    #[arg(long)]
    reveal: bool,
}

/// Finds the node's present name, from its slot or name.
pub(super) fn known(looked: &Observation, name: &str) -> Result<String, CliError> {
    let nodes = looked.cluster.nodes();
    let (slot, _) = NodeSlot::parse_name(name);
    if let Some((_, node)) =
        nodes.iter().find(|(_, node)| node.name() == name || node.slot == name || node.slot == slot)
    {
        return Ok(node.name());
    }
    let slots: Vec<&str> = nodes.iter().map(|(_, node)| node.slot.as_str()).collect();
    let failure = CliError::local(format!("there is no node `{name}`"));
    Err(match infra_provider_api::nearest(name, slots.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("nodes: {}", slots.join(", "))),
    })
}

/// Runs the verb.
pub async fn node(global: &Global, args: &NodeArgs) -> Result<ExitCode, CliError> {
    let NodeVerb::Show(show) = &args.verb;
    refuse_managed(&global.project()?, "node show")?;
    let run = Run::open(global, "node show").await?;
    let looked = run.observe(Purpose::Show).await?;
    let name = known(&looked, &show.node)?;
    let (kit, lacking) = looked.own()?.kits.kit_to_show(&name).map_err(|error| {
        CliError::local(format!("cannot show what {name} gets yet: {error}")).hint(
            "`infra apply --phase infra` makes the certificates and the load balancer it needs",
        )
    })?;
    if let Some(why) = lacking {
        eprintln!("warning: {}", one_line(&why));
    }
    let files = preview(&kit).map_err(CliError::local)?;
    if global.json {
        let bundle: serde_json::Map<_, _> = files
            .bundle
            .iter()
            .map(|file| (file.path.clone(), file.text(show.reveal).into()))
            .collect();
        let value = serde_json::json!({
            "node": name, "user_data": files.user_data.text(show.reveal), "bundle": bundle
        });
        exactln!("{}", serde_json::to_string_pretty(&value).map_err(CliError::local)?);
    } else if show.user_data {
        exact!("{}", files.user_data.text(show.reveal));
    } else if show.kubeadm {
        let file = files
            .bundle
            .iter()
            .find(|file| file.path.ends_with("kubeadm.yaml"))
            .ok_or_else(|| CliError::local("the bundle has no kubeadm.yaml"))?;
        exact!("{}", file.text(show.reveal));
    } else {
        exact!("{}", files.render(show.reveal));
    }
    Ok(ExitCode::Ok)
}
