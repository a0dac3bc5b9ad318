//! `infra`: from one TOML file to running apps.
