//! Whether sources may become scripts: each has to compile with all that it imports, and so have, still, the scripts that
//! import it.

use crate::{LocalExecutor, from_host, stored};
use picloud_abi::invocation::{Diagnostic, ImportStatement, Library, Position, Program};
use picloud_shared::{
    executor::{ExecutorError, Fault, Imports, Others, Source},
    ids::{AppId, VersionId},
    imports::ImportGraph,
    limits::PROGRAM_BYTES,
    names::{InvalidName, ScriptName},
};
use std::collections::{BTreeMap, HashMap};

/// Scripts that import a source and are loaded with it before it is accepted, the first in alphabetical order: what is
/// wrong with others shows when they are called.
const IMPORTERS: usize = 32;

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

impl LocalExecutor {
    pub(crate) async fn check(
        &self,
        app: AppId,
        sources: Vec<Source>,
        others: Others,
    ) -> Result<Result<Vec<Imports>, Fault>, ExecutorError> {
        let mut statements = Vec::with_capacity(sources.len());
        for source in &sources {
            match self.imports(app, source).await? {
                Ok(found) => statements.push(found),
                Err(fault) => return Ok(Err(fault)),
            }
        }
        let imports: Vec<Imports> = statements.iter().map(|found| found.keys().cloned().collect()).collect();
        let mut scripts = self.scripts(app, &sources, &imports, others).await?;
        for (source, statements) in sources.iter().zip(&statements) {
            if let Err(error) = scripts.graph.order(&source.name) {
                let position = error.import().and_then(|import| statements.get(import).copied().flatten());
                return Ok(Err(Fault { position, ..whole(&source.name, error.to_string()) }));
            }
        }
        for source in &sources {
            if let Err(fault) = self.try_out(app, &mut scripts, &source.name).await? {
                return Ok(Err(fault));
            }
        }
        let mut importers = scripts.graph.all_importers(sources.iter().map(|source| &source.name));
        importers.retain(|importer| sources.iter().all(|source| source.name != *importer));
        for importer in importers.into_iter().take(IMPORTERS) {
            if let Err(fault) = self.try_out(app, &mut scripts, &importer).await? {
                let imported = |source: &&Source| scripts.graph.all_importers([&source.name]).contains(&importer);
                let source = sources.iter().find(imported).map_or(fault.source, |source| source.name.clone());
                let message = format!("{importer}, which imports it, would not load any more: {}", fault.message);
                return Ok(Err(Fault { source, message, ..fault }));
            }
        }
        Ok(Ok(imports))
    }

    /// What a source imports, each with its first place.
    async fn imports(
        &self,
        app: AppId,
        source: &Source,
    ) -> Result<Result<BTreeMap<ScriptName, Option<Position>>, Fault>, ExecutorError> {
        between_scripts().await;
        let place = self.turns.begin(app).await?;
        let found = match place.in_slices(self.host.imports(&source.text)).await.map_err(from_host)? {
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
        others: Others,
    ) -> Result<Scripts, ExecutorError> {
        let mut scripts = Scripts::default();
        let staying = match others {
            Others::Stay => self.services.store.active_versions(app).await.map_err(stored)?,
            Others::Go => Vec::new(),
        };
        for active in staying {
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
    use picloud_host::Settings;
    use picloud_shared::{limits::Limits, time::now_ms};
    use picloud_store::{Database, Store};
    use picloud_vault::{Key, Vault};
    use std::cell::Cell;

    #[tokio::test]
    async fn many_small_scripts_let_others_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().into())).await.unwrap();
        let engine = Settings { slots: Some(1), memory: Limits::default().memory, ..Settings::default() };
        let vault = Vault::new(Key::generate().unwrap(), None);
        let executor = LocalExecutor::new(store, vault, &engine, now_ms).unwrap();
        let source = |n| Source { name: format!("s{n}").parse().unwrap(), text: "1".into() };
        let sources: Vec<_> = (0..30).map(source).collect();

        // On this one thread: what goes on beside the check goes on when the check lets it.
        let checked = Cell::new(false);
        let check = async {
            let found = executor.check(AppId::new(), sources, Others::Go).await.unwrap();
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
