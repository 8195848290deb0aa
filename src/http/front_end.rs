//! Front ends that are built in: the files of their `dist/` folders, compressed when they were built, and sent
//! as they are.

use std::borrow::Cow;

use rust_embed::RustEmbed;

use super::document::Document;

/// A file of the front end; none where it has no such file.
pub(super) fn file<F: RustEmbed>(path: &str, policy: &str) -> Option<Document> {
    let file = F::get(&format!("{path}.gz"))?;
    match file.data {
        Cow::Borrowed(content) => {
            let digest = file.metadata.sha256_hash();
            Some(Document::compressed(content, &digest, path, policy))
        }
        // The feature `debug-embed` has all files in the binary.
        Cow::Owned(_) => None,
    }
}
