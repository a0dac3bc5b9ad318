//! The table of calls: a method and a template of a path, as in Google's discovery documents.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;

use super::{Call, Reply};
use crate::gcp::Gcp;

/// A call's answer, to be awaited.
pub type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;
/// What answers a call.
pub type Handler = Arc<dyn Fn(Arc<Gcp>, Call) -> Answering + Send + Sync>;

/// One call of an API.
#[derive(Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{names}` for whole segments; the last one may end in `:verb`.
    pub template: &'static str,
    /// What answers it.
    pub handler: Handler,
}

/// All calls.
#[derive(Default, Clone)]
pub struct Routes(Vec<Route>);

/// What a path was found to be.
pub enum Found<'a> {
    /// A call, with the values of its path.
    Route(&'a Route, BTreeMap<&'static str, String>),
    /// A path with other methods.
    OtherMethod,
    /// No path of any call.
    Nothing,
}

impl Routes {
    /// Adds a call.
    pub fn add<F, A>(&mut self, method: Method, template: &'static str, handler: F)
    where
        F: Fn(Arc<Gcp>, Call) -> A + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |gcp, call| Box::pin(handler(gcp, call)));
        self.0.push(Route { method, template, handler });
    }

    /// Adds a call with GET.
    pub fn get<F, A>(&mut self, template: &'static str, handler: F)
    where
        F: Fn(Arc<Gcp>, Call) -> A + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        self.add(Method::GET, template, handler);
    }

    /// Adds a call with POST.
    pub fn post<F, A>(&mut self, template: &'static str, handler: F)
    where
        F: Fn(Arc<Gcp>, Call) -> A + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        self.add(Method::POST, template, handler);
    }

    /// Adds a call with DELETE.
    pub fn delete<F, A>(&mut self, template: &'static str, handler: F)
    where
        F: Fn(Arc<Gcp>, Call) -> A + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        self.add(Method::DELETE, template, handler);
    }

    /// Finds the call of a method and a path.
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let mut known = false;
        for route in &self.0 {
            if let Some(values) = matches(route.template, path) {
                if route.method == *method {
                    return Found::Route(route, values);
                }
                known = true;
            }
        }
        if known { Found::OtherMethod } else { Found::Nothing }
    }
}

/// Returns the values of a path's segments, if it is of this form.
fn matches(template: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut values = BTreeMap::new();
    let mut given = path.split('/');
    for wanted in template.split('/') {
        let mut segment = given.next()?;
        let mut wanted = wanted;
        // A verb belongs to the template; a name has no colon.
        if let Some((front, verb)) = wanted.rsplit_once(':') {
            segment = segment.strip_suffix(verb)?.strip_suffix(':')?;
            wanted = front;
        } else if segment.contains(':') {
            return None;
        }
        match wanted.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
            Some(name) => {
                let value = decoded(segment)?;
                if value.is_empty() {
                    return None;
                }
                values.insert(name, value);
            }
            None if wanted == segment => {}
            None => return None,
        }
    }
    given.next().is_none().then_some(values)
}

/// Undoes the percent-encoding of a segment.
fn decoded(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_names_are_told_apart() {
        let cluster = "/v1/projects/{project}/locations/{location}/clusters/{cluster}";
        let path = "/v1/projects/p/locations/-/clusters/c";
        assert_eq!(matches(cluster, path).unwrap()["cluster"], "c");
        assert!(matches(cluster, "/v1/projects/p/locations/-/clusters/c:setSize").is_none());
        let labels = "/v1/projects/{project}:getIamPolicy";
        assert_eq!(matches(labels, "/v1/projects/p:getIamPolicy").unwrap()["project"], "p");
        assert!(matches(labels, "/v1/projects/p:setIamPolicy").is_none());
        assert!(matches(labels, "/v1/projects/p").is_none());
        let accounts = "/v1/projects/{project}/serviceAccounts/{account}";
        let path = "/v1/projects/p/serviceAccounts/a%40p.iam.gserviceaccount.com";
        assert_eq!(matches(accounts, path).unwrap()["account"], "a@p.iam.gserviceaccount.com");
    }
}
