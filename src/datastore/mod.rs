//! The datastore: named texts that people, actions and sensors keep, as StackStorm's key-value store
//! (<https://docs.stackstorm.com/datastore.html>). Pure: what a key and a value may be, what became of them, who may do
//! what with them, and the files they are loaded from. The rows are `store::datastore`'s.

mod file;
mod key;
mod leave;
mod pair;

pub use file::{FileError, ValueError, read};
pub use key::{Key, KeyError, NAME_MAX, Scope};
pub use leave::{Act, Asker};
pub use pair::{Happened, Kept, Pair, Put, VALUE_MAX, Written};
