//! The crm-resources process.

use crm_resources::{App, SERVICE, Settings};
use platform::lifecycle::{self, Process, install_tls};
use platform::telemetry::Telemetry;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    lifecycle::runtime()?.block_on(serve())
}

async fn serve() -> anyhow::Result<()> {
    install_tls();
    let settings = Settings::load()?;
    let telemetry = Telemetry::start(SERVICE, &settings.telemetry)?;
    let process = Process::of_main(&telemetry)?;
    let metrics = telemetry.metrics.clone();
    App::build(&settings, process, move || metrics.render())?.run().await?;
    tokio::task::spawn_blocking(|| telemetry.stop()).await?;
    Ok(())
}
