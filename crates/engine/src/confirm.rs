//! Asks for what the state knows and a list lacks, by its id.
//!
//! Absence from a list is not absence from the cloud. A list may lag behind a create that an
//! interrupted run made a moment ago, and an ownership tag may have been taken away by hand. A
//! resource is gone only once the cloud has no such id; within the grace period not even that
//! counts, because some clouds answer reads by id late, too. The other way round, a list may still
//! show what was deleted a moment ago.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures::future::join_all;
use infra_provider_api::{Address, CloudError, Context, Kind, KnownResource, Observed, Presence};
use infra_state::{Recent, State};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Kinds, Observations, ObserveError, observe::patiently};

/// First pause between two questions; doubled up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// One question.
#[derive(Clone, Debug)]
struct Question {
    known: KnownResource,
    /// A list shows it, and the state says that it was deleted.
    is_shown: bool,
    /// How long its absence is no proof.
    doubt: Duration,
}

/// Corrects `observed`, which was just listed, by asking for single resources. These are the ones
/// that `record` knows and the lists lack, and the ones that the lists show although they were
/// deleted within `grace`. It makes no call where lists and record agree.
///
/// # Errors
/// Returns the kinds that could not be read.
pub async fn confirm(
    kinds: &Kinds,
    cx: &Context,
    record: &State,
    observed: &mut Observations,
    grace: Duration,
) -> Result<(), ObserveError> {
    readdress(record, observed);
    let mut questions = questions(kinds, record, observed, grace, Timestamp::now());
    let began = Instant::now();
    let mut pause = PAUSE_FIRST;
    loop {
        questions = ask(kinds, cx, questions, observed).await?;
        questions.retain(|question| began.elapsed() < question.doubt);
        let Some(next) = questions.iter().max_by_key(|question| question.doubt) else {
            return Ok(());
        };
        let address = &next.known.address;
        let reason = format!("{address} was just created; the cloud does not show it yet");
        cx.progress.waiting(Some(address), &reason);
        let left = next.doubt.saturating_sub(began.elapsed());
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            () = cx.stop.cancelled() => return Err(stopped(address)),
            () = cx.wind_down.cancelled() => return Err(stopped(address)),
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Puts what the lists show under another address back to that of the state. The id decides; a name
/// is only a tag that somebody may have changed.
fn readdress(record: &State, observed: &mut Observations) {
    let shown = |address: &Address, id: &str| {
        let found = observed.resources.get(address);
        found.is_some_and(|found| found.iter().any(|one| one.id == id))
    };
    let missing = record.resources.values().filter(|one| !shown(&one.address, &one.id));
    let missing: HashMap<(&str, &str), &Address> =
        missing.map(|one| ((one.address.kind(), one.id.as_str()), &one.address)).collect();
    if missing.is_empty() {
        return;
    }
    let mut moved = Vec::new();
    observed.resources.retain(|address, found| {
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(found).into_iter().partition(|one| {
            let recorded = record.resources.get(address);
            missing.contains_key(&(address.kind(), one.id.as_str()))
                && recorded.is_none_or(|recorded| recorded.id != one.id)
        });
        moved.extend(gone);
        *found = kept;
        !found.is_empty()
    });
    for found in moved {
        if let Some(address) = missing.get(&(found.address.kind(), found.id.as_str())) {
            observed.add(Observed { address: (*address).clone(), ..found });
        }
    }
}

fn stopped(address: &Address) -> ObserveError {
    let operation = format!("read {address}");
    let kind = infra_provider_api::ErrorKind::Cancelled;
    let error = CloudError::new(kind, operation, "interrupted");
    ObserveError { failures: vec![(address.kind().to_owned(), error)] }
}

fn questions(
    kinds: &Kinds,
    record: &State,
    observed: &Observations,
    grace: Duration,
    now: Timestamp,
) -> Vec<Question> {
    // A clock that went backwards must not make the wait longer than the grace period.
    let left = |recent: &Recent| grace.saturating_sub(now.duration_since(recent.at).unsigned_abs());
    let listed = |address: &Address, id: &str| {
        let found = observed.resources.get(address);
        found.is_some_and(|found| found.iter().any(|one| one.id == id))
    };
    let mut questions = Vec::new();
    for (address, resource) in &record.resources {
        let is_asked = kinds.get(address.kind()).is_some() && !resource.id.is_empty();
        if !is_asked || listed(address, &resource.id) {
            continue;
        }
        let (address, id) = (address.clone(), resource.id.clone());
        let mut created = record.recent.iter().filter(|one| !one.deleted && one.id == id);
        let doubt = created.find(|one| one.address == address).map(left).unwrap_or_default();
        let known = KnownResource { address, id, spec: resource.spec.clone() };
        questions.push(Question { known, is_shown: false, doubt });
    }
    for recent in record.recent.iter().filter(|one| one.deleted && !left(one).is_zero()) {
        let current = record.resources.get(&recent.address).map(|one| one.id.as_str());
        if current == Some(recent.id.as_str()) || kinds.get(recent.address.kind()).is_none() {
            continue;
        }
        let shown = observed.resources.get(&recent.address).into_iter().flatten();
        for shown in shown.filter(|shown| shown.id == recent.id) {
            let (address, id) = (recent.address.clone(), recent.id.clone());
            let known = KnownResource { address, id, spec: shown.spec.clone() };
            questions.push(Question { known, is_shown: true, doubt: Duration::ZERO });
        }
    }
    questions
}

/// Asks once and takes the answers into `observed`. Returns the questions whose answer was absence
/// and might be another one later.
async fn ask(
    kinds: &Kinds,
    cx: &Context,
    questions: Vec<Question>,
    observed: &mut Observations,
) -> Result<Vec<Question>, ObserveError> {
    let mut by_kind: BTreeMap<String, Vec<Question>> = BTreeMap::new();
    for question in questions {
        by_kind.entry(question.known.address.kind().to_owned()).or_default().push(question);
    }
    let reads = by_kind.into_iter().filter_map(|(name, questions)| {
        let kind = kinds.get(&name)?;
        Some(async move {
            let known: Vec<_> = questions.iter().map(|one| one.known.clone()).collect();
            (name, read(&**kind, cx, &known).await, questions)
        })
    });
    let (mut absent, mut failures) = (Vec::new(), Vec::new());
    for (name, answers, questions) in join_all(reads).await {
        match answers {
            Ok(answers) => {
                for (question, answer) in questions.into_iter().zip(answers) {
                    absent.extend(take(question, answer, observed));
                }
            }
            Err(error) => failures.push((name, error)),
        }
    }
    if failures.is_empty() { Ok(absent) } else { Err(ObserveError { failures }) }
}

/// Reads by id, and refuses an answer that leaves a question out.
pub(super) async fn read(
    kind: &dyn Kind,
    cx: &Context,
    known: &[KnownResource],
) -> Result<Vec<Presence<Observed>>, CloudError> {
    let answers = patiently(cx, || kind.read(cx, known)).await?;
    if answers.len() == known.len() {
        return Ok(answers);
    }
    let operation = format!("read {} by id", kind.name());
    let text = format!("{} questions, {} answers", known.len(), answers.len());
    Err(CloudError::new(infra_provider_api::ErrorKind::MalformedResponse, operation, text))
}

fn take(
    question: Question,
    answer: Presence<Observed>,
    observed: &mut Observations,
) -> Option<Question> {
    let Question { known, is_shown, .. } = &question;
    match answer {
        Presence::Absent if *is_shown => {
            if let Some(shown) = observed.resources.get_mut(&known.address) {
                shown.retain(|one| one.id != known.id);
                if shown.is_empty() {
                    observed.resources.remove(&known.address);
                }
            }
        }
        Presence::Absent => return Some(question),
        // What is still there was listed already.
        _ if *is_shown => {}
        Presence::Owned(found) => observed.add(found),
        Presence::Untagged(found) => {
            observed.untagged.insert(known.address.clone());
            observed.add(Observed { address: known.address.clone(), ..found });
        }
        Presence::Foreign { owner } => {
            observed.foreign.insert(known.address.clone(), owner);
        }
    }
    None
}
