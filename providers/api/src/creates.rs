//! Creates: what kinds of every cloud need to make each resource once, and nothing that is not theirs to
//! make.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use crate::{CloudError, CreateRequest, ErrorKind, Found};

/// Which create calls this process has sent.
#[derive(Debug, Default)]
pub struct SentCreates(Mutex<Sent>);

#[derive(Debug, Default)]
struct Sent {
    listed: bool,
    keys: HashSet<String>,
}

impl SentCreates {
    /// Notes that the calls of `requests` are being sent. Returns true if none of them can have made
    /// anything: the kind has been listed, and none of their keys was sent or seen.
    pub fn send<S>(&self, requests: &[(CreateRequest, S)]) -> bool {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = sent.listed;
        for (request, _) in requests {
            fresh &= sent.keys.insert(request.intent_key.clone());
        }
        fresh
    }

    /// Notes what a listing has shown.
    pub fn listed<S>(&self, all: &[Found<S>]) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.listed = true;
        sent.keys.extend(all.iter().filter_map(|one| one.intent_key.clone()));
    }
}

/// Creates, some of which an earlier call may have carried out.
#[derive(Debug)]
pub struct MissingCreates<'a, S> {
    requests: &'a [(CreateRequest, S)],
    known: HashMap<String, Found<S>>,
}

impl<'a, S: Clone> MissingCreates<'a, S> {
    /// Finds what is still to be made of `requests`. It waits for `list` only where it is open whether an
    /// earlier call has made some.
    ///
    /// # Errors
    /// Returns the error of `list` for each of `requests`.
    pub async fn look(
        sent: &SentCreates,
        requests: &'a [(CreateRequest, S)],
        list: impl Future<Output = Result<Vec<Found<S>>, CloudError>>,
    ) -> Result<Self, Vec<Result<Found<S>, CloudError>>> {
        if sent.send(requests) {
            return Ok(Self::of(requests, Vec::new()));
        }
        match list.await {
            Ok(exist) => Ok(Self::of(requests, exist)),
            Err(error) => Err(requests.iter().map(|_| Err(error.clone())).collect()),
        }
    }

    /// Finds those of `requests` whose key something that exists carries.
    fn of(requests: &'a [(CreateRequest, S)], exist: Vec<Found<S>>) -> Self {
        let known = exist.into_iter().filter_map(|one| Some((one.intent_key.clone()?, one)));
        Self { requests, known: known.collect() }
    }

    /// Returns what is still to be made, in order.
    pub fn requests(&self) -> Vec<&'a (CreateRequest, S)> {
        let is_missing = |one: &&(CreateRequest, S)| !self.known.contains_key(&one.0.intent_key);
        self.requests.iter().filter(is_missing).collect()
    }

    /// Returns an outcome for each request, with `made` for those that were missing, in their order.
    pub fn outcomes(
        self,
        made: impl IntoIterator<Item = Result<Found<S>, CloudError>>,
    ) -> Vec<Result<Found<S>, CloudError>> {
        let mut made = made.into_iter();
        let outcome = |(request, _): &(CreateRequest, S)| match self.known.get(&request.intent_key)
        {
            Some(found) => Ok(found.clone()),
            None => made.next().unwrap_or_else(|| Err(not_in_answer(request))),
        };
        self.requests.iter().map(outcome).collect()
    }
}

/// Makes the error of a call whose answer lacks what it was asked to make.
pub fn not_in_answer(request: &CreateRequest) -> CloudError {
    let operation = format!("create {}", request.address);
    CloudError::new(ErrorKind::MalformedResponse, operation, "the answer does not tell of it")
}

/// Makes the refusal to create what only controllers in the cluster make.
pub fn never_created(request: &CreateRequest) -> CloudError {
    let operation = format!("create {}", request.address);
    CloudError::new(ErrorKind::Invalid, operation, "only controllers inside the cluster make it")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{ManagedBy, RawJson, Readiness};

    fn request(key: &str) -> (CreateRequest, Value) {
        let address = format!("box.{key}").parse().unwrap();
        (CreateRequest { address, spec: json!({}), intent_key: key.to_owned() }, json!({}))
    }

    fn found(key: &str) -> Found<Value> {
        Found {
            address: format!("box.{key}").parse().unwrap(),
            id: format!("id-{key}"),
            spec: json!({}),
            outputs: RawJson::default(),
            readiness: Readiness::Ready,
            intent_key: Some(key.to_owned()),
            made_by: ManagedBy::Infra,
        }
    }

    #[test]
    fn a_key_has_made_nothing_only_if_a_list_lacked_it_and_it_was_not_sent() {
        let sent = SentCreates::default();
        assert!(!sent.send(&[request("a")]), "nothing was listed yet");
        sent.listed(&[found("b")]);
        assert!(!sent.send(&[request("a")]), "it was sent before");
        assert!(!sent.send(&[request("b"), request("c")]), "one of them exists");
        assert!(sent.send(&[request("d"), request("e")]));
        assert!(!sent.send(&[request("e")]), "a call is sent once");
    }

    #[test]
    fn what_exists_is_not_made_again_and_what_an_answer_lacks_is_said() {
        let requests = [request("a"), request("b"), request("c")];
        let missing = MissingCreates::of(&requests, vec![found("b"), found("z")]);
        let keys: Vec<&str> =
            missing.requests().iter().map(|(one, _)| one.intent_key.as_str()).collect();
        assert_eq!(keys, ["a", "c"]);
        let outcomes = missing.outcomes([Ok(found("a"))]);
        let ids: Vec<Result<String, ErrorKind>> = outcomes
            .into_iter()
            .map(|one| one.map(|found| found.id).map_err(|error| error.kind))
            .collect();
        let expected =
            [Ok("id-a".to_owned()), Ok("id-b".to_owned()), Err(ErrorKind::MalformedResponse)];
        assert_eq!(ids, expected);
    }
}
