//! One reader under libFuzzer, which has the `main` function. `FUZZ_TARGET` names the reader; `cargo run -p fuzz` builds and starts this.

#![no_main]
#![expect(clippy::panic, reason = "a program without its reader can't go on")]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| READER.with_borrow_mut(|read| read(input)));

thread_local! {
    /// libFuzzer has one thread.
    static READER: RefCell<fuzz::Reader> = RefCell::new(start_reader());
}

#[expect(clippy::disallowed_methods, reason = "libFuzzer has the command line for itself")]
fn start_reader() -> fuzz::Reader {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let target = fuzz::TARGETS.into_iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("FUZZ_TARGET names no reader: {name}")).start)()
}
