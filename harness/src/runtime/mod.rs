//! Where a run lives: the processes of this machine.

pub mod guard;
pub mod local;
pub mod node;
pub mod ports;
pub mod process;
pub mod sockets;
pub mod table;
