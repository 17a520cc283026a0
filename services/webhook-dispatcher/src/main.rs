//! The webhook-dispatcher process.

use platform::lifecycle::{self, Process, install_tls};
use platform::telemetry::Telemetry;
use webhook_dispatcher::{App, SERVICE, Settings};

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
    App::build(&settings, process, move || metrics.render()).await?.run().await?;
    tokio::task::spawn_blocking(|| telemetry.stop()).await?;
    Ok(())
}
