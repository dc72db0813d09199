//! The address of the client behind trusted proxies. It replaces the address of the connection, so allow lists, limits
//! and the audit log all see the client.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;

use super::{Code, Edge, Problem};

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Marks a request that a trusted proxy passed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThroughProxy;

/// Replaces the address if the connection comes from a trusted proxy. Other senders can write what they like into these
/// headers, so theirs are ignored.
pub(super) async fn find_client(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let trusted = &edge.app.config.trusted_proxies;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    let Some(peer) = peer.filter(|peer| is_trusted(trusted, peer.ip())) else {
        return next.run(request).await;
    };
    match client(trusted, peer.ip(), request.headers()) {
        Ok(client) => {
            if [X_FORWARDED_FOR, header::FORWARDED.as_str()].iter().any(|name| request.headers().contains_key(*name)) {
                request.extensions_mut().insert(ThroughProxy);
            }
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn is_trusted(trusted: &[IpNet], address: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&address.to_canonical()))
}

/// Returns the last address that no trusted proxy has. A proxy appends the address that it sees, so what stands before
/// that one is the client's own claim.
///
/// A proxy that writes one header passes the other one on as the client wrote it. So two headers that differ are
/// refused: yinku cannot know which one the proxy wrote.
fn client(trusted: &[IpNet], proxy: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Problem> {
    let lines = |name: &str| -> Option<Vec<String>> {
        let all: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (!all.is_empty()).then(|| all.join(",").split(',').map(|part| part.trim().to_owned()).collect())
    };
    let plain = lines(X_FORWARDED_FOR).map(|hops| last_untrusted(trusted, proxy, hops.iter().map(|hop| address(hop))));
    let standard = lines(header::FORWARDED.as_str());
    let standard = standard.map(|hops| last_untrusted(trusted, proxy, hops.iter().map(|hop| forwarded_for(hop))));
    match (plain, standard) {
        (Some(plain), Some(standard)) if plain != standard => {
            Err(Problem::new(Code::BadForwarded, Code::BadForwarded.meaning()))
        }
        (plain, standard) => Ok(plain.or(standard).unwrap_or(proxy).to_canonical()),
    }
}

/// Walks from the last hop to the first one. A hop that is no address ends the walk at the proxy that wrote it.
fn last_untrusted(trusted: &[IpNet], proxy: IpAddr, hops: impl DoubleEndedIterator<Item = Option<IpAddr>>) -> IpAddr {
    let mut last = proxy;
    for hop in hops.rev() {
        let Some(address) = hop else { break };
        last = address.to_canonical();
        if !is_trusted(trusted, last) {
            break;
        }
    }
    last
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` and `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Reads the `for` of one hop of `Forwarded` (RFC 7239).
fn forwarded_for(hop: &str) -> Option<IpAddr> {
    let pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    address(named.next()?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(headers: &[(&'static str, &str)]) -> Result<String, Code> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let client = client(&trusted, "10.0.0.1".parse().unwrap(), &map);
        client.map(|address| address.to_string()).map_err(|problem| problem.code)
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_trusted_proxy() {
        let plain = |value: &str| seen(&[("x-forwarded-for", value)]).unwrap();
        assert_eq!(plain("192.0.2.1"), "192.0.2.1");
        assert_eq!(plain("198.51.100.9, 192.0.2.1, 10.0.0.7"), "192.0.2.1", "the first one is a claim");
        assert_eq!(plain("192.0.2.1:4711"), "192.0.2.1");
        assert_eq!(plain("[2001:db8::1]:80, fd00::1"), "2001:db8::1");
        assert_eq!(plain("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(plain("192.0.2.1, unknown"), "10.0.0.1", "the proxy saw no address");
        assert_eq!(
            seen(&[("x-forwarded-for", "198.51.100.9"), ("x-forwarded-for", "192.0.2.1")]).unwrap(),
            "192.0.2.1"
        );
        assert_eq!(seen(&[]).unwrap(), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_and_two_that_differ_are_refused() {
        let standard = "for=198.51.100.9, For=\"[2001:db8::1]:80\";proto=https;by=10.0.0.1, for=10.1.1.1";
        assert_eq!(seen(&[("forwarded", standard)]).unwrap(), "2001:db8::1");
        let spoofed = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=10.9.9.9")];
        assert_eq!(seen(&spoofed), Err(Code::BadForwarded));
        let agreed = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(seen(&agreed).unwrap(), "192.0.2.1");
    }
}
