//! What is wrong with a directory of scripts, with its place, be it a file that cannot be read or what the server would refuse.

use picloud_manager_core::DeployError;
use picloud_project::{MANIFEST, Project, ProjectError};
use picloud_shared::{executor::Fault, names::ScriptName, place};
use picloud_store::DeployRefused;
use serde::Serialize;
use std::{fmt, path::Path};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Problem {
    /// The file, below where the command was started or from the root, as the directory was named.
    pub(crate) path: String,
    /// Counted from 1, if it is in one line.
    pub(crate) line: Option<u32>,
    /// Counted from 1, in characters.
    pub(crate) column: Option<u32>,
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.path, place::behind_name(self.line, self.column), self.message)
    }
}

impl From<&ProjectError> for Problem {
    fn from(error: &ProjectError) -> Self {
        let (path, line, message) = match error {
            ProjectError::Read { path, why } => (path, None, format!("it cannot be read: {why}")),
            ProjectError::Invalid { path, line, why } => (path, *line, why.clone()),
            ProjectError::Empty(path) | ProjectError::TooMany(path) => {
                return Self { path: path.display().to_string(), line: None, column: None, message: error.to_string() };
            }
        };
        let line = line.and_then(|line| u32::try_from(line).ok());
        Self { path: path.display().to_string(), line, column: None, message }
    }
}

/// What the server would not take, or `None` where it could not say.
pub(crate) struct Refused {
    pub(crate) problems: Vec<Problem>,
    /// The scripts without which it would take the others, as far as it said.
    pub(crate) scripts: Vec<ScriptName>,
}

impl Refused {
    /// # Errors
    /// With the error itself, where it is none of the scripts'.
    pub(crate) fn of(error: DeployError, directory: &Path, project: &Project) -> Result<Self, DeployError> {
        let of_script = |name: &ScriptName, message: String| Problem {
            path: path_of(name, directory, project),
            line: None,
            column: None,
            message,
        };
        let of_whole = |path: &Path, message: String| Self {
            problems: vec![Problem { path: path.display().to_string(), line: None, column: None, message }],
            scripts: Vec::new(),
        };
        Ok(match error {
            DeployError::InvalidScripts(faults) => Self {
                problems: faults.iter().map(|fault| of_fault(fault, directory, project)).collect(),
                scripts: faults.iter().map(|fault| fault.source.clone()).collect(),
            },
            DeployError::DeployRefused(DeployRefused::Script { script, refused }) => {
                Self { problems: vec![of_script(&script, refused.to_string())], scripts: vec![script] }
            }
            DeployError::SourceTooLarge(ref script)
            | DeployError::TooManyRoutes(ref script)
            | DeployError::TooManyTopics(ref script)
            | DeployError::TooManySchedules(ref script) => {
                Self { problems: vec![of_script(script, error.to_string())], scripts: vec![script.clone()] }
            }
            DeployError::DeployRefused(ref refused) => of_whole(directory, refused.to_string()),
            DeployError::Limit(ref limit) => of_whole(&directory.join(MANIFEST), limit.to_string()),
            other => return Err(other),
        })
    }
}

fn of_fault(Fault { script, message, position, .. }: &Fault, directory: &Path, project: &Project) -> Problem {
    Problem {
        path: path_of(script, directory, project),
        line: position.map(|at| at.line),
        column: position.map(|at| at.column),
        message: message.clone(),
    }
}

fn path_of(name: &ScriptName, directory: &Path, project: &Project) -> String {
    project.files.get(name).map_or_else(|| name.to_string(), |file| directory.join(file).display().to_string())
}
