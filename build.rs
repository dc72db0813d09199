//! Makes a release build take in the web pages again after they were built. A debug build reads them from the disk.
#![expect(clippy::print_stdout, reason = "a build script speaks to cargo on its output")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=web/dist");
    }
}
