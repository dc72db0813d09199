//! TLS of the HTTP clients: vendors, S3.

/// Chooses the cryptography of every HTTP client that this process makes from now on. The HTTP library has none built
/// in and refuses to make a client before this call. It may be called again.
pub fn choose_provider() {
    // An error says that a provider is there already: the one of an earlier call.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
