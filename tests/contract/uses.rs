//! Which file of a crate uses which other one.
//!
//! The sources are parsed, and every name is followed through `use` and re-exports to the file that defines it. These do not count
//! as a use: code under `#[cfg(test)]`, a `mod` declaration, a re-export (`pub use`), and the `use` of a whole module, because what
//! is taken from the module counts where it is taken. Calls of methods are not seen: a method belongs to a type, whose name is.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Ident, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Path, UseTree, Visibility,
    visit::{self, Visit},
};

/// A place in one file that names what another file defines. Files are relative to the crate's `src`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The path as it is written.
    pub(crate) path: String,
    /// The file that defines the item.
    pub(crate) to: String,
    /// The path begins at the crate's root and finds its second name only among the re-exports there.
    pub(crate) is_through_root: bool,
}

/// What is compiled into a crate.
pub(crate) struct Sources {
    pub(crate) files: BTreeSet<String>,
    pub(crate) uses: Vec<Use>,
}

impl Sources {
    /// Reads a crate, whose files are given by their path below `src`.
    pub(crate) fn read(files: &BTreeMap<String, String>) -> Self {
        let tree = Tree::read(files);
        let mut uses: Vec<Use> = (0..tree.modules.len()).flat_map(|module| tree.uses_of(module)).collect();
        uses.sort();
        uses.dedup_by(|one, other| (&one.file, one.line, &one.to) == (&other.file, other.line, &other.to));
        Self { files: tree.modules.into_iter().map(|module| module.file).collect(), uses }
    }
}

/// A module, which is a file or a part of one.
#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// What `use` brings into scope, by its name there.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Macros are called where items stand: they define names that nobody sees here.
    has_macros: bool,
    /// The names of `imports` that are shown to other modules.
    reexports: BTreeSet<String>,
    named: Vec<Named>,
}

/// A path in the code of a module.
struct Named {
    line: usize,
    path: Vec<String>,
    is_import: bool,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    /// An item of this module.
    Item(usize),
    /// Something of another crate.
    Outside,
}

/// The modules of a crate; the first is its root.
struct Tree {
    modules: Vec<Module>,
}

impl Tree {
    fn read(files: &BTreeMap<String, String>) -> Self {
        let mut tree = Self { modules: Vec::new() };
        for root in ["lib.rs", "main.rs"] {
            // A program beside a library is a crate of its own; here it is one file, so that there is nothing to see.
            if files.contains_key(root) && (root == "lib.rs" || !files.contains_key("lib.rs")) {
                tree.add_file(files, root, "", None);
            }
        }
        tree
    }

