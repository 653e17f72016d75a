//! Catalogue and orders: place, list, read, cancel.
