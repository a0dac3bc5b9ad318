//! The embedded cloud: DigitalOcean API, S3, machines
