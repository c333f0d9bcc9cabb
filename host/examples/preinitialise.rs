//! Turns the guest as compiled into the guest as shipped: runs its `init`, keeps what that leaves in memory, and has it
//! count its fuel.
//! Called by `cargo xtask guest`.
//!
//!     cargo run -p picloud-host --example preinitialise -- IN.wasm OUT.wasm

use anyhow::{Context, Result, bail};
use wasmparser::ValType;
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, Wizer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &arguments[..] else { bail!("expected IN.wasm and OUT.wasm") };
    let compiled = std::fs::read(from).with_context(|| format!("reading {from}"))?;
    let initialised = preinitialise(&compiled).await?;
    let metered = picloud_metering::meter(&initialised).context("metering the guest")?;
    std::fs::write(to, metered).with_context(|| format!("writing {to}"))
}

async fn preinitialise(compiled: &[u8]) -> Result<Vec<u8>> {
    let mut wizer = Wizer::new();
    wizer.init_func("init").keep_init_func(true);
    let (context, instrumented) = wizer.instrument(compiled).map_err(to_anyhow)?;

    let engine = Engine::new(&Config::new()).map_err(to_anyhow)?;
    let module = Module::new(&engine, &instrumented).map_err(to_anyhow)?;
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).map_err(to_anyhow)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate_async(&mut store, &module).await.map_err(to_anyhow)?;
    let init = instance.get_typed_func::<(), ()>(&mut store, "init").map_err(to_anyhow)?;
    init.call_async(&mut store, ()).await.map_err(to_anyhow).context("the guest's init failed")?;
    wizer.snapshot(&context, &mut Initialised { store, instance }).await.map_err(to_anyhow)
}

fn to_anyhow(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

struct Initialised {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for Initialised {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name).expect("wizer exports every global");
        match global.get(&mut self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            Val::F32(value) => SnapshotVal::F32(value),
            Val::F64(value) => SnapshotVal::F64(value),
            Val::V128(value) => SnapshotVal::V128(value.as_u128()),
            other => unreachable!("a module without reference types has no such global: {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut self.store, name).expect("wizer exports every memory");
        contents(memory.data(&self.store));
    }
}
