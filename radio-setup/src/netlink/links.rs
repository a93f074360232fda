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
    let [_, index, flags, _] = words(header);
    let attributes = Attributes(attributes);
    Some(Link {
        index,
        name: attributes.text(IFLA_IFNAME)?,
        up: flags & IFF_UP != 0,
        mtu_bytes: attributes.number(IFLA_MTU)?,
        permanent_mac: attributes.mac(IFLA_PERM_ADDRESS),
    })
}

fn words(bytes: &[u8; 16]) -> [u32; 4] {
    let (chunks, _) = bytes.as_chunks::<4>();
    std::array::from_fn(|index| chunks.get(index).map_or(0, |chunk| u32::from_ne_bytes(*chunk)))
}

pub(super) fn parse_default_routes(messages: &[Vec<u8>]) -> Vec<Route> {
    let mut routes: Vec<_> = messages.iter().filter_map(|message| default_route(message)).collect();
    routes.sort();
    routes
}

/// `struct rtmsg`: a default route is a unicast route of the main table whose destination has no bits.
fn default_route(message: &[u8]) -> Option<Route> {
    let ([_family, destination_bits, _, _, table, _, _, kind, ..], attributes) = message.split_first_chunk::<12>()?;
    if *destination_bits != 0 || *table != RT_TABLE_MAIN || *kind != RTN_UNICAST {
        return None;
    }
    let attributes = Attributes(attributes);
    let interface = attributes.number(RTA_OIF).or_else(|| first_hop(attributes.find(RTA_MULTIPATH)?))?;
    Some(Route { metric: attributes.number(RTA_PRIORITY).unwrap_or_default(), interface })
}

/// `struct rtnexthop`: length, flags and hops (4 bytes), then the interface.
fn first_hop(hops: &[u8]) -> Option<u32> {
    let [_, _, _, _, index @ ..] = hops.first_chunk::<8>()?;
    Some(u32::from_ne_bytes(*index))
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
        let message = emit(&header(3, IFF_UP | 0x1000, 0), &[text(IFLA_IFNAME, "wlan0"), number(IFLA_MTU, 1500)]);
        let link = Link { index: 3, name: "wlan0".to_owned(), up: true, mtu_bytes: 1500, permanent_mac: None };
        assert_eq!(parse(&[message]), [link]);
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
    fn a_default_over_several_paths_goes_through_the_first() {
        let mut hop = vec![8, 0, 0, 0];
        hop.extend(5u32.to_ne_bytes());
        let several = route(RTN_UNICAST, 0, &[netlink_packet_core::DefaultNla::new(RTA_MULTIPATH, hop)]);
        assert_eq!(parse_default_routes(&[several]), [Route { metric: 0, interface: 5 }]);
        assert_eq!(parse_default_routes(&[route(RTN_UNICAST, 0, &[nested(RTA_MULTIPATH, &[])])]), []);
    }
}
