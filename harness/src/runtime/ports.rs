//! Ports for what has to come back on the same one.
//!
//! While such a server is down, nobody may get its port by accident. The system gives every outgoing connection a port
//! of a range of its own, also the connection of a client that tries to reach that server again: with that very port it
//! would be connected to itself, and the server could not come back. So none is of that range.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, TcpListener},
};

use rand::RngExt;

/// Below the ports that systems give to outgoing connections: Linux from 32768, macOS from 49152.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// How often a port is looked for.
const TRIES: u32 = 100;

/// Listens on a loopback port that was free.
///
/// # Errors
/// When none of a hundred was.
pub fn listen() -> io::Result<TcpListener> {
    listen_on(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// As [`listen`], on another address of this machine's.
///
/// # Errors
/// As for [`listen`].
pub fn listen_on(own: IpAddr) -> io::Result<TcpListener> {
    let mut random = rand::rng();
    let mut bind = || TcpListener::bind((own, random.random_range(PORTS)));
    let mut bound = bind();
    for _ in 1..TRIES {
        if bound.is_ok() {
            break;
        }
        bound = bind();
    }
    bound
}

/// A loopback port that is free at this moment.
///
/// # Errors
/// As for [`listen`].
pub fn free() -> io::Result<u16> {
    Ok(listen()?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_none_of_the_systems() {
        let [one, other] = [(); 2].map(|()| listen().unwrap().local_addr().unwrap());
        for address in [one, other] {
            assert!(PORTS.contains(&address.port()) && address.ip().is_loopback(), "{address}");
        }
        assert!(PORTS.contains(&free().unwrap()));
    }
}
