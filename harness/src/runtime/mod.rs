//! Where a run lives: the processes of this machine.

pub mod guard;
pub mod k8s;
pub mod life;
pub mod local;
pub mod node;
pub mod ports;
pub mod process;
pub mod sockets;
pub mod table;
