//! The kernel's own list of connections: the only one that asks no protocol.

/// States of a TCP socket in `/proc/net/tcp` (Linux, include/net/tcp_states.h).
const FIN_WAIT_1: u8 = 4;
const FIN_WAIT_2: u8 = 5;
const CLOSE_WAIT: u8 = 8;
const CLOSING: u8 = 11;

/// Whether some connection to this loopback port was closed by its client and not yet by the server: then the server
/// may still have bytes of it to read, whether the client lives or not.
///
/// Where the system has no such list (macOS), the answer is no.
pub fn half_closed(port: u16) -> bool {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    lists.into_iter().flatten().any(|list| in_list(&list, port))
}

/// As [`half_closed`], in a list that was read elsewhere.
pub fn in_list(list: &str, port: u16) -> bool {
    list.lines().filter_map(socket).any(|(local, remote, state)| {
        let of_the_client = matches!(state, FIN_WAIT_1 | FIN_WAIT_2 | CLOSING) && remote == port;
        of_the_client || state == CLOSE_WAIT && local == port
    })
}

/// Local port, remote port and state of one line: `0: 0100007F:1F90 0100007F:A2C4 08 …`.
fn socket(line: &str) -> Option<(u16, u16, u8)> {
    let mut fields = line.split_whitespace().skip(1);
    let mut port = || u16::from_str_radix(fields.next()?.rsplit(':').next()?, 16).ok();
    let (local, remote) = (port()?, port()?);
    Some((local, remote, u8::from_str_radix(fields.next()?, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_is_half_closed_until_its_server_closes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert!(!half_closed(port), "open on both sides");
        client.write_all(b"last words").unwrap();
        drop(client);
        assert!(half_closed(port), "what the client wrote was not read yet");
        let mut heard = String::new();
        server.read_to_string(&mut heard).unwrap();
        assert!(heard == "last words" && half_closed(port));
        drop(server);
        assert!(!half_closed(port));
    }

    #[test]
    fn a_line_that_is_none_is_passed_over() {
        for line in ["", "0:", "0: x y z", "0: 0100007F:1F90 0100007F:A2C4 zz"] {
            assert_eq!(socket(line), None, "{line}");
        }
        assert_eq!(socket("0: 0100007F:1F90 0100007F:A2C4 08 rest"), Some((0x1f90, 0xa2c4, 8)));
    }
}
