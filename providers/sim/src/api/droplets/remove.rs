//! `DELETE /v2/droplets`: by id, and by tag.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::find;
use crate::api::{Answer, Api, Ctx, Listing, Refusal, Reply};
use crate::world::{Droplet, State as World};

/// Removes a droplet and all traces of it in other resources.
pub fn remove(w: &mut World, id: u64) -> Option<Arc<Droplet>> {
    let droplet = w.droplets.remove(id)?;
    w.user_data.remove(id);
    for volume in &droplet.volume_ids {
        if let Some(seq) = w.volumes.by_id(volume).map(|v| v.seq) {
            w.volumes.modify(seq, |v| v.droplet_id = None);
        }
    }
    let firewalls: Vec<u64> =
        w.firewalls.iter().filter(|f| f.droplet_ids.contains(&id)).map(|f| f.seq).collect();
    for seq in firewalls {
        w.firewalls.modify(seq, |f| f.droplet_ids.retain(|d| *d != id));
    }
    let balancers: Vec<u64> =
        w.load_balancers.iter().filter(|l| l.droplet_ids.contains(&id)).map(|l| l.seq).collect();
    for seq in balancers {
        w.load_balancers.modify(seq, |l| l.droplet_ids.retain(|d| *d != id));
    }
    let reserved: Vec<u64> =
        w.reserved_ips.iter().filter(|r| r.droplet_id == Some(id)).map(|r| r.seq).collect();
    for seq in reserved {
        w.reserved_ips.modify(seq, |r| r.droplet_id = None);
    }
    Some(droplet)
}

async fn tell(api: &Api, droplets: Vec<Arc<Droplet>>) {
    for droplet in droplets {
        if let Some(machines) = api.sim.machines() {
            machines.deleted(&droplet).await;
        }
        api.sim.net.remove_droplet(droplet.id);
    }
}

pub async fn delete(State(api): Ctx, Path(id): Path<String>) -> Reply {
    let gone = api.sim.world.write(|w| {
        let id = find(w, &id)?.id;
        Ok(remove(w, id))
    })?;
    tell(&api, gone.into_iter().collect()).await;
    Ok(Answer::no_content())
}

pub async fn delete_by_tag(State(api): Ctx, listing: Listing) -> Reply {
    let tag = listing
        .query("tag_name")
        .filter(|t| !t.is_empty())
        .ok_or_else(|| Refusal::unprocessable("tag_name is required"))?;
    let gone = api.sim.world.write(|w| {
        if w.tags.by_id(&tag.to_ascii_lowercase()).is_none() {
            return Err(Refusal::not_found());
        }
        let ids: Vec<u64> = w.droplets.by_tag(tag).map(|d| d.id).collect();
        Ok(ids.into_iter().filter_map(|id| remove(w, id)).collect())
    })?;
    tell(&api, gone).await;
    Ok(Answer::no_content())
}
