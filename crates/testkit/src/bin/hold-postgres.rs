//! Starts the private PostgreSQL, prints the URL of a database on it, and waits to be killed.

use std::thread;

fn main() -> ! {
    #[expect(clippy::print_stdout, reason = "whoever started this reads it")]
    {
        println!("{}", picloud_testkit::postgres::fresh_database());
    }
    loop {
        thread::park();
    }
}
