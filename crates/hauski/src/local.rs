//! Verbs ask the daemon of this home, in the types of the contracts.

use anyhow::Context;
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::client::{self, ClientError};
use crate::exit::Failure;
use crate::settings::Settings;

/// Runs a verb's questions to the daemon or to the store.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(work)
}

/// Whether a daemon runs in this home.
pub(crate) async fn is_running(settings: &Settings) -> bool {
    UnixStream::connect(settings.socket()).await.is_ok()
}

/// GET; the answer in its type.
pub(crate) async fn get<T: DeserializeOwned>(settings: &Settings, path: &str) -> anyhow::Result<T> {
    call(settings, Method::GET, path, None::<&()>).await
}

/// Another method, perhaps with a JSON body.
pub(crate) async fn call<T: DeserializeOwned>(
    settings: &Settings,
    method: Method,
    path: &str,
    body: Option<&impl Serialize>,
) -> anyhow::Result<T> {
    let body = body.map(serde_json::to_value).transpose()?;
    let answer = client::ask(&settings.socket(), method, path, body.as_ref()).await;
    let answer = answer.map_err(|error| failure(&error, settings))?;
    serde_json::from_value(answer).context("the daemon answered with nonsense")
}

fn failure(error: &ClientError, settings: &Settings) -> Failure {
    let message = match error {
        ClientError::NotRunning => format!("no daemon runs in {}", settings.home.display()),
        error => error.to_string(),
    };
    let hint = match error {
        ClientError::Refused { .. } => "its log says more; `hauski status` tells where it runs",
        error => error.hint(),
    };
    Failure::new(message, hint)
}
