//! A constructor says which environment variables it reads.
//!
//! That is every function of `shared` and of the functions that takes a `host: &Host` and names a variable itself. Its documentation
//! has a sentence such as "Reads `ORDERS_TABLE` and `PAY_API`." with these variables and no others: those that a constructor reads
//! which it calls stand there. `Function::init` and `Task::init` are read whole, and say nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use proc_macro2::TokenTree;
use regex_lite::Regex;
use syn::{
    Attribute, Expr, ExprCall, ExprLit, ExprMethodCall, FnArg, ImplItem, Item, Lit, Macro, Meta, Signature,
    Type,
    visit::{self, Visit},
};

use crate::{
    uses::{attributes, is_for_tests},
    workspace::{assert_none, read, rust_files, stack, template},
};

/// A function that takes a host.
struct Constructor {
    line: usize,
    name: String,
    documented: BTreeSet<String>,
    read: BTreeSet<String>,
}

/// The functions in a file that take a host and read or document variables.
fn constructors(file: &str, code: &str) -> Vec<Constructor> {
    let parsed = syn::parse_file(code).unwrap_or_else(|error| panic!("{file}: {error}"));
    let texts = parsed.items.iter().filter_map(|item| match item {
        Item::Const(item) => Some((item.ident.to_string(), literal(&item.expr)?)),
        _ => None,
    });
    let mut finder = Finder { texts: texts.collect(), found: Vec::new() };
    parsed.items.iter().for_each(|item| finder.visit_item(item));
    finder.found
}

struct Finder {
    /// The constants of the file that are texts.
    texts: BTreeMap<String, String>,
    found: Vec<Constructor>,
}

impl Finder {
    fn function(&mut self, attributes: &[Attribute], signature: &Signature, body: &syn::Block) {
        if is_for_tests(attributes) || !signature.inputs.iter().any(is_host) {
            return;
        }
        let mut reads = Reads { texts: &self.texts, names: BTreeSet::new() };
        reads.visit_block(body);
        let documented = documented(attributes);
        if !reads.names.is_empty() || !documented.is_empty() {
            let line = signature.ident.span().start().line;
            let name = signature.ident.to_string();
            self.found.push(Constructor { line, name, documented, read: reads.names });
        }
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_item(&mut self, item: &'a Item) {
        match item {
            item if is_for_tests(attributes(item)) => {}
            Item::Fn(item) => self.function(&item.attrs, &item.sig, &item.block),
            // A trait says what its functions are for.
            Item::Impl(item) if item.trait_.is_none() => {
                for item in &item.items {
                    if let ImplItem::Fn(item) = item {
                        self.function(&item.attrs, &item.sig, &item.block);
                    }
                }
            }
            _ => visit::visit_item(self, item),
        }
    }
}

fn is_host(argument: &FnArg) -> bool {
    let FnArg::Typed(argument) = argument else { return false };
    let Type::Reference(reference) = &*argument.ty else { return false };
    matches!(&*reference.elem, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Host"))
}

/// The variables that a body reads.
struct Reads<'t> {
    texts: &'t BTreeMap<String, String>,
    names: BTreeSet<String>,
}

impl Reads<'_> {
    fn name(&mut self, argument: &Expr) {
        let constant = match argument {
            Expr::Path(path) => {
                path.path.get_ident().and_then(|name| self.texts.get(&name.to_string()).cloned())
            }
            _ => None,
        };
        self.names.extend(literal(argument).or(constant).filter(|name| is_variable(name)));
    }
}

impl<'a> Visit<'a> for Reads<'_> {
    /// `host.var("X")`, and its like for what may be absent or is parsed.
    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        if READERS.iter().any(|reader| call.method == reader)
            && let Some(name) = call.args.first()
        {
            self.name(name);
        }
        visit::visit_expr_method_call(self, call);
    }

    /// The same in the arguments of a macro.
    fn visit_macro(&mut self, call: &'a Macro) {
        let mut tokens = call.tokens.clone().into_iter().peekable();
        while let Some(token) = tokens.next() {
            if let (TokenTree::Ident(name), Some(TokenTree::Group(arguments))) = (&token, tokens.peek())
                && READERS.iter().any(|reader| name == reader)
                && let Some(TokenTree::Literal(first)) = arguments.stream().into_iter().next()
            {
                self.names.insert(first.to_string().trim_matches('"').to_owned());
            }
        }
    }

    /// `CachedSecret::new(host, "X")` and whatever else is given a host and a name.
    fn visit_expr_call(&mut self, call: &'a ExprCall) {
        let is_host = |argument: &Expr| matches!(argument, Expr::Path(path) if path.path.is_ident("host"));
        if call.args.iter().any(is_host) {
            call.args.iter().for_each(|argument| self.name(argument));
        }
        visit::visit_expr_call(self, call);
    }
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

fn is_variable(name: &str) -> bool {
    name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The variables in the sentence that begins with "Reads".
fn documented(attributes: &[Attribute]) -> BTreeSet<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => literal(&pair.value),
        _ => None,
    });
    let text: String = lines.collect::<Vec<_>>().concat();
    let Some((_, sentence)) = text.split_once("Reads `") else { return BTreeSet::new() };
    let sentence = sentence.split('.').next().unwrap_or(sentence);
    let quoted = format!("`{sentence}");
    quoted.split('`').filter(|name| is_variable(name)).map(str::to_owned).collect()
}

