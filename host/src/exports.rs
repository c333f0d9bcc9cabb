//! What the host uses of the guest's exports. Where they are in the module is found once; an instance is asked by
//! place, not by name.

use picloud_abi::Packed;
use wasmtime::{
    AsContextMut, Global, Instance, Memory, Module, ModuleExport, StoreContext, TypedFunc, WasmParams, WasmResults,
    format_err,
};

/// Where in the module the exports are.
pub(crate) struct ExportPlaces {
    memory: ModuleExport,
    stack_pointer: ModuleExport,
    fuel: ModuleExport,
    alloc: ModuleExport,
    imports: ModuleExport,
    load: ModuleExport,
    invoke: ModuleExport,
}

/// A step of the guest: takes the place of a message, gives the place of its answer.
pub(crate) type Step = TypedFunc<(u32, u32), u64>;

/// An instance's exports.
pub(crate) struct Exports {
    pub(crate) memory: Memory,
    /// The only mutable global of its own.
    pub(crate) stack_pointer: Global,
    /// The one in which its fuel is counted.
    pub(crate) fuel: Global,
    pub(crate) alloc: TypedFunc<u32, u32>,
    pub(crate) imports: Step,
    pub(crate) load: Step,
    pub(crate) invoke: Step,
}

impl ExportPlaces {
    pub(crate) fn of(module: &Module) -> wasmtime::Result<Self> {
        let place = |name| module.get_export_index(name).ok_or_else(|| format_err!("the guest exports no {name}"));
        Ok(Self {
            memory: place("memory")?,
            stack_pointer: place("__stack_pointer")?,
            fuel: place("fuel")?,
            alloc: place("alloc")?,
            imports: place("imports")?,
            load: place("load")?,
            invoke: place("invoke")?,
        })
    }

    pub(crate) fn exports(&self, mut store: impl AsContextMut, instance: &Instance) -> wasmtime::Result<Exports> {
        let memory = instance.get_module_export(&mut store, &self.memory).and_then(|export| export.into_memory());
        Ok(Exports {
            memory: memory.ok_or_else(|| format_err!("the guest's memory is none"))?,
            stack_pointer: global(&mut store, instance, &self.stack_pointer)?,
            fuel: global(&mut store, instance, &self.fuel)?,
            alloc: function(&mut store, instance, &self.alloc)?,
            imports: function(&mut store, instance, &self.imports)?,
            load: function(&mut store, instance, &self.load)?,
            invoke: function(&mut store, instance, &self.invoke)?,
        })
    }
}

fn global(store: impl AsContextMut, instance: &Instance, place: &ModuleExport) -> wasmtime::Result<Global> {
    let global = instance.get_module_export(store, place).and_then(|export| export.into_global());
    global.ok_or_else(|| format_err!("an export of the guest is no global"))
}

fn function<A: WasmParams, B: WasmResults>(
    mut store: impl AsContextMut,
    instance: &Instance,
    place: &ModuleExport,
) -> wasmtime::Result<TypedFunc<A, B>> {
    let function = instance.get_module_export(&mut store, place).and_then(|export| export.into_func());
    function.ok_or_else(|| format_err!("an export of the guest is no function"))?.typed(&store)
}

/// The bytes of a guest's memory at `place`.
pub(crate) fn bytes_at<'a, T: 'static>(
    memory: &Memory,
    store: impl Into<StoreContext<'a, T>>,
    place: Packed,
) -> wasmtime::Result<&'a [u8]> {
    let start = place.ptr as usize;
    let range = start..start.saturating_add(place.len as usize);
    memory.data(store).get(range).ok_or_else(|| format_err!("the guest named a place outside its memory"))
}
