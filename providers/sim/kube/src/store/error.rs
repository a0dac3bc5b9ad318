/// Why the store refused a write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An object of that name exists.
    #[error("{resource} \"{name}\" already exists")]
    AlreadyExists {
        /// `deployments.apps`
        resource: String,
        /// metadata.name
        name: String,
    },
    /// There is no object of that name.
    #[error("{resource} \"{name}\" not found")]
    NotFound {
        /// `deployments.apps`
        resource: String,
        /// metadata.name
        name: String,
    },
    /// The object changed since the writer read it.
    #[error(
        "Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; please apply your changes to the latest version and try again"
    )]
    Conflict {
        /// `deployments.apps`
        resource: String,
        /// metadata.name
        name: String,
    },
    /// The object has no name.
    #[error("{resource}: metadata.name is required")]
    Nameless {
        /// `deployments.apps`
        resource: String,
    },
    /// The log could not be written.
    #[error("the object log: {0}")]
    Io(#[from] std::io::Error),
}
