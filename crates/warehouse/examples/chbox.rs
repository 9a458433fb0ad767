//! ClickHouse in a box as a program of its own: what the tests of this crate talk to.

fn main() {
    smarketing_chbox::child_main(std::env::args().skip(1));
}
