//! infra.toml: parse, overlay, validate.
