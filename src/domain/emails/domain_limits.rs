//! Which recipients' domains keep workers busy. One that does not answer must not have them all: an
//! e-mail to anywhere else would wait for as long as its time-outs take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::email;

/// The domains to which a worker's e-mails are on their way, and how many to each.
#[derive(Clone, Debug)]
pub struct DomainLimits {
    in_flight: Arc<Mutex<HashMap<String, usize>>>,
    /// How many there may be to one domain.
    most: usize,
}

impl DomainLimits {
    /// For so many workers: all but one of them may be busy with one domain.
    pub fn new(workers: usize) -> Self {
        Self {
            in_flight: Arc::default(),
            most: workers.saturating_sub(1).max(1),
        }
    }

    /// For somebody who takes whatever comes first.
    pub fn unbounded() -> Self {
        Self {
            in_flight: Arc::default(),
            most: usize::MAX,
        }
    }

    /// An e-mail is on its way until the permit is dropped.
    pub fn enter(&self, email: &email::Model) -> DomainPermit {
        let domains: Vec<String> = domains(email).map(str::to_owned).collect();
        let mut in_flight = self.lock();
        for domain in &domains {
            *in_flight.entry(domain.clone()).or_default() += 1;
        }
        DomainPermit {
            limits: self.clone(),
            domains,
        }
    }

    /// What is on its way now, for choosing what goes next.
    pub(super) fn in_use(&self) -> DomainsInUse {
        DomainsInUse {
            in_flight: self.lock().clone(),
            most: self.most,
        }
    }

    /// Nothing here can be left half-made by a panic.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        let mut in_flight = self.limits.lock();
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
#[derive(Debug)]
pub(super) struct DomainsInUse {
    in_flight: HashMap<String, usize>,
    most: usize,
}

impl DomainsInUse {
    /// Takes the e-mail up, unless one of its domains is full.
    pub(super) fn admit(&mut self, email: &email::Model) -> bool {
        let is_full = |domain| self.in_flight.get(domain).is_some_and(|n| *n >= self.most);
        if domains(email).any(is_full) {
            return false;
        }
        for domain in domains(email) {
            *self.in_flight.entry(domain.to_owned()).or_default() += 1;
        }
        true
    }

    /// The domains that take no more.
    pub(super) fn full(&self) -> impl Iterator<Item = &str> {
        let full = self.in_flight.iter().filter(|(_, n)| **n >= self.most);
        full.map(|(domain, _)| domain.as_str())
    }
}

fn domains(email: &email::Model) -> impl Iterator<Item = &str> {
    let recipients = email.recipients_key.lines();
    recipients.filter_map(|address| Some(address.rsplit_once('@')?.1))
}
