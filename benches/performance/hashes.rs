//! What signing in consists of: passwords that are hashed, and nothing else.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::server::processor_time;
use crate::world::PASSWORD;

/// What hashes cost that are computed one after the other on each thread.
pub struct BareHashes {
    pub threads: usize,
    pub per_second: f64,
    /// Processor time for one.
    pub processor: Duration,
}

/// Computes argon2id hashes with the server's own parameters for that long.
pub fn measure(threads: usize, time: Duration) -> BareHashes {
    let (before, begun) = (processor_time("self"), Instant::now());
    let hashes: u32 = std::thread::scope(|scope| {
        let hashing: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| hash_for(time)))
            .collect();
        hashing
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    BareHashes {
        threads,
        per_second: f64::from(hashes) / begun.elapsed().as_secs_f64(),
        processor: (processor_time("self") - before) / hashes,
    }
}

fn hash_for(time: Duration) -> u32 {
    // `passwords.argon2` in config.default.toml.
    let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (begun, mut hashes) = (Instant::now(), 0);
    let mut output = [0; 32];
    while begun.elapsed() < time {
        argon2
            .hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut output, &mut memory)
            .unwrap();
        hashes += 1;
    }
    hashes
}
