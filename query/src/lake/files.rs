//! The files of a chain's folder as the engine reads them: never written, and found again where the
//! indexer put them aside while a statement runs.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use assay_model::lake::REPLACED_DIR;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// The files of a folder, which need not be there before the first of them is asked for.
#[derive(Debug)]
pub(crate) struct ReadOnlyStore {
    dir: PathBuf,
    files: OnceLock<LocalFileSystem>,
}

impl ReadOnlyStore {
    /// The files below the folder `dir`.
    pub(crate) fn new(dir: &std::path::Path) -> ReadOnlyStore {
        ReadOnlyStore { dir: dir.to_owned(), files: OnceLock::new() }
    }

    fn files(&self) -> Result<&LocalFileSystem> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let files = LocalFileSystem::new_with_prefix(&self.dir)?;
        Ok(self.files.get_or_init(|| files))
    }
}

impl fmt::Display for ReadOnlyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.dir.display())
    }
}

/// Where a file at `location` is after its segment was replaced.
fn put_aside(location: &Path) -> Path {
    Path::from(REPLACED_DIR).parts().chain(location.parts()).collect()
}

fn refused<T>(what: &str) -> Result<T> {
    Err(Error::NotSupported { source: format!("a lake is only read: {what}").into() })
}

#[async_trait]
impl ObjectStore for ReadOnlyStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.files()?.get_opts(location, options.clone()).await {
            Err(error @ Error::NotFound { .. }) => {
                let aside = self.files()?.get_opts(&put_aside(location), options).await;
                aside.map_err(|_| error)
            }
            result => result,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match self.files()?.get_ranges(location, ranges).await {
            Err(error @ Error::NotFound { .. }) => {
                let aside = self.files()?.get_ranges(&put_aside(location), ranges).await;
                aside.map_err(|_| error)
            }
            result => result,
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.files() {
            Ok(files) => files.list(prefix),
            Err(error) => Box::pin(futures::stream::once(async { Err(error) })),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files()?.list_with_delimiter(prefix).await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        refused("put")
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        refused("put")
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        Box::pin(futures::stream::once(async { refused("delete") }))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        refused("copy")
    }
}
