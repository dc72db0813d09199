//! Closed vocabularies: enums with one word per variant. SQL, JSON and Rust use the same word.

/// Declares an enum with one fixed word per variant, and the code that reads and writes the words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All variants in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::vocabulary::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    other => Err(crate::vocabulary::UnknownWord { word: other.to_owned(), known: &[$($word),+] }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::vocabulary::UnknownWord;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl crate::vocabulary::Symbol for $name {
            fn text(&self) -> &str {
                self.as_str()
            }
        }
    };
}

pub(crate) use words;

/// An identifier or a word of a closed vocabulary. The database has it as this text.
pub trait Symbol {
    fn text(&self) -> &str;
}

/// A word that is not in the vocabulary.
#[derive(Debug, thiserror::Error)]
#[error("unknown value {word:?}; use one of: {}", known.join(", "))]
pub struct UnknownWord {
    pub word: String,
    pub known: &'static [&'static str],
}

/// The error of one member of an input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The path of the member, such as `integration.sealField`.
    pub field: String,
    pub message: String,
}

impl FieldError {
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}
