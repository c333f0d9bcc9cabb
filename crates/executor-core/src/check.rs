//! Whether sources may become scripts: each has to compile with all that it imports, and so have, still, the scripts that
//! import it.

use crate::{Apart, LocalExecutor, from_host, stored};
use picloud_abi::invocation::{Diagnostic, ImportStatement, Library, Position, Program};
use picloud_host::Image;
use picloud_shared::{
    executor::{ExecutorError, Fault, Faults, Imports, Source},
    ids::{AppId, VersionId},
    imports::ImportGraph,
    limits::PROGRAM_BYTES,
    names::{InvalidName, ScriptName},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::pin,
};

/// Scripts that import a source and are loaded with it before it is accepted, the first in alphabetical order: what is
/// wrong with others shows when they are called.
const IMPORTERS: usize = 32;

/// Scripts that are told to be at fault; there may be more.
const FAULTY: usize = 100;

/// The scripts of an app as they would be.
#[derive(Default)]
struct Scripts {
    graph: ImportGraph,
    /// The versions of those that stay as they are.
    versions: HashMap<ScriptName, VersionId>,
    /// Bytes of the sources.
    bytes: HashMap<ScriptName, usize>,
    /// The sources, as far as they were needed.
    texts: HashMap<ScriptName, String>,
}

/// What was found.
#[derive(Default)]
struct Faulty {
    faults: Vec<Fault>,
    names: BTreeSet<ScriptName>,
}

impl Faulty {
    fn add(&mut self, fault: Fault) {
        if !self.is_enough() {
            self.names.insert(fault.source.clone());
            self.faults.push(fault);
        }
    }

    fn is_enough(&self) -> bool {
        self.faults.len() >= FAULTY
    }

    /// Whether what was found says enough of this script, or there is enough.
    fn explains(&self, graph: &ImportGraph, script: &ScriptName) -> bool {
        !self.faults.is_empty()
            && (self.is_enough() || self.names.contains(script) || graph.all_importers(&self.names).contains(script))
    }
}

impl LocalExecutor {
    /// Of a script that is at fault one thing is told, and nothing of those that are so only because they import it.
    pub(crate) async fn check(
        &self,
        app: AppId,
        sources: Vec<Source>,
        gone: BTreeSet<ScriptName>,
    ) -> Result<Result<Vec<Imports>, Faults>, ExecutorError> {
        let (mut statements, mut faulty) = (Vec::with_capacity(sources.len()), Faulty::default());
        for source in &sources {
            let found = self.imports(app, source).await?;
            statements.push(found.unwrap_or_else(|fault| {
                faulty.add(fault);
                BTreeMap::new()
            }));
            if faulty.is_enough() {
                break;
            }
        }
        let imports: Vec<Imports> = statements.iter().map(|found| found.keys().cloned().collect()).collect();
        let mut scripts = self.scripts(app, &sources, &imports, &gone).await?;
        for (source, statements) in sources.iter().zip(&statements) {
            if let Err(error) = scripts.graph.order(&source.name)
                && !faulty.names.contains(&source.name)
            {
                let position = error.import().and_then(|import| statements.get(import).copied().flatten());
                faulty.add(Fault { position, ..whole(&source.name, error.to_string()) });
            }
        }
        for name in imported_first(&scripts.graph, &sources) {
            if !faulty.explains(&scripts.graph, &name)
                && let Err(fault) = self.try_out(app, &mut scripts, &name).await?
            {
                faulty.add(fault);
            }
        }
        let mut importers = scripts.graph.all_importers(sources.iter().map(|source| &source.name).chain(&gone));
        importers.retain(|importer| sources.iter().all(|source| source.name != *importer));
        for importer in importers.into_iter().take(IMPORTERS) {
            if !faulty.explains(&scripts.graph, &importer)
                && let Err(fault) = self.try_out(app, &mut scripts, &importer).await?
            {
                let imported = |source: &&Source| scripts.graph.all_importers([&source.name]).contains(&importer);
                let Some(source) = sources.iter().find(imported) else {
                    faulty.add(fault);
                    continue;
                };
                let message = format!("{importer}, which imports it, would not load any more: {}", fault.message);
                faulty.add(Fault { source: source.name.clone(), message, ..fault });
            }
        }
        Ok(Faults::of(faulty.faults).map_or(Ok(imports), Err))
    }

