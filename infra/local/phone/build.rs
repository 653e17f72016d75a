//! Writes the list of the page's files, so that a new file in `page/` is served without a change of Rust code.

use std::{env, error::Error, fs, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo gives its folders to a build script in the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=page");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("page");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let (name, path) = (entry.file_name(), entry.path());
            files.push(format!("({:?}, include_bytes!({:?}))", name.to_string_lossy(), path));
        }
    }
    files.sort();
    let list = format!("&[{}]", files.join(","));
    fs::write(Path::new(&env::var("OUT_DIR")?).join("page_files.rs"), list)?;
    Ok(())
}
