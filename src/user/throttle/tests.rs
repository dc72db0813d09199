use super::*;

const ZERO: Timestamp = Timestamp(1_700_000_000_000_000);

fn at(seconds: u64) -> Timestamp {
    ZERO.plus(Duration::from_secs(seconds))
}

fn office() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

fn fail(throttle: &LoginThrottle, name: &str, address: IpAddr, now: Timestamp) -> Option<Duration> {
    throttle.begin(name, address, now).unwrap().failed(now).0
}

#[test]
fn the_wait_begins_with_the_fifth_failure_and_grows_to_thirty_seconds() {
    let throttle = LoginThrottle::default();
    let mut now = ZERO;
    let mut waits = Vec::new();
    for _ in 0..12 {
        let wait = fail(&throttle, "chen", office(), now).map_or(0, |wait| wait.as_secs());
        waits.push(wait);
        if wait > 0 {
            let early = now.plus(Duration::from_millis(1));
            assert!(throttle.begin("CHEN", office(), early).is_err());
        }
        now = now.plus(Duration::from_secs(wait));
    }
    assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
    drop(throttle.begin("chen", office(), now).unwrap().succeeded(now));
    assert_eq!(fail(&throttle, "chen", office(), now), None, "a success begins anew");
}

#[test]
fn attempts_at_once_do_not_pass_the_bound_together() {
    let throttle = LoginThrottle::default();
    let attempts: Vec<_> = (0..20).filter_map(|_| throttle.begin("chen", office(), ZERO).ok()).collect();
    assert_eq!(attempts.len(), 5);
    drop(attempts);
    assert!(throttle.begin("chen", office(), ZERO).is_ok(), "an attempt that was not tried is no failure");
}

#[test]
fn another_name_and_another_address_do_not_wait() {
    let throttle = LoginThrottle::default();
    for _ in 0..5 {
        fail(&throttle, "chen", office(), ZERO);
    }
    assert!(throttle.begin("chen", office(), ZERO).is_err());
    assert!(throttle.begin("wang", office(), ZERO).is_ok());
    assert!(throttle.begin("chen", "198.51.100.1".parse().unwrap(), ZERO).is_ok());
}

#[test]
fn at_an_address_with_many_failures_each_name_has_one_attempt() {
    let throttle = LoginThrottle::default();
    for n in 0..MANY {
        fail(&throttle, &format!("name{n}"), office(), ZERO);
    }
    let first = throttle.begin("wang", office(), ZERO).unwrap();
    assert!(throttle.begin("wang", office(), ZERO).is_err(), "one at a time");
    assert_eq!(first.failed(ZERO).0, Some(Duration::from_secs(1)));
    drop(throttle.begin("li", office(), ZERO).unwrap().succeeded(ZERO));
}

#[test]
fn a_name_with_many_failures_waits_where_it_is_not_known() {
    let throttle = LoginThrottle::default();
    drop(throttle.begin("chen", office(), ZERO).unwrap().succeeded(ZERO));
    for n in 0..MANY {
        let address: IpAddr = format!("198.51.{}.{}", n / 200, n % 200).parse().unwrap();
        fail(&throttle, "chen", address, ZERO);
    }
    assert!(throttle.begin("chen", "203.0.113.9".parse().unwrap(), ZERO).is_err());
    assert!(throttle.begin("chen", office(), ZERO).is_ok(), "it has logged in there");
    assert!(throttle.begin("chen", "203.0.113.9".parse().unwrap(), at(2)).is_ok());
}

#[test]
fn the_addresses_of_one_network_count_as_one() {
    let throttle = LoginThrottle::default();
    for n in 0..5 {
        fail(&throttle, "chen", format!("2001:db8:0:7::{n}").parse().unwrap(), ZERO);
    }
    assert!(throttle.begin("chen", "2001:db8:0:7::99".parse().unwrap(), ZERO).is_err());
    assert!(throttle.begin("chen", "2001:db8:0:8::99".parse().unwrap(), ZERO).is_ok());
    assert_eq!(network("::ffff:192.0.2.7".parse().unwrap()), "192.0.2.7");
}

#[test]
fn repeats_are_reported_once_with_their_count() {
    let throttle = LoginThrottle::default();
    let report = |now| throttle.begin("chen", office(), now).unwrap().failed(now).1.map(|report| report.detail);
    assert_eq!(report(ZERO).as_deref(), Some("from 192.0.2.7"), "the first at once");
    assert_eq!(report(at(1)), None);
    assert_eq!(report(at(2)), None);
    assert_eq!(throttle.take_repeats(at(3), false), []);
    assert_eq!(throttle.take_repeats(at(601), false)[0].detail, "from 192.0.2.7, 2 times");
    assert_eq!(report(at(602)), None, "the window began anew");
    let rest = throttle.begin("chen", office(), at(603)).unwrap().succeeded(at(603)).unwrap();
    assert_eq!((rest.name.as_str(), rest.detail.as_str()), ("chen", "from 192.0.2.7"));
    assert_eq!(throttle.take_repeats(at(9999), true), []);
}