    /// Parses a file and those of the modules that it declares. `folder` is where these are, with a `/` at its end.
    fn add_file(
        &mut self,
        files: &BTreeMap<String, String>,
        file: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> usize {
        let text = &files[file];
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let id = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        let mut reader = Reader { tree: self, files, folder: folder.to_owned(), module: id };
        parsed.items.iter().for_each(|item| reader.visit_item(item));
        id
    }

    fn uses_of(&self, from: usize) -> impl Iterator<Item = Use> {
        let module = &self.modules[from];
        module.named.iter().filter_map(move |named| {
            // A name alone was counted where it was imported, unless it was imported to be shown.
            if let ([name], false) = (named.path.as_slice(), named.is_import)
                && !module.reexports.contains(name)
                && module.globs.is_empty()
            {
                return None;
            }
            let to = match self.find(from, &named.path, &mut Vec::new()) {
                Some(Found::Item(to)) => &self.modules[to].file,
                None if ["crate", "self", "super"].contains(&named.path[0].as_str()) => {
                    panic!("{}:{}: {} leads nowhere", module.file, named.line, named.path.join("::"))
                }
                _ => return None,
            };
            (*to != module.file).then(|| Use {
                file: module.file.clone(),
                line: named.line,
                path: named.path.join("::"),
                to: to.clone(),
                is_through_root: matches!(named.path.as_slice(), [first, second, ..]
                    if first == "crate" && self.modules[0].imports.contains_key(second)),
            })
        })
    }

    /// Follows a path from a module. `asked` holds the imports that are being followed, because two can name each other.
    fn find(&self, from: usize, path: &[String], asked: &mut Vec<(usize, String)>) -> Option<Found> {
        let mut found = Found::Module(from);
        for (at, name) in path.iter().enumerate() {
            let Found::Module(module) = found else { return Some(found) };
            let is_last = at + 1 == path.len();
            found = match name.as_str() {
                "crate" => Found::Module(0),
                "self" => found,
                "super" => Found::Module(self.modules[module].parent?),
                name => self.look_up(module, name, is_last, asked)?,
            };
        }
        Some(found)
    }

    fn look_up(
        &self,
        module: usize,
        name: &str,
        is_last: bool,
        asked: &mut Vec<(usize, String)>,
    ) -> Option<Found> {
        let Module { children, items, imports, globs, has_macros, .. } = &self.modules[module];
        let child = children.get(name).map(|child| Found::Module(*child));
        let item = items.contains(name).then_some(Found::Item(module));
        // `state` can be a module and a function.
        let own = if is_last { item.or(child) } else { child.or(item) };
        if own.is_some() || asked.contains(&(module, name.to_owned())) {
            return own;
        }
        asked.push((module, name.to_owned()));
        let imported = imports.get(name).map(|path| self.find(module, path, asked).unwrap_or(Found::Outside));
        let imported = imported.or_else(|| {
            globs.iter().find_map(|path| match self.find(module, path, asked)? {
                Found::Module(shown) => self.look_up(shown, name, is_last, asked),
                _ => None,
            })
        });
        asked.pop();
        imported.or_else(|| has_macros.then_some(Found::Item(module)))
    }
}

/// Fills a module from the syntax of its file.
struct Reader<'r> {
    tree: &'r mut Tree,
    files: &'r BTreeMap<String, String>,
    folder: String,
    module: usize,
}

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        &mut self.tree.modules[self.module]
    }

    fn name(&mut self, path: Vec<(String, usize)>, is_import: bool) {
        if let Some((_, line)) = path.last().cloned() {
            let path = path.into_iter().map(|(name, _)| name).collect();
            self.module().named.push(Named { line, path, is_import });
        }
    }

    fn import(&mut self, tree: &UseTree, before: &[(String, usize)], is_reexport: bool) {
        let with = |ident: &Ident| [before, &[part(ident)]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), is_reexport),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before, is_reexport));
            }
            UseTree::Glob(_) => {
                let path = before.iter().map(|(name, _)| name.clone()).collect();
                return self.module().globs.push(path);
            }
            UseTree::Name(own) if own.ident == "self" => {
                (before.to_vec(), before.last().map(|(name, _)| name.clone()))
            }
            UseTree::Name(own) => (with(&own.ident), Some(own.ident.to_string())),
            UseTree::Rename(own) if own.ident == "self" => (before.to_vec(), Some(own.rename.to_string())),
            UseTree::Rename(own) => (with(&own.ident), Some(own.rename.to_string())),
        };
        let Some(name) = name else { return };
        let names = path.iter().map(|(name, _)| name.clone()).collect();
        self.module().imports.insert(name.clone(), names);
        if is_reexport {
            self.module().reexports.insert(name);
        } else {
            self.name(path, true);
        }
    }

    /// The paths in what is no syntax of Rust before a macro has read it.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<(String, usize)> = Vec::new();
        let (mut colons, mut is_member) = (0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 || path.is_empty() => {
                    path.push(part(&ident));
                    colons = 0;
                    if is_member {
                        path.clear();
                        is_member = false;
                    }
                }
                TokenTree::Ident(ident) => {
                    self.name(std::mem::take(&mut path), false);
                    path.push(part(&ident));
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && colons < 2 && !path.is_empty() => {
                    colons += 1
                }
                other => {
                    self.name(std::mem::take(&mut path), false);
                    colons = 0;
                    is_member = matches!(&other, TokenTree::Punct(punct) if punct.as_char() == '.');
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.name(path, false);
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        if let Some(name) = defined(item) {
            self.module().items.insert(name.to_string());
        }
        self.module().has_macros |= matches!(item, Item::Macro(call) if call.ident.is_none());
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'a ImplItem) {
        if !matches!(item, ImplItem::Fn(method) if is_for_tests(&method.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        let name = module.ident.to_string();
        let below = format!("{}{name}/", self.folder);
        let id = match &module.content {
            Some((_, items)) => {
                let file = self.module().file.clone();
                let id = self.tree.modules.len();
                self.tree.modules.push(Module { file, parent: Some(self.module), ..Module::default() });
                let mut reader = Reader { tree: self.tree, files: self.files, folder: below, module: id };
                items.iter().for_each(|item| reader.visit_item(item));
                id
            }
            None => {
                let places = [format!("{}{name}.rs", self.folder), format!("{below}mod.rs")];
                let Some(file) = places.iter().find(|file| self.files.contains_key(*file)) else {
                    panic!("{} declares {name}, which has no file", self.module().file);
                };
                self.tree.add_file(self.files, file, &below, Some(self.module))
            }
        };
        self.module().children.insert(name, id);
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'a Path) {
        if path.leading_colon.is_none() {
            self.name(path.segments.iter().map(|segment| part(&segment.ident)).collect(), false);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    /// `pub(in path)` says who may use an item, and uses nothing.
    fn visit_visibility(&mut self, _: &'a Visibility) {}
}

fn part(ident: &Ident) -> (String, usize) {
    (ident.to_string(), ident.span().start().line)
}

pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

fn defined(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// A crate of these files, whose modules need not be declared: the file above each declares it.
pub(crate) fn crate_of(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        files.iter().map(|(file, code)| ((*file).to_owned(), (*code).to_owned())).collect();
    all.entry("lib.rs".to_owned()).or_default();
    let mut to_declare: Vec<String> = all.keys().cloned().collect();
    while let Some(file) = to_declare.pop() {
        let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if ["lib", "main"].contains(&path) {
            continue;
        }
        let above = if folder.is_empty() { "lib.rs".to_owned() } else { format!("{folder}/mod.rs") };
        if !all.contains_key(&above) {
            to_declare.push(above.clone());
        }
        let code = all.entry(above).or_default();
        let declared = format!("mod {name};");
        if !code.contains(&declared) {
            code.push_str(&format!("\npub {declared}"));
        }
    }
    all
}

#[test]
fn a_name_is_followed_to_the_file_that_defines_it() {
    let files = crate_of(&[
        ("lib.rs", "pub use a::Shown;"),
        ("a/mod.rs", "pub use b::{Deep, make as do_it};\npub struct Shown;\npub const STATE: u8 = 1;"),
        (
            "a/b.rs",
            "pub struct Deep;\npub fn make() {}\npub fn state() {}\nimpl Deep { pub const ONE: u8 = 1; }",
        ),
        ("a/ids.rs", "macro_rules! id { ($n:ident) => { pub struct $n; } }\nid!(OpenId);"),
        ("a/state.rs", "macro_rules! count { () => {} }\npub(crate) use count;"),
    ]);
    for (code, expected) in [
        ("use crate::a::Shown;", "1: crate::a::Shown in a/mod.rs"),
        ("use crate::{\n    a::{\n        Deep as D,\n    },\n};", "3: crate::a::Deep in a/b.rs"),
        ("use super::a::do_it;", "1: super::a::do_it in a/b.rs"),
        ("use crate::Shown;", "1: crate::Shown in a/mod.rs through the root"),
        ("use crate::a;\nfn f(_: a::Deep) {}", "2: a::Deep in a/b.rs"),
        ("use crate::a::{self as other};\nfn f() { other::b::make() }", "2: other::b::make in a/b.rs"),
        ("fn f() -> u8 {\n    crate::a::Deep::ONE\n}", "2: crate::a::Deep::ONE in a/b.rs"),
        ("fn f() { use crate::a::b::state; }", "1: crate::a::b::state in a/b.rs"),
        ("use crate::a::*;\nfn f() -> Shown { Shown }", "2: Shown in a/mod.rs"),
        ("impl From<crate::a::Shown> for u8 {}", "1: crate::a::Shown in a/mod.rs"),
        ("fn f() { assert!(x, \"{}\", crate::a::Deep::ONE) }", "1: crate::a::Deep::ONE in a/b.rs"),
        ("#[derive(crate::a::Shown)]\nstruct S;", "1: crate::a::Shown in a/mod.rs"),
        ("mod inner {\n    use super::super::a::STATE;\n}", "2: super::super::a::STATE in a/mod.rs"),
        ("use crate::a::state::count;", "1: crate::a::state::count in a/state.rs"),
        ("pub use crate::a::Deep;\nfn f(_: Deep) {}", "2: Deep in a/b.rs"),
        ("use crate::a::ids::OpenId;", "1: crate::a::ids::OpenId in a/ids.rs"),
        ("pub use crate::a::Deep;", ""),
        ("use crate::a::state;", ""),
        ("use http::a::Shown;\nfn f(a: u8) -> ::a::Shown { x.a::<u8>() }", ""),
        ("//! [`crate::a::Shown`]\n/// [`crate::a::Deep`]\nfn f() { \"crate::a::Deep\"; }", ""),
        ("#[cfg(test)]\nuse crate::a::Deep;\n#[cfg(test)]\nmod tests {\n    use crate::a::Shown;\n}", ""),
        ("pub(in crate::a) struct S;\nimpl S {\n    #[cfg(test)]\n    fn f() { crate::a::do_it() }\n}", ""),
        ("use self::Two as One;\nuse self::One as Two;\nfn f(_: One, _: u::One) {}", ""),
    ] {
        let mut files = files.clone();
        files.insert("u.rs".to_owned(), code.to_owned());
        files.get_mut("lib.rs").expect("the root").push_str("\nmod u;");
        let found: Vec<String> = Sources::read(&files)
            .uses
            .into_iter()
            .filter(|one| one.file == "u.rs")
            .map(|Use { line, path, to, is_through_root, .. }| {
                format!("{line}: {path} in {to}{}", if is_through_root { " through the root" } else { "" })
            })
            .collect();
        assert_eq!(found.join(", "), expected, "{code}");
    }
}
