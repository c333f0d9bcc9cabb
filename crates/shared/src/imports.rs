//! Which scripts of an app import which: in what order they are loaded, who depends on whom, and what cannot be.

use crate::{limits::IMPORTS, names::ScriptName};
use std::collections::{BTreeMap, BTreeSet};

/// The scripts of an app, each with those that it imports itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportGraph(BTreeMap<ScriptName, BTreeSet<ScriptName>>);

/// Why a script's imports cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// One of them is not there.
    #[error("{}there is no script {import} to import", chain(.path))]
    Missing {
        /// The scripts that import one another on the way to it, from the first one's import on; empty when it is that.
        path: Vec<ScriptName>,
        /// What is not there.
        import: ScriptName,
    },
    /// One leads back to where it began.
    #[error("imports go round in a circle: {}", arrows(.0))]
    Cycle(Vec<ScriptName>),
    /// There are too many.
    #[error("a script imports at most {IMPORTS} others, those included that they import")]
    TooMany,
}

impl ImportError {
    /// The import of the script asked about that leads to it, where one does.
    pub fn import(&self) -> Option<&ScriptName> {
        match self {
            Self::Missing { path, import } => Some(path.first().unwrap_or(import)),
            Self::Cycle(circle) => circle.get(1),
            Self::TooMany => None,
        }
    }
}

fn chain(path: &[ScriptName]) -> String {
    if path.is_empty() { String::new() } else { format!("{} imports what is not there: ", arrows(path)) }
}

fn arrows(names: &[ScriptName]) -> String {
    names.iter().map(ScriptName::as_str).collect::<Vec<_>>().join(" → ")
}

impl ImportGraph {
    /// Adds a script, or replaces what it imports.
    pub fn insert(&mut self, script: ScriptName, imports: BTreeSet<ScriptName>) {
        self.0.insert(script, imports);
    }

    /// Whether a script is among them.
    pub fn has(&self, script: &ScriptName) -> bool {
        self.0.contains_key(script)
    }

    /// The scripts, by name.
    pub fn scripts(&self) -> impl Iterator<Item = &ScriptName> {
        self.0.keys()
    }

    /// All that a script imports, itself or through others, each after those that it imports.
    ///
    /// # Errors
    /// When one is not there, there are too many, or they go round in a circle.
    pub fn order(&self, script: &ScriptName) -> Result<Vec<ScriptName>, ImportError> {
        let mut walk = Walk { graph: self, path: Vec::new(), done: BTreeSet::new(), order: Vec::new() };
        walk.visit(script)?;
        walk.order.pop();
        Ok(walk.order)
    }

    /// The scripts that import this one themselves, in alphabetical order.
    pub fn importers(&self, script: &ScriptName) -> Vec<ScriptName> {
        self.0.iter().filter(|(_, imports)| imports.contains(script)).map(|(name, _)| name.clone()).collect()
    }

    /// The scripts that import any of these, themselves or through others; these only where they import each other.
    pub fn all_importers<'a>(&self, scripts: impl IntoIterator<Item = &'a ScriptName>) -> BTreeSet<ScriptName> {
        let mut by_import: BTreeMap<&ScriptName, Vec<&ScriptName>> = BTreeMap::new();
        for (importer, imports) in &self.0 {
            for import in imports {
                by_import.entry(import).or_default().push(importer);
            }
        }
        let (mut found, mut next) = (BTreeSet::new(), scripts.into_iter().collect::<Vec<_>>());
        while let Some(script) = next.pop() {
            for &importer in by_import.get(script).into_iter().flatten() {
                if found.insert(importer.clone()) {
                    next.push(importer);
                }
            }
        }
        found
    }
}

/// A look at each script once, as deep as there may be imports.
struct Walk<'a> {
    graph: &'a ImportGraph,
    /// From the script asked about to the present one.
    path: Vec<ScriptName>,
    done: BTreeSet<ScriptName>,
    order: Vec<ScriptName>,
}

