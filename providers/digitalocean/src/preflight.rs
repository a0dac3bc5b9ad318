//! Whether region, sizes, images and limits fit, before anything is created.

use std::collections::BTreeSet;

use infra_provider_api::{CloudError, Cluster, Context, Diagnostic, SizeRequest, Source};

use crate::{
    client::Client,
    sizes::Sizes,
    wire::{AccountAnswer, Image, Region, SizeListed},
};

/// Checks what DigitalOcean offers and the account's limits. It makes five calls side by side,
/// however large the cluster. It makes none if no machine is to be made, because then everything
/// has been checked before.
pub(crate) async fn preflight(
    client: &Client,
    cx: &Context,
    cluster: &Cluster,
    machines_new: usize,
) -> Result<Vec<Diagnostic>, CloudError> {
    if machines_new == 0 {
        return Ok(Vec::new());
    }
    let operation = "check what DigitalOcean offers";
    let base = [("type", "distribution")];
    let (regions, sizes, images, account, machines) = futures::try_join!(
        client.list_shared::<Region>(cx, operation, &["regions"], &[], "regions"),
        client.list_shared::<SizeListed>(cx, operation, &["sizes"], &[], "sizes"),
        client.list_shared::<Image>(cx, operation, &["images"], &base, "images"),
        client.get::<AccountAnswer>(cx, operation, &["account"], &[]),
        client.count(cx, operation, &["droplets"], "droplets"),
    )?;
    let offer = Offer { regions, sizes, images };
    let mut problems = offer.problems(cluster);
    let limit = account.account.droplet_limit as usize;
    problems.extend(over_limit(limit, machines, machines_new));
    if account.account.status == "locked" {
        let message = format!("the account is locked: {}", account.account.status_message);
        let help = "see https://cloud.digitalocean.com/account";
        problems.push(Diagnostic::new(message).help(help));
    }
    Ok(problems)
}

/// What the vendor has.
struct Offer {
    regions: Vec<Region>,
    sizes: Vec<SizeListed>,
    images: Vec<Image>,
}

impl Offer {
    fn problems(&self, cluster: &Cluster) -> Vec<Diagnostic> {
        let region = &cluster.region;
        let source = cluster.region_source.as_ref();
        match self.regions.iter().find(|known| known.slug == *region) {
            None => {
                let slugs = self.regions.iter().map(|known| known.slug.as_str());
                return vec![unknown("region", region, slugs, source)];
            }
            Some(known) if !known.available => {
                let open = self.regions.iter().filter(|known| known.available);
                let open: Vec<&str> = open.map(|known| known.slug.as_str()).collect();
                let found = Diagnostic::new(format!("region `{region}` takes no new machines"))
                    .help(format!("these do: {}", open.join(", ")));
                return vec![found.in_source(source)];
            }
            Some(_) => {}
        }
        let mut problems = Vec::new();
        let (mut sizes_seen, mut images_seen) = (BTreeSet::new(), BTreeSet::new());
        let known_sizes = Sizes::known().ok();
        // The image is written in the table of the cloud, not in those of the pools.
        let image_source = cluster.placement.source.as_ref();
        for pool in cluster.pools.iter().filter(|pool| !pool.nodes.is_empty()) {
            let slug = match (&pool.size, &known_sizes) {
                (SizeRequest::Type(slug), _) => Some(slug.clone()),
                (request, Some(known)) => known.slug(request),
                (_, None) => None,
            };
            if let Some(slug) = slug.filter(|slug| sizes_seen.insert(slug.clone())) {
                problems.extend(self.size_problem(&slug, region, pool.size_place()));
            }
            if images_seen.insert(pool.image.clone()) {
                problems.extend(self.image_problem(&pool.image, region, image_source));
            }
        }
        problems
    }

    fn size_problem(
        &self,
        slug: &str,
        region: &str,
        source: Option<&Source>,
    ) -> Option<Diagnostic> {
        let here = |size: &&SizeListed| size.available && size.regions.iter().any(|r| r == region);
        let Some(size) = self.sizes.iter().find(|size| size.slug == slug) else {
            let slugs = self.sizes.iter().filter(here).map(|size| size.slug.as_str());
            return Some(unknown("size", slug, slugs, source));
        };
        if here(&size) {
            return None;
        }
        let near = infra_provider_api::nearest(
            slug,
            self.sizes.iter().filter(here).map(|size| size.slug.as_str()),
        );
        let help = match (size.regions.is_empty(), near) {
            (false, near) => {
                let near = near.map(|near| format!("; here there is `{near}`"));
                format!("it is in {}{}", size.regions.join(", "), near.unwrap_or_default())
            }
            (true, Some(near)) => format!("it is sold out everywhere; here there is `{near}`"),
            (true, None) => "it is sold out everywhere".to_owned(),
        };
        let message = format!("size `{slug}` is not available in region `{region}`");
        Some(Diagnostic::new(message).help(help).in_source(source))
    }

    fn image_problem(
        &self,
        image: &str,
        region: &str,
        source: Option<&Source>,
    ) -> Option<Diagnostic> {
        // Numbers are the account's own snapshots and images.
        if image.parse::<u64>().is_ok() {
            return None;
        }
        let slug = |image: &'_ Image| image.slug.clone();
        let Some(known) = self.images.iter().find(|known| known.slug.as_deref() == Some(image))
        else {
            let slugs: Vec<String> = self.images.iter().filter_map(slug).collect();
            return Some(unknown("image", image, slugs.iter().map(String::as_str), source));
        };
        let here = known.regions.is_empty() || known.regions.iter().any(|r| r == region);
        (!here).then(|| {
            Diagnostic::new(format!("image `{image}` is not available in region `{region}`"))
                .help(format!("it is in {}", known.regions.join(", ")))
                .in_source(source)
        })
    }
}

fn over_limit(limit: usize, machines: usize, machines_new: usize) -> Option<Diagnostic> {
    // Zero is what accounts without a limit show.
    if limit == 0 || machines + machines_new <= limit {
        return None;
    }
    let message = format!(
        "{machines_new} new machines do not fit: the account may have {limit} droplets and has {machines}"
    );
    Some(Diagnostic::new(message).help(
        "ask for a higher limit at https://cloud.digitalocean.com/account/team/limits, or declare fewer",
    ))
}

fn unknown<'a>(
    what: &str,
    given: &str,
    known: impl Iterator<Item = &'a str>,
    source: Option<&Source>,
) -> Diagnostic {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let hint = match infra_provider_api::nearest(given, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.len() <= 20 => format!("there are {}", known.join(", ")),
        None => format!("there are {} of them, see the vendor's list of {what}s", known.len()),
    };
    Diagnostic::new(format!("{what} `{given}` does not exist on DigitalOcean"))
        .help(hint)
        .in_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_what_is_there() {
        assert!(over_limit(10, 5, 5).is_none());
        assert!(over_limit(0, 5, 5).is_none());
        let problem = over_limit(10, 6, 5).unwrap();
        assert!(problem.message.contains("may have 10 droplets and has 6"));
    }
}
