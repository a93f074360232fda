//! Network interfaces and routes over rtnetlink (`rtnetlink(7)`).

use super::attributes::{Attributes, emit, number};
use super::request::Request;

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const GET_ROUTE: u16 = 26;

const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_PERM_ADDRESS: u16 = 54;

const RTA_OIF: u16 = 4;
const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;

/// `ARPHRD_IEEE80211_RADIOTAP` (Linux `if_arp.h`).
const MONITOR: u16 = 803;

const IFF_UP: u32 = 1;
const RTN_UNICAST: u8 = 1;
const RT_TABLE_MAIN: u8 = 254;

/// A network interface, of a radio or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) up: bool,
    pub(crate) mtu_bytes: u32,
    /// Whether its packets are frames with a radiotap header, as those of monitor interfaces are.
    pub(crate) is_monitor: bool,
    /// Its address from the factory, where the kernel tells (Linux 5.6).
    pub(crate) permanent_mac: Option<[u8; 6]>,
}

/// A default route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// The lower, the better.
    pub(crate) metric: u32,
    /// The number of the interface it goes through.
    pub(crate) interface: u32,
}

pub(super) fn dump() -> Request {
    Request::dump(GET_LINK, header(0, 0, 0).to_vec())
}

pub(super) fn dump_routes() -> Request {
    // `struct rtmsg` of zeros: every family, every table.
    Request::dump(GET_ROUTE, vec![0; 12])
}

pub(super) fn set_up(index: u32, up: bool) -> Request {
    Request::one(NEW_LINK, header(index, if up { IFF_UP } else { 0 }, IFF_UP).to_vec())
}

pub(super) fn set_mtu(index: u32, mtu_bytes: u32) -> Request {
    Request::one(NEW_LINK, emit(&header(index, 0, 0), &[number(IFLA_MTU, mtu_bytes)]))
}

/// `struct ifinfomsg`: family and type (4 bytes, any), index, flags, which flags to change.
fn header(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    let words = [0, index, flags, change].map(u32::to_ne_bytes);
    bytes.copy_from_slice(words.as_flattened());
    bytes
}

pub(super) fn parse(messages: &[Vec<u8>]) -> Vec<Link> {
    messages.iter().filter_map(|message| link(message)).collect()
}

fn link(message: &[u8]) -> Option<Link> {
    let (header, attributes) = message.split_first_chunk::<16>()?;
    let [_family, _, kind @ .., _, _, _, _, _, _, _, _, _, _, _, _] = header;
    let [_, index, flags, _] = words(header);
    let attributes = Attributes(attributes);
    Some(Link {
        index,
        name: attributes.text(IFLA_IFNAME)?,
        up: flags & IFF_UP != 0,
        mtu_bytes: attributes.number(IFLA_MTU)?,
        is_monitor: u16::from_ne_bytes(*kind) == MONITOR,
        permanent_mac: attributes.mac(IFLA_PERM_ADDRESS),
    })
}

fn words(bytes: &[u8; 16]) -> [u32; 4] {
    let (chunks, _) = bytes.as_chunks::<4>();
    std::array::from_fn(|index| chunks.get(index).map_or(0, |chunk| u32::from_ne_bytes(*chunk)))
}

pub(super) fn parse_default_routes(messages: &[Vec<u8>]) -> Vec<Route> {
    let mut routes: Vec<_> = messages.iter().filter_map(|message| default_route(message)).flatten().collect();
    routes.sort();
    routes
}

/// `struct rtmsg`: a default route is a unicast route of the main table whose destination has no bits. It goes
/// through one interface, or several.
fn default_route(message: &[u8]) -> Option<Vec<Route>> {
    let ([_family, destination_bits, _, _, table, _, _, kind, ..], attributes) = message.split_first_chunk::<12>()?;
    if *destination_bits != 0 || *table != RT_TABLE_MAIN || *kind != RTN_UNICAST {
        return None;
    }
    let attributes = Attributes(attributes);
    let metric = attributes.number(RTA_PRIORITY).unwrap_or_default();
    let several = attributes.find(RTA_MULTIPATH).map(hops).unwrap_or_default();
    let interfaces = attributes.number(RTA_OIF).into_iter().chain(several);
    Some(interfaces.map(|interface| Route { metric, interface }).collect())
}

