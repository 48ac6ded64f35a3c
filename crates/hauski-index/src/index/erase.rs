//! Forgetting as people mean it: previewed, confirmed, then gone from every file of the index.

use std::time::Duration;

use contracts::hauski::index::{FORGET, ForgetFilter, ForgetRequest, Forgot, ForgottenDoc};
use tokio::sync::oneshot;

use super::follow::Order;
use super::{Index, IndexError, blocking, upsert};
use crate::truth::{ForgetPlan, Selection};

/// Documents that an answer lists.
const MAX_LISTED: usize = 1000;
/// Bytes of a reason.
const MAX_REASON: usize = 200;
/// How long the derived stores get to take note of it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Index {
    /// Counts what fits, or forgets it where that is confirmed. When this returns with `erased`, no file of the index holds
    /// a byte of it: not the database, not its log, not the text index, not the vectors.
    ///
    /// # Errors
    /// The filter is empty or wipes a namespace without saying so, it is not confirmed, or the database says no. When a
    /// derived store fails after that, the rows are gone and invisible, and a later compaction erases the rest.
    pub async fn forget(&self, request: &ForgetRequest) -> Result<Forgot, IndexError> {
        let selection = self.selection(&request.filter)?;
        if request.reason.len() > MAX_REASON {
            return Err(IndexError::invalid("reason", format!("at most {MAX_REASON} bytes")));
        }
        if request.dry_run {
            return Ok(forgot(self.0.truth.forget_preview(&selection).await?, true));
        }
        if !request.confirm {
            let what = "say \"confirm\": true to forget, or \"dry_run\": true to see what would go";
            return Err(IndexError::invalid("confirm", what));
        }
        let plan = self.0.truth.forget(selection, self.now_ms()).await?;
        let is_empty = plan.documents.is_empty();
        let mut forgot = forgot(plan, false);
        forgot.erased = if is_empty { true } else { self.compact().await? };
        Ok(forgot)
    }

    /// Brings every derived store up to date and removes from every file what is deleted. True when all of it is gone,
    /// false when a reader was in the way.
    ///
    /// # Errors
    /// A store cannot be written.
    pub async fn compact(&self) -> Result<bool, IndexError> {
        let _one_at_a_time = self.0.rewriting.lock().await;
        let seq = self.0.truth.seq();
        if !self.wait_until_seen(seq, PATIENCE).await {
            return Err(IndexError::Text("the text index does not follow".to_owned()));
        }
        let (answer, done) = oneshot::channel();
        let closing = || IndexError::Text("the index is closing".to_owned());
        self.0.orders.send(Order::Compact(answer)).await.map_err(|_| closing())?;
        done.await.map_err(|_| closing())??;
        let stores = {
            let models = self.0.models();
            [models.serving.clone(), models.coming.clone()]
        };
        let mut settled = seq;
        for dense in stores.into_iter().flatten() {
            dense.bring_up_to(&self.0, seq).await?;
            let store = std::sync::Arc::clone(&dense.store);
            crate::failpoint::reached("index.before-vector-compaction");
            blocking(move || store.compact()).await?;
            crate::failpoint::reached("index.after-vector-compaction");
            settled = settled.min(dense.store.watermark());
        }
        self.drop_stores_without_a_model().await?;
        Ok(self.0.truth.compact(settled).await?)
    }

    /// Vectors of a model that is not there now would keep what was forgotten: they are derived anew when it comes back.
    async fn drop_stores_without_a_model(&self) -> Result<(), IndexError> {
        let kept: Vec<_> = {
            let models = self.0.models();
            let kept = [&models.serving, &models.coming].into_iter().flatten();
            kept.map(|dense| dense.folder.clone()).collect()
        };
        let (text, derived) = (self.0.text_folder(), self.0.home.join("vector"));
        blocking(move || {
            let failed = |error: std::io::Error| IndexError::Vectors(error.to_string());
            for entry in std::fs::read_dir(&derived).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.is_dir() && path != text && !kept.contains(&path) {
                    std::fs::remove_dir_all(&path).map_err(failed)?;
                }
            }
            Ok::<_, IndexError>(())
        })
        .await
    }

    fn selection(&self, filter: &ForgetFilter) -> Result<Selection, IndexError> {
        let before_ms = upsert::time("filter.older_than", filter.older_than.as_deref())?;
        for (param, value) in [
            ("filter.namespace", &filter.namespace),
            ("filter.source_ref_origin", &filter.source_ref_origin),
            ("filter.source_ref_id", &filter.source_ref_id),
            ("filter.doc_id", &filter.doc_id),
        ] {
            if let Some(value) = value {
                upsert::name(param, value, 1024)?;
            }
        }
        if let Some(query) = &filter.query
            && (query.trim().len() < 3 || query.len() > 4000)
        {
            return Err(IndexError::invalid("filter.query", "must have 3 to 4000 bytes"));
        }
        let selection = Selection {
            collection: filter.namespace.clone(),
            before_ms,
            origin: filter.source_ref_origin.clone(),
            source_id: filter.source_ref_id.clone(),
            doc_id: filter.doc_id.clone(),
            text: filter.query.clone(),
            only: None,
        };
        let by_content = before_ms.is_some()
            || [&selection.origin, &selection.source_id, &selection.doc_id, &selection.text]
                .into_iter()
                .any(Option::is_some);
        match (by_content, &selection.collection, filter.allow_namespace_wipe) {
            (true, _, _) | (false, Some(_), true) => Ok(selection),
            (false, Some(_), false) => {
                let what = "a namespace alone would wipe it: say \"allow_namespace_wipe\": true";
                Err(IndexError::invalid("filter", what))
            }
            (false, None, true) => {
                let what = "allow_namespace_wipe needs the name of a namespace";
                Err(IndexError::invalid("filter.namespace", what))
            }
            (false, None, false) => {
                let what = "give at least one of doc_id, source_ref_origin, source_ref_id, older_than, query";
                Err(IndexError::invalid("filter", what))
            }
        }
    }
}

fn forgot(plan: ForgetPlan, dry_run: bool) -> Forgot {
    let count = plan.documents.len();
    let listed = plan
        .documents
        .into_iter()
        .take(MAX_LISTED)
        .map(|(namespace, doc_id, chunks)| ForgottenDoc { doc_id, namespace, chunks });
    Forgot {
        schema: FORGET.to_owned(),
        forgotten_count: count as u64,
        dry_run,
        forgotten_docs: listed.collect(),
        not_listed: count.saturating_sub(MAX_LISTED) as u64,
        chunks: plan.chunks,
        vectors: plan.vectors,
        ..Forgot::default()
    }
}
