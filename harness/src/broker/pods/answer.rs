//! Whether a server answers, asked as its clients ask.

use rdkafka::consumer::Consumer;
use sqlx::{AssertSqlSafe, Connection};

use crate::broker::{Reach, kafka, nats, postgres};

/// Asks once. The version, as the server says it, where that can be asked.
pub async fn ask(reach: &Reach, cluster: &str) -> Result<Option<String>, String> {
    match reach {
        Reach::Nats(access) => {
            let client = nats::connect(access, "harness").await.map_err(|error| error.to_string())?;
            let version = client.server_info().version;
            let account = async_nats::jetstream::new(client).query_account().await;
            account.map(|_| Some(version)).map_err(|error| error.to_string())
        }
        Reach::Postgres(reach) => {
            let mut connection = postgres::connect(&reach.own("postgres")).await?;
            let asked = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await;
            let version: String = asked.map_err(|error| error.to_string())?;
            let _ = connection.close().await;
            Ok(Some(version.split(' ').next().unwrap_or_default().to_owned()))
        }
        Reach::Kafka(reach) => {
            let client =
                kafka::client::asker(&reach.own.to_string(), None).map_err(|error| error.to_string())?;
            let client = std::sync::Arc::new(kafka::client::Aside::new(client));
            let (asked, cluster) = (client.clone(), cluster.to_owned());
            let look = move || Ok(kafka_answers(&asked, &cluster));
            let answer = kafka::client::blocking("say whether it is ready", look).await;
            answer.map_err(|error| error.to_string())?.map(|()| None)
        }
    }
}

fn kafka_answers(
    client: &rdkafka::consumer::BaseConsumer<kafka::client::Quiet>,
    cluster: &str,
) -> Result<(), String> {
    let bound = std::time::Duration::from_secs(2);
    match kafka::client::cluster_id(client, bound) {
        Some(id) if id == cluster => {}
        Some(id) => return Err(format!("another Kafka answers: its cluster is {id}")),
        None => return Err("no answer".to_owned()),
    }
    let metadata = client.fetch_metadata(None, bound).map_err(|error| error.to_string())?;
    if kafka::client::all_led(&metadata) { Ok(()) } else { Err("a partition has no leader".to_owned()) }
}

/// Makes the labs' role, in a PostgreSQL that is new.
pub async fn make_role(reach: &postgres::Reach) -> Result<(), String> {
    let mut connection = postgres::connect(&reach.own("postgres")).await?;
    let sql = format!("CREATE ROLE {} LOGIN PASSWORD '{}'", postgres::LAB_ROLE, reach.secret);
    let made = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
    made.map(drop).map_err(|error| error.to_string())
}
