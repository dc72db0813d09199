//! Zips as the vendor gives them out, whole and damaged.

use std::io::{Cursor, Write};

use simulator::{Fault, FaultKind, Target};

use crate::support::world::World;

pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    WrongChecksum,
    Encrypted,
    /// Its packed bytes end early.
    CutShort,
}

/// The zip with this entry damaged. Its name must not be in another name.
pub(crate) fn damaged(mut zip: Vec<u8>, entry: &str, damage: Damage) -> Vec<u8> {
    let places = zip.windows(entry.len()).enumerate().filter(|(_, window)| *window == entry.as_bytes());
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    // The header before the content, and the one in the directory.
    let [local, listed] = [places[0] - 30, places[1] - 46];
    match damage {
        Damage::WrongChecksum => [local + 14, listed + 16].into_iter().for_each(|at| zip[at] ^= 0xff),
        Damage::Encrypted => [local + 6, listed + 8].into_iter().for_each(|at| zip[at] |= 1),
        Damage::CutShort => {
            let packed =
                usize::try_from(u32::from_le_bytes(zip[listed + 20..listed + 24].try_into().unwrap())).unwrap();
            let extra = usize::from(u16::from_le_bytes([zip[local + 28], zip[local + 29]]));
            let content = local + 30 + entry.len() + extra;
            zip[content + packed / 2..content + packed].fill(0);
        }
    }
    zip
}

/// From now on the vendor gives out these zips: of all photos, of the photos of stampings and of faces.
pub(crate) fn give_out(world: &World, all: &[u8], signatory: &[u8], faces: &[u8]) {
    world.sim.clear_faults();
    let answer = |body: &[u8]| FaultKind::answer("application/zip", body);
    for (target, body) in [(Target::ZipOfSignatory, signatory), (Target::ZipOfFace, faces), (Target::Zip, all)] {
        world.sim.set_fault(Fault::always(target, answer(body)));
    }
}
