//! A page under the box's camera, drawn straight into 4:2:0 planes: an eighth of the work of drawing in RGB and converting.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixel positions are small and already within the picture"
)]

use super::{Drawing, Kind, seal};
use crate::random::Random;

/// Three planes; width and height are multiples of 16.
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) luma: Vec<u8>,
    pub(super) blue: Vec<u8>,
    pub(super) red: Vec<u8>,
}

/// How many noise values there are; rows begin at random places in them.
const NOISE: usize = 16_384;

pub(super) fn paint(drawing: &Drawing) -> Picture {
    let pixels = drawing.megapixels.clamp(0.002, 50.0) * 1e6;
    let width = to_16((pixels * 0.75).sqrt());
    let height = to_16(pixels / width as f64);
    let mut random = Random::new(drawing.seed ^ 0x0070_6167_6500);
    let noise = noise(&mut random);
    let mut picture = ground(width, height, &noise, &mut random);
    match drawing.kind {
        Kind::Face => face(&mut picture, &mut random),
        Kind::Signatory | Kind::Emergency => {
            text(&mut picture, &mut random);
            seal::stamp(&mut picture, &noise, &mut random);
        }
    }
    number(&mut picture, drawing.label);
    picture
}

fn to_16(pixels: f64) -> usize {
    (((pixels / 16.0).round() as usize) * 16).max(48)
}

fn noise(random: &mut Random) -> Vec<i16> {
    (0..NOISE).map(|_| random.next()).map(|r| ((r & 7) + ((r >> 8) & 7) + ((r >> 16) & 7)) as i16 - 10).collect()
}

/// Desk, paper and uneven light, with the camera's noise on all.
fn ground(width: usize, height: usize, noise: &[i16], random: &mut Random) -> Picture {
    let (margin_x, margin_y) = (width / 24, height / 30);
    let across = random.between(-28.0, 28.0);
    let down = random.between(-24.0, 10.0);
    let desk: Vec<i16> = (0..width).map(|x| 92 + (across * x as f64 / width as f64) as i16).collect();
    let mut paper = desk.clone();
    for value in &mut paper[margin_x..width - margin_x] {
        *value += 128;
    }
    let mut luma = vec![0; width * height];
    for (y, row) in luma.chunks_exact_mut(width).enumerate() {
        let inside = (margin_y..height - margin_y).contains(&y);
        let light = (down * y as f64 / height as f64) as i16;
        let columns = if inside { &paper } else { &desk };
        let mut start = random.below(NOISE);
        for (row, columns) in row.chunks_mut(1024).zip(columns.chunks(1024)) {
            start = if start + 1024 >= NOISE { random.below(NOISE - 1024) } else { start };
            for ((pixel, column), grain) in row.iter_mut().zip(columns).zip(&noise[start..]) {
                *pixel = (column + light + grain).clamp(0, 255) as u8;
            }
            start += 1024;
        }
    }
    let chroma = width * height / 4;
    Picture { width, height, luma, blue: vec![123; chroma], red: vec![131; chroma] }
}

impl Picture {
    /// Darkens a rectangle to `share` of 256.
    pub(super) fn darken(&mut self, x: usize, y: usize, width: usize, height: usize, share: u16) {
        let right = (x + width).min(self.width);
        for y in y..(y + height).min(self.height) {
            let Some(row) = self.luma.get_mut(y * self.width + x.min(right)..y * self.width + right) else { return };
            for pixel in row {
                *pixel = (u16::from(*pixel) * share / 256) as u8;
            }
        }
    }

    /// The planes as the sensor held them when a viewer must apply `orientation`.
    pub(super) fn turned(self, orientation: u16) -> Self {
        let (width, height) = (self.width, self.height);
        if orientation == 3 {
            let reverse = |mut plane: Vec<u8>| {
                plane.reverse();
                plane
            };
            return Self { luma: reverse(self.luma), blue: reverse(self.blue), red: reverse(self.red), ..self };
        }
        if orientation != 6 && orientation != 8 {
            return self;
        }
        Self {
            luma: quarter(&self.luma, width, orientation == 8),
            blue: quarter(&self.blue, width / 2, orientation == 8),
            red: quarter(&self.red, width / 2, orientation == 8),
            width: height,
            height: width,
        }
    }
}

