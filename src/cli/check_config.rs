//! `yinku check-config`: checks the settings and, with `--probe`, what they name.

use std::process::ExitCode;

use crate::{
    app,
    cli::print,
    clock::Clock,
    config::{Config, DatabaseUrl, StoreUrl},
    db::{Db, outage},
    provider::{ProviderError, Providers},
    secret::Secrets,
    service::Service,
    store::Store,
};

#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfigArgs {
    /// Also try the database, the store and each bound service. Changes nothing.
    #[arg(long)]
    probe: bool,
}

/// The result of one test: what works, or what is wrong and what to do.
type Tried = Result<String, String>;

/// Returns status 0 if all that was tried works.
pub(crate) async fn run(config: &Config, args: &CheckConfigArgs) -> anyhow::Result<ExitCode> {
    print::to_stdout(&config.to_shown_toml())?;
    if !args.probe {
        return Ok(ExitCode::SUCCESS);
    }
    let mut tried = vec![("store".to_owned(), store(config).await)];
    match database(config).await {
        Ok((words, db)) => {
            tried.insert(0, ("database".to_owned(), Ok(words)));
            if let Some(db) = db {
                tried.extend(services(config, &db).await?);
                db.close().await;
            }
        }
        Err(why) => tried.insert(0, ("database".to_owned(), Err(why))),
    }
    for (name, outcome) in &tried {
        match outcome {
            Ok(words) => print::to_stdout(&format!("# {name}: {words}"))?,
            Err(why) => print::to_stderr(&format!("{name}: {why}")),
        }
    }
    Ok(if tried.iter().all(|(_, outcome)| outcome.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn database(config: &Config) -> Result<(String, Option<Db>), String> {
    if let DatabaseUrl::Sqlite(path) = &config.database.url
        && !path.exists()
    {
        return Ok((format!("{} does not exist yet; the first start creates it", path.display()), None));
    }
    let db = Db::open_existing(&config.database).await.map_err(|error| error.to_string())?;
    match db.check_write().await {
        Ok(()) => Ok(("accepts writes".to_owned(), Some(db))),
        Err(error) if outage(&error).is_some() => {
            Err(format!("it does not accept writes: {error}. Check its disk, its permissions and its log."))
        }
        Err(_) => Ok(("answers, without the tables of this version; the next start creates them".to_owned(), None)),
    }
}

async fn store(config: &Config) -> Tried {
    if let StoreUrl::Local(path) = &config.store.url
        && !path.exists()
    {
        return Ok(format!("{} does not exist yet; the first start creates it", path.display()));
    }
    let advice = match &config.store.url {
        StoreUrl::Local(_) => "Check the path, its permissions and the space that is left.",
        StoreUrl::S3 { .. } => "Check store.endpoint, the bucket and the keys.",
    };
    let wrong = |error: crate::store::StoreError| format!("{}. {advice}", print::causes(&error.into()));
    let store = Store::open(&config.store).await.map_err(wrong)?;
    store.check_write().await.map_err(wrong)?;
    Ok("works".to_owned())
}

/// Most services that are tried.
const MOST: i64 = 1000;

async fn services(config: &Config, db: &Db) -> anyhow::Result<Vec<(String, Tried)>> {
    let secrets = Secrets::load(&config.secrets)?;
    let vendor = Providers::new(&app::provider_limits(config), Clock::System)?;
    let mut tried = Vec::new();
    for service in Service::list(db, None, MOST).await? {
        let name = format!("service {:?} at {}", service.name, service.base_url);
        let outcome = match service.credentials(&secrets) {
            Ok(credentials) => vendor.client(credentials).categories().await.map_err(|error| advise(&error)),
            Err(error) => Err(format!("{error}. Correct it with PATCH /api/services/{}.", service.id)),
        };
        tried.push((name, outcome.map(|found| format!("works; {} categories", found.len()))));
    }
    Ok(tried)
}

fn advise(error: &ProviderError) -> String {
    let advice = match error {
        ProviderError::Unreachable(_) => "Check the address of the service, DNS and the firewall.",
        ProviderError::Rejected { .. } => "Check AppToken, AppSecret and the sign mode of the service.",
        ProviderError::Html { .. } | ProviderError::Garbled(_) | ProviderError::Redirected { .. } => {
            "Check that the address is the open platform of the vendor, usually with port 9182."
        }
        _ => "Check the vendor's server, then try again.",
    };
    format!("{error}. {advice}")
}