    /// What a source imports, each with its first place.
    async fn imports(
        &self,
        app: AppId,
        source: &Source,
    ) -> Result<Result<BTreeMap<ScriptName, Option<Position>>, Fault>, ExecutorError> {
        between_scripts().await;
        let place = self.turns.begin(app).await?;
        let found = match place.in_slices(pin!(self.host.imports(&source.text))).await.map_err(from_host)? {
            Ok(found) => found,
            Err(diagnostic) => return Ok(Err(fault(&source.name, diagnostic))),
        };
        let mut imports = BTreeMap::new();
        for ImportStatement { path, position } in found {
            match path.parse() {
                Ok(name) => imports.entry(name).or_insert(position),
                Err(rule) => {
                    let rule: InvalidName = rule;
                    let message = format!("{path:?} names no script of this app: {rule}");
                    return Ok(Err(Fault { position, ..whole(&source.name, message) }));
                }
            };
        }
        Ok(Ok(imports))
    }

    async fn scripts(
        &self,
        app: AppId,
        sources: &[Source],
        imports: &[Imports],
        gone: &BTreeSet<ScriptName>,
    ) -> Result<Scripts, ExecutorError> {
        let mut scripts = Scripts::default();
        let active = self.services.store.active_versions(app).await.map_err(stored)?;
        for active in active.into_iter().filter(|active| !gone.contains(&active.name)) {
            scripts.graph.insert(active.name.clone(), active.imports);
            scripts.bytes.insert(active.name.clone(), active.bytes);
            scripts.versions.insert(active.name, active.version);
        }
        for (source, imports) in sources.iter().zip(imports) {
            scripts.graph.insert(source.name.clone(), imports.clone());
            scripts.bytes.insert(source.name.clone(), source.text.len());
            scripts.texts.insert(source.name.clone(), source.text.as_ref().to_owned());
        }
        Ok(scripts)
    }

    /// Loads a script with all that it imports.
    async fn try_out(
        &self,
        app: AppId,
        scripts: &mut Scripts,
        name: &ScriptName,
    ) -> Result<Result<(), Fault>, ExecutorError> {
        between_scripts().await;
        let order = match scripts.graph.order(name) {
            Ok(order) => order,
            Err(error) => return Ok(Err(whole(name, error.to_string()))),
        };
        let bytes: usize = order.iter().chain([name]).filter_map(|part| scripts.bytes.get(part)).sum();
        if bytes > PROGRAM_BYTES {
            let message = format!("with all that it imports, it has {bytes} bytes of at most {PROGRAM_BYTES}");
            return Ok(Err(whole(name, message)));
        }
        self.read(scripts, order.iter().chain([name])).await?;
        let text = |name: &ScriptName| scripts.texts.get(name).cloned().unwrap_or_default();
        let library = |name: &ScriptName| Library { name: name.to_string(), source: text(name) };
        let program =
            Program { name: name.to_string(), source: text(name), imports: order.iter().map(library).collect() };
        Ok(self.load(app, &program).await?.map(drop).map_err(|diagnostic| fault(name, diagnostic)))
    }

    /// Loads a program that no app has stored, with all that it imports of an app.
    pub(crate) async fn load_apart(
        &self,
        app: AppId,
        Apart { name, source, libraries }: Apart,
    ) -> Result<Result<Image, Diagnostic>, ExecutorError> {
        let place = self.turns.begin(app).await?;
        let statements = match place.in_slices(pin!(self.host.imports(&source))).await.map_err(from_host)? {
            Ok(statements) => statements,
            Err(diagnostic) => return Ok(Err(diagnostic)),
        };
        drop(place);
        let mut scripts = self.scripts(app, &[], &[], &BTreeSet::new()).await?;
        let mut order = Vec::new();
        for ImportStatement { path, position } in statements {
            if libraries.iter().any(|library| library.name == path) {
                continue;
            }
            let at_import = |message: String| Ok(Err(Diagnostic { message, script: None, position }));
            let import: ScriptName = match path.parse() {
                Ok(import) => import,
                Err(rule) => {
                    let rule: InvalidName = rule;
                    return at_import(format!("{path:?} names no script of this app: {rule}"));
                }
            };
            let imported = match scripts.graph.order(&import) {
                Ok(imported) => imported,
                Err(error) => return at_import(error.to_string()),
            };
            for name in imported.into_iter().chain([import]) {
                if !order.contains(&name) {
                    order.push(name);
                }
            }
        }
        self.read(&mut scripts, order.iter()).await?;
        let library = |name: &ScriptName| Library {
            name: name.to_string(),
            source: scripts.texts.get(name).cloned().unwrap_or_default(),
        };
        let imports = libraries.into_iter().chain(order.iter().map(library)).collect();
        self.load(app, &Program { name, source, imports }).await
    }