/// A plane turned by a quarter, in tiles that fit the cache.
fn quarter(plane: &[u8], width: usize, clockwise: bool) -> Vec<u8> {
    const TILE: usize = 32;
    let height = plane.len() / width;
    let mut out = vec![0; plane.len()];
    for top in (0..height).step_by(TILE) {
        for left in (0..width).step_by(TILE) {
            for y in top..(top + TILE).min(height) {
                let row = &plane[y * width..(y + 1) * width];
                for (x, pixel) in row.iter().enumerate().take((left + TILE).min(width)).skip(left) {
                    let (to_x, to_y) = if clockwise { (height - 1 - y, x) } else { (y, width - 1 - x) };
                    out[to_y * height + to_x] = *pixel;
                }
            }
        }
    }
    out
}

/// A title and lines of strokes that look like print, slightly askew.
fn text(picture: &mut Picture, random: &mut Random) {
    let line = picture.height / 40;
    let slope = random.between(-0.012, 0.012);
    let left = picture.width / 9;
    let right = picture.width - left;
    glyphs(picture, random, (picture.width / 3, picture.width * 2 / 3), line * 3, line * 3 / 2, slope);
    let mut indent = 2;
    for number in 6..36 {
        let end = if random.below(5) == 0 { left + (right - left) * (30 + random.below(50)) / 100 } else { right };
        glyphs(picture, random, (left + indent * line, end), number * line, line * 2 / 3, slope);
        indent = if end < right { 2 } else { 0 };
    }
}

fn glyphs(
    picture: &mut Picture,
    random: &mut Random,
    (start, end): (usize, usize),
    top: usize,
    size: usize,
    slope: f64,
) {
    let size = size.max(4);
    let thick = (size / 10).max(1);
    let mut x = start;
    while x + size < end {
        let middle = x as f64 - picture.width as f64 / 2.0;
        let y = (top as f64 + middle * slope).max(0.0) as usize;
        let shape = random.next();
        if shape & 31 != 0 {
            for stroke in 0..3 {
                let at = (shape >> (stroke * 8)) as usize;
                picture.darken(x + size * (at & 3) / 10, y + size * (at >> 2 & 7) / 8, size * 3 / 5, thick, 90);
                picture.darken(x + size * (at >> 5 & 7) / 8, y + size * (at & 3) / 10, thick, size * 3 / 5, 90);
            }
        }
        x += size + size / 6;
    }
}

/// A head before a wall.
fn face(picture: &mut Picture, random: &mut Random) {
    let (width, height) = (picture.width as f64, picture.height as f64);
    let (cx, cy) = (width * random.between(0.46, 0.54), height * random.between(0.43, 0.5));
    let (rx, ry) = (width * 0.25, height * 0.26);
    for y in 0..picture.height / 2 {
        let dy = (y as f64 * 2.0 - cy) / ry;
        if dy.abs() >= 1.0 {
            continue;
        }
        let half = rx * (1.0 - dy * dy).sqrt();
        let (from, to) = (((cx - half) * 0.5) as usize, ((cx + half) * 0.5) as usize);
        let row = y * picture.width / 2;
        picture.blue[row + from..row + to].fill(108);
        picture.red[row + from..row + to].fill(152);
        let share = if dy < -0.55 { 70 } else { 215 };
        picture.darken(from * 2, y * 2, (to - from) * 2, 2, share);
    }
    let eye = picture.width / 20;
    for side in [-1.0, 1.0] {
        picture.darken((cx + side * rx * 0.42) as usize - eye / 2, (cy - ry * 0.1) as usize, eye, eye / 2, 60);
    }
    picture.darken((cx - rx * 0.3) as usize, (cy + ry * 0.5) as usize, (rx * 0.6) as usize, eye / 4 + 1, 110);
}

/// The running number at the foot of the page, three by five dots a digit.
fn number(picture: &mut Picture, label: u32) {
    const DIGITS: [u16; 10] =
        [0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71111, 0o75757, 0o75717];
    let dot = (picture.width / 200).max(1);
    let (left, top) = (picture.width / 9, picture.height * 14 / 15 - dot * 3);
    for (place, digit) in label.to_string().bytes().enumerate() {
        let shape = DIGITS[usize::from(digit - b'0')];
        for bit in (0..15).filter(|bit| shape >> (14 - bit) & 1 == 1) {
            picture.darken(left + (place * 4 + bit % 3) * dot, top + bit / 3 * dot, dot, dot, 60);
        }
    }
}
