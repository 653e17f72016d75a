//! What a fuzzer runs.

/// A reader of bytes, with everything around it that it needs. It panics at an input that shows a fault.
pub type Reader = Box<dyn FnMut(&[u8])>;

/// A reader by its name.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name, and that of the folder with its seeds.
    pub name: &'static str,
    /// Starts the reader.
    pub start: fn() -> Reader,
}
