//! Addresses of resources, below the project.

use url::Url;

use super::{Client, scope_path};

impl Client {
    /// Returns the address of a resource of Compute below the project. Each segment is escaped, so no name
    /// can reach out of its place.
    pub(crate) fn compute(&self, path: &[&str]) -> Url {
        below(&self.connection().compute, &["projects", self.project()], path)
    }

    /// Returns the address of what a link of Compute leads to below the project:
    /// `regions/europe-west3/addresses/a1`.
    pub(crate) fn compute_at(&self, link: &str) -> Url {
        let segments: Vec<&str> = scope_path(link).split('/').collect();
        self.compute(&segments)
    }

    /// Returns the address of a resource of Cloud DNS below the project.
    pub(crate) fn dns(&self, path: &[&str]) -> Url {
        below(&self.connection().dns, &["projects", self.project()], path)
    }

    /// Returns the address of a resource of IAM below the project.
    pub(crate) fn iam(&self, path: &[&str]) -> Url {
        below(&self.connection().iam, &["v1", "projects", self.project()], path)
    }

    /// Returns the address of the project itself, or of one of its methods: `getIamPolicy`.
    pub(crate) fn resource_manager(&self, method: Option<&str>) -> Url {
        let project = match method {
            Some(method) => format!("{}:{method}", self.project()),
            None => self.project().to_owned(),
        };
        below(&self.connection().resource_manager, &["v1", "projects"], &[&project])
    }
}

fn below(base: &Url, place: &[&str], path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(place).extend(path);
    }
    url
}
