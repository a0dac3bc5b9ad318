//! What a node needs at boot: templates, boot script, artifact list, S3 sync