/// `struct rtnexthop`, one after the other: length in bytes (2), flags and weight (2), the interface, attributes.
fn hops(mut bytes: &[u8]) -> Vec<u32> {
    let mut interfaces = Vec::new();
    while let Some(([length @ .., _flags, _weight, i0, i1, i2, i3], _)) = bytes.split_first_chunk::<8>() {
        interfaces.push(u32::from_ne_bytes([*i0, *i1, *i2, *i3]));
        let length = usize::from(u16::from_ne_bytes(*length)).next_multiple_of(4);
        let Some(rest) = bytes.get(length.max(8)..) else { break };
        bytes = rest;
    }
    interfaces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attributes::{nested, text};

    fn route(kind: u8, bits: u8, attributes: &[netlink_packet_core::DefaultNla]) -> Vec<u8> {
        emit(&[2, bits, 0, 0, RT_TABLE_MAIN, 3, 0, kind, 0, 0, 0, 0], attributes)
    }

    #[test]
    fn setting_up_changes_that_flag_only() {
        assert_eq!(words(&header(7, IFF_UP, IFF_UP)), [0, 7, 1, 1]);
        assert_eq!(set_up(7, false), Request::one(NEW_LINK, header(7, 0, 1).to_vec()));
    }

    #[test]
    fn a_link_tells_name_state_and_mtu() {
        let mut header = header(3, IFF_UP | 0x1000, 0);
        let attributes = [text(IFLA_IFNAME, "wlan0"), number(IFLA_MTU, 1500)];
        let mut link = Link {
            index: 3,
            name: "wlan0".to_owned(),
            up: true,
            mtu_bytes: 1500,
            is_monitor: false,
            permanent_mac: None,
        };
        assert_eq!(parse(&[emit(&header, &attributes)]), [link.clone()]);
        header[2..4].copy_from_slice(&MONITOR.to_ne_bytes());
        link.is_monitor = true;
        assert_eq!(parse(&[emit(&header, &attributes)]), [link]);
    }

    #[test]
    fn the_default_route_with_the_lowest_metric_comes_first() {
        let routes = [
            route(RTN_UNICAST, 0, &[number(RTA_OIF, 2), number(RTA_PRIORITY, 600)]),
            route(RTN_UNICAST, 0, &[number(RTA_OIF, 3), number(RTA_PRIORITY, 100)]),
        ];
        let interfaces: Vec<_> = parse_default_routes(&routes).iter().map(|route| route.interface).collect();
        assert_eq!(interfaces, [3, 2]);
    }

    #[test]
    fn routes_to_somewhere_and_unreachable_ones_are_no_default() {
        let routes = [route(RTN_UNICAST, 24, &[number(RTA_OIF, 2)]), route(7, 0, &[number(RTA_OIF, 1)])];
        assert_eq!(parse_default_routes(&routes), []);
    }

    #[test]
    fn a_default_over_several_paths_goes_through_all_of_them() {
        let hop = |length: u16, interface: u32| {
            let mut hop = [length.to_ne_bytes(), [0, 0]].concat();
            hop.extend(interface.to_ne_bytes());
            hop.resize(usize::from(length), 0);
            hop
        };
        let of = |hops: Vec<u8>| {
            let several = route(RTN_UNICAST, 0, &[netlink_packet_core::DefaultNla::new(RTA_MULTIPATH, hops)]);
            parse_default_routes(&[several]).iter().map(|route| route.interface).collect::<Vec<_>>()
        };
        assert_eq!(of([hop(16, 5), hop(8, 7)].concat()), [5, 7]);
        assert_eq!(of([hop(8, 5), vec![0; 8], hop(8, 7)].concat()), [0, 5, 7], "no length, no loop");
        assert_eq!(of([hop(8, 5), vec![8, 0, 0]].concat()), [5]);
        assert_eq!(parse_default_routes(&[route(RTN_UNICAST, 0, &[nested(RTA_MULTIPATH, &[])])]), []);
    }
}
