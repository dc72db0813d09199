//! The whole state, which the simulator keeps in one JSON file and continues from. It also makes ids, keys and codes.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

use super::{Business, Pending, Photo};
use crate::{clock::Timestamp, random::Random};

/// Everything that is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct World {
    seed: u64,
    counter: u64,
    pub(crate) businesses: Vec<Business>,
    pub(crate) documents: Vec<Document>,
    pub(crate) pending: Vec<Pending>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) bytes: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0, businesses: Vec::new(), documents: Vec::new(), pending: Vec::new() }
    }

    /// The state of the file, or a new one when there is no file.
    pub(crate) fn load(path: &Path, seed: u64) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::new(seed)),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file as a whole: a kill leaves the old state or the new one.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(self)?)?;
        std::fs::rename(beside, path)
    }

    pub(crate) fn business(&self, id: &str) -> Option<&Business> {
        self.businesses.iter().find(|b| b.id == id)
    }

    pub(crate) fn business_mut(&mut self, id: &str) -> Option<&mut Business> {
        self.businesses.iter_mut().find(|b| b.id == id)
    }

    pub(crate) fn photo(&self, photokey: &str) -> Option<&Photo> {
        self.businesses.iter().flat_map(|b| &b.photos).find(|p| p.photokey == photokey)
    }

    pub(crate) fn photo_mut(&mut self, photokey: &str) -> Option<&mut Photo> {
        self.businesses.iter_mut().flat_map(|b| &mut b.photos).find(|p| p.photokey == photokey)
    }

    /// Chance of its own for the next thing that is made.
    pub(crate) fn chance(&mut self) -> Random {
        self.counter += 1;
        Random::new(Random::new(self.seed).next() ^ self.counter.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// A number that no other thing of this vendor has.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// An id of 19 digits. Ascending, and different for different seeds.
    pub(crate) fn next_id(&mut self) -> String {
        let place = Random::new(self.seed).next() % 400_000_000_000;
        (2_500_000_000_000_000_000 + place * 1_000_000 + self.next_number()).to_string()
    }

    /// `yyyyMMdd-<uuid4>`.
    pub(crate) fn next_photokey(&mut self, now: Timestamp) -> String {
        let mut random = self.chance();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&random.next().to_be_bytes());
        bytes[8..].copy_from_slice(&random.next().to_be_bytes());
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        format!("{}-{uuid}", now.in_china().strftime("%Y%m%d"))
    }
}
