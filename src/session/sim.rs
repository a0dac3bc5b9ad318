//! `--sim`: the embedded cloud instead of a real one.

use std::path::Path;

use infra_cloud::CloudEnv;
use infra_sim::{Endpoint, control};

use super::error::{CliError, ExitCode};

/// Makes a failure of the embedded cloud.
pub fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::new(ExitCode::Failed, format!("the embedded cloud: {error}"))
}

/// Starts the embedded cloud in `data` unless it runs there.
///
/// # Errors
/// Returns an error if it does not start.
pub async fn start(
    data: &Path,
    speed: Option<f64>,
    seed: Option<u64>,
) -> Result<Endpoint, CliError> {
    let exe = std::env::current_exe().map_err(failed)?;
    control::start(data, &exe, seed, speed).await.map_err(failed)
}

/// Reads how fast the clock of a running embedded cloud is, whoever set it.
///
/// # Errors
/// Returns an error if it does not answer.
pub async fn clock_speed(endpoint: &Endpoint) -> Result<f64, CliError> {
    let control = control::Control::to(endpoint.clone()).map_err(failed)?;
    Ok(control.status().await.map_err(failed)?.speed)
}

/// Returns endpoints and credentials of a running embedded cloud; it looks at nothing else.
///
/// # Errors
/// Returns an error if its certificate cannot be read.
pub fn cloud_env(endpoint: &Endpoint, clock_speed: f64) -> Result<CloudEnv, CliError> {
    let ca_pem = std::fs::read_to_string(&endpoint.ca_file).map_err(failed)?;
    Ok(CloudEnv {
        variables: endpoint.variables().map(|(name, value)| (name.to_owned(), value)).collect(),
        only: true,
        ca_pem: Some(ca_pem),
        clock_speed: Some(clock_speed),
        cluster_token: None,
        dns_token: None,
    })
}
