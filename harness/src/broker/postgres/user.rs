//! Whom a server runs as: PostgreSQL refuses to run as root.

use std::{fs, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::error::Error;

/// In this order: the one that Debian's package makes, and the one that every system has.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// Asking for a user's number takes a millisecond; a directory service may be slow.
const BOUND: Duration = Duration::from_secs(10);

/// A user that is not root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: &'static str,
    /// The number.
    pub uid: u32,
    /// The number of the user's first group.
    pub gid: u32,
}

impl User {
    /// Has the command run as this user, from a folder that every user can be in.
    pub fn take(user: Option<&User>, command: &mut Command) {
        command.current_dir("/");
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
    }
}

/// The user to drop to: none unless this process is root.
///
/// # Errors
/// [`Error::NotRun`] for root where there is nobody to drop to.
pub async fn needed() -> Result<Option<User>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let mut there = Vec::new();
    for name in NAMES {
        there.extend(look_up(name).await);
    }
    let map = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).ok();
    choose(&there, map("uid_map").as_deref(), map("gid_map").as_deref()).map(Some)
}

async fn look_up(name: &'static str) -> Option<User> {
    Some(User { name, uid: number("-u", name).await?, gid: number("-g", name).await? })
}

async fn number(which: &str, name: &str) -> Option<u32> {
    let mut command = Command::new("id");
    command.args([which, name]).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(BOUND, command.output()).await.ok()?.ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// The first that is not root and that this process may become. Without maps every number can be had.
fn choose(there: &[User], uids: Option<&str>, gids: Option<&str>) -> Result<User, Error> {
    let can = |user: &&User| {
        user.uid != 0
            && uids.is_none_or(|map| maps(map, user.uid))
            && gids.is_none_or(|map| maps(map, user.gid))
    };
    there.iter().find(can).cloned().ok_or_else(|| {
        let tried: Vec<_> = there.iter().map(|user| format!("{} ({})", user.name, user.uid)).collect();
        let seen = if tried.is_empty() {
            "there is none".to_owned()
        } else {
            format!("not to be had: {}", tried.join(", "))
        };
        Error::NotRun {
            what: format!(
                "PostgreSQL refuses to run as root, and there is no user {} to run it as ({seen})",
                NAMES.join(" or ")
            ),
            mend: "run the harness as another user than root, or make such a user: useradd --system postgres"
                .to_owned(),
        }
    })
}

/// Whether a number exists in this user namespace: lines of "first here, first outside, how many".
fn maps(map: &str, number: u32) -> bool {
    map.lines().any(|line| {
        let mut words = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) = (words.next(), words.next(), words.next())
        else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&u64::from(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "         0          0 4294967295\n";

    fn user(name: &'static str, uid: u32) -> User {
        User { name, uid, gid: uid }
    }

    #[test]
    fn the_first_that_can_be_had_is_taken() {
        let (postgres, nobody) = (user("postgres", 101), user("nobody", 65534));
        let both = [postgres.clone(), nobody.clone()];
        assert_eq!(choose(&both, Some(ALL), Some(ALL)).unwrap(), postgres);
        assert_eq!(choose(&both, None, None).unwrap(), postgres);
        assert_eq!(choose(&both[1..], Some(ALL), Some(ALL)).unwrap(), nobody);
        let few = "0 1000 1\n65534 100000 1\n";
        assert_eq!(choose(&both, Some(few), Some(few)).unwrap(), nobody);
        assert_eq!(choose(&[user("postgres", 0), nobody.clone()], None, None).unwrap(), nobody);
    }

    #[test]
    fn nobody_to_drop_to_is_said_with_what_to_do() {
        let error = choose(&[], Some(ALL), Some(ALL)).unwrap_err();
        assert!(matches!(error, Error::NotRun { .. }), "{error}");
        assert!(error.to_string().contains("there is none"), "{error}");
        let only_root = "0 0 1\n";
        for (uids, gids) in [(only_root, ALL), (ALL, only_root), ("", ALL), ("x y z\n0 0\n", ALL)] {
            let error = choose(&[user("nobody", 65534)], Some(uids), Some(gids)).unwrap_err().to_string();
            assert!(error.contains("refuses to run as root"), "{error}");
            assert!(error.contains("not to be had: nobody (65534)"), "{error}");
            assert!(error.contains("useradd"), "{error}");
        }
    }
}
