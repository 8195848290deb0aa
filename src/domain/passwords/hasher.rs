//! argon2id on a limited number of threads, with memory that is reused.
//!
//! A hash takes about 20 ms and 19 MiB by design. Without a limit, two hundred sign-ins at once
//! would take gigabytes and starve every other request; here as many run as there are cores, and
//! the others wait for their turn without holding a thread.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use entity::user::PasswordHash;

use super::password::Password;
use super::pool::Pool;
use crate::config;
use crate::domain::actor::Client;
use crate::domain::error::{Error, Result};

const SALT_LENGTH: usize = 16;
const HASH_LENGTH: usize = 32;

/// Hashes and verifies passwords.
#[derive(Debug)]
pub struct PasswordHasher {
    pool: Pool,
    /// Estimates how hard new passwords are to guess, which can take longer than hashing them.
    pub(super) scoring: Pool,
    /// The same for those who only ask. Anyone may ask, and nobody else should have to wait for them.
    pub(super) assessing: Pool,
    memory: Arc<Mutex<Vec<Memory>>>,
    params: Params,
    /// Verified if there is no password to verify, so that an unknown address takes as long as a
    /// known one.
    dummy: PasswordHash,
}

/// What a hash is computed in; as much as the parameters say.
struct Memory(Vec<Block>);

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} KiB)", self.0.len())
    }
}

impl PasswordHasher {
    /// A hasher with the parameters and the number of workers from the settings.
    ///
    /// # Errors
    ///
    /// Parameters that argon2 does not accept, such as less than 8 KiB of memory.
    pub fn new(settings: &config::Passwords) -> std::result::Result<Self, password_hash::Error> {
        let argon2 = settings.argon2;
        let params = Params::new(
            argon2.memory_kib,
            argon2.iterations,
            argon2.parallelism,
            Some(HASH_LENGTH),
        )?;
        let workers = match settings.hash_workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let dummy = phc(&params, &[0; SALT_LENGTH], &[0; HASH_LENGTH])?;
        Ok(Self {
            pool: Pool::new(workers, settings, 1),
            scoring: Pool::new(workers, settings, 1),
            assessing: Pool::new(workers.div_ceil(2), settings, 4),
            memory: Arc::default(),
            params,
            dummy,
        })
    }

    /// Hashes a password with a new salt.
    pub async fn hash(&self, client: &Client, password: Password) -> Result<PasswordHash> {
        let params = self.params.clone();
        self.run(client, move |memory| {
            let mut salt = [0; SALT_LENGTH];
            getrandom::fill(&mut salt).map_err(Error::internal)?;
            let mut output = [0; HASH_LENGTH];
            compute(&params, &password, &salt, &mut output, memory)?;
            phc(&params, &salt, &output).map_err(Error::internal)
        })
        .await
    }

    /// Whether the password is the one that was hashed; never, if there is no hash, or a void one. A rejection takes
    /// as much work in every case, even if the hash is one of the cheaper ones from before the
    /// parameters were raised.
    pub async fn verify(
        &self,
        client: &Client,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> Result<bool> {
        let hash = hash.filter(|hash| !hash.is_void());
        let is_there = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let in_force = self.params.clone();
        let matches = self
            .run(client, move |memory| {
                let parsed = Phc::new(&hash.0).map_err(Error::internal)?;
                let (Some(salt), Some(expected)) = (parsed.salt, parsed.hash) else {
                    return Err(Error::internal("a stored password hash is incomplete"));
                };
                let params = Params::try_from(&parsed).map_err(Error::internal)?;
                let mut output = [0; HASH_LENGTH];
                let output = &mut output[..expected.as_bytes().len().min(HASH_LENGTH)];
                compute(&params, &password, &salt, output, memory)?;
                // `Output` compares in constant time.
                let matches = Output::new(output).map_err(Error::internal)? == expected;
                if let (false, Some(remainder)) = (matches, remainder(&in_force, &params)) {
                    compute(&remainder, &password, &salt, output, memory)?;
                }
                Ok(matches)
            })
            .await?;
        Ok(matches && is_there)
    }

    /// How many passwords are being hashed or wait for their turn.
    pub fn pending(&self) -> usize {
        self.pool.pending()
    }

    /// How many may be hashed or wait for their turn; others are refused.
    pub fn max_pending(&self) -> usize {
        self.pool.max_pending()
    }

    /// Whether the hash was made with outdated parameters, and should be renewed when the password
    /// is known.
    pub fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let parsed = Phc::new(&hash.0).ok();
        let params = parsed.and_then(|parsed| Params::try_from(&parsed).ok());
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        params.is_none_or(|params| costs(&params) != costs(&self.params))
    }

    /// Runs a computation when a worker is free, in memory that an earlier one has left.
    async fn run<T: Send + 'static>(
        &self,
        client: &Client,
        compute: impl FnOnce(&mut Memory) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let memories = self.memory.clone();
        self.pool
            .run(client, move || {
                let mut memory = lock(&memories).pop().unwrap_or(Memory(Vec::new()));
                let outcome = compute(&mut memory);
                lock(&memories).push(memory);
                outcome
            })
            .await?
    }
}

/// The pool holds no state that a panic could leave half-made.
fn lock(pool: &Mutex<Vec<Memory>>) -> std::sync::MutexGuard<'_, Vec<Memory>> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

fn compute(
    params: &Params,
    password: &Password,
    salt: &[u8],
    output: &mut [u8],
    Memory(blocks): &mut Memory,
) -> Result<()> {
    if blocks.len() < params.block_count() {
        blocks.resize(params.block_count(), Block::default());
    }
    let needed = &mut blocks[..params.block_count()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password.bytes(), salt, output, needed)
        .map_err(Error::internal)
}

/// What a hash with the parameters in force costs more than one with others, as the parameters of a
/// computation that costs as much; nothing where it costs no more. argon2's work is its memory times
/// its passes.
fn remainder(in_force: &Params, others: &Params) -> Option<Params> {
    let work = |params: &Params| params.m_cost().saturating_mul(params.t_cost());
    let passes = in_force.t_cost();
    let memory = work(in_force).checked_sub(work(others))? / passes;
    // What is less than argon2's least memory is too little to matter.
    Params::new(memory, passes, in_force.p_cost(), Some(HASH_LENGTH)).ok()
}

/// The PHC string of a hash.
fn phc(
    params: &Params,
    salt: &[u8],
    output: &[u8],
) -> std::result::Result<PasswordHash, password_hash::Error> {
    let phc = Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(salt)?),
        hash: Some(Output::new(output)?),
    };
    Ok(PasswordHash(phc.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(memory_kib: u32, passes: u32) -> Params {
        Params::new(memory_kib, passes, 1, Some(HASH_LENGTH)).unwrap()
    }

    /// Security rule 3.
    #[test]
    fn a_cheaper_hash_is_made_up_for() {
        let work = |params: &Params| params.m_cost() * params.t_cost();
        let in_force = params(19_456, 2);
        for cheaper in [(8, 1), (9_216, 2), (19_456, 1), (12_288, 3)] {
            let cheaper = params(cheaper.0, cheaper.1);
            let remainder = remainder(&in_force, &cheaper).unwrap();
            let apart = work(&in_force) - work(&cheaper) - work(&remainder);
            assert!(apart < in_force.t_cost(), "{cheaper:?}");
        }
        for dearer in [(19_456, 2), (65_536, 3)] {
            assert!(remainder(&in_force, &params(dearer.0, dearer.1)).is_none());
        }
    }
}
