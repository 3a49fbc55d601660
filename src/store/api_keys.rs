//! Port to the keys of the REST routes. Secrets are kept as hashes.

use crate::domain::api_key::ApiKey;
use crate::domain::audit::Hash;
use crate::domain::id::{ApiKeyId, CompanyId};
use crate::domain::time::Timestamp;

use super::StoreFuture;
use crate::domain::audit::Recording;

/// Keys. Where a company is named, those of others do not exist.
pub trait ApiKeys: Send + Sync {
    /// Keeps a new key beside the hash of its whole text. A taken prefix is
    /// [`super::StoreError::Taken`].
    fn insert_key(&self, key: ApiKey, hash: Hash, record: Recording) -> StoreFuture<'_, ()>;
    /// The key with this prefix, and the hash of its text.
    fn key_by_prefix(&self, prefix: String) -> StoreFuture<'_, Option<(ApiKey, Hash)>>;
    /// One key.
    fn key(&self, id: ApiKeyId, company: Option<CompanyId>) -> StoreFuture<'_, Option<ApiKey>>;
    /// Keys, latest first, issued before this one.
    fn keys(
        &self,
        company: Option<CompanyId>,
        before: Option<ApiKeyId>,
        rows_max: u32,
    ) -> StoreFuture<'_, Vec<ApiKey>>;
    /// Ends a key for ever; one that has ended keeps its time. `false`: there is none.
    fn revoke_key(
        &self,
        id: ApiKeyId,
        company: Option<CompanyId>,
        at: Timestamp,
        record: Recording,
    ) -> StoreFuture<'_, bool>;
    /// Writes down when keys were last used.
    fn keys_used(&self, used: Vec<(ApiKeyId, Timestamp)>) -> StoreFuture<'_, ()>;
}