impl Walk<'_> {
    fn visit(&mut self, script: &ScriptName) -> Result<(), ImportError> {
        if self.done.contains(script) {
            return Ok(());
        }
        if let Some(at) = self.path.iter().position(|name| name == script) {
            let mut circle = self.path[at..].to_vec();
            circle.push(script.clone());
            return Err(ImportError::Cycle(circle));
        }
        let Some(imports) = self.graph.0.get(script) else {
            let path = self.path.iter().skip(1).cloned().collect();
            return Err(ImportError::Missing { path, import: script.clone() });
        };
        if self.path.len() + self.order.len() > IMPORTS {
            return Err(ImportError::TooMany);
        }
        self.path.push(script.clone());
        for import in imports {
            self.visit(import)?;
        }
        self.path.pop();
        self.done.insert(script.clone());
        self.order.push(script.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ScriptName {
        text.parse().unwrap()
    }

    /// `a: b c` is a script `a` that imports `b` and `c`.
    fn graph(lines: &[&str]) -> ImportGraph {
        let mut graph = ImportGraph::default();
        for line in lines {
            let (script, imports) = line.split_once(':').unwrap();
            graph.insert(name(script), imports.split_whitespace().map(name).collect());
        }
        graph
    }

    fn order(lines: &[&str]) -> String {
        match graph(lines).order(&name("a")) {
            Ok(order) => order.iter().map(ScriptName::as_str).collect::<Vec<_>>().join(" "),
            Err(error) => format!("{error} @ {}", error.import().map_or("", ScriptName::as_str)),
        }
    }

    #[test]
    fn each_comes_once_and_after_what_it_imports() {
        assert_eq!(order(&["a:"]), "");
        assert_eq!(order(&["a: b c", "b: d", "c: d b", "d:", "e: a"]), "d b c");
    }

    #[test]
    fn what_is_not_there_is_named_with_the_way_to_it() {
        assert_eq!(order(&["a: b"]), "there is no script b to import @ b");
        assert_eq!(
            order(&["a: b", "b: c", "c: d"]),
            "b → c imports what is not there: there is no script d to import @ b"
        );
    }

    #[test]
    fn circles_are_named() {
        assert_eq!(order(&["a: a"]), "imports go round in a circle: a → a @ a");
        assert_eq!(order(&["a: b", "b: c", "c: a"]), "imports go round in a circle: a → b → c → a @ b");
        assert!(order(&["a: b", "b: c", "c: b"]).starts_with("imports go round in a circle: b → c → b"));
    }

    #[test]
    fn there_are_only_so_many() {
        let chain = |length: usize| {
            let mut lines = vec!["a: n1".to_owned()];
            lines.extend((1..length).map(|n| format!("n{n}: n{}", n + 1)));
            lines.push(format!("n{length}:"));
            lines
        };
        let wide = |width: usize| {
            let mut lines = vec![format!("a: {}", (1..=width).map(|n| format!("n{n} ")).collect::<String>())];
            lines.extend((1..=width).map(|n| format!("n{n}:")));
            lines
        };
        for make in [&chain as &dyn Fn(usize) -> Vec<String>, &wide] {
            let told = |count: usize| order(&make(count).iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(told(IMPORTS).split(' ').count(), IMPORTS);
            assert!(told(IMPORTS + 1).starts_with("a script imports at most 64 others"), "{}", told(IMPORTS + 1));
        }
    }

    #[test]
    fn importers_are_found_through_others() {
        let graph = graph(&["a: b", "b: c", "c:", "d: c", "e:"]);
        assert_eq!(graph.importers(&name("c")), [name("b"), name("d")]);
        assert_eq!(graph.all_importers([&name("c")]), BTreeSet::from(["a", "b", "d"].map(name)));
        assert!(graph.all_importers([&name("a"), &name("e")]).is_empty());
    }
}
