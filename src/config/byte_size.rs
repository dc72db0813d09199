use serde::{Deserialize, Deserializer, Serialize, de};

/// A number of bytes, written as an integer or with a unit: `64KiB`, `64MiB`, `4GiB`. `MiB` is 2^20 bytes, `MB` is 10^6.
///
/// The crate `bytesize` reads it. It is written as an integer, because `bytesize` rounds to one decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

impl ByteSize {
    #[must_use]
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }

    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    #[must_use]
    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }

    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The size of a buffer. Saturates where an address is shorter than 64 bits.
    #[must_use]
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let size = bytesize::ByteSize::deserialize(deserializer).map_err(|error| {
            de::Error::custom(format!(
                "not a size ({error}). Write a number of bytes, or a number with KiB, MiB or GiB, such as \"64MiB\""
            ))
        })?;
        // `bytesize` saturates, and TOML has no integer above this.
        if i64::try_from(size.as_u64()).is_err() {
            return Err(de::Error::custom("the size is too large. Write less than 8 EiB, such as \"64MiB\""));
        }
        Ok(Self(size.as_u64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Setting {
        size: ByteSize,
    }

    fn read(value: &str) -> Result<ByteSize, toml::de::Error> {
        toml::from_str(&format!("size = {value}")).map(|setting: Setting| setting.size)
    }

    #[test]
    fn a_size_is_read_and_written_exactly() {
        for (value, size) in [
            ("1000", ByteSize(1000)),
            ("'1000'", ByteSize(1000)),
            ("'64KiB'", ByteSize(64 * 1024)),
            ("'64MiB'", ByteSize(64 * 1024 * 1024)),
            ("'2 MiB'", ByteSize::mib(2)),
            ("'1GiB'", ByteSize(1_073_741_824)),
            ("'4GiB'", ByteSize::gib(4)),
            ("'1.5KiB'", ByteSize(1536)),
            ("'1MB'", ByteSize(1_000_000)),
            ("'4TiB'", ByteSize(4 << 40)),
            ("'9007199254740993B'", ByteSize(9_007_199_254_740_993)),
        ] {
            assert_eq!(read(value).unwrap(), size, "{value}");
            let written = toml::to_string(&Setting { size }).unwrap();
            assert_eq!(toml::from_str::<Setting>(&written).unwrap().size, size, "{written}");
        }
    }

    #[test]
    fn a_value_that_is_not_a_size_is_refused() {
        for value in
            ["''", "'MiB'", "'-1'", "-1", "true", "1.5", "'1 000'", "'64XiB'", "'99999999999TiB'", "'8EiB'", "'9e18'"]
        {
            let refusal = read(value).unwrap_err().to_string();
            assert!(refusal.contains("such as \"64MiB\""), "{value}: {refusal}");
        }
    }
}
