//! `nuncio`: see `nuncio help`.

/// A message is some hundreds of small pieces of memory, and this one is quicker with them than the C libraries' own; musl's
/// has one lock for all threads besides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    nuncio::command::main()
}