fn documentation_problems(file: &str, constructors: &[Constructor]) -> Vec<String> {
    let wrong = constructors.iter().filter(|one| one.documented != one.read);
    wrong
        .map(|Constructor { line, name, read, .. }| match sentence(read) {
            Some(sentence) => format!("{file}:{line}: the documentation of {name} should say: {sentence}"),
            None => format!("{file}:{line}: {name} reads no variable itself"),
        })
        .collect()
}

fn sentence(names: &BTreeSet<String>) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let (last, before) = names.split_last()?;
    Some(if before.is_empty() {
        format!("Reads {last}.")
    } else {
        format!("Reads {} and {last}.", before.join(", "))
    })
}

/// A file of what is deployed, its code, and the constructors in it.
static SOURCES: LazyLock<Vec<(String, String, Vec<Constructor>)>> = LazyLock::new(|| {
    let files = [rust_files("shared/src"), rust_files("functions")].concat();
    let source = |file: String| {
        let code = read(&file);
        let constructors = constructors(&file, &code);
        (file, code, constructors)
    };
    files.into_iter().map(source).collect()
});

#[test]
fn constructors_name_the_environment_variables_that_they_read() {
    // The modules of `shared` are being moved.
    let sources = SOURCES.iter().filter(|(file, ..)| !file.starts_with("shared/"));
    assert_none(
        &sources.flat_map(|(file, _, found)| documentation_problems(file, found)).collect::<Vec<_>>(),
    );
}

#[test]
fn every_variable_that_the_code_reads_is_in_the_template() {
    let stack = stack(&template());
    let mut known: BTreeSet<&str> =
        stack.functions.iter().flat_map(|function| function.environment.keys().map(String::as_str)).collect();
    known.extend(OF_AWS);
    // Here methods that read a variable later count as well, and so does `init`.
    let call = Regex::new(r#"(?:\bvar|optional_var|parsed_var)\(\s*"([A-Z0-9_]+)""#).expect("a pattern");
    let mut read = BTreeSet::new();
    let mut problems = Vec::new();
    for (file, code, constructors) in SOURCES.iter() {
        let names = call.captures_iter(code).map(|found| found[1].to_owned());
        for name in names.chain(constructors.iter().flat_map(|one| one.read.clone())) {
            if !known.contains(name.as_str()) {
                problems.push(format!("{file} reads {name}, which the template gives to no function"));
            }
            read.insert(name);
        }
    }
    assert!(read.len() > 30, "{read:?}");
    assert_none(&problems);
}

#[test]
fn a_variable_that_is_read_and_not_documented_is_named() {
    let problems = |code: &str| documentation_problems("s.rs", &constructors("s.rs", code));
    let documented = |doc: &str, body: &str| {
        let code = format!(
            "impl Store {{\n    /// {doc}\n    pub fn new(host: &Host) -> Self {{\n        {body}\n    }}\n}}"
        );
        problems(&format!("const RATE: &str = \"FEE_RATE\";\n{code}")).join("\n")
    };
    let both = r#"let a = host.var("A_TABLE")?; let b = host.optional_var("B_TABLE");"#;
    assert_eq!(documented("Reads `A_TABLE` and, if it is set, `B_TABLE`.", both), "");
    assert_eq!(documented("Makes it. Reads `B_TABLE` and\n    /// `A_TABLE`.", both), "");
    for (doc, body, expected) in [
        ("Makes it.", both, "Reads `A_TABLE` and `B_TABLE`."),
        ("Reads `A_TABLE`. Not `B_TABLE`.", both, "Reads `A_TABLE` and `B_TABLE`."),
        ("Reads `C_TABLE`.", r#"host.parsed_var("A_KIND", "a kind", Kind::parse)"#, "Reads `A_KIND`."),
        ("Makes it.", "if on { Self(CachedSecret::new(host, \"KEYS_ARN\")?) }", "Reads `KEYS_ARN`."),
        ("Makes it.", "host.var(RATE)", "Reads `FEE_RATE`."),
        ("Makes it.", r#"format!("{}/x", host.var("A_NAME")?)"#, "Reads `A_NAME`."),
    ] {
        assert_eq!(
            documented(doc, body),
            format!("s.rs:4: the documentation of new should say: {expected}"),
            "{body}"
        );
    }
    assert_eq!(documented("Reads `A_TABLE`.", "Other::new(host)"), "s.rs:4: new reads no variable itself");
    assert_eq!(documented("Makes it.", r#"Other::new(host, "a name")"#), "");
    let exempt = "impl Function for F {\n    fn init(host: &Host) { host.var(\"A_TABLE\") }\n}";
    assert_eq!(problems(exempt), [""; 0]);
}

/// The methods of `Host` that read a variable.
const READERS: [&str; 3] = ["optional_var", "parsed_var", "var"];
/// What Lambda itself puts into the environment, and where the AWS SDKs find an emulator.
const OF_AWS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];
