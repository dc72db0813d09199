//! The red round seal: ring, five-pointed star, characters along the ring, ink that does not cover everywhere.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixel positions are small and already within the picture"
)]

use std::f64::consts::{PI, TAU};

use super::paint::Picture;
use crate::random::Random;

struct Seal {
    x: f64,
    y: f64,
    radius: f64,
    turn: f64,
    characters: usize,
    shapes: Vec<u64>,
}

pub(super) fn stamp(picture: &mut Picture, noise: &[i16], random: &mut Random) {
    let (width, height) = (picture.width as f64, picture.height as f64);
    let characters = 10 + random.below(6);
    let seal = Seal {
        x: width * random.between(0.58, 0.72),
        y: height * random.between(0.62, 0.76),
        radius: width * 0.14,
        turn: random.between(-0.25, 0.25),
        characters,
        shapes: (0..characters).map(|_| random.next()).collect(),
    };
    let (left, right) = ((seal.x - seal.radius) as usize, (seal.x + seal.radius) as usize);
    let top = (seal.y - seal.radius) as usize;
    let bottom = ((seal.y + seal.radius) as usize).min(picture.height - 1);
    let cover = [0_i16, 1, 2][random.below(3)];
    for y in top..=bottom {
        let grain = &noise[(y * 131) % (noise.len() / 2)..];
        for x in left..=right.min(picture.width - 1) {
            if grain[(x - left) % 4096] > 6 - cover || !seal.inks(x as f64 - seal.x, y as f64 - seal.y) {
                continue;
            }
            let at = y * picture.width + x;
            picture.luma[at] = (u16::from(picture.luma[at]) * 100 / 256 + 22) as u8;
            let half = (y / 2) * (picture.width / 2) + x / 2;
            picture.red[half] = 208;
            picture.blue[half] = 106;
        }
    }
}

impl Seal {
    fn inks(&self, x: f64, y: f64) -> bool {
        let share = (x * x + y * y).sqrt() / self.radius;
        match share {
            s if s > 1.0 => false,
            s if s > 0.94 => true,
            s if s > 0.66 && s < 0.88 => self.character(x, y, (s - 0.66) / 0.22),
            s if s < 0.42 => star(x / self.radius / 0.42, y / self.radius / 0.42, self.turn),
            _ => false,
        }
    }

    /// Characters run around three quarters of the ring, each a pattern of five by five cells.
    fn character(&self, x: f64, y: f64, outward: f64) -> bool {
        let around = ((y.atan2(x) - self.turn - PI * 0.75).rem_euclid(TAU)) / (TAU * 0.75);
        if around >= 1.0 {
            return false;
        }
        let place = around * self.characters as f64;
        let across = place.fract();
        if !(0.12..0.88).contains(&across) {
            return false;
        }
        let cell = ((across - 0.12) / 0.76 * 5.0) as usize + (outward * 5.0) as usize * 5;
        let shape = self.shapes[place as usize % self.characters];
        shape >> (cell % 64) & 1 == 1 || shape >> ((cell + 29) % 64) & 3 == 3
    }
}

/// Whether a point of the unit circle lies in the star.
fn star(x: f64, y: f64, turn: f64) -> bool {
    let sector = TAU / 10.0;
    let angle = (y.atan2(x) + PI / 2.0 - turn).rem_euclid(TAU / 5.0);
    let angle = if angle > sector { TAU / 5.0 - angle } else { angle };
    let length = (x * x + y * y).sqrt();
    let (px, py) = (length * angle.cos(), length * angle.sin());
    let inner = 0.382;
    let (ix, iy) = (inner * sector.cos(), inner * sector.sin());
    (ix - 1.0) * py - iy * (px - 1.0) >= 0.0
}
