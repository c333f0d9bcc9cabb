//! Has the store compiled again when a migration is added: `sqlx::migrate!` by itself notices only changed ones.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
