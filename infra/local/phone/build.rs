//! Writes the lists of the pages' files, so that a new file in `page/` or `api/` is served without a change of Rust code.

use std::{env, error::Error, fs, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo gives its folders to a build script in the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    for page in ["page", "api"] {
        println!("cargo::rerun-if-changed={page}");
        let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(page);
        let list = list(&folder)?;
        fs::write(Path::new(&env::var("OUT_DIR")?).join(format!("{page}_files.rs")), list)?;
    }
    Ok(())
}

/// The names and the contents of the files, as Rust code.
fn list(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let (name, path) = (entry.file_name(), entry.path());
            files.push(format!("({:?}, include_bytes!({:?}))", name.to_string_lossy(), path));
        }
    }
    files.sort();
    Ok(format!("&[{}]", files.join(",")))
}
