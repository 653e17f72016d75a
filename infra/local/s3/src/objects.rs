//! The stored objects, as tests look at them.

use std::{fs, io, path::Path};

/// An object of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// All objects below `folder`, which is a bucket's, by key.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<StoredObject>> {
    let mut objects = Vec::new();
    collect(folder, "", &mut objects)?;
    objects.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(objects)
}

fn collect(folder: &Path, prefix: &str, objects: &mut Vec<StoredObject>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{key}/"), objects)?;
        } else {
            objects.push(StoredObject { key, bytes: fs::read(entry.path())? });
        }
    }
    Ok(())
}
