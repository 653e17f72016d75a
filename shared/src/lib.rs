//! What every function of the bundle shares.