    /// Reads the sources that are not known yet.
    async fn read(&self, scripts: &mut Scripts, names: impl Iterator<Item = &ScriptName>) -> Result<(), ExecutorError> {
        let missing: Vec<VersionId> = names
            .filter(|name| !scripts.texts.contains_key(*name))
            .filter_map(|name| scripts.versions.get(name).copied())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.services.store.sources(&missing).await.map_err(stored)?;
        scripts.texts.extend(found.into_values());
        Ok(())
    }
}

/// Lets others go on. A small script is checked without waiting for anything, and a deploy has a thousand of them: two
/// deploys would hold all threads of a small machine, and nobody would be answered.
async fn between_scripts() {
    tokio::task::yield_now().await;
}

/// The names of sources, each after those that it imports.
fn imported_first(graph: &ImportGraph, sources: &[Source]) -> Vec<ScriptName> {
    let names: BTreeSet<&ScriptName> = sources.iter().map(|source| &source.name).collect();
    let (mut seen, mut ordered) = (BTreeSet::new(), Vec::with_capacity(sources.len()));
    for source in sources {
        let imported = graph.order(&source.name).unwrap_or_default();
        for name in imported.into_iter().chain([source.name.clone()]) {
            if names.contains(&name) && seen.insert(name.clone()) {
                ordered.push(name);
            }
        }
    }
    ordered
}

/// What concerns no single place.
fn whole(name: &ScriptName, message: String) -> Fault {
    Fault { source: name.clone(), script: name.clone(), message, position: None }
}

fn fault(name: &ScriptName, Diagnostic { message, script, position }: Diagnostic) -> Fault {
    let script = script.and_then(|script| script.parse().ok());
    Fault { source: name.clone(), script: script.unwrap_or_else(|| name.clone()), message, position }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealWorld;
    use picloud_host::Settings;
    use picloud_shared::limits::Limits;
    use picloud_store::{Database, Store};
    use picloud_vault::{Key, Vault};
    use std::{cell::Cell, sync::Arc};
    use tempfile::TempDir;

    async fn executor() -> (Arc<LocalExecutor>, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().into())).await.unwrap();
        let engine = Settings { slots: Some(1), memory: Limits::default().memory, ..Settings::default() };
        let vault = Vault::new(Key::generate().unwrap(), None);
        (LocalExecutor::new(store, vault, &engine, Arc::new(RealWorld::new())).unwrap(), directory)
    }

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.parse().unwrap(), text: text.into() }
    }

    #[tokio::test]
    async fn each_script_at_fault_is_told_once_and_none_that_only_imports_it() {
        let (executor, _directory) = executor().await;
        let sources = vec![
            source("a", "import \"lib/bad\" as bad; 1"),
            source("b", "import \"lib/good\" as good; good::f()"),
            source("c", "import \"nowhere\" as nowhere; 1"),
            source("d", "let = 1;"),
            source("lib/bad", "fn f( { 1 }"),
            source("lib/good", "fn f() { 1 }"),
        ];
        let faults = executor.check(AppId::new(), sources, BTreeSet::new()).await.unwrap().unwrap_err();
        let found: Vec<_> = faults
            .iter()
            .map(|fault| (fault.source.as_str(), fault.script.as_str(), fault.position.map(|at| (at.line, at.column))))
            .collect();
        let places = [("c", Some((1, 8))), ("lib/bad", Some((1, 7))), ("d", Some((1, 5)))];
        assert_eq!(found, places.map(|(name, place)| (name, name, place)));
    }

    #[tokio::test]
    async fn many_small_scripts_let_others_go_on() {
        let (executor, _directory) = executor().await;
        let sources: Vec<_> = (0..30).map(|n| source(&format!("s{n}"), "1")).collect();

        // On this one thread: what goes on beside the check goes on when the check lets it.
        let checked = Cell::new(false);
        let check = async {
            let found = executor.check(AppId::new(), sources, BTreeSet::new()).await.unwrap();
            checked.set(true);
            found
        };
        let beside = async {
            let mut rounds = 0;
            while !checked.get() {
                rounds += 1;
                tokio::task::yield_now().await;
            }
            rounds
        };
        let (found, rounds) = tokio::join!(check, beside);
        assert!(found.is_ok_and(|imports| imports.len() == 30));
        assert!(rounds >= 60, "{rounds} rounds beside 30 scripts, each of which is read and loaded");
    }
}
