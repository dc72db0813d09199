//! What the camera wrote about a picture: device, time as written, position.

use serde::Serialize;

use super::{EXIF_DIRECTORY, Field, ORIENTATION, TAKEN, Tiff, index};

/// The data of the camera. Absent and broken fields are null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CameraData {
    pub make: Option<String>,
    pub model: Option<String>,
    pub software: Option<String>,
    /// 1 to 8.
    pub orientation: Option<u32>,
    /// The time of taking as the camera wrote it, such as `2026:11-23 10:20:30`.
    pub taken: Option<String>,
    pub gps: Option<GpsPosition>,
}

/// A position on the earth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct GpsPosition {
    /// Degrees, negative in the south.
    pub latitude: f64,
    /// Degrees, negative in the west.
    pub longitude: f64,
    /// Metres above the sea, negative below it.
    pub altitude: Option<f64>,
}

const MAKE: u16 = 0x010F;
const MODEL: u16 = 0x0110;
const SOFTWARE: u16 = 0x0131;
const GPS_DIRECTORY: u16 = 0x8825;
const BYTE: u16 = 1;
const RATIONAL: u16 = 5;

/// Reads the fields of a TIFF structure.
pub(in crate::picture::inspect) fn read(bytes: &[u8]) -> CameraData {
    Tiff::open(bytes).and_then(Tiff::camera).unwrap_or_default()
}

impl Tiff<'_> {
    fn camera(self) -> Option<CameraData> {
        let root = index(self.u32(4)?);
        let number = |tag| self.find(root, tag).and_then(|field| self.number(field));
        let text = |directory, tag| {
            let text = String::from_utf8_lossy(self.text_of(directory, tag)?).trim().to_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        let taken = number(EXIF_DIRECTORY).map(index).and_then(|at| TAKEN.iter().find_map(|[tag, ..]| text(at, *tag)));
        Some(CameraData {
            make: text(root, MAKE),
            model: text(root, MODEL),
            software: text(root, SOFTWARE),
            orientation: number(ORIENTATION).filter(|orientation| (1..=8).contains(orientation)),
            taken,
            gps: number(GPS_DIRECTORY).and_then(|at| self.gps(index(at))),
        })
    }

    fn gps(self, directory: usize) -> Option<GpsPosition> {
        let degrees = |tag: u16, reference: u16, against: &[u8]| {
            let [whole, minutes, seconds] = self.rationals(self.find(directory, tag)?)?;
            let value = whole + minutes / 60.0 + seconds / 3600.0;
            let sign = if self.text_of(directory, reference)? == against { -1.0 } else { 1.0 };
            Some(sign * value)
        };
        let below = self
            .find(directory, 5)
            .is_some_and(|field| field.kind == BYTE && self.bytes.get(field.value_at) == Some(&1));
        let altitude = self.find(directory, 6).and_then(|field| self.rationals::<1>(field));
        let position = GpsPosition {
            latitude: degrees(2, 1, b"S")?,
            longitude: degrees(4, 3, b"W")?,
            altitude: altitude.map(|[metres]| if below { -metres } else { metres }),
        };
        let on_earth = position.latitude.abs() <= 90.0 && position.longitude.abs() <= 180.0;
        Some(position).filter(|_| on_earth)
    }

    /// Returns the values of a field of exactly `N` fractions.
    fn rationals<const N: usize>(self, field: Field) -> Option<[f64; N]> {
        if field.kind != RATIONAL || field.count != N {
            return None;
        }
        let at = index(self.u32(field.value_at)?);
        let mut values = [0.0; N];
        for (n, value) in values.iter_mut().enumerate() {
            let at = at.checked_add(8 * n)?;
            let (above, below) = (self.u32(at)?, self.u32(at.checked_add(4)?)?);
            *value = Some(f64::from(above) / f64::from(below)).filter(|value| value.is_finite())?;
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field: tag, type, count, and four bytes of the value.
    fn field(tag: u16, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    }

    fn fractions(values: &[(u32, u32)]) -> Vec<u8> {
        values.iter().flat_map(|(above, below)| [above.to_be_bytes(), below.to_be_bytes()].concat()).collect()
    }

    fn file(longitude_reference: [u8; 4], seconds: (u32, u32)) -> Vec<u8> {
        // The first directory at 8 has 2 fields, the second at 38 has 4, the fractions follow at 92.
        let mut bytes = b"MM\0\x2a\0\0\0\x08".to_vec();
        bytes.extend(2_u16.to_be_bytes());
        bytes.extend(field(MODEL, super::super::ASCII, 4, *b"X1\0\0"));
        bytes.extend(field(GPS_DIRECTORY, super::super::LONG, 1, 38_u32.to_be_bytes()));
        bytes.extend([0; 4]);
        bytes.extend(4_u16.to_be_bytes());
        bytes.extend(field(1, super::super::ASCII, 2, *b"N\0\0\0"));
        bytes.extend(field(2, RATIONAL, 3, 92_u32.to_be_bytes()));
        bytes.extend(field(3, super::super::ASCII, 2, longitude_reference));
        bytes.extend(field(4, RATIONAL, 3, 116_u32.to_be_bytes()));
        bytes.extend([0; 4]);
        assert_eq!(bytes.len(), 92);
        bytes.extend(fractions(&[(31, 1), (30, 1), (0, 1)]));
        bytes.extend(fractions(&[(121, 1), (15, 1), seconds]));
        bytes
    }

    #[test]
    fn a_position_is_read_in_degrees() {
        let data = read(&file(*b"W\0\0\0", (36, 1)));
        assert_eq!(data.model.as_deref(), Some("X1"));
        let gps = data.gps.unwrap();
        assert!((gps.latitude - 31.5).abs() < 1e-9 && (gps.longitude + 121.26).abs() < 1e-9, "{gps:?}");
        assert_eq!(gps.altitude, None);
    }

    #[test]
    fn broken_fractions_give_no_position() {
        assert_eq!(read(&file(*b"E\0\0\0", (1, 0))).gps, None);
        assert_eq!(read(b"MM\0\x2a\xff\xff\xff\xff"), CameraData::default());
        assert_eq!(read(b""), CameraData::default());
    }
}
