//! The kernel's own list of connections: the only one that asks no protocol.

use super::table::marked;

/// States of a TCP socket in `/proc/net/tcp` (Linux, include/net/tcp_states.h).
const FIN_WAIT_1: u8 = 4;
const FIN_WAIT_2: u8 = 5;
const CLOSE_WAIT: u8 = 8;
const CLOSING: u8 = 11;
const LISTEN: u8 = 10;

/// Whether some connection to this loopback port was closed by its client and not yet by the server: then the server
/// may still have bytes of it to read, whether the client lives or not.
///
/// Where the system has no such list (macOS), the answer is no.
pub fn half_closed(port: u16) -> bool {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    lists.into_iter().flatten().any(|list| in_list(&list, port))
}

/// Whether a process with this mark listens at this port: a port that was free just now may be somebody else's by the time
/// that our program asks for it.
///
/// Where the system has no such list (macOS), the answer is yes.
pub fn listens(port: u16, mark: &str) -> bool {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let lists: Vec<String> = lists.into_iter().flatten().collect();
    let wanted: Vec<String> = lists
        .iter()
        .flat_map(|list| listeners(list, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let holds_one = |pid: u32| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|target| wanted.iter().any(|wanted| target.as_os_str() == wanted.as_str()))
    };
    lists.is_empty() || marked(mark).into_iter().any(holds_one)
}

/// The inodes of the sockets that listen at a port.
fn listeners(list: &str, port: u16) -> impl Iterator<Item = &str> {
    let at_port =
        move |line: &&str| socket(line).is_some_and(|(local, _, state)| local == port && state == LISTEN);
    list.lines().skip(1).filter(at_port).filter_map(|line| line.split_whitespace().nth(9))
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
    #[cfg(target_os = "linux")]
    fn a_server_of_somebody_else_is_not_ours() {
        let mark = format!("{:016x}", rand::random::<u64>());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!listens(port, &mark), "nobody carries the mark");
        // A child that has inherited the socket, and the mark.
        let mut command = std::process::Command::new("sh");
        let file = rustix::io::dup(&listener).unwrap();
        command.args(["-c", "read line"]).env(crate::runtime::table::MARK, &mark);
        let mut child = command.stdin(std::process::Stdio::piped()).stdout(file).spawn().unwrap();
        assert!(listens(port, &mark));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!listens(port, &mark), "it is gone");
    }

    #[test]
    fn a_line_that_is_none_is_passed_over() {
        for line in ["", "0:", "0: x y z", "0: 0100007F:1F90 0100007F:A2C4 zz"] {
            assert_eq!(socket(line), None, "{line}");
        }
        assert_eq!(socket("0: 0100007F:1F90 0100007F:A2C4 08 rest"), Some((0x1f90, 0xa2c4, 8)));
    }
}
