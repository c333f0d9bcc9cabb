//! What is live of a directory: each script as it was last good. A reload deploys the difference; what the server would not
//! take stays as it was, and the rest goes on.

use crate::{
    problem::{Problem, Refused},
    scratch::{self, Scratch},
    sources::Sources,
};
use picloud_manager_core::DeployError;
use picloud_project::{MANIFEST, Project, ProjectError};
use picloud_shared::{
    api::{Changes, DeployScript, Deployed},
    ids::AppId,
    limit_rules::LimitValues,
    names::{AppSlug, ScriptName},
};
use picloud_terminal::excerpt;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

/// Readings that are begun anew because a file went meanwhile, as when one takes another's name.
const READINGS: usize = 5;

/// What is live.
pub(crate) struct Live {
    directory: PathBuf,
    app: AppId,
    /// How the app is called, as the directory had it when it was looked at last.
    slug: AppSlug,
    scripts: BTreeMap<ScriptName, DeployScript>,
    limits: LimitValues,
    /// What was wrong when it was looked at last.
    problems: BTreeSet<Problem>,
    sources: Sources,
}

/// What a look at the directory found.
#[derive(Default)]
pub(crate) struct Reloaded {
    /// What was deployed; `None` when nothing was.
    pub(crate) changes: Option<Changes>,
    /// What is wrong, with the lines of the source, where that is another than before.
    pub(crate) problems: Option<Vec<(Problem, Option<String>)>>,
    /// The scripts that are not as their files have them, but as they were.
    pub(crate) stale: Vec<ScriptName>,
    /// Those that are not there, as they never were any other way.
    pub(crate) missing: Vec<ScriptName>,
    /// Why nothing could be deployed at all; it is worth another try.
    pub(crate) failed: Option<String>,
    /// How the app is to be called, where that is another name than before.
    pub(crate) renamed: Option<AppSlug>,
}

impl Live {
    pub(crate) fn new(directory: &Path, app: AppId, slug: AppSlug) -> Self {
        Self {
            directory: directory.to_owned(),
            app,
            slug,
            scripts: BTreeMap::new(),
            limits: LimitValues::default(),
            problems: BTreeSet::new(),
            sources: Sources::default(),
        }
    }

    pub(crate) fn sources(&self) -> Sources {
        self.sources.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.scripts.len()
    }

    /// Looks at the directory, and deploys what is not as it was.
    pub(crate) async fn reload(&mut self, scratch: &Scratch) -> Reloaded {
        let before = self.slug.clone();
        let reloaded = self.reload_scripts(scratch).await;
        Reloaded { renamed: (self.slug != before).then(|| self.slug.clone()), ..reloaded }
    }

    async fn reload_scripts(&mut self, scratch: &Scratch) -> Reloaded {
        let (project, mut problems) = match self.read() {
            Ok(read) => read,
            Err(error) => return self.told(BTreeSet::from([Problem::from(&error)]), None),
        };
        let manifest = self.directory.join(MANIFEST).display().to_string();
        // What it says of the scripts is not known.
        if problems.iter().any(|problem| problem.path == manifest) {
            return self.told(problems, None);
        }
        if let Ok(slug) = scratch::slug_where_it_is_served(&project, &self.directory) {
            self.slug = slug;
        }
        let limits = project.limits.clone().unwrap_or_default();
        let wanted: BTreeMap<_, _> =
            project.scripts.iter().map(|script| (script.name.clone(), script.clone())).collect();
        let mut target = wanted.clone();
        for name in project.files.keys().filter(|name| !wanted.contains_key(*name)) {
            target.extend(self.scripts.get_key_value(name).map(|(name, script)| (name.clone(), script.clone())));
        }
        loop {
            if target == self.scripts && limits == self.limits {
                let told = self.told(problems, Some(&project));
                return self.served(&wanted, &project, told);
            }
            let scripts = target.values().cloned().collect();
            match scratch.manager.redeploy_unowned(self.app, scripts, limits.clone()).await {
                Ok(Deployed { changes, .. }) => {
                    self.limits = limits;
                    self.scripts = target;
                    self.publish(&project);
                    let told = self.told(problems, Some(&project));
                    return Reloaded { changes: Some(changes), ..self.served(&wanted, &project, told) };
                }
                Err(error) => {
                    let Refused { problems: found, scripts } = match Refused::of(error, &self.directory, &project) {
                        Ok(refused) => refused,
                        Err(error) => return Reloaded { failed: Some(why(error)), ..Reloaded::default() },
                    };
                    problems.extend(found);
                    if !self.give_way(&mut target, &scripts) {
                        let told = self.told(problems, Some(&project));
                        return self.served(&wanted, &project, told);
                    }
                }
            }
        }
    }

