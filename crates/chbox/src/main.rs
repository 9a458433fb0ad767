//! The child process by itself, as the tests start it; the service calls the same function for a
//! hidden verb of its own.

fn main() {
    smarketing_chbox::child_main(std::env::args().skip(1))
}
