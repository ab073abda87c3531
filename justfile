# Every recipe is one command; all of them work without just.

# List the recipes
default:
    @just --list

# Run one server: just serve event-loop --service http
serve model *options:
    cargo lab serve {{model}} {{options}}

# Put a proxy before a server: just proxy event-loop --listen 127.0.0.1:5556 --upstream 127.0.0.1:5555
proxy model *options:
    cargo lab proxy {{model}} {{options}}

# Ask many slow sources: just batch event-loop --sources 500
batch model *options:
    cargo lab batch {{model}} {{options}}

# Load a server: just load 127.0.0.1:5555
load address *options:
    cargo lab load {{address}} {{options}}

# Measure, write results/, draw the charts: just bench --quick
bench *options:
    cargo lab bench {{options}}

# Run a bug and its mend: just lesson half-close; without a name, list them
lesson *name:
    cargo lab lesson {{name}}

# Draw the charts of results/ again
plot:
    cargo lab plot

# Hold every claim against what was measured
claims:
    cargo lab claims

# Read the book at http://127.0.0.1:3000
book:
    cargo book serve

# Install the servers of others that we are measured beside (Debian, Ubuntu)
peers:
    benches/peers/install

# All tests
test:
    cargo test --workspace

# Planted truths that take minutes: is what we measure so?
verify *tests:
    cargo test --release --package lab --test verify -- --test-threads 1 --nocapture {{tests}}

# Faults in full, on every model: storms, slow clients, small limits, stopped processes
faults *tests:
    FAULTS=full cargo test --release --package lab --test faults -- --test-threads 1 --nocapture --skip soak {{tests}}

# Two hours: each server under traffic, right and wrong, into results/soak.json
soak:
    FAULTS=full WRITE=1 cargo test --release --package lab --test faults -- --test-threads 1 --nocapture soak

# Count with strace what each model asks of the system, into results/traced/system-calls.json
calls:
    WRITE=1 cargo test --release --package lab --test verify -- --nocapture calls::

# What CI would complain about
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --package lab --test verify -- -D warnings

# Licences, sources and known holes of what comes in (cargo install cargo-deny)
deny:
    cargo deny check

# Try a property with the fuzzer (cargo install cargo-fuzz): just fuzz session 600
fuzz property="session" seconds="60":
    mkdir -p fuzz/corpus/{{property}} && cargo +nightly fuzz run {{property}} fuzz/corpus/{{property}} fuzz/seeds/{{property}} -- -max_total_time={{seconds}}

# All that CI does
ci:
    .ci/run
