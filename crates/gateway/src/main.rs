//! `nuncio`: see `nuncio help`.

fn main() -> std::process::ExitCode {
    nuncio::command::main()
}
