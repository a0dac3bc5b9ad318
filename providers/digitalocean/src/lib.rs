//! DigitalOcean: client, cluster model, one file a resource kind
