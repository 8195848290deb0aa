//! Which recipients' domains keep workers busy. One that does not answer must not have them all: an
//! e-mail to anywhere else would wait for as long as its time-outs take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entity::email;

/// Looking past the e-mails to full domains reads every one of them, and there may be thousands. So many
/// times as long as it took, nobody does it again.
const LOOKS_PAST_AGAIN_AFTER: u32 = 9;

/// The domains to which a worker's e-mails are on their way, and how many to each.
#[derive(Clone, Debug)]
pub struct DomainLimits {
    in_flight: Arc<Mutex<HashMap<String, usize>>>,
    /// How many there may be to one domain.
    most: usize,
    past: Arc<Mutex<LookingPast>>,
}

/// When somebody may look past the e-mails to full domains again.
#[derive(Debug, Default)]
struct LookingPast {
    not_before: Option<Instant>,
    /// Whether somebody would have.
    is_owed: bool,
}

impl LookingPast {
    /// Whether it is time to.
    fn ask(&mut self) -> bool {
        self.is_owed = false;
        self.not_before.is_none_or(|at| at <= Instant::now())
    }

    fn has_taken(&mut self, time: Duration) {
        let from = self.not_before.max(Some(Instant::now()));
        self.not_before = from.map(|from| from + time * LOOKS_PAST_AGAIN_AFTER);
    }
}

impl DomainLimits {
    /// For so many workers: all but one of them may be busy with one domain.
    pub fn new(workers: usize) -> Self {
        Self {
            in_flight: Arc::default(),
            most: workers.saturating_sub(1).max(1),
            past: Arc::default(),
        }
    }

    /// How long to wait before looking for e-mails again, where there may be some behind those to full
    /// domains.
    pub fn looks_past_in(&self) -> Option<Duration> {
        let past = lock(&self.past);
        let not_before = past.not_before.filter(|_| past.is_owed)?;
        Some(not_before.saturating_duration_since(Instant::now()))
    }

    /// Begins to send the e-mail, unless one of its domains is full. It is on its way until the permit is
    /// dropped.
    pub fn enter(&self, email: &email::Model) -> Option<DomainPermit> {
        let mut in_flight = lock(&self.in_flight);
        let is_full = |domain| in_flight.get(domain).is_some_and(|n| *n >= self.most);
        if domains(email).any(is_full) {
            return None;
        }
        let domains: Vec<String> = domains(email).map(str::to_owned).collect();
        for domain in &domains {
            add(&mut in_flight, domain, 1);
        }
        Some(DomainPermit {
            limits: self.clone(),
            domains,
        })
    }

    /// What is on its way now, for choosing what goes next. The e-mails in `waiting` were chosen before, and
    /// those in `tried` have just been on their way: to domains that take many so quickly, as many
    /// more may be chosen, twice over.
    pub fn in_use<'a>(
        &self,
        waiting: impl IntoIterator<Item = &'a email::Model>,
        tried: impl IntoIterator<Item = &'a email::Model>,
    ) -> DomainsInUse {
        let mut in_use = DomainsInUse {
            chosen: lock(&self.in_flight).clone(),
            in_advance: HashMap::new(),
            most: self.most,
            may_look_past: lock(&self.past).ask(),
            past: self.past.clone(),
        };
        for domain in waiting.into_iter().flat_map(domains) {
            add(&mut in_use.chosen, domain, 1);
        }
        for domain in tried.into_iter().flat_map(domains) {
            add(&mut in_use.in_advance, domain, 2);
        }
        in_use
    }
}

/// The place of an e-mail that is on its way.
#[derive(Debug)]
pub struct DomainPermit {
    limits: DomainLimits,
    domains: Vec<String>,
}

impl Drop for DomainPermit {
    fn drop(&mut self) {
        let mut in_flight = lock(&self.limits.in_flight);
        for domain in &self.domains {
            if let Some(count) = in_flight.get_mut(domain) {
                *count -= 1;
                if *count == 0 {
                    in_flight.remove(domain);
                }
            }
        }
    }
}

/// What is on its way, together with what has been chosen to go next.
#[derive(Clone, Debug)]
pub struct DomainsInUse {
    chosen: HashMap<String, usize>,
    /// How many may be chosen for a domain before there is room for them.
    in_advance: HashMap<String, usize>,
    most: usize,
    may_look_past: bool,
    past: Arc<Mutex<LookingPast>>,
}

impl DomainsInUse {
    /// For somebody who takes whatever comes first.
    pub fn unbounded() -> Self {
        Self {
            chosen: HashMap::new(),
            in_advance: HashMap::new(),
            most: usize::MAX,
            may_look_past: true,
            past: Arc::default(),
        }
    }

    /// Takes the e-mail up, unless one of its domains is full.
    pub(super) fn admit(&mut self, email: &email::Model) -> bool {
        if domains(email).any(|domain| self.is_full(domain)) {
            return false;
        }
        for domain in domains(email) {
            add(&mut self.chosen, domain, 1);
        }
        true
    }

    /// The domains that take no more.
    pub(super) fn full(&self) -> impl Iterator<Item = &str> {
        let domains = self.chosen.keys().map(String::as_str);
        domains.filter(|domain| self.is_full(domain))
    }

    /// Whether to look past the e-mails to full domains, if there are any.
    pub(super) fn may_look_past(&self) -> bool {
        self.may_look_past
    }

    /// Somebody has looked for e-mails, which took so long.
    pub(super) fn has_looked(&self, took: Duration) {
        if self.full().next().is_none() {
            return;
        }
        let mut past = lock(&self.past);
        if self.may_look_past {
            past.has_taken(took);
        } else {
            past.is_owed = true;
        }
    }

    fn is_full(&self, domain: &str) -> bool {
        let in_advance = self.in_advance.get(domain).copied().unwrap_or_default();
        let chosen = self.chosen.get(domain).copied().unwrap_or_default();
        chosen >= self.most.saturating_add(in_advance)
    }
}

/// Nothing here can be left half-made by a panic.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(counts: &mut HashMap<String, usize>, domain: &str, more: usize) {
    match counts.get_mut(domain) {
        Some(count) => *count += more,
        None => drop(counts.insert(domain.to_owned(), more)),
    }
}

fn domains(email: &email::Model) -> impl Iterator<Item = &str> {
    let recipients = email.recipients_key.lines();
    recipients.filter_map(|address| Some(address.rsplit_once('@')?.1))
}
