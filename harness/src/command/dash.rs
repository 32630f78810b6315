//! `harness dash`: Prometheus and Grafana with the boards, and labs to be seen on them, until the person ends it.

use std::time::Duration;

use tokio::sync::watch;

use super::{output, run};
use crate::{
    cli::{DashArgs, RunArgs},
    context::Context,
    dash::{Grafana, Prometheus, Running, grafana},
    error::Error,
    exit::Exit,
    interrupt,
    metrics::{Endpoint, Metrics},
    pages::live::LivePage,
    serve::Asked,
};

/// Where labs are scraped that somebody runs in another terminal.
const ELSEWHERE: &str = "127.0.0.1:9464";

/// How long Prometheus may take to scrape for the first time; it scrapes once a second.
const FIRST_SCRAPE: Duration = Duration::from_secs(10);

/// How often it is looked whether the servers are there.
const LOOK: Duration = Duration::from_secs(1);

/// Starts what is installed, says where it is, runs what is named, and waits for Ctrl-C.
pub async fn dash(arguments: &DashArgs) -> Result<Exit, Error> {
    let prometheus = Prometheus::find()?;
    let home = super::look::labs()?.home;
    let wanted = arguments.all || !arguments.targets.is_empty();
    let run_arguments = RunArgs {
        targets: arguments.targets.clone(),
        all: arguments.all,
        repeat: 1,
        skip_missing: true,
        ..RunArgs::default()
    };
    let prepared = if wanted { Some(run::prepare(&run_arguments)?) } else { None };
    let metrics = Metrics::new(false);
    let endpoint = if wanted { Some(metrics.serve(Asked::loopback(0))?) } else { None };
    let mut context = Context::start(&home, interrupt::listen(), metrics)?;
    context.live_page = arguments.live.then(LivePage::start).transpose()?;
    let target = endpoint.as_ref().map_or_else(|| ELSEWHERE.to_owned(), |endpoint| endpoint.target());
    let outcome = match Boards::start(&context, &prometheus, &target).await {
        Ok(mut boards) => {
            let labs = prepared.as_ref().zip(endpoint.as_ref());
            let outcome = show(&mut context, &mut boards, &run_arguments, labs).await;
            boards.stop(&context).await;
            outcome
        }
        Err(error) => Err(error),
    };
    context.end(false);
    outcome
}

async fn show(
    context: &mut Context,
    boards: &mut Boards,
    arguments: &RunArgs,
    labs: Option<(&run::Prepared, &Endpoint)>,
) -> Result<Exit, Error> {
    output::print(&boards.says())?;
    let exit = match labs {
        Some((prepared, endpoint)) => {
            // Before the first run begins, so that the shortest one is seen.
            endpoint.someone_scrapes(FIRST_SCRAPE).await;
            let exit = run::run_prepared(context, arguments, prepared, Vec::new(), Some(endpoint)).await;
            if let Some(page) = context.live_page.take() {
                page.end(context.interrupt.clone()).await;
            }
            exit?
        }
        None => {
            output::print(&format!(
                "Now run labs in another terminal: harness run 2 --metrics {ELSEWHERE}\n"
            ))?;
            Exit::AsExpected
        }
    };
    output::print("The boards stay until you press Ctrl-C.\n")?;
    boards.wait(context.interrupt.clone()).await?;
    Ok(exit)
}

/// What stands.
struct Boards {
    prometheus: Running,
    grafana: Option<Running>,
}

impl Boards {
    async fn start(context: &Context, prometheus: &Prometheus, target: &str) -> Result<Self, Error> {
        let prometheus = prometheus.start(context, target).await?;
        let grafana = match Grafana::find() {
            Some(grafana) => match grafana.start(context, &prometheus.url()).await {
                Ok(grafana) => Some(grafana),
                Err(error) => {
                    prometheus.stop(context).await;
                    return Err(error);
                }
            },
            None => None,
        };
        Ok(Self { prometheus, grafana })
    }

    fn says(&self) -> String {
        let prometheus = self.prometheus.url();
        match &self.grafana {
            Some(grafana) => {
                let url = grafana.url();
                format!(
                    "Room     {url}/d/lab-room\nRun      {url}/d/lab-run\nBrokers  {url}/d/lab-brokers\n\
                     Prometheus, where the numbers are: {prometheus}\n"
                )
            }
            None => format!(
                "Grafana is not installed, so there are no boards. The numbers are in Prometheus: {prometheus}/graph\n  \
                 to mend it: {}\n",
                grafana::MEND
            ),
        }
    }

    /// Until the person asks to end, or a server ends by itself.
    async fn wait(&mut self, mut interrupt: watch::Receiver<u32>) -> Result<(), Error> {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                // An error means that nobody listens for Ctrl-C any more.
                _ = interrupt.wait_for(|count| *count > 0) => return Ok(()),
                _ = looks.tick() => {}
            }
            if let Some(error) = self.prometheus.died().or_else(|| self.grafana.as_mut()?.died()) {
                return Err(error);
            }
        }
    }

    async fn stop(self, context: &Context) {
        if let Some(grafana) = self.grafana {
            grafana.stop(context).await;
        }
        self.prometheus.stop(context).await;
    }
}
