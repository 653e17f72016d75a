//! The two builds: a commit, in a worktree of its own below `target/`, and this tree.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use local_template::{Function, Stack};
use shared::types::BoxError;

use crate::{
    binaries::{build_release_in, root},
    deployment,
    functions::HELLO,
};

/// A build: its template and its binaries.
pub struct Tree {
    root: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
}

/// Both builds.
pub struct Trees {
    /// The commit that is compared with.
    pub base: Tree,
    /// This tree.
    pub new: Tree,
}

/// Which of the two builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The commit that is compared with.
    Base,
    /// This tree.
    New,
}

impl Side {
    /// Both, in the order of the table.
    pub const BOTH: [Self; 2] = [Self::Base, Self::New];
}

impl Trees {
    /// Builds the functions of `only`, or all, of `commit` and of this tree.
    ///
    /// # Errors
    /// The commit is not known, or a package does not build.
    pub fn build(commit: &str, only: &[String]) -> Result<Self, BoxError> {
        Ok(Self { base: Tree::build(check_out(commit)?, only)?, new: Tree::build(root().to_owned(), only)? })
    }

    /// The binaries of `commit` and of this tree that lie in two folders.
    ///
    /// # Errors
    /// The commit is not known, or a folder can't be read.
    pub fn find(commit: &str, base: &Path, new: &Path) -> Result<Self, BoxError> {
        Ok(Self { base: Tree::find(check_out(commit)?, base)?, new: Tree::find(root().to_owned(), new)? })
    }

    /// One of them.
    #[must_use]
    pub const fn side(&self, side: Side) -> &Tree {
        match side {
            Side::Base => &self.base,
            Side::New => &self.new,
        }
    }
}

impl Tree {
    fn build(root: PathBuf, only: &[String]) -> Result<Self, BoxError> {
        let stack = deployment::stack_in(&root, "http://127.0.0.1:1")?;
        let functions = folders(&stack, only);
        // Apart, so that neither gets a feature that the other asks for.
        let mut binaries = build_release_in(&root, [HELLO])?;
        binaries.extend(build_release_in(&root, functions.iter().map(String::as_str))?);
        Ok(Self { root, binaries })
    }

    fn find(root: PathBuf, folder: &Path) -> Result<Self, BoxError> {
        let stack = deployment::stack_in(&root, "http://127.0.0.1:1")?;
        let names = stack.functions.into_iter().map(|function| function.folder).chain([HELLO.to_owned()]);
        let binaries = names.map(|name| (name.clone(), folder.join(name)));
        Ok(Self { binaries: binaries.filter(|(_, path)| path.exists()).collect(), root })
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its template.
    #[must_use]
    pub fn template(&self) -> PathBuf {
        self.root.join("template.yaml")
    }

    /// The binaries by the names of their packages.
    #[must_use]
    pub const fn binaries(&self) -> &BTreeMap<String, PathBuf> {
        &self.binaries
    }

    /// The binary of a package.
    ///
    /// # Errors
    /// The package was not built.
    pub fn binary(&self, name: &str) -> Result<&Path, BoxError> {
        let binary = self.binaries.get(name).ok_or_else(|| format!("{name} was not built"))?;
        Ok(binary)
    }

    /// The names of the functions that were built.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.binaries.keys().map(String::as_str).filter(|name| *name != HELLO)
    }

    /// A function of the tree's own template, with `wechat` as the address of WeChat.
    ///
    /// # Errors
    /// The template has no such function.
    pub fn function(&self, folder: &str, wechat: &str) -> Result<Function, BoxError> {
        let stack = deployment::stack_in(&self.root, wechat)?;
        let function = stack.functions.into_iter().find(|function| function.folder == folder);
        Ok(function.ok_or_else(|| format!("the template has no function {folder}"))?)
    }
}

/// The functions of the stack that are wanted.
fn folders(stack: &Stack, only: &[String]) -> Vec<String> {
    let wanted = |folder: &String| only.is_empty() || only.contains(folder);
    stack.functions.iter().map(|function| function.folder.clone()).filter(wanted).collect()
}

/// The worktree of `commit`, which is made at its first use.
fn check_out(commit: &str) -> Result<PathBuf, BoxError> {
    let path = root().join("target/compare").join(commit);
    if !path.join("Cargo.toml").exists() {
        let mut git = Command::new("git");
        git.current_dir(root()).args(["worktree", "add", "--force", "--detach"]).arg(&path).arg(commit);
        if !git.status()?.success() {
            return Err(format!("git can't check out {commit}").into());
        }
    }
    Ok(path)
}
