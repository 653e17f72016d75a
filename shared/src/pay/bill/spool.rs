//! Writing a download to the disk as it arrives, and hashing it decompressed.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use flate2::write::MultiGzDecoder;
use sha1::{Digest, Sha1};

use super::{BillError, Encoding};

/// A temporary file without a name, which is deleted when it is dropped.
pub(in crate::pay) struct Spool {
    file: BufWriter<File>,
    encoding: Encoding,
    contents: Contents,
}

/// A finished download.
pub(in crate::pay) struct Spooled {
    pub(super) file: File,
    pub(super) encoding: Encoding,
    /// SHA-1 of the decompressed bill.
    pub(in crate::pay) sha1: [u8; 20],
}

enum Contents {
    Gzip(Box<MultiGzDecoder<Hashing>>),
    Plain(Hashing),
}

/// A sink that only computes the hash.
#[derive(Default)]
struct Hashing(Sha1);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Spool {
    /// A new file for a download that begins with `head`, from which the compression is recognized. `head` itself is not written
    /// yet.
    pub(super) fn of(head: &[u8]) -> Result<Self, BillError> {
        let file = BufWriter::new(tempfile::tempfile()?);
        let (encoding, contents) = if head.starts_with(&[0x1f, 0x8b]) {
            (Encoding::Gzip, Contents::Gzip(Box::new(MultiGzDecoder::new(Hashing::default()))))
        } else {
            (Encoding::Plain, Contents::Plain(Hashing::default()))
        };
        Ok(Self { file, encoding, contents })
    }

    /// Writes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), BillError> {
        self.file.write_all(bytes)?;
        match &mut self.contents {
            Contents::Gzip(decoder) => decoder.write_all(bytes)?,
            Contents::Plain(hashing) => hashing.write_all(bytes)?,
        }
        Ok(())
    }

    /// Ends the download.
    pub(super) fn finish(self) -> Result<Spooled, BillError> {
        let hashing = match self.contents {
            Contents::Gzip(decoder) => decoder.finish()?,
            Contents::Plain(hashing) => hashing,
        };
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Spooled { file, encoding: self.encoding, sha1: hashing.0.finalize().into() })
    }
}
