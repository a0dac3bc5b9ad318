//! Prepared folders: made once, copied for each case.

use std::collections::BTreeMap;

use infra_sim::Limits;

use super::{Before, Lab, SweepError, lab::Tools, scenario};

/// A prepared folder whose cloud is stopped.
pub struct Base(Lab);

impl Base {
    /// Prepares it. Seeds keep the addresses of clouds that run side by side apart.
    ///
    /// # Errors
    /// Returns an error if an undisturbed run does not succeed.
    pub fn prepare(tools: &Tools, before: Before, seed: u64) -> Result<Self, SweepError> {
        let mut lab = Lab::empty(tools)?;
        scenario::write(&lab, before, false, false)?;
        lab.start_cloud(Some(seed))?;
        // What is swept here is not the rate limit.
        let limits =
            Limits { requests_minute: 1_000_000, requests_hour: 1_000_000, ..Limits::default() };
        lab.cloud(|control| async move { control.set_limits(&limits).await })?;
        match before {
            Before::Nothing => {}
            Before::Bucket => {
                lab.must(&["apply", "--yes", "--target", "bucket.artifacts"])?;
            }
            Before::Cluster | Before::Pair | Before::Quorum | Before::Older | Before::Wide => {
                lab.must(&["apply", "--yes"])?;
                lab.must(&["plan", "--detailed-exitcode"])?;
                lab.learn_node()?;
            }
        }
        lab.stop_cloud()?;
        Ok(Self(lab))
    }

    /// Makes a copy with a running cloud.
    ///
    /// # Errors
    /// Returns an error if it can't be copied, or its cloud does not start.
    pub fn copy(&self) -> Result<Lab, SweepError> {
        let lab = Lab::copy_of(&self.0)?;
        lab.start_cloud(None)?;
        Ok(lab)
    }
}

/// Prepared folders of one worker, made when first asked for.
pub struct Bases {
    tools: Tools,
    seed: u64,
    made: BTreeMap<Before, Base>,
}

impl Bases {
    /// Makes an empty set: nothing is prepared yet.
    pub fn new(tools: Tools, seed: u64) -> Self {
        Self { tools, seed, made: BTreeMap::new() }
    }

    /// Returns the one for `before`, and prepares it first if there is none yet.
    ///
    /// # Errors
    /// Returns an error if [`Base::prepare`] does.
    pub fn get(&mut self, before: Before) -> Result<&Base, SweepError> {
        if !self.made.contains_key(&before) {
            let base = Base::prepare(&self.tools, before, self.seed)?;
            self.made.insert(before, base);
        }
        self.made.get(&before).ok_or_else(|| SweepError::broken("the base is not there"))
    }
}
