//! The `yinku` program. All of it is in the library: what both used would be compiled twice.

fn main() -> std::process::ExitCode {
    yinku::cli::main()
}
