//! The person's wish to end.

use tokio::sync::watch;

use crate::{error::Error, exit::Exit, scenario::Plan};

/// Waits for what comes before a plan's messages, unless the person asks to end first: then the plan is not run.
///
/// What was begun is dropped, which ends its processes.
pub async fn unless_asked<T>(
    mut asked: watch::Receiver<u32>,
    plan: &Plan,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        Ok(_) = asked.wait_for(|count| *count > 0) => Err(Error::NotRun {
            what: "interrupted before it began".to_owned(),
            mend: format!("harness run {}/{}", plan.lab, plan.variant),
        }),
        done = work => done,
    }
}

/// Counts Ctrl-C and SIGTERM. The first ends the run in good order; the second ends the harness at once, and the guard
/// the rest.
pub fn listen() -> watch::Receiver<u32> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tell, told) = watch::channel(0);
    // From here on, and not only when the task is first run: whoever is shown something may press Ctrl-C at once.
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return told;
    };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tell.send_modify(|count| *count += 1);
            if *tell.borrow() > 1 {
                eprintln!("ended at once; `harness clean` removes what is left");
                std::process::exit(i32::from(Exit::Inconclusive.code()));
            }
        }
    });
    told
}
