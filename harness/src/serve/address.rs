//! Where to listen, and who may ask.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

use crate::error::Error;

/// An address that a person asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    address: SocketAddr,
    public: bool,
}

impl Asked {
    /// This port of loopback; 0 means a free one.
    pub fn loopback(port: u16) -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), public: false }
    }

    /// This address, which must be one of loopback.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, public: false }
    }

    /// Other machines may ask, too. To be said only by a person who means it.
    pub fn public(self, public: bool) -> Self {
        Self { public, ..self }
    }

    /// Whether other machines may ask.
    pub fn is_public(self) -> bool {
        self.public
    }

    /// Opens the port.
    pub(super) fn bind(self, what: &str) -> Result<TcpListener, Error> {
        let address = self.address;
        if !address.ip().is_loopback() && !self.public {
            return Err(Error::Usage(format!(
                "{what} would be open to other machines at {address}\n  \
                 to mend it: take 127.0.0.1:{}, or add --metrics-public if that is meant",
                address.port()
            )));
        }
        TcpListener::bind(address).map_err(|error| {
            let (why, mend) = match error.kind() {
                ErrorKind::AddrInUse => {
                    ("something else listens there", "take another port, or 0 for a free one")
                }
                ErrorKind::AddrNotAvailable => ("this machine does not have that address", "take 127.0.0.1"),
                ErrorKind::PermissionDenied => ("this user may not listen there", "take a port above 1023"),
                _ => ("the system refused", "take another address"),
            };
            Error::Usage(format!(
                "{what} cannot be served at {address}: {why} ({error})\n  to mend it: {mend}"
            ))
        })
    }
}

/// Reads `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`.
///
/// # Errors
/// What is wrong with it, for the command line.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    if let Some(port) = local {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    if text.parse::<u16>().is_ok() {
        return Err(format!("a port without an address: try 127.0.0.1:{text}"));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(format!("an address without a port: try {text}:9464"));
    }
    Err("expected an address and a port, for instance 127.0.0.1:9464; port 0 means a free one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_needs_no_name_to_be_looked_up() {
        let good = |text: &str| address(text).unwrap().to_string();
        assert_eq!(good("127.0.0.1:9464"), "127.0.0.1:9464");
        assert_eq!(good("localhost:0"), "127.0.0.1:0");
        assert_eq!(good("[::1]:80"), "[::1]:80");
        assert_eq!(address("9464").unwrap_err(), "a port without an address: try 127.0.0.1:9464");
        assert_eq!(address("10.0.0.1").unwrap_err(), "an address without a port: try 10.0.0.1:9464");
        for text in ["", "example.org:80", "127.0.0.1:", "127.0.0.1:70000", ":80", "localhost:x"] {
            assert!(address(text).unwrap_err().starts_with("expected an address"), "{text}");
        }
    }
}
