pub mod zip;