    fn read(&self) -> Result<(Project, BTreeSet<Problem>), ProjectError> {
        let mut left = READINGS;
        loop {
            left -= 1;
            match Project::examine(&self.directory) {
                Ok((project, problems)) if left == 0 || !problems.iter().any(is_gone) => {
                    return Ok((project, problems.iter().map(Problem::from).collect()));
                }
                Err(error) if left == 0 || !is_gone(&error) => return Err(error),
                _ => {}
            }
        }
    }

    /// Puts what was live in the place of scripts that are refused; whether there is anything else to try.
    fn give_way(&self, target: &mut BTreeMap<ScriptName, DeployScript>, refused: &[ScriptName]) -> bool {
        let mut changed = false;
        for name in refused {
            changed |= match self.scripts.get(name) {
                Some(live) if target.get(name) != Some(live) => {
                    target.insert(name.clone(), live.clone()) != Some(live.clone())
                }
                Some(_) => false,
                None => target.remove(name).is_some(),
            };
        }
        if !changed {
            // Something else goes that they need.
            for (name, live) in &self.scripts {
                if !target.contains_key(name) {
                    target.insert(name.clone(), live.clone());
                    changed = true;
                }
            }
        }
        changed
    }

    /// With the scripts that are served otherwise than the directory has them.
    fn served(&self, wanted: &BTreeMap<ScriptName, DeployScript>, project: &Project, told: Reloaded) -> Reloaded {
        let names: BTreeSet<&ScriptName> = project.files.keys().chain(self.scripts.keys()).collect();
        let others = names.into_iter().filter(|&name| {
            let live = self.scripts.get(name);
            live.is_none() || wanted.get(name) != live
        });
        let (stale, missing) = others.cloned().partition(|name| self.scripts.contains_key(name));
        Reloaded { stale, missing, ..told }
    }

    fn publish(&self, project: &Project) {
        let sources = self.scripts.iter().map(|(name, script)| {
            let file = project.files.get(name).map_or_else(|| name.as_str().into(), |file| self.directory.join(file));
            (name.clone(), (file, script.source.clone()))
        });
        self.sources.set(sources.collect());
    }

    /// What is wrong, if that is something else than before.
    fn told(&mut self, problems: BTreeSet<Problem>, project: Option<&Project>) -> Reloaded {
        if problems == self.problems {
            return Reloaded::default();
        }
        self.problems = problems;
        let shown = |problem: &Problem| {
            let source = project.and_then(|project| source_of(problem, &self.directory, project));
            let excerpt = source.zip(problem.line).and_then(|(text, line)| excerpt::render(text, line, problem.column));
            (problem.clone(), excerpt)
        };
        Reloaded { problems: Some(self.problems.iter().map(shown).collect()), ..Reloaded::default() }
    }
}

fn source_of<'a>(problem: &Problem, directory: &Path, project: &'a Project) -> Option<&'a str> {
    let named = |name: &ScriptName| {
        project.files.get(name).is_some_and(|file| directory.join(file).display().to_string() == problem.path)
    };
    project.scripts.iter().find(|script| named(&script.name)).map(|script| script.source.as_str())
}

/// Listed, and not there when it was read.
fn is_gone(problem: &ProjectError) -> bool {
    matches!(problem, ProjectError::Read { why, .. } if why.kind() == io::ErrorKind::NotFound)
}

fn why(error: DeployError) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
